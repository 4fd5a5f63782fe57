"""Files that somebody has spoilt: whatever stands in them, each command answers in words, soon, and in little memory."""

import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.cli.command_line import LOGIN, PIPELINES, Ended, call

CASES = Path(__file__).parents[1]
HEAD = "version: 1\nname: x\n"
LONGEST = 20.0  # seconds of one command on a busy machine
MOST = 300  # MB at the peak of the whole process
MEANT = {0, 1, 2, 3, 6, 7}

ODD = [
    "1e999",
    "-1e999",
    ".inf",
    ".nan",
    "0x" + "f" * 30,
    "9" * 120,
    "-1",
    "0",
    "1.10",
    "1e5",
    "true",
    "null",
    "~",
    "''",
    '"\\0"',
    "[]",
    "{}",
    "[[[[[]]]]]",
    "{a: {a: {a: 1}}}",
    "&a [*a]",
    "*b",
    "<<: *a",
    "!!binary aGk=",
    "!!python/object:os.system x",
    "${",
    "$${",
    "${var.x}",
    "${env.PATH}",
    "${env.SPECTRUM_PASSWORD}",
    "${jobs.a.execution_id}",
    "${matrix.k}",
    "${run.date-9999999d:%Y}",
    "${run.id}",
    "|\n  x",
    "\u202e",
    "\x85",
    "\ufeff",
    "\U0001f600",
    "2026-02-30",
    "0000-00-00",
    "99999d",
    "1d1d",
    "\u0663s",
    "http://[",
    "http://x:99999",
    "/../x",
    "? a",
    "- a",
    ": :",
    "%YAML 1.1",
    "---",
    "...",
    "a[b]",
    "a[${matrix.k}]",
    "a[",
    "\t",
    "\r",
    "!",
    "@x",
    "`x",
    "x" * 3_000,
    "- " * 70,
]


@cache
def texts() -> tuple[str, ...]:
    """The pipelines that ship, and those of the case folders."""
    paths = [*PIPELINES.glob("*.yaml"), *CASES.glob("pipeline/cases/*/*.yaml"), *CASES.glob("cli/cases/*/*.yaml")]
    found = [path.read_bytes().decode("utf-8", "replace") for path in sorted(paths) if path.stat().st_size < 20_000]
    assert len(found) > 100
    return tuple(found)


def drop(chance: random.Random, text: str) -> str:
    start = chance.randrange(len(text) + 1)
    return text[:start] + text[start + chance.randrange(1, 60) :]


def put_in(chance: random.Random, text: str) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(ODD) + text[at:]


def replace_value(chance: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True)
    places = [number for number, line in enumerate(lines) if ": " in line]
    if not places:
        return text + chance.choice(ODD)
    place = chance.choice(places)
    lines[place] = lines[place].partition(": ")[0] + ": " + chance.choice(ODD) + "\n"
    return "".join(lines)


def repeat(chance: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True) or [text]
    first = chance.randrange(len(lines))
    part = lines[first : first + chance.randrange(1, 6)]
    at = chance.randrange(len(lines) + 1)
    return "".join([*lines[:at], *part * chance.choice([1, 1, 2, 50]), *lines[at:]])


def shift(chance: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True) or [text]
    at = chance.randrange(len(lines))
    lines[at] = " " * chance.randrange(1, 9) + lines[at].lstrip()
    return "".join(lines)


def graft(chance: random.Random, text: str) -> str:
    other = chance.choice(texts()).splitlines(keepends=True)
    lines = text.splitlines(keepends=True)
    return "".join(lines[: chance.randrange(len(lines) + 1)] + other[chance.randrange(len(other) + 1) :])


def swap_letters(chance: random.Random, text: str) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + text[at : at + 2][::-1] + text[at + 2 :]


MUTATIONS: tuple[Callable[[random.Random, str], str], ...] = (
    drop,
    put_in,
    replace_value,
    replace_value,
    repeat,
    shift,
    graft,
    swap_letters,
)


def spoilt(seed: int) -> bytes:
    """A file that is right but for a few changes; now and then of bytes that are no text."""
    chance = random.Random(seed)
    text = chance.choice(texts())
    for _ in range(chance.choice([1, 1, 2, 3, 8])):
        text = chance.choice(MUTATIONS)(chance, text)
    data = text.encode("utf-8", "surrogatepass")
    if chance.random() < 0.05:
        at = chance.randrange(len(data) + 1)
        data = data[:at] + chance.randbytes(chance.choice([1, 2, 40])) + data[at:]
    return data


