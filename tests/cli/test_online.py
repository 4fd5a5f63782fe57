"""`plan --online`, `run --plan` and trace contexts, against real servers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from spectrum_pipelines.app.trace import trace_headers, trace_id
from spectrum_pipelines.cli.reach import tell_of_trace
from tests.cli.command_line import LOGIN, call, dead_port, embedded, hang_up, stranger

WORKSPACE = """
version: 1
users: [{name: analyst, password: analyst}]
files:
  - {id: 20, path: /quick.wbk, simulate: {records: 7}}
  - {id: 21, path: /slow.wbk, simulate: {duration: 5m}}
  - {id: 22, path: /never.wbk, simulate: {}}
"""
PIPELINE = """
version: 1
name: nightly
server: {url: "${env.SPECTRUM_URL}"}
variables: {region: emea, token: {type: string, secret: true, default: ""}}
jobs:
  quick: {trigger: /quick.wbk}
  new: {trigger: 22, needs: [quick]}
  many: {sequence: [20], needs: [new]}
  gate: {check: 20, needs: [many]}
  alarm: {trigger: 20, run_if: any_failed, needs: [many]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")
    (tmp_path / "p.yaml").write_text(PIPELINE, encoding="utf-8")
    return tmp_path


@contextmanager
def server(folder: Path) -> Iterator[dict[str, str]]:
    with embedded(folder / "workspace.yaml") as running:
        yield {**LOGIN, "SPECTRUM_URL": running.url}


def asked(folder: Path, env: dict[str, str], *, code: int = 0) -> dict[str, Any]:
    ended = call("plan", "p.yaml", "--online", "--format", "json", cwd=folder, env=env)
    assert ended.code == code, ended.stderr
    online: dict[str, Any] = json.loads(ended.stdout)["online"]
    return online


def test_the_past_makes_a_forecast(folder: Path) -> None:
    with server(folder) as env:
        for _ in range(3):
            assert call("job", "trigger", "20", "--wait", cwd=folder, env=env).code == 0
        online = asked(folder, env)
        text = call("plan", "p.yaml", "--online", cwd=folder, env=env).stdout
    quick = next(it for it in online["targets"] if it["target"] == "/quick.wbk")
    assert (quick["exists"], quick["job_status"], quick["execution_id"], quick["runs"]) == (True, "COMPLETED", 3, 3)
    assert online["can_run"]
    assert online["without_history"] == ["new"]
    assert online["at_least"] == ["many"]
    assert online["expected"]["p50_seconds"] <= online["expected"]["p90_seconds"]
    assert "has never run" in text
    assert "No past run is known of new, which are not counted." in text
    assert "it may take longer" in text


def test_the_number_of_questions_is_bounded(folder: Path) -> None:
    with server(folder) as env:
        for _ in range(12):
            assert call("job", "trigger", "20", "--wait", cwd=folder, env=env).code == 0
        online = asked(folder, env)
    # Files are asked for by name: /quick.wbk, 22 and 20. Each: status, details, history and nine more details.
    assert online["requests"] == 1 + 1 + 2 * 12
    assert max(it["runs"] for it in online["targets"]) == 10


def test_what_runs_now_is_said_and_that_a_run_would_be_refused(folder: Path) -> None:
    (folder / "p.yaml").write_text(PIPELINE.replace("/quick.wbk", "/slow.wbk"), encoding="utf-8")
    with server(folder) as env:
        assert call("job", "trigger", "21", cwd=folder, env=env).code == 0
        online = asked(folder, env)
        text = call("plan", "p.yaml", "--online", cwd=folder, env=env).stdout
    assert online["active_jobs"] == 1
    assert online["would_conflict"] == ["quick"]
    assert "RUNS NOW as execution 1" in text
    assert "a run would be refused now (on_running: fail)" in text


def test_a_target_that_is_not_there_costs_the_green(folder: Path) -> None:
    (folder / "p.yaml").write_text(PIPELINE.replace("/quick.wbk", "/qick.wbk"), encoding="utf-8")
    with server(folder) as env:
        online = asked(folder, env, code=1)
        text = call("plan", "p.yaml", "--online", cwd=folder, env=env).stdout
    assert not online["can_run"]
    assert [it["reason"] for it in online["targets"] if not it["exists"]]
    assert "NOT THERE" in text


def test_a_server_that_is_away_is_exit_3(folder: Path) -> None:
    fast = PIPELINE + "http: {retry: {limit: 0}}\n"
    (folder / "p.yaml").write_text(fast, encoding="utf-8")
    env = {**LOGIN, "SPECTRUM_URL": dead_port()}
    assert call("plan", "p.yaml", "--online", cwd=folder, env=env).code == 3


def test_a_plan_without_online_asks_nobody(folder: Path) -> None:
    with stranger(hang_up) as server:
        assert call("plan", "p.yaml", cwd=folder, env={**LOGIN, "SPECTRUM_URL": server.url}).code == 0
        assert not server.seen


def test_a_drawing_has_no_place_for_answers(folder: Path) -> None:
    env = {**LOGIN, "SPECTRUM_URL": dead_port()}
    assert call("plan", "p.yaml", "--online", "--format", "dot", cwd=folder, env=env).code == 2


RUN = ("run", "p.yaml", "--local", "workspace.yaml", "--progress", "none")
PLAN = ("plan", "p.yaml", "--format", "json")
URL = {"SPECTRUM_URL": "http://spectrum.example.com"}


def planned(folder: Path, *args: str) -> None:
    ended = call(*PLAN, *args, cwd=folder, env=URL)
    assert ended.code == 0, ended.stderr
    (folder / "plan.json").write_text(ended.stdout, encoding="utf-8")


def test_a_run_as_planned_runs(folder: Path) -> None:
    planned(folder, "--only", "quick", "--local", "workspace.yaml")
    ended = call(*RUN, "--only", "quick", "--plan", "plan.json", cwd=folder)
    assert ended.code == 0, ended.stderr
    elsewhere = call("run", "./p.yaml", *RUN[2:], "--only", "quick", "--plan", "plan.json", cwd=folder)
    assert elsewhere.code == 0, "the same file by another name"


DIFFERENT = [
    pytest.param(["--var", "region=apac"], 'variables.region: "emea" -> "apac"', id="a variable"),
    pytest.param(["--only", "quick"], "jobs.new: is gone", id="a selection"),
]


@pytest.mark.parametrize(("args", "told"), DIFFERENT)
def test_a_run_that_is_not_as_planned_is_refused_and_says_why(folder: Path, args: list[str], told: str) -> None:
    planned(folder)
    ended = call(*RUN, "--plan", "plan.json", *args, cwd=folder)
    assert ended.code == 2
    assert told in ended.stderr
    assert not list((folder / ".spectrum-pipelines").glob("runs/*"))


def test_a_changed_file_is_refused(folder: Path) -> None:
    planned(folder)
    (folder / "p.yaml").write_text(PIPELINE.replace("{check: 20", "{check: 21"), encoding="utf-8")
    ended = call(*RUN, "--plan", "plan.json", cwd=folder)
    assert ended.code == 2
    assert 'jobs.gate.target: "20" -> "21"' in ended.stderr


BROKEN = [
    pytest.param("{}", "is not a plan of this version", id="no plan"),
    pytest.param("[", "is not JSON", id="no JSON"),
    pytest.param(None, "cannot be read", id="no file"),
]


@pytest.mark.parametrize(("text", "told"), BROKEN)
def test_a_plan_that_is_none_is_refused(folder: Path, text: str | None, told: str) -> None:
    if text is not None:
        (folder / "plan.json").write_text(text, encoding="utf-8")
    ended = call(*RUN, "--plan", "plan.json", cwd=folder)
    assert (ended.code, told in ended.stderr) == (2, True), ended.stderr


def test_a_plan_that_was_edited_is_refused(folder: Path) -> None:
    planned(folder)
    text = (folder / "plan.json").read_text(encoding="utf-8")
    (folder / "plan.json").write_text(text.replace('"emea"', '"apac"'), encoding="utf-8")
    ended = call(*RUN, "--plan", "plan.json", "--var", "region=apac", cwd=folder)
    assert ended.code == 2
    assert "was changed since it was written" in ended.stderr


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
INVALID = [
    pytest.param("", id="empty"),
    pytest.param(f"00-{TRACE}-00f067aa0ba902b7-01\r\nX-Evil: 1", id="a second header"),
    pytest.param(PARENT.upper(), id="capitals"),
    pytest.param(f"ff-{TRACE}-00f067aa0ba902b7-01", id="version ff"),
    pytest.param(f"00-{'0' * 32}-00f067aa0ba902b7-01", id="no trace"),
    pytest.param(f"00-{TRACE}-{'0' * 16}-01", id="no parent"),
    pytest.param("hello", id="something else"),
]


@pytest.mark.parametrize("value", INVALID)
def test_an_invalid_trace_context_is_ignored(
    value: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert trace_headers(value) == {}
    assert trace_id({"traceparent": value}) is None
    monkeypatch.setenv("TRACEPARENT", value)
    tell_of_trace()
    assert ("is ignored" in capsys.readouterr().err) is bool(value)


def test_a_trace_context_goes_with_each_request() -> None:
    seen: list[str | None] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers.get("traceparent"))
        handler.close_connection = True

    with stranger(answer) as server:
        env = {**LOGIN, "SPECTRUM_URL": server.url, "TRACEPARENT": PARENT}
        call("job", "trigger", "4", cwd=Path.cwd(), env=env)
    assert set(seen) == {PARENT}


def test_the_trace_id_stands_in_the_report(folder: Path) -> None:
    env = {"TRACEPARENT": PARENT}
    assert call(*RUN, "--only", "quick", "--report", "r.json", cwd=folder, env=env).code == 0
    assert json.loads((folder / "r.json").read_text(encoding="utf-8"))["trace_id"] == TRACE
