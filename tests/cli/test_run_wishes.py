"""What surrounds a run: whose key it is, streams that are closed, secrets that are empty, commands that can be pasted."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command_line import LOGIN, call, embedded, plain_environment

WORKSPACE = """
version: 1
users: [{name: analyst, password: analyst}]
files: [{id: 20, path: /quick.wbk, simulate: {duration: 10ms}}, {id: 24, path: /slow.wbk, simulate: {duration: 60s}}]
"""
PIPELINE = """\
version: 1
name: wishes
poll: {min: 20ms}
environments: {stage: {description: stage}, prod: {description: prod}}
jobs: {quick: {trigger: 20}, other: {trigger: 20, needs: [quick]}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")
    (tmp_path / "wishes.yaml").write_text(PIPELINE, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("again", "told"),
    [
        pytest.param(["-e", "prod"], "environment stage, not prod", id="another environment"),
        pytest.param([], "environment stage, not without it", id="no environment"),
        pytest.param(["-e", "stage", "--only", "quick"], "--only not given, not quick", id="a selection"),
        pytest.param(["-e", "stage", "--server", "http://127.0.0.1:1"], "not http://127.0.0.1:1", id="another server"),
    ],
)
def test_a_run_key_does_not_answer_for_another_wish(folder: Path, again: list[str], told: str) -> None:
    with embedded(folder / "workspace.yaml") as server:
        key = ("run", "wishes.yaml", "--run-key", "abc", "--progress", "none")
        env = {**LOGIN, "SPECTRUM_URL": server.url}
        assert call(*key, "-e", "stage", cwd=folder, env=env).code == 0
        ended = call(*key, *again, cwd=folder, env=env)
        assert (ended.code, told in ended.stderr) == (2, True), ended.stderr
        assert call(*key, "-e", "stage", cwd=folder, env=env).code == 0
        assert len(server.executions()) == 2


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_a_closed_stream_is_no_obstacle(folder: Path, closed: str) -> None:
    program = f"{shlex.quote(sys.executable)} -m spectrum_pipelines"
    line = f"{program} run wishes.yaml --local workspace.yaml --report out.json {closed}"
    ended = subprocess.run(["sh", "-c", line], cwd=folder, env=plain_environment(), check=False, timeout=60)
    assert ended.returncode == 0
    assert '"status": "succeeded"' in (folder / "out.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["SPECTRUM_PASSWORD", "SPECTRUM_PASSWORD_FILE"])
def test_an_empty_secret_is_none(folder: Path, name: str) -> None:
    env = {"SPECTRUM_USERNAME": "analyst", name: ""}
    ended = call("run", "wishes.yaml", "--server", "http://127.0.0.1:1", cwd=folder, env=env)
    assert (ended.code, "no password" in ended.stderr) == (2, True), ended.stderr


def test_the_next_command_names_what_it_needs(folder: Path) -> None:
    (folder / "wishes.yaml").write_text("version: 1\nname: slow\njobs: {slow: {trigger: 24}}\n", encoding="utf-8")
    arguments = ["run", "wishes.yaml", "--local", "workspace.yaml", "--state-dir", "s d", "--progress", "plain"]
    with subprocess.Popen(
        [sys.executable, "-m", "spectrum_pipelines", *arguments],
        cwd=folder,
        env=plain_environment(),
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if "triggered" in line:
                break
        running.terminate()
        told = running.stderr.read()
    assert "--state 's d' --local workspace.yaml" in told, told
    assert running.returncode == 143


def test_the_program_alone_shows_its_help(folder: Path) -> None:
    ended = call(cwd=folder)
    assert ended.code == 2
    assert ended.stderr.startswith("Usage: spectrum-pipelines")
    assert "\\" not in ended.stderr