def answered(seed: int, folder: Path, *command: str, **env: str) -> Ended:
    """Run it in this process; any end but a meant one, soon, fails the test with the seed."""
    began = time.monotonic()
    ended = call(*command, cwd=folder, env={**LOGIN, **env})
    assert ended.code in MEANT, (seed, command, ended)
    assert "Traceback" not in ended.stderr, (seed, command, ended)
    assert time.monotonic() - began < LONGEST, (seed, command)
    return ended


def peak() -> float:
    """MB of this process at its most."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (1024 * 1024 if sys.platform == "darwin" else 1024)


@pytest.fixture
def frugal() -> Iterator[None]:
    """No file takes much memory: the peak may grow by so much, whatever other tests have taken before."""
    before = peak()
    yield
    assert peak() < max(MOST, before + 50)


@pytest.mark.usefixtures("frugal")
def test_spoilt_pipelines(seeds: range, tmp_path: Path) -> None:
    for seed in seeds:
        (tmp_path / "p.yaml").write_bytes(spoilt(seed))
        ended = answered(
            seed, tmp_path, "validate", "--format", ("text", "json", "github", "sarif")[seed % 4], "p.yaml"
        )
        if ended.code == 0:
            answered(seed, tmp_path, "plan", "p.yaml", "--format", ("text", "json", "mermaid", "dot")[seed % 4])
        elif seed % 8 == 0:
            assert answered(seed, tmp_path, "run", "p.yaml", "--server", "http://127.0.0.1:1").code in {2, 3}


PARTS = [
    "http",
    "https",
    "HTTP",
    "ftp",
    "",
    "://",
    ":",
    "//",
    "/",
    "h",
    "127.0.0.1",
    "[::1]",
    "[",
    "]",
    "[v1.x]",
    "%",
    "%2e%2e",
    "..",
    ".",
    "@",
    "u:p@",
    ":80",
    ":99999",
    ":-1",
    ":0x50",
    "?x",
    "#f",
    "\\",
    " ",
    "\t",
    "\u00e4",
    "xn--a",
    "a" * 300,
    "\x00",
    "\u202e",
    ";",
    "1e999",
]


def test_addresses(seeds: range, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "version: 1\nname: x\njobs: {a: {trigger: 1}}\nhttp: {retry: {limit: 0}}\n", "utf-8"
    )
    for seed in seeds:
        chance = random.Random(seed)
        address = "".join(chance.choice(PARTS) for _ in range(chance.randrange(1, 7)))
        hosts = chance.choice([{}, {"SPECTRUM_ALLOWED_HOSTS": chance.choice(PARTS)}])
        if "\x00" in address or any("\x00" in it for it in hosts.values()):
            continue
        # Only what is refused at once: other addresses would be asked for on the network.
        quoted = "".join(f"\\U{ord(it):08x}" for it in address)
        (tmp_path / "u.yaml").write_text(
            f'version: 1\nname: x\nserver: {{url: "{quoted}"}}\njobs: {{a: {{trigger: 1}}}}\n', "utf-8"
        )
        answered(seed, tmp_path, "validate", "u.yaml")
        answered(seed, tmp_path, "plan", "p.yaml", "--server", address, **hosts)


def test_vars_files(seeds: range, tmp_path: Path) -> None:
    declared = (
        "a: {type: integer}, b: {type: date}, c: {type: list}, d: {secret: true}, e: {pattern: 'x+'}, f: {type: number}"
    )
    job = "{sequence: [1], variables: {v: '${var.a} ${var.d}'}}"
    (tmp_path / "p.yaml").write_text(f"{HEAD}variables: {{{declared}}}\njobs: {{j: {job}}}\n", "utf-8")
    for seed in seeds:
        chance = random.Random(seed)
        text = "".join(f"{name}: {chance.choice(ODD)}\n" for name in chance.sample("abcdefgh", chance.randrange(1, 7)))
        if chance.random() < 0.3:
            text = chance.choice(MUTATIONS)(chance, text)
        (tmp_path / "v.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
        answered(seed, tmp_path, "plan", "p.yaml", "--vars-file", "v.yaml")
