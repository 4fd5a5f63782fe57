"""Whole command lines and what they say. Each folder of `cases` is one: `cmd`, the files it finds, and what is expected.

A line of `cmd` is a command as in a shell, with assignments before it; `#` begins a reason. `$SERVER` is an embedded server on the
folder's `workspace.yaml`, `$DEAD` an address without a server, `$PAGE` a web server that is no Spectrum, `$MUTE` one that never
answers. `UPDATE_CASES=1` writes the expectations anew.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from string import Template

import pytest

from tests.cli.command_line import Ended, call, dead_port, embedded, hang_up, login_page, parsed, process, stranger

CASES = Path(__file__).parent / "cases"
CASE_FOLDERS = sorted(it for it in CASES.iterdir() if it.is_dir())
_OURS = ("cmd", "expected.stdout", "expected.stderr", "expected.code")
#: What changes from run to run, and what stands for it.
_VOLATILE = (
    (r"127\.0\.0\.1:\d+", "HOST:PORT"),
    (r"\d{8}T\d{6}Z-[0-9a-f]{4}", "RUN_ID"),
    (r"\b[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d\d:\d\d [AP]M", "SERVER_TIME"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{3}Z)?", "TIME"),
    (r"(?<=^)\d\d:\d\d:\d\d(?= )", "CLOCK"),
    (r"\b\d\.\ds\b", "N.Ns"),
    # The server writes hours with one digit or with two.
    (r"(?<=SERVER'S TIME\)) +(?=STOPPED)", "  "),
    # How far an execution is when it is first looked at is for the machine to say.
    (r"^note: execution \d+: (QUEUED|RUNNING)\n", ""),
    (r"retry \d of \d in \d+\.\d s", "retry N of M in T s"),
)


def normalised(text: str, folder: Path) -> str:
    text = text.replace(str(folder), "DIR")
    for pattern, stand_in in _VOLATILE:
        text = re.sub(pattern, stand_in, text, flags=re.MULTILINE)
    return text


@contextmanager
def addresses(text: str, folder: Path) -> Iterator[dict[str, str]]:
    """The servers that a case asks for."""
    with ExitStack() as stack:
        found = {"DEAD": dead_port()}
        if "$SERVER" in text:
            found["SERVER"] = stack.enter_context(embedded(folder / "workspace.yaml")).url
        if "$PAGE" in text:
            found["PAGE"] = stack.enter_context(stranger(login_page)).url
        if "$MUTE" in text:
            found["MUTE"] = stack.enter_context(stranger(hang_up)).url
        yield found


def outcomes(case: Path, folder: Path) -> Iterator[Ended]:
    shutil.copytree(case, folder, ignore=shutil.ignore_patterns(*_OURS), dirs_exist_ok=True)
    text = (case / "cmd").read_text(encoding="utf-8")
    with addresses(text, folder) as known:
        for line in Template(text).safe_substitute(known).splitlines():
            if line and not line.startswith("#"):
                args, env = parsed(line)
                yield call(*args, cwd=folder, env=env)


@pytest.mark.parametrize("case", CASE_FOLDERS, ids=lambda it: it.name)
def test_case(case: Path, tmp_path: Path) -> None:
    ended = list(outcomes(case, tmp_path))
    said = {
        "expected.stdout": normalised("".join(it.stdout for it in ended), tmp_path),
        "expected.stderr": normalised("".join(it.stderr for it in ended), tmp_path),
        "expected.code": "".join(f"{it.code}\n" for it in ended),
    }
    for name, text in said.items():
        if os.environ.get("UPDATE_CASES"):
            (case / name).write_text(text, encoding="utf-8", newline="")
        assert text == (case / name).read_bytes().decode(), name


@pytest.mark.parametrize("name", ["validate-clean", "plan-a-variable-without-value"])
def test_a_process_says_the_same(name: str, tmp_path: Path) -> None:
    case = CASES / name
    shutil.copytree(case, tmp_path, ignore=shutil.ignore_patterns(*_OURS), dirs_exist_ok=True)
    for line in (case / "cmd").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            args, env = parsed(line)
            here, there = call(*args, cwd=tmp_path, env=env), process(*args, cwd=tmp_path, env=env)
            assert here == there
