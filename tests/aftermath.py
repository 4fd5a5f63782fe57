"""What every command of ours leaves behind, whoever runs it: commands that work as pasted, reports of its run, no secret.

A test that calls the command line says here what it called, and in which world: the folder and the environment. Nothing here knows
what the test is about.

::

    commands   each printed `spectrum-pipelines ...` parses, and names a run, a store, a server and files that exist in that world
    reports    a `run`, `resume` or `retry` that was told where its report goes left one there that is of this end
    secrets    no value of a secret variable, of a secret-like environment or of the login stands in a stream or in a new file
"""

import base64
import html
import json
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote, quote_plus

import click
import yaml
from lxml import etree

from spectrum_pipelines.cli.main import COMMANDS, cli
from spectrum_pipelines.errors import ExitCode
from spectrum_pipelines.redaction import is_weak, looks_secret
from spectrum_pipelines.store.folder.journal import read_journal
from tests.report.checks import assert_valid_report

#: The commands that end with the report of a run.
_REPORTING = frozenset({"run", "resume", "retry"})
_OUTPUTS = {"--report": ".json", "--junit": ".xml", "--html": ".html", "--summary": ".md"}
#: Words in capitals are for the reader to fill in.
_BLANK = re.compile(r"[A-Z][A-Z_]+")
_VERB = "|".join(COMMANDS)
_ANSI_C = re.compile(r"\$'([^']*)'")
_QUOTED = re.compile(rf"`(spectrum-pipelines (?:{_VERB})\b[^`\n]*)`")
_TO_THE_END = re.compile(rf"(?:^|[:=>] ?|^ +)(spectrum-pipelines (?:{_VERB})\b[^`\n]*)$", re.MULTILINE)
#: They look like secrets and are none.
_NO_SECRETS = {"SPECTRUM_RUN_KEY", "SPECTRUM_CLIENT_KEY", "SPECTRUM_PASSWORD_FILE", "SPECTRUM_STATE_PASSWORD_FILE"}
_USAGE = re.compile(r"^Usage: .*$", re.MULTILINE)
_UNTOLD = ("cannot write", "cannot be written", "could not be written")


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A command that has ended. `began`: when, in nanoseconds since the epoch; None: files may be older."""

    args: Sequence[str]
    code: int
    stdout: str
    stderr: str
    folder: Path
    env: Mapping[str, str]
    began: int | None = None
    secrets: Iterable[str] = ()

    @property
    def said(self) -> str:
        return f"{self.stdout}\n{self.stderr}"

    @property
    def asks_for_help(self) -> bool:
        return not self.args or any(word in {"-h", "--help", "-V", "--version"} for word in self.args)

    def option(self, *names: str) -> str | None:
        """The value of an option of the command line, `--x v` or `--x=v`; the last one counts."""
        found = None
        for word, after in zip(self.args, [*self.args[1:], None], strict=False):
            name, equals, value = word.partition("=")
            if name in names:
                found = value if equals else after
        return found


def assert_in_order(called: Called) -> None:
    """Everything that holds after any command."""
    with patch.dict(os.environ, called.env, clear=True):
        assert_commands_work(called)
    assert_reported(called)
    assert_secrets_are_kept(called)


# Commands


@dataclass(frozen=True, slots=True)
class Line:
    """A printed command, parsed. `blanks` are its words that a reader fills in."""

    text: str
    verb: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def blank(self, name: str) -> bool:
        return _BLANK.fullmatch(str(self.values.get(name))) is not None


def told_in(text: str) -> Iterator[str]:
    """The commands of ours that a text tells people to type."""
    text = _USAGE.sub("", text)
    yield from (line for line in _QUOTED.findall(text) if not line.endswith(" --help"))
    yield from _TO_THE_END.findall(_QUOTED.sub("", text))


def _as_quoted(word: re.Match[str]) -> str:
    r"""`$'st\303\274'` as Python's own reader of words knows it."""
    data = re.sub(rb"\\(\d{3})", lambda it: bytes([int(it[1], 8)]), word[1].encode("ascii"))
    return shlex.quote(os.fsdecode(data))


def parsed(line: str) -> Line:
    """A line as the command line reads it. Raises click.UsageError for what it would not take."""
    command_of_shell = re.split(r" [|>] | \(", line)[0]
    words = shlex.split(_ANSI_C.sub(_as_quoted, re.sub(r"\bEXECUTION_ID\b", "1", command_of_shell)))[1:]
    verb, *words = words
    above = click.Context(cli, help_option_names=["-h", "--help"])
    command = cli.get_command(above, verb)
    assert command is not None, line
    while isinstance(command, click.Group) and words and (inner := command.get_command(above, words[0])) is not None:
        verb, words, command = f"{verb} {words[0]}", words[1:], inner
    context = command.make_context(verb, words, parent=above)
    return Line(line, verb, context.params)


