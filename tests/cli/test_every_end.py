"""However a command ends once its paths are known: report, JUnit, page, summary and GITHUB_OUTPUT are of this run."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from spectrum_pipelines.cli.state import group_locks
from spectrum_pipelines.errors import ExitCode
from spectrum_pipelines.local.serving import RunningServer
from spectrum_pipelines.store.folder.locks import group_lock_path, try_lock
from spectrum_pipelines.store.holder import Holder
from tests.cli.command_line import LOGIN, PATIENCE, Ended, call, dead_port, embedded, start
from tests.report.checks import assert_valid_report

WORKSPACE = """
version: 1
users: [{name: analyst, password: analyst}]
files:
  - {id: 20, path: /quick.wbk, simulate: {duration: 10ms}}
  - {id: 24, path: /slow.wbk, simulate: {duration: 1h}}
"""
TOP = "version: 1\nname: night\npoll: {min: 10ms}\nhttp: {retry: {limit: 0}}\n"
GOOD = f"{TOP}jobs: {{a: {{trigger: 20}}}}\n"
OUTPUTS = ("--report", "r.json", "--junit", "r.xml", "--html", "r.html", "--summary", "r.md")
FILES = OUTPUTS[1::2]
YESTERDAY = "yesterday's"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    workspace = tmp_path_factory.mktemp("workspace") / "workspace.yaml"
    workspace.write_text(WORKSPACE, encoding="utf-8")
    with embedded(workspace) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (*FILES, "output", "step"):
        (tmp_path / name).write_text(YESTERDAY if name in FILES else "", encoding="utf-8")
    (tmp_path / "night.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "bad.yaml").write_text(f"{TOP}jobs: {{a: {{triger: 20}}}}\n", encoding="utf-8")
    (tmp_path / "secret.yaml").write_text(f"{GOOD}variables: {{tok: {{type: string, required: true, secret: true}}}}\n")
    for behavior in ("fail", "queue"):
        (tmp_path / f"{behavior}.yaml").write_text(
            f"{GOOD}concurrency: {{group: every-end-{behavior}, behavior: {behavior}}}\n", encoding="utf-8"
        )
    (tmp_path / "slow.yaml").write_text(f"{TOP}jobs: {{a: {{trigger: 24}}}}\n", encoding="utf-8")
    (tmp_path / "plan.json").write_text('{"plan_version": 1, "pipeline": {}}', encoding="utf-8")
    return tmp_path


def environment(server: RunningServer, folder: Path) -> dict[str, str]:
    github = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(folder)}
    github |= {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "step")}
    return {**LOGIN, "SPECTRUM_URL": server.url, **github}


def assert_all_are_of(ended: Ended, folder: Path, status: str) -> None:
    """Each output is there, whole, and tells of this end."""
    report = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    assert_valid_report(report)
    assert (report["status"], report["exit_code"]) == (status, ended.code), ended.stderr
    assert report["reason"]
    for name in FILES:
        text = (folder / name).read_text(encoding="utf-8")
        assert text.strip(), name
        assert YESTERDAY not in text, name
    assert int(etree.fromstring((folder / "r.xml").read_bytes()).get("errors", "0")) + int(
        etree.fromstring((folder / "r.xml").read_bytes()).get("failures", "0")
    )
    written = (folder / "output").read_text(encoding="utf-8")
    assert f"\n{status}\n" in written, written
    shown = call("report", "r.json", cwd=folder)
    assert (shown.code, report["pipeline"]["name"] in shown.stdout) == (0, True), shown.stdout + shown.stderr


ENDS = [
    pytest.param(("run", "bad.yaml"), {}, 2, "failed", id="2: an invalid file"),
    pytest.param(("run", "night.yaml", "--var", "x"), {}, 2, "failed", id="2: a value that is none"),
    pytest.param(("run", "night.yaml", "--plan", "plan.json"), {}, 2, "failed", id="2: a plan that is none"),
    pytest.param(("run", "night.yaml", "--no-such", "x"), {}, 2, "failed", id="2: an option that is none"),
    pytest.param(("run", "night.yaml", "--progress", "loud"), {}, 2, "failed", id="2: a choice that is none"),
    pytest.param(("run", "night.yaml"), {"SPECTRUM_INSECURE": "maybe"}, 2, "failed", id="2: a bad word in a variable"),
    pytest.param(("run", "night.yaml", "night.yaml"), {}, 2, "failed", id="2: an argument too many"),
    pytest.param(("run", "night.yaml", "--wait-for-server", "10"), {}, 2, "failed", id="2: a time without unit"),
    pytest.param(("run", "night.yaml", "--run-key", " "), {}, 2, "failed", id="2: a run key that is none"),
    pytest.param(("run", "night.yaml", "--state", "ftp://x/y"), {}, 2, "failed", id="2: a store that is none"),
    pytest.param(("run", "night.yaml", "--state", "night.yaml"), {}, 2, "failed", id="2: a state that is a file"),
    pytest.param(("run", "secret.yaml"), {}, 2, "failed", id="2: a value that nobody gave"),
    pytest.param(("run", "night.yaml"), {"SPECTRUM_PASSWORD": ""}, 2, "failed", id="2: no password"),
    pytest.param(("run", "night.yaml", "--local", "bad.yaml"), {}, 2, "failed", id="2: no workspace"),
    pytest.param(("run", "night.yaml", "--server", "DEAD"), {}, 3, "failed", id="3: no server"),
    pytest.param(("run", "night.yaml"), {"SPECTRUM_PASSWORD": "x"}, 7, "failed", id="7: a refused login"),
]


@pytest.mark.parametrize(("args", "env", "code", "status"), ENDS)
def test_a_run_that_does_not_start_leaves_its_own_report(
    args: tuple[str, ...], env: dict[str, str], code: int, status: str, *, folder: Path, server: RunningServer
) -> None:
    named = [dead_port() if it == "DEAD" else it for it in args]
    ended = call(*named, *OUTPUTS, cwd=folder, env={**environment(server, folder), **env})
    assert ended.code == code, ended.stderr
    assert_all_are_of(ended, folder, status)
    assert server.executions() == []


def holder() -> Holder:
    return Holder(pid=4711, host="ci-7", run_id="20261123T150405Z-7f3a", since="2026-11-23T15:04:05.000Z")


def test_6_a_group_that_is_taken(folder: Path, server: RunningServer) -> None:
    locks = group_locks(os.environ)
    assert locks is not None
    locks.mkdir(parents=True, exist_ok=True)
    held = try_lock(group_lock_path(locks, "every-end-fail"), holder())
    assert held is not None
    with held:
        ended = call("run", "fail.yaml", *OUTPUTS, cwd=folder, env=environment(server, folder))
    assert ended.code == 6
    assert_all_are_of(ended, folder, "conflict")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["143 while queueing", "130 while queueing"]
)
def test_a_signal_while_queueing(number: int, code: int, folder: Path, server: RunningServer) -> None:
    locks = group_locks(os.environ)
    assert locks is not None
    locks.mkdir(parents=True, exist_ok=True)
    held = try_lock(group_lock_path(locks, "every-end-queue"), holder())
    assert held is not None
    with held, start("run", "queue.yaml", *OUTPUTS, cwd=folder, env=environment(server, folder)) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if "waiting for concurrency group" in line:
                break
        running.send_signal(number)
        rest = running.stderr.read()
        assert running.wait(PATIENCE) == code
    assert_all_are_of(Ended(code, "", rest), folder, "interrupted")


def test_70_a_bug_is_told_from_the_journal(
    folder: Path, server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise LookupError("an unforeseen thing")

    monkeypatch.setattr("spectrum_pipelines.runner.loop.interpret", broken)
    ended = call("run", "night.yaml", *OUTPUTS, cwd=folder, env=environment(server, folder))
    assert ended.code == 70
    assert ended.stderr.splitlines()[-2] == "bug: LookupError: an unforeseen thing"
    assert_all_are_of(ended, folder, "failed")
    report = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    assert [job["id"] for job in report["jobs"]] == ["a"]
    assert "LookupError" in report["reason"]
    (kept,) = (folder / ".spectrum-pipelines" / "runs").glob("*/report.json")
    assert json.loads(kept.read_text(encoding="utf-8")) == report


def test_a_run_that_is_busy_and_a_resume_that_is_refused(folder: Path, server: RunningServer) -> None:
    env = environment(server, folder)
    with start("run", "slow.yaml", "--run-key", "k", "--progress", "plain", cwd=folder, env=env) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if "triggered (" in line:
                break
        ended = call("run", "slow.yaml", "--run-key", "k", *OUTPUTS, cwd=folder, env=env)
        assert ended.code == 6
        assert_all_are_of(ended, folder, "conflict")
        (run,) = (folder / ".spectrum-pipelines" / "runs").iterdir()
        running.send_signal(signal.SIGTERM)
        threading.Thread(target=running.stderr.read, daemon=True).start()
        assert running.wait(PATIENCE) == ExitCode.TERMINATED
    (folder / "slow.yaml").write_text(f"{TOP}jobs: {{a: {{trigger: 20}}}}\n", encoding="utf-8")
    for name in FILES:
        (folder / name).write_text(YESTERDAY, encoding="utf-8")
    ended = call("resume", run.name, *OUTPUTS, cwd=folder, env=env)
    assert ended.code == 2
    report = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    assert (report["run_id"], report["exit_code"], len(report["jobs"])) == (run.name, 2, 1)
    assert "is not the pipeline" in report["reason"]
    ended = call("resume", "20261123T150405Z-7f3a", *OUTPUTS, cwd=folder, env=env)
    assert ended.code == 2
    report = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    assert_valid_report(report)
    assert (report["run_id"], report["jobs"]) == ("20261123T150405Z-7f3a", [])


def test_the_report_on_stdout_is_there_too(folder: Path, server: RunningServer) -> None:
    ended = call("run", "bad.yaml", "--report", "-", cwd=folder, env=environment(server, folder))
    assert ended.code == 2
    report = json.loads(ended.stdout)
    assert_valid_report(report)
    assert "bad.yaml:5:" in report["reason"]
