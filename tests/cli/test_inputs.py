"""No output of a command takes the place of a file that the command reads, in whatever spelling, and however the command ends."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spectrum_pipelines.local.serving import RunningServer
from tests.cli.command_line import LOGIN, Ended, call, embedded

WORKSPACE = """\
version: 1
users: [{name: analyst, password: analyst}]
files:
  - {id: 20, path: /quick.wbk, simulate: {duration: 10ms}}
  - {id: 21, path: /broken.wbk, simulate: {duration: 10ms, outcomes: [ERROR]}}
"""
BASE = "jobs: {good: {trigger: 20}}\n"
NIGHT = "version: 1\nname: night\ninclude: [base.yaml]\npoll: {min: 10ms}\n"
BROKEN = "version: 1\nname: night\npoll: {min: 10ms}\njobs: {bad: {trigger: 21}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    texts = {
        "workspace.yaml": WORKSPACE,
        "base.yaml": BASE,
        "night.yaml": NIGHT,
        "broken.yaml": BROKEN,
        "wrong.yaml": NIGHT + "colour: red\n",
        "values.yaml": "{}\n",
        "plan.json": "{}\n",
        "secret": "analyst\n",
        "bundle.pem": "no certificate\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "link.yaml").symlink_to("night.yaml")
    os.link(tmp_path / "night.yaml", tmp_path / "twin.yaml")
    (tmp_path / "sub").mkdir()
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[RunningServer]:
    with embedded(folder / "workspace.yaml") as running:
        yield running


Cli = Callable[..., Ended]


@pytest.fixture
def cli(folder: Path, server: RunningServer) -> Iterator[Cli]:
    before = _texts(folder)

    def called(*words: str, **env: str) -> Ended:
        return call(*words, cwd=folder, env={**LOGIN, "SPECTRUM_URL": server.url, **env})

    yield called
    after = _texts(folder)
    assert {name: after[name] for name in before} == before, "every input is as it was"


def _texts(folder: Path) -> dict[str, str]:
    return {it.name: it.read_text(encoding="utf-8") for it in folder.iterdir() if it.is_file()}


RUN = ("run", "night.yaml", "--progress", "none")
VALUES = ("--vars-file", "values.yaml")
CLASHES = [
    pytest.param(("--report", "night.yaml"), "--report and FILE", id="the pipeline"),
    pytest.param(("--summary", "night.yaml"), "--summary and FILE", id="a summary"),
    pytest.param(("--junit", "night.yaml"), "--junit and FILE", id="JUnit"),
    pytest.param(("--html", "night.yaml"), "--html and FILE", id="a page"),
    pytest.param(("--report", "sub/../night.yaml"), "--report and FILE", id="in another spelling"),
    pytest.param(("--report", "link.yaml"), "--report and FILE", id="through a link"),
    pytest.param(("--report", "twin.yaml"), "--report and FILE", id="through a hard link"),
    pytest.param(("--report", "base.yaml"), "--report and a fragment of the pipeline", id="a fragment"),
    pytest.param(("--html", "values.yaml", *VALUES), "--html and --vars-file", id="values"),
    pytest.param(("--html", "none.yaml", "--vars-file", "none.yaml"), "--html and --vars-file", id="not there yet"),
    pytest.param(("--report", "workspace.yaml", "--local", "workspace.yaml"), "--report and --local", id="a workspace"),
    pytest.param(("--report", "plan.json", "--plan", "plan.json"), "--report and --plan", id="a plan"),
    pytest.param(("--report", "bundle.pem", "--ca-bundle", "bundle.pem"), "--report and --ca-bundle", id="a CA bundle"),
    pytest.param(("--report", "bundle.pem", "--client-key", "bundle.pem"), "--report and --client-key", id="a key"),
]


@pytest.mark.parametrize(("options", "message"), CLASHES)
def test_an_output_over_an_input_is_refused(
    cli: Cli, server: RunningServer, options: tuple[str, ...], message: str
) -> None:
    ended = cli(*RUN, *options)
    assert (ended.code, ended.stderr.count(f"error: {message} name the same file")) == (2, 1), ended.stderr
    assert server.executions() == []


FILES = [
    pytest.param("SPECTRUM_PASSWORD_FILE", "secret", id="a password"),
    pytest.param("SPECTRUM_VAR_token_FILE", "secret", id="a secret variable"),
    pytest.param("REQUESTS_CA_BUNDLE", "bundle.pem", id="a CA bundle"),
]


@pytest.mark.parametrize(("name", "path"), FILES)
def test_so_is_one_over_a_file_that_the_environment_names(cli: Cli, name: str, path: str) -> None:
    ended = cli(*RUN, "--report", path, **{name: path})
    assert (ended.code, f"error: --report and {name} name the same file: {path}" in ended.stderr) == (2, True)


def test_the_other_outputs_tell_of_it(cli: Cli, folder: Path) -> None:
    assert cli(*RUN, "--report", "report.json", "--html", "night.yaml").code == 2
    assert "--html and FILE name the same file" in (folder / "report.json").read_text(encoding="utf-8")


MISTAKES = [
    pytest.param(("run", "night.yaml", "--report", "night.yaml", "--colour"), id="an option that does not exist"),
    pytest.param(("run", "wrong.yaml", "--report", "base.yaml"), id="a fault in a file whose fragment it is"),
    pytest.param(("run", "night.yaml", "--report", "base.yaml", "--var", "x=1"), id="a value of no variable"),
]


@pytest.mark.parametrize("words", MISTAKES)
def test_nor_does_a_mistake_write_over_one(cli: Cli, words: tuple[str, ...]) -> None:
    assert cli(*words).code == 2


@pytest.mark.parametrize("path", ["night.yaml", "base.yaml"])
def test_a_report_of_a_run_that_is_over_is_not_written_over_its_file(cli: Cli, path: str) -> None:
    assert cli(*RUN, "--run-key", "k").code == 0
    ended = cli(*RUN, "--run-key", "k", "--report", path)
    assert (ended.code, "name the same file" in ended.stderr) == (2, True)


@pytest.mark.parametrize("command", ["resume", "retry"])
@pytest.mark.parametrize("file", [(), ("broken.yaml",)], ids=["as recorded", "named"])
def test_a_run_that_goes_on_is_not_told_over_its_file(
    cli: Cli, server: RunningServer, folder: Path, command: str, file: tuple[str, ...]
) -> None:
    """The file of the run is read again, also where the command does not name it."""
    assert cli("run", "broken.yaml", "--progress", "none").code == 1
    (run_id,) = (it.name for it in (folder / ".spectrum-pipelines" / "runs").iterdir())
    ended = cli(command, run_id, *file, "--report", "broken.yaml", "--progress", "none")
    assert (ended.code, "name the same file: broken.yaml" in ended.stderr) == (2, True), ended.stderr
    assert len(server.executions()) == 1


@pytest.mark.parametrize("command", ["resume", "retry"])
def test_a_run_that_goes_on_is_not_told_over_its_journal(cli: Cli, folder: Path, command: str) -> None:
    assert cli("run", "broken.yaml", "--progress", "none").code == 1
    (journal,) = folder.glob(".spectrum-pipelines/runs/*/journal.jsonl")
    before = journal.read_bytes()
    ended = cli(command, journal.parent.name, "--html", str(journal), "--report", "r.json", "--progress", "none")
    assert (ended.code, "error: --html and --state name the same file" in ended.stderr) == (2, True), ended.stderr
    assert journal.read_bytes() == before


def test_a_command_that_cannot_go_on_does_not_write_over_the_file_either(cli: Cli, folder: Path) -> None:
    """The login is missing: the report of that end goes nowhere, as it would take the place of the pipeline file."""
    assert cli("run", "broken.yaml", "--progress", "none").code == 1
    (run_id,) = (it.name for it in (folder / ".spectrum-pipelines" / "runs").iterdir())
    assert cli("retry", run_id, "--report", "broken.yaml", SPECTRUM_PASSWORD="", SPECTRUM_USERNAME="").code == 2


def test_two_outputs_through_a_hard_link_are_one_file(cli: Cli, folder: Path) -> None:
    (folder / "one.html").write_text("", encoding="utf-8")
    os.link(folder / "one.html", folder / "two.xml")
    ended = cli(*RUN, "--html", "one.html", "--junit", "two.xml")
    assert (ended.code, "--html and --junit name the same file: one.html" in ended.stderr) == (2, True)