def assert_commands_work(called: Called) -> None:
    for text in _texts(called):
        for told in told_in(text):
            line = parsed(told)
            if not called.asks_for_help:
                _assert_names_what_exists(line, called)


def _texts(called: Called) -> Iterator[str]:
    """Streams, and what a reader sees of the renderings."""
    yield from _read("", called.stdout)
    yield called.stderr.replace("%0A", "\n").replace("%25", "%")  # GitHub's annotations
    for name in _OUTPUTS:
        path = _output(called, name)
        if path is None or not path.is_file() or not _is_new(path, called):
            continue
        yield from _read(name, path.read_text("utf-8", "replace"))


def _read(option: str, text: str) -> Iterator[str]:
    """A stream or a file as its reader sees it."""
    if text.startswith("{"):
        with suppress(ValueError):
            yield from _strings(json.loads(text))
    elif text.startswith("<?xml"):
        yield from etree.fromstring(text.encode()).itertext()
    elif text.startswith("<!"):
        yield html.unescape(re.sub(r"<[^>]*>", "\n", text))
    elif option == "--summary" or text.startswith("#"):
        yield html.unescape(re.sub(r"<[^>]*>|\\(?=[^\w\s])", "", text))
    else:
        yield text


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from _strings(inner)
        case list():
            for inner in value:
                yield from _strings(inner)


def _assert_names_what_exists(line: Line, called: Called) -> None:
    values = line.values
    if "***" in line.text:
        raise AssertionError(f"what is masked cannot be pasted: {line.text}")
    state = values.get("state")
    runs: Path | None = None
    if isinstance(state, str) and "://" not in state and not _BLANK.fullmatch(state):
        runs = called.folder / state / "runs"
    run_id = values.get("run_id")
    if isinstance(run_id, str) and not line.blank("run_id") and runs is not None and line.verb != "report":
        assert (runs / run_id).is_dir(), f"there is no such run: {line.text}"
    for name in ("file", "files", "vars_file", "local", "ca_bundle", "client_cert", "client_key"):
        of_spectrum = line.verb.startswith("job ") and name == "file"
        for path in _listed(values.get(name)):
            if not of_spectrum and not _BLANK.fullmatch(str(path)):
                assert (called.folder / path).exists(), f"there is no such file: {path}: {line.text}"
    if "server" in values and values.get("local") is None and not line.blank("server"):
        _assert_knows_server(line, called, None if runs is None or run_id is None else runs / str(run_id))


def _listed(value: Any) -> Iterable[Any]:
    if value is None:
        return ()
    return value if isinstance(value, (tuple, list)) else (value,)


def _assert_knows_server(line: Line, called: Called, run: Path | None) -> None:
    """The server of the command is one that this world speaks of."""
    server = line.values["server"]
    known = {called.env.get("SPECTRUM_URL"), called.option("--server"), *_servers_of_files(called), *_server_of(run)}
    known |= {server for word in called.args for server in _server_of(called.folder / _state(called) / "runs" / word)}
    if server is not None:
        assert server in known, f"nobody knows this server: {line.text}"
    elif line.verb.startswith("job ") or line.verb in {"adopt", "resume", "retry"}:
        assert called.env.get("SPECTRUM_URL") or set(_server_of(run)) - {None}, f"on which server? {line.text}"


def _state(called: Called) -> str:
    return called.option("--state", "--state-dir") or called.env.get("SPECTRUM_STATE") or ".spectrum-pipelines"


def _servers_of_files(called: Called) -> Iterator[str]:
    for word in called.args:
        if word.endswith((".yaml", ".yml", ".json")):
            server = _loaded(called.folder / word).get("server")
            url = server.get("url") if isinstance(server, dict) else server  # a pipeline, or a report
            if isinstance(url, str):
                yield url


def _server_of(run: Path | None) -> Iterator[str | None]:
    if run is not None and _is_file(run / "journal.jsonl"):
        facts = read_journal(run / "journal.jsonl")
        yield getattr(facts[0].event, "server", None) if facts else None


# Reports


def _output(called: Called, name: str) -> Path | None:
    value = called.option(name) or called.env.get(f"SPECTRUM_{name.lstrip('-').upper()}")
    return None if not value or value == "-" else called.folder / value


