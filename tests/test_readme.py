"""The README is run: its pipelines, the commands that follow them, its lines for CI systems, its tour of the shared state.

"It is red" has tests of its own (`tests/cli/test_it_is_red.py`); "Install it" is run by `tests.ci.release`, from a built wheel.
"""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click import Command, Group

from spectrum_pipelines.cli.main import COMMANDS, cli, run
from spectrum_pipelines.errors import ExitCode
from spectrum_pipelines.local.serving import RunningServer
from tests.cli.command_line import LOGIN, embedded, pasted
from tests.databases import OWNER, PASSWORDS, DatabaseServer

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
#: What the pipelines of the README run.
WORKSPACE = """
version: 1
users: [{name: ci, password: analyst}]
files:
  - {id: 4, path: /Data/Imports/orders.imp, simulate: {}}
  - {id: 48, path: /Workbooks/sales.wbk, simulate: {}}
  - {id: 7, path: /Exports/sales.exp, simulate: {}}
  - {id: 8, path: /Exports/alert.exp, simulate: {}}
"""


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [text for named, text in found if named == language]


def after(heading: str, language: str = "") -> list[str]:
    """The blocks of a section."""
    section = re.search(rf"^## {heading}$(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert section, f"README has no heading {heading}"
    found = re.findall(r"^```(\w*)\n(.*?)^```$", section[1], re.MULTILINE | re.DOTALL)
    return [text for named, text in found if named == language]


def under(heading: str) -> str:
    (command,) = after(heading, "sh")
    return command.strip()


@pytest.mark.parametrize("text", blocks("yaml"))
def test_every_pipeline_of_the_readme_is_valid_and_can_be_planned(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("SPECTRUM_URL", "https://spectrum.example.com")
    assert run(["validate", "--strict", str(file)]) == ExitCode.SUCCEEDED, capsys.readouterr().out
    assert run(["plan", str(file)]) == ExitCode.SUCCEEDED


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    (tmp_path / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")
    (tmp_path / "pipelines").mkdir()
    for name in ("nightly.yaml", "pipelines/nightly.yaml"):
        (tmp_path / name).write_text(blocks("yaml")[0], encoding="utf-8")
    with embedded(tmp_path / "workspace.yaml") as running:
        yield running


def shell_of(server: RunningServer, **more: str) -> dict[str, str]:
    """The environment of somebody who has set address and login."""
    return {**LOGIN, "SPECTRUM_USERNAME": "ci", "SPECTRUM_URL": server.url, **more}


def test_the_ten_lines_run_with_the_commands_that_follow_them(server: RunningServer, tmp_path: Path) -> None:
    (script,) = after("Ten lines")
    (tmp_path / "secret").write_text(LOGIN["SPECTRUM_PASSWORD"])
    assert len(blocks("yaml")[0].splitlines()) <= 11
    # The address and the place of the secret are examples.
    told = script.replace("https://spectrum.example.com", server.url).replace("/run/secrets/spectrum", "secret")
    assert told.count(server.url) == told.count("=secret") == 1
    ended = pasted(told, cwd=tmp_path, env={})
    assert ended.returncode == 0, ended.stderr
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert {job["id"]: job["status"] for job in report["jobs"]} == {
        "orders": "succeeded", "sales": "succeeded", "publish": "succeeded", "alert": "skipped",
    }  # fmt: skip


def ci_lines() -> list[Any]:
    """The lines that README has for the file of a CI system."""
    found = []
    for text in after("In your CI"):
        if match := re.search(r"^  script: (.*)$", text, re.MULTILINE):
            assert yaml.safe_load(text)["spectrum-run"]["script"] == match[1]
            found.append(pytest.param(match[1], {"CI_PIPELINE_ID": "17", "CI_JOB_NAME": "night"}, id="GitLab"))
        elif match := re.search(r"^sh '(.*)'$", text, re.MULTILINE):
            found.append(pytest.param(match[1], {"BUILD_TAG": "jenkins-17"}, id="Jenkins"))
    return found


@pytest.mark.parametrize(("line", "given"), ci_lines())
def test_a_line_for_a_ci_system_runs_and_repeated_triggers_nothing(
    line: str, given: dict[str, str], server: RunningServer, tmp_path: Path
) -> None:
    env = shell_of(server, **given)
    # Jenkins and GitLab do not stop at a variable that is not set.
    assert pasted(f"set +u; {line}", cwd=tmp_path, env=env).returncode == 0
    again = pasted(f"set +u; {line}", cwd=tmp_path, env=env)
    assert (again.returncode, "the run key" in again.stderr) == (0, True), again.stderr
    assert len(server.executions()) == 3


def test_every_system_of_the_ci_section_is_run_or_has_its_file_run() -> None:
    assert [it.id for it in ci_lines()] == ["GitLab", "Jenkins"]
    uses, hook = (yaml.safe_load(text) for text in after("In your CI") if re.match(r"- uses|repos", text))
    if "repos" in uses:
        uses, hook = hook, uses
    action = yaml.safe_load((ROOT / ".github/actions/run/action.yml").read_text("utf-8"))
    assert uses[0]["with"].keys() <= action["inputs"].keys()
    ids = {it["id"] for it in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))}
    assert {it["id"] for it in hook["repos"][0]["hooks"]} <= ids


def test_the_tour_of_the_shared_state(databases: DatabaseServer, server: RunningServer, tmp_path: Path) -> None:
    (script,) = after("Shared state")
    ours = [line for line in script.splitlines() if line.startswith("spectrum-pipelines ")]
    assert len(ours) == len(script.splitlines()) - 3, "one installation, two exports, and commands of ours"
    url = databases.url(schema=databases.new_schema(), sslmode="disable")
    env = shell_of(server, GITHUB_SHA="3e1f0c", SPECTRUM_STATE=url, SPECTRUM_STATE_PASSWORD=PASSWORDS[OWNER])
    ended = pasted("\n".join(ours), cwd=tmp_path, env=env)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("the run key 3e1f0c stands for run") == 1
    assert len(server.executions()) == 3, "the second machine goes on with the run of the first"


def test_completion_is_defined_by_the_line_for_bash(server: RunningServer, tmp_path: Path) -> None:
    (line,) = (it for block in after("Commands") for it in block.splitlines() if it.startswith("eval "))
    ended = pasted(f"{line.partition('  #')[0]}\ncomplete -p spectrum-pipelines", cwd=tmp_path, env=shell_of(server))
    assert (ended.returncode, "_spectrum_pipelines_completion" in ended.stdout) == (0, True), ended.stderr


@pytest.mark.parametrize("heading", ["Run it", "Test it"])
def test_a_newcomers_command_is_one_line_of_things_that_exist(heading: str) -> None:
    command = under(heading)
    assert "\n" not in command
    for word in shlex.split(command):
        if word.startswith("pipelines/"):
            assert (ROOT / word).is_file()


def lines() -> list[str]:
    """The lines of all plain blocks that use the program, without their comments."""
    found = [line.partition("  ")[0] for block in blocks("") for line in block.splitlines()]
    one_liner = under("Run it").rpartition("&&")[2].strip().removeprefix(".venv/bin/")
    return [one_liner, *(line for line in found if line.startswith("spectrum-pipelines ") and "..." not in line)]


@pytest.mark.parametrize("line", lines())
def test_every_command_of_the_readme_is_understood(line: str) -> None:
    name, *words = (word for word in shlex.split(line.partition("|")[0])[1:] if word != "--debug")
    command: Command | None = cli.get_command(cli.make_context("spectrum-pipelines", ["runs"]), name)
    assert command is not None, f"no command {name}"
    if isinstance(command, Group) and words and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("-")} <= options


def test_the_readme_lists_every_command_and_every_exit_code() -> None:
    assert all(f"spectrum-pipelines {name}" in README or f"| {name} " in README for name in COMMANDS)
    table = re.findall(r"^\| (\d+(?:, \d+)?) \|", README, re.MULTILINE)
    assert {int(code) for row in table for code in row.split(",")} == {int(code) for code in ExitCode}


@pytest.mark.parametrize("text", blocks("python"))
def test_the_python_of_the_readme_is_python(text: str) -> None:
    compile(text, "README.md", "exec")
