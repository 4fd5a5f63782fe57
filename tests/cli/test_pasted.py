"""Every command that is printed works as it is pasted, whatever stands on the command line and however names are spelled."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest

from tests.cli.command_line import Ended, embedded, pasted, process

WORKSPACE = """
version: 1
users: [{name: bob, password: analyst}]
files:
  - {id: 20, path: /Simulated/quick.wbk, simulate: {records: 7}}
  - {id: 23, path: /Simulated/red.wbk, simulate: {outcomes: [ERROR]}}
"""
RED = "version: 1\nname: red\njobs: {a: {trigger: 20}, b: {trigger: 23}}\n"
PASSWORD = {"SPECTRUM_PASSWORD": "of-bob-alone"}
C_LOCALE = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
ASCII_STREAM = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")
    (tmp_path / "red.yaml").write_text(RED, encoding="utf-8")
    shutil.copy(certifi.where(), tmp_path / "ca of ours.pem")
    return tmp_path


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    workspace = tmp_path_factory.mktemp("server") / "workspace.yaml"
    workspace.write_text(WORKSPACE.replace("password: analyst", "password: of-bob-alone"), encoding="utf-8")
    with embedded(workspace) as running:
        yield running.url


def commands(ended: Ended) -> dict[str, str]:
    """The commands that stderr names, by their verb."""
    found = re.findall(
        r"^ *(?:\w+: )*(spectrum-pipelines .*)$|`(spectrum-pipelines [^`]*)`", ended.stderr, re.MULTILINE
    )
    lines = [one or other for one, other in found]
    return {" ".join(it for it in line.split()[1:3] if it.isalpha()): line for line in lines}


def test_the_login_that_was_given_is_that_of_the_next_command(folder: Path, server: str) -> None:
    given = ("--server", server, "--username", "bob", "--ca-bundle", "ca of ours.pem")
    ended = process("run", "red.yaml", *given, "--report", "r.json", "--progress", "none", cwd=folder, env=PASSWORD)
    assert ended.code == 1
    told = commands(ended)
    assert set(told) == {"job details", "retry"}
    login = "--username bob --ca-bundle 'ca of ours.pem'"
    assert all(line.endswith(f"--server {server} {login}") for line in told.values())
    assert [pasted(line, cwd=folder, env=PASSWORD).returncode for line in told.values()] == [0, 1]
    kept = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    assert kept["next"].endswith(f"--server {server}"), "whoever reads the report has files of another name"


def test_what_was_given_stands_in_the_hint_of_a_refusal(folder: Path, server: str) -> None:
    given = ("--server", server, "--username", "bob", "--insecure", "--run-key", "k", "--progress", "none")
    assert process("run", "red.yaml", *given, cwd=folder, env=PASSWORD).code == 1
    (folder / "red.yaml").write_text(RED.replace("20", "23"), encoding="utf-8")
    ended = process("run", "red.yaml", *given, cwd=folder, env=PASSWORD)
    assert ended.code == 2
    line = commands(ended)["retry"]
    assert line.endswith(f"red.yaml --server {server} --username bob --insecure")
    assert pasted(f"{line} --dry-run", cwd=folder, env=PASSWORD).returncode == 0


@pytest.mark.parametrize("env", [pytest.param(ASCII_STREAM, id="a stream"), pytest.param(C_LOCALE, id="a locale")])
def test_a_command_with_an_umlaut_where_only_ascii_can_be_shown(env: dict[str, str], folder: Path) -> None:
    (folder / "workspace.yaml").rename(folder / "wörk.yaml")
    args = ("red.yaml", "--local", "wörk.yaml", "--state", "stü", "--progress", "none")
    ended = process("run", *args, cwd=folder, env=env)
    assert ended.stderr.isascii()
    line = commands(ended)["retry"]
    assert "$'st\\303\\274'" in line
    again = pasted(f"{line} --dry-run", cwd=folder, env={})
    assert (again.returncode, again.stdout.split()[0]) == (0, "again"), again.stderr


def test_no_file_holds_an_umlaut_as_bytes(folder: Path) -> None:
    (folder / "workspace.yaml").rename(folder / "wörk.yaml")
    (folder / "red.yaml").rename(folder / "röd.yaml")
    files = {"--report": "r.json", "--html": "h.html", "--junit": "j.xml", "--summary": "s.md"}
    named = [word for pair in files.items() for word in pair]
    args = ("röd.yaml", "--local", "wörk.yaml", "--state", "stü", *named, "--progress", "none")
    assert process("run", *args, cwd=folder, env=C_LOCALE).code == 1
    for name in files.values():
        text = (folder / name).read_text(encoding="utf-8")
        assert "udc" not in text, name
    report = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    assert (report["pipeline"]["file"], report["state"], report["workspace"]) == ("röd.yaml", "stü", "wörk.yaml")
    unknown = process("run", "nö.yaml", "--report", "u.json", cwd=folder, env=C_LOCALE)
    assert unknown.code == 2
    assert "udc" not in (folder / "u.json").read_text(encoding="utf-8")


def test_a_folder_that_looks_like_an_option(folder: Path) -> None:
    ended = process("init", "--", "-demo", cwd=folder)
    assert ended.code == 0
    assert pasted(ended.stdout, cwd=folder, env={}).returncode == 0


def test_a_file_that_looks_like_an_option(folder: Path) -> None:
    (folder / "red.yaml").rename(folder / "-red.yaml")
    args = ("--local", "workspace.yaml", "--run-key", "k", "--progress", "none", "--", "-red.yaml")
    assert process("run", *args, cwd=folder).code == 1
    (folder / "-red.yaml").write_text(RED.replace("20", "23"), encoding="utf-8")
    line = commands(process("run", *args, cwd=folder))["retry"]
    again = pasted(line, cwd=folder, env={})
    assert again.returncode == 1, again.stderr


def test_a_folder_to_make_first(folder: Path) -> None:
    args = ("run", "red.yaml", "--local", "workspace.yaml", "--report", "a b/it's/r.json", "--progress", "none")
    ended = process(*args, cwd=folder)
    assert ended.code == 2
    line = ended.stderr.partition("create it first: `")[2].partition("`\n")[0]
    assert pasted(line, cwd=folder, env={}).returncode == 0
    assert process(*args, cwd=folder).code == 1