def assert_reported(called: Called) -> None:
    """Each output that was asked for is there and is of this end; the report is valid and says the exit code."""
    if not called.args or called.args[0] not in _REPORTING or called.asks_for_help:
        return
    if called.code < 0 or any(word in called.stderr for word in _UNTOLD):
        return  # killed, or it is said that there is none
    for name in _OUTPUTS:
        path = _output(called, name)
        if path is None or not path.parent.is_dir() or (path.exists() and not path.is_file()):
            continue  # nothing can be written there
        if called.code == ExitCode.USAGE and _is_read(path, called):
            continue  # no report may take the place of what the command reads
        assert path.is_file(), f"{name} {path}: nothing is there, exit {called.code}: {called.stderr}"
        assert _is_new(path, called), f"{name} {path}: of an earlier run, exit {called.code}: {called.stderr}"
        shared = sum(_output(called, other) == path for other in _OUTPUTS)
        if name == "--report" and shared == 1:
            report = json.loads(path.read_bytes())
            assert_valid_report(report)
            assert report["exit_code"] == called.code, f"{report['exit_code']} is reported: {called.stderr}"


def _is_read(path: Path, called: Called) -> bool:
    """An input of the command: named by it or its environment, a pipeline file, or a fragment of one."""
    words = [it for it, before in zip(called.args, ["", *called.args], strict=False) if before not in _OUTPUTS]
    named = [*words, *(value for name, value in called.env.items() if name.endswith(("_FILE", "_BUNDLE")))]
    is_named = any(os.path.realpath(called.folder / it) == os.path.realpath(path) for it in named)
    return is_named or path.suffix == ".yaml"


def _is_new(path: Path, called: Called) -> bool:
    # The file system's clock may stand a tick behind the one that tells the time.
    return called.began is None or path.stat().st_mtime_ns >= called.began - 50_000_000


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # what a test passes may be no name of a file
        return False


# Secrets


def assert_secrets_are_kept(called: Called) -> None:
    """On every stream and in every file that the command wrote."""
    needles = spelled([*called.secrets, *secrets_of(called)], user=called.env.get("SPECTRUM_USERNAME") or "")
    if not needles:
        return
    texts = {"stdout": called.stdout.encode(), "stderr": called.stderr.encode()}
    if called.began is not None:
        inputs = {path.read_bytes() for word in called.args if _is_file(path := called.folder / word)}
        for path in called.folder.rglob("*"):
            is_ours = path.is_file() and not path.is_symlink() and ".spectrum-local" not in path.parts  # a server's own
            if is_ours and _is_new(path, called) and (text := path.read_bytes()) not in inputs:
                texts[str(path)] = text
    for where, text in texts.items():
        for needle in needles:
            assert needle not in text, f"{needle!r} in {where}"


def secrets_of(called: Called) -> set[str]:
    """What is secret in this world: the login, what looks like a secret in the environment, and secret variables."""
    env = called.env
    found = {value for name, value in env.items() if looks_secret(name) and name not in _NO_SECRETS}
    given = dict(word.partition("=")[::2] for word in called.args if "=" in word)
    given |= _loaded(called.folder / (called.option("--vars-file") or ""))
    for word in called.args:
        variables = _loaded(called.folder / word).get("variables")
        for name, declared in variables.items() if isinstance(variables, dict) else ():
            if isinstance(declared, dict) and declared.get("secret"):
                found |= {str(it[name]) for it in (given, _of_environment(env)) if it.get(name)}
    return {it for it in found if not is_weak(it) and it != env.get("SPECTRUM_USERNAME") and len(it) > 3}


def _of_environment(env: Mapping[str, str]) -> dict[str, str]:
    prefix = "SPECTRUM_VAR_"
    found = {name.removeprefix(prefix): value for name, value in env.items() if name.startswith(prefix)}
    for name, path in list(found.items()):
        if name.endswith("_FILE") and Path(path).is_file():
            found[name.removesuffix("_FILE")] = Path(path).read_text("utf-8", "replace").strip()
    return found


def _loaded(path: Path) -> dict[str, Any]:
    """A file of YAML that a command was given; empty for everything else."""
    if path.suffix not in {".yaml", ".yml", ".json"} or not _is_file(path) or path.stat().st_size > 1_000_000:
        return {}
    try:
        loaded = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def spelled(secrets: Iterable[str], *, user: str) -> list[bytes]:
    """Every secret in the spellings in which it can leak."""
    found: set[bytes] = set()
    for secret in secrets:
        spellings = (secret, quote(secret), quote(secret, safe=""), quote_plus(secret), html.escape(secret))
        for one in (*spellings, json.dumps(secret)[1:-1], repr(secret)[1:-1]):
            found |= {one.encode("utf-8"), one.encode("latin-1", "ignore"), one.encode("utf-16-le")}
        for login in (secret, f"{user}:{secret}"):
            found |= {base64.b64encode(login.encode(code, "ignore")).rstrip(b"=") for code in ("utf-8", "latin-1")}
    return [needle for needle in found if len(needle) > 5]
