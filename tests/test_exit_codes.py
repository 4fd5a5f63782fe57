"""The exit codes are a contract with CI: each one as the command line gives it."""

import json
import signal
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from spectrum_pipelines.cli.commands import schema
from spectrum_pipelines.errors import ExitCode
from tests.cli.command_line import LOGIN, PATIENCE, Ended, call, dead_port, embedded, hang_up, start, stranger

WORKSPACE = """
version: 1
users: [{name: analyst, password: analyst}]
files:
  - {id: 20, path: /quick.wbk, simulate: {}}
  - {id: 23, path: /fails.wbk, simulate: {outcomes: [ERROR]}}
  - {id: 24, path: /slow.wbk, simulate: {duration: 1h}}
"""
PIPELINE = """
version: 1
name: one
poll: {{min: 10ms}}
http: {{retry: {{limit: 0}}}}
defaults: {{timeout: 5m, ambiguous_grace: 100ms}}
jobs: {{one: {{{job}}}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[str]:
    with embedded(folder / "workspace.yaml") as running:
        yield running.url


def written(folder: Path, job: str) -> Path:
    path = folder / "one.yaml"
    path.write_text(PIPELINE.format(job=job), encoding="utf-8")
    return path


def run(folder: Path, job: str, url: str, **more: str) -> Ended:
    written(folder, job)
    return call("run", "one.yaml", "--progress", "none", cwd=folder, env={"SPECTRUM_URL": url, **LOGIN, **more})


def test_the_table_is_complete() -> None:
    assert sorted(ExitCode) == [0, 1, 2, 3, 4, 5, 6, 7, 70, 130, 143]


@pytest.mark.parametrize(
    ("code", "job"),
    [
        pytest.param(0, "trigger: 20", id="0: every required job succeeded"),
        pytest.param(0, "trigger: 23, allow_failure: true", id="0: a failure that is allowed"),
        pytest.param(1, "trigger: 23", id="1: a job failed"),
        pytest.param(1, "trigger: 20, expect: {success_count: {min: 1}}", id="1: a gate failed"),
        pytest.param(2, "trigger: 20, needs: [two]", id="2: an invalid pipeline"),
        pytest.param(2, "trigger: '${env.NOT_SET}'", id="2: a value that nobody gave"),
        pytest.param(4, "trigger: 24, timeout: 50ms", id="4: timed out"),
    ],
)
def test_a_run_ends_as_its_job(code: int, job: str, folder: Path, server: str) -> None:
    ended = run(folder, job, server)
    assert ended.code == code, ended.stderr


def test_1_is_a_finding(folder: Path) -> None:
    written(folder, "triger: 20")
    assert call("validate", "one.yaml", cwd=folder).code == 1


def test_2_is_usage(folder: Path) -> None:
    assert call("run", cwd=folder).code == 2
    assert call("run", "one.yaml", "--no-such-option", cwd=folder).code == 2
    assert call("run", "missing.yaml", cwd=folder).code == 2


def test_3_is_an_unreachable_server(folder: Path) -> None:
    assert run(folder, "trigger: 20", dead_port()).code == 3


def test_7_is_a_refused_login(folder: Path, server: str) -> None:
    ended = run(folder, "trigger: 20", server, SPECTRUM_PASSWORD="wrong")
    assert ended.code == 7


def loses_triggers(handler: BaseHTTPRequestHandler) -> None:
    if handler.command == "POST":
        return hang_up(handler)
    answer = [] if handler.path.endswith("list-running") else {"status": "success", "job-status": "_NONE"}
    body = json.dumps(answer).encode()
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
    return None


def test_5_is_a_trigger_in_doubt_sent_once(folder: Path) -> None:
    with stranger(loses_triggers) as losing:
        ended = run(folder, "trigger: 20", losing.url)
        assert ended.code == 5, ended.stderr
        assert losing.seen.count("POST /api/job-execution/20/trigger") == 1


def test_6_is_a_job_that_runs_already(folder: Path, server: str) -> None:
    assert call("job", "trigger", "24", cwd=folder, env={"SPECTRUM_URL": server, **LOGIN}).code == 0
    assert run(folder, "trigger: 24", server).code == 6


def test_70_is_a_bug_in_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> int:
        raise LookupError("an unforeseen thing")

    monkeypatch.setattr(schema.command, "callback", broken)
    ended = call("schema", "pipeline", cwd=folder)
    assert ended.code == 70
    assert ended.stderr.splitlines()[0] == "bug: LookupError: an unforeseen thing"
    ended = call("--debug", "schema", "pipeline", cwd=folder)
    assert ended.code == 70
    assert ended.stderr.startswith("Traceback ")
    assert ended.stderr.splitlines()[-1] == "bug: LookupError: an unforeseen thing"


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)],
    ids=lambda it: it.name if isinstance(it, signal.Signals) else "",
)
def test_130_and_143_are_signals(number: signal.Signals, code: int, folder: Path, server: str) -> None:
    written(folder, "trigger: 24")
    env = {"SPECTRUM_URL": server, **LOGIN}
    with start("run", "one.yaml", "--progress", "plain", cwd=folder, env=env) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if "triggered" in line:
                break
        running.send_signal(number)
        assert "resume" in running.stderr.read()
        assert running.wait(PATIENCE) == code
