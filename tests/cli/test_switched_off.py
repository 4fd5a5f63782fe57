"""Jobs that are switched off are told as what they are: in the report, at the end of a run, on the page, in the summary."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spectrum_pipelines.local.serving import RunningServer
from tests.cli.command_line import LOGIN, call, embedded
from tests.report.checks import assert_valid_report

WORKSPACE = """
version: 1
users: [{name: analyst, password: analyst}]
files: [{id: 20, path: /a.wbk, simulate: {duration: 10ms}}, {id: 21, path: /b.wbk, simulate: {duration: 10ms, outcomes: [ERROR]}}]
"""
PIPELINE = """\
version: 1
name: night
include: [base.yaml]
poll: {min: 10ms}
variables:
  publish: {type: boolean, default: true}
environments:
  test:
    variables: {publish: {default: false}}
    jobs: {told: {enabled: false}}
jobs:
  load: {trigger: 20}
  export:
    needs: [load]
    matrix: {to: [x, y]}
    enabled: "${var.publish}"
    trigger: 20
    on_running: wait
  told: {needs: [export], trigger: 20}
  last: {needs: [told], trigger: 21}
"""
BASE = """\
jobs:
  old:
    trigger: 20
    enabled: false
"""
OFF = [
    {"id": "old", "line": 4, "fragment": "base.yaml", "environment": None, "condition": None},
    {"id": "export", "line": 16, "environment": None, "condition": "${var.publish}"},
    {"id": "told", "line": 10, "environment": "test", "condition": None},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("workspace.yaml", WORKSPACE), ("night.yaml", PIPELINE), ("base.yaml", BASE)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[RunningServer]:
    with embedded(folder / "workspace.yaml") as running:
        yield running


def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    assert_valid_report(found)
    return found


def test_a_run_tells_what_is_off_and_why(folder: Path, server: RunningServer) -> None:
    env = {**LOGIN, "SPECTRUM_URL": server.url}
    files = ("--report", "r.json", "--html", "r.html", "--summary", "r.md")
    ended = call("run", "night.yaml", "-e", "test", *files, cwd=folder, env=env)
    assert ended.code == 1, ended.stderr
    found = report(folder)
    assert [job["id"] for job in found["jobs"]] == ["load", "last"]
    assert found["off"] == OFF
    told = " ".join(ended.stderr.split())
    assert "switched off: old (enabled: false, base.yaml:4), export (${var.publish} is false, night.yaml:16)" in told
    assert "told (enabled: false, night.yaml:10, environment test)" in told
    page = (folder / "r.html").read_text(encoding="utf-8")
    assert "<li><b>export</b>: ${var.publish} is false, night.yaml:16</li>" in page
    assert "Switched off: told" in (folder / "r.md").read_text(encoding="utf-8")
    recorded = json.loads(call("report", found["run_id"], "--format", "json", cwd=folder, env=env).stdout)
    assert recorded["off"] == OFF
    text = call("report", "r.json", cwd=folder, env=env)
    assert "switched off: old" in text.stdout


def test_a_retry_tells_what_is_off_by_then(folder: Path, server: RunningServer) -> None:
    env = {**LOGIN, "SPECTRUM_URL": server.url}
    assert call("run", "night.yaml", "-e", "test", "--report", "r.json", cwd=folder, env=env).code == 1
    run_id = report(folder)["run_id"]
    (folder / "night.yaml").write_text(PIPELINE.replace("trigger: 21", "trigger: 20"), encoding="utf-8")
    again = call("retry", run_id, "--var", "publish=true", "--report", "r.json", cwd=folder, env=env)
    assert again.code == 0, again.stderr
    assert [one["id"] for one in report(folder)["off"]] == ["old", "told"]
    assert [job["id"] for job in report(folder)["jobs"]] == ["load", "export[x]", "export[y]", "last"]


def test_a_file_without_switches_has_no_word_of_them(folder: Path, server: RunningServer) -> None:
    (folder / "night.yaml").write_text("version: 1\nname: n\njobs: {a: {trigger: 20}}\n", encoding="utf-8")
    ended = call(
        "run",
        "night.yaml",
        "--report",
        "r.json",
        "--html",
        "r.html",
        cwd=folder,
        env={**LOGIN, "SPECTRUM_URL": server.url},
    )
    assert ended.code == 0
    assert "off" not in report(folder)
    assert "witched off" not in ended.stderr + (folder / "r.html").read_text(encoding="utf-8")
