"""Every file of `pipelines/`, and what `init` writes, is checked, planned and run as its header says."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.cli.command_line import PIPELINES, call

EXAMPLES = sorted(PIPELINES.glob("*.yaml"))


def told(example: Path, word: str) -> str | None:
    found = re.search(rf"^# {word}: (.*)$", example.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else None


def needed(example: Path) -> dict[str, str]:
    return dict(one.split("=", 1) for one in (told(example, "needs") or "").split())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("out", ".spectrum-local")
    shutil.copytree(PIPELINES, tmp_path / "pipelines", ignore=ignored)
    return tmp_path


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda it: it.stem)
def test_an_example_is_valid_and_runs_to_the_end_that_it_promises(example: Path, folder: Path) -> None:
    name, env = f"pipelines/{example.name}", needed(example)
    assert example.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=../schemas/")
    assert call("validate", "--strict", name, cwd=folder).code == 0
    assert call("plan", name, cwd=folder, env={"SPECTRUM_URL": "http://localhost", **env}).code == 0
    ended = call(
        "run", name, "--local", "pipelines/workspace/workspace.yaml", "--progress", "none", cwd=folder, env=env
    )
    assert str(ended.code) == told(example, "exit code"), ended.stderr


def test_the_header_of_an_example_shows_the_command(folder: Path) -> None:
    for example in EXAMPLES:
        assert f"spectrum-pipelines run pipelines/{example.name} --local" in example.read_text(encoding="utf-8")


def test_the_quickstart_leaves_a_file_to_open(folder: Path) -> None:
    workspace = "pipelines/workspace/workspace.yaml"
    args = ["run", "pipelines/quickstart.yaml", "--local", workspace, "--progress", "none", "--var", "state=CA"]
    assert call(*args, cwd=folder).code == 0
    lines = (folder / "pipelines/workspace/out/delays.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("iata,airport")
    assert all(",CA," in line for line in lines[1:])
    assert len(lines) > 5


def test_what_init_writes_runs_as_written(tmp_path: Path) -> None:
    written = call("init", cwd=tmp_path)
    commands = [line.split()[1:] for line in written.stdout.splitlines()]
    assert [command[0] for command in commands] == ["validate", "run"]
    for command in commands:
        ended = call(*command, cwd=tmp_path)
        assert ended.code == 0, ended.stderr
    assert (tmp_path / "out/revenue.csv").read_text(encoding="utf-8").startswith("region,orders,revenue\nnorth,6,")


def test_the_run_that_fails_goes_on_as_its_header_says(folder: Path) -> None:
    shown = re.findall(
        r"^#   spectrum-pipelines (.*)$", (PIPELINES / "go-on.yaml").read_text(encoding="utf-8"), re.MULTILINE
    )
    first, second = (call(*line.split(), "--report", "report.json", cwd=folder) for line in shown)
    assert (first.code, second.code) == (1, 0), second.stderr
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert report["rounds"] == 1
    attempts = {job["id"]: len(job["attempts"]) for job in report["jobs"]}
    assert attempts == {"load": 1, "report": 2, "publish": 1, "tidy": 2}
