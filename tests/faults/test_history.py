"""Faults 29 to 34: disks, journals, groups and run keys, timeouts and siblings."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spectrum_pipelines.cli.state import group_locks
from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.store.folder.locks import group_lock_path, try_lock
from spectrum_pipelines.store.holder import Holder
from tests.faults import misbehaviour as mis
from tests.faults.checks import assert_no_secret
from tests.faults.conftest import Begin, Serve
from tests.faults.processes import Sabotage, Zygote, arguments_of_run
from tests.faults.project import Project, environment
from tests.faults.spectrum_server import (
    AT_ONCE,
    ENDLESS,
    FAILS,
    QUICK,
    WAITS_FOR_EVER,
    Exchange,
    File,
    SpectrumServer,
    honest,
)
from tests.patience import be_impatient
from tests.report.checks import assert_valid_report

COMMAND = str(Path(sys.executable).with_name("spectrum-pipelines"))


# Fault 29: what can be found before the first trigger is


USELESS = [
    ("--report", "no-such-folder/out.json", "mkdir -p"),
    ("--report", ".", "is a folder"),
    ("--report", "/dev/full", "not a regular file"),
    ("--junit", "no-such-folder/out.xml", "mkdir -p"),
    ("--html", "no-such-folder/out.html", "mkdir -p"),
    ("--summary", "no-such-folder/out.md", "mkdir -p"),
    ("--state-dir", "/dev/null/state", "--state"),
    ("--state-dir", "/proc/state", "--state"),
]


@pytest.mark.parametrize(("option", "value", "told"), USELESS)
def test_fault_29_a_useless_path_is_found_before_anything_is_triggered(
    project: Project, server: SpectrumServer, option: str, value: str, told: str
) -> None:
    outcome = project.run(option, value)
    assert outcome.code == 2, outcome.stderr
    assert told in outcome.stderr
    assert server.seen == []


def test_fault_29_a_report_whose_folder_goes_away_is_told_on_stderr(project: Project, server: SpectrumServer) -> None:
    (folder := project.folder / "out").mkdir()

    def removes_the_folder(exchange: Exchange) -> bool:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
        return honest(exchange)

    server.misbehave("details", removes_the_folder)
    outcome = project.run("--report", "out/report.json")
    assert outcome.code == 1
    assert "the report could not be written" in outcome.stderr
    assert server.started() == {48: 1}


def test_fault_29_a_full_disk_behind_stdout(project: Project, server: SpectrumServer) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [COMMAND, *arguments_of_run(project, "--report", "-")],
            cwd=project.folder,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=15,
            check=False,
        )
    assert ended.returncode == 1, ended.stderr
    assert "no space left" in ended.stderr.lower()
    assert server.started() == {48: 1}


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_fault_29_a_reader_that_leaves_changes_nothing_of_the_run(
    project: Project, server: SpectrumServer, stream: str
) -> None:
    """`| head -1`: whoever read has left, the run goes on and ends as it would have."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        ended = subprocess.run(
            [COMMAND, *arguments_of_run(project, "--report", "-")],
            cwd=project.folder,
            env=environment(),
            stdout=gone if stream == "stdout" else subprocess.DEVNULL,
            stderr=gone if stream == "stderr" else subprocess.DEVNULL,
            timeout=15,
            check=False,
        )
    assert ended.returncode == 0
    (report,) = project.state.glob("runs/*/report.json")
    read = json.loads(report.read_text())
    assert_valid_report(read)
    assert read["status"] == "succeeded"
    assert server.started() == {48: 1}
    assert_no_secret([project.folder], None)


# Fault 30: journals


def killed(project: Project, zygote: Zygote, *, nth: int = 4) -> Path:
    """The journal of a run that was killed in the middle."""
    ended = zygote.run(project, sabotage=Sabotage(operation="journal_append", nth=nth, how="kill_after"))
    assert ended.code == -9
    (journal,) = project.state.glob("runs/*/journal.jsonl")
    return journal


TORN: dict[str, Callable[[bytes], bytes]] = {
    "half_a_line": lambda data: data + b'{"seq": 99, "at": 1.0, "event": "trig',
    "nul_bytes": lambda data: data + b"\0" * 512,
    "a_cut_last_line": lambda data: data[:-7],
}


@pytest.mark.parametrize("tear", TORN.values(), ids=TORN)
def test_fault_30_a_torn_last_line_is_dropped(
    project: Project, server: SpectrumServer, zygote: Zygote, tear: Callable[[bytes], bytes]
) -> None:
    journal = killed(project, zygote)
    journal.write_bytes(tear(journal.read_bytes()))
    again = zygote.run(project)
    assert again.code == 0, again.outcome.stderr
    assert server.started() == {48: 1}


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "a_line_in_the_middle_is_torn": lambda data: data.replace(b'"event"', b'"eve', 1),
    "a_line_is_missing": lambda data: b"".join(line for n, line in enumerate(data.splitlines(keepends=True)) if n != 1),
    "a_line_is_twice": lambda data: data + data.splitlines(keepends=True)[-1],
    "an_unheard_event": lambda data: data.replace(b"preflight_passed", b"preflight_failed_not"),
    "another_run": lambda data: data.replace(b'"run_id": "2', b'"run_id": "1').replace(b'"run_id":"2', b'"run_id":"1'),
    "empty": lambda _: b"",
    "pickled": lambda _: b"\x80\x04\x95cos\nsystem\n",
    "deep": lambda data: b"[" * 100_000 + b"\n" + data,
    "a_job_that_is_not_there": lambda data: data.replace(b'"load"', b'"lead"'),
}


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN)
def test_fault_55_a_damaged_or_poisoned_journal_is_refused_and_nothing_is_triggered(
    project: Project, server: SpectrumServer, zygote: Zygote, damage: Callable[[bytes], bytes]
) -> None:
    journal = killed(project, zygote)
    asked = len(server.seen)
    before = damage(journal.read_bytes())
    journal.write_bytes(before)
    ended = subprocess_free_resume(project, journal.parent.name)
    assert ended[0] == 2, ended
    assert "hint:" in ended[1]
    assert len(server.seen) == asked
    assert journal.read_bytes() == before


def subprocess_free_resume(project: Project, run_id: str) -> tuple[int, str]:
    """`resume` in this process, without the checkers: what they would read is broken on purpose."""
    from spectrum_pipelines.cli.main import run  # noqa: PLC0415 - as `project` does

    assert project.url is not None
    project._capture.readouterr()
    code = run(["resume", run_id, "--state-dir", str(project.state), "--server", project.url])
    return code, project._capture.readouterr().err


def test_fault_30_a_journal_of_another_pipeline_is_refused(
    project: Project, server: SpectrumServer, zygote: Zygote
) -> None:
    journal = killed(project, zygote)
    project.jobs(load={"trigger": 48}, more={"trigger": 48, "needs": ["load"]})
    asked = len(server.seen)
    outcome = project.resume(journal.parent.name)
    assert outcome.code == 2
    assert "is not the pipeline that run" in outcome.stderr
    assert '+  "more"' in outcome.stderr
    again = project.run("--run-key", "night of 2026-11-22")
    assert again.code == 2
    assert len(server.seen) == asked


@pytest.mark.parametrize("name", ["pipeline.yaml", "plan.json", "report.json"])
@pytest.mark.parametrize("content", [b"", b"\x80\x04\x95", b"[" * 100_000, b'{"a": "::error::x\x1b[2J"}'])
def test_fault_55_poisoned_files_beside_a_journal_are_data(
    project: Project, zygote: Zygote, name: str, content: bytes
) -> None:
    journal = killed(project, zygote)
    (journal.parent / name).write_bytes(content)
    code, told = subprocess_free_resume(project, journal.parent.name)
    assert code == (2 if name == "pipeline.yaml" else 0), told
    assert "\x1b" not in told


@pytest.mark.parametrize("target", ["journal.jsonl", "pipeline.yaml"])
def test_fault_55_links_out_of_the_state_directory_are_not_followed(
    project: Project, server: SpectrumServer, zygote: Zygote, target: str
) -> None:
    journal = killed(project, zygote)
    asked = len(server.seen)
    real = journal.with_name(target)
    elsewhere = project.folder.parent / "elsewhere"
    real.rename(elsewhere)
    real.symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    code, told = subprocess_free_resume(project, journal.parent.name)
    assert code == 2, told
    assert elsewhere.read_bytes() == before
    assert len(server.seen) == asked


# Fault 31: groups


def grouped(project: Project, behavior: str) -> Path:
    return project.pipeline(concurrency={"group": "nightly", "behavior": behavior}, jobs={"load": {"trigger": 48}})


HOLDER = Holder(pid=4711, host="ci-7", run_id="20261123T150405Z-7f3a", since="2026-11-23T15:04:05.000Z")


def locks_of_groups() -> Path:
    folder = group_locks(os.environ)
    assert folder is not None
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_fault_31_a_group_that_is_held_and_the_holder_named(project: Project, server: SpectrumServer) -> None:
    grouped(project, "fail")
    held = try_lock(group_lock_path(locks_of_groups(), "nightly"), HOLDER)
    assert held is not None
    with held:
        outcome = project.run()
    assert outcome.code == 6
    assert "20261123T150405Z-7f3a (process 4711 on ci-7" in outcome.stderr
    assert server.seen == []
    assert project.run().code == 0


def test_fault_31_a_group_queues(project: Project, server: SpectrumServer) -> None:
    grouped(project, "queue")
    held = try_lock(group_lock_path(locks_of_groups(), "nightly"), HOLDER)
    assert held is not None
    timer = threading.Timer(0.3, held.release)
    timer.start()
    outcome = project.run()
    timer.join()
    assert outcome.code == 0
    assert "waiting for concurrency group `nightly`" in outcome.stderr
    assert server.started() == {48: 1}


def test_fault_31_a_queue_ends(project: Project, server: SpectrumServer) -> None:
    concurrency = {"group": "nightly", "timeout": "200ms"}
    project.pipeline(concurrency=concurrency, jobs={"load": {"trigger": 48}})
    held = try_lock(group_lock_path(locks_of_groups(), "nightly"), HOLDER)
    assert held is not None
    with held:
        outcome = project.run()
    assert outcome.code == 6
    assert "was not let go within" in outcome.stderr
    assert server.seen == []


def test_fault_31_two_runs_of_one_group_at_once(project: Project, server: SpectrumServer, zygote: Zygote) -> None:
    grouped(project, "fail")
    server.files[48].timelines = [ENDLESS, QUICK]
    first = zygote.start(project, *arguments_of_run(project))
    server.until_asked("status", 3)
    # In this process: a second one at the same time.
    code, told = second_run(project)
    assert code == 6, told
    assert "is held by run" in told
    server.executions[0].become("COMPLETED")
    assert first.wait().code == 0
    assert server.started() == {48: 1}


def second_run(project: Project, *more: str) -> tuple[int, str]:
    from spectrum_pipelines.cli.main import run  # noqa: PLC0415 - as `project` does

    assert project.url is not None
    project._capture.readouterr()
    code = run(["run", str(project.file), "--state-dir", str(project.state), "--server", project.url, *more])
    return code, project._capture.readouterr().err


# Fault 32: run keys


def test_fault_32_the_same_key_again_gives_the_same_answer_and_triggers_nothing(
    project: Project, server: SpectrumServer
) -> None:
    first = project.run("--run-key", "sha-1", "--report", "a.json")
    second = project.run("--run-key", "sha-1", "--report", "b.json")
    assert (first.code, second.code) == (0, 0)
    assert first.run_id == second.run_id
    assert server.started() == {48: 1}
    reports = [json.loads((project.folder / name).read_text()) for name in ("a.json", "b.json")]
    ends = [[(job["id"], job["status"], job["executions"]) for job in report["jobs"]] for report in reports]
    assert [job[:2] for job in ends[0]] == [job[:2] for job in ends[1]] == [("load", "succeeded")]
    assert reports[0]["http"] == reports[1]["http"]
    assert project.run("--run-key", "sha-2").run_id != first.run_id
    assert server.started() == {48: 2}


def test_fault_32_a_failed_run_stays_failed_under_its_key(serve: Serve, begin: Begin) -> None:
    server = serve(File(id=48, path="/x", timelines=[FAILS, QUICK]))
    project = begin(server)
    assert project.run("--run-key", "sha-1").code == 1
    assert project.run("--run-key", "sha-1").code == 1
    assert server.started() == {48: 1}


@pytest.mark.parametrize("code", [2, 3, 6])
def test_fault_32_a_run_that_triggered_nothing_leaves_its_key_free(
    project: Project, server: SpectrumServer, code: int
) -> None:
    if code == 2:
        server.misbehave("status", mis.says({"status": "failure", "reason": "no such file"}, 404))
    elif code == 3:
        server.misbehave("status", *[mis.code(502)] * 4)
    else:
        theirs = server.start(48, ENDLESS)
    assert project.run("--run-key", "sha-1").code == code
    if code == 6:
        theirs.become("COMPLETED")
    assert project.run("--run-key", "sha-1").code == 0
    assert server.started() == {48: 1}


def test_fault_32_the_same_key_while_its_run_goes_on(project: Project, server: SpectrumServer, zygote: Zygote) -> None:
    server.files[48].timelines = [ENDLESS]
    first = zygote.start(project, *arguments_of_run(project))
    server.until_asked("status", 3)
    code, told = second_run(project, "--run-key", "night of 2026-11-22")
    assert code == 6, told
    assert f"process {first.pid}" in told
    server.executions[0].become("COMPLETED")
    assert first.wait().code == 0
    assert server.started() == {48: 1}


# Fault 33: timeouts


TIMEOUTS: list[Any] = [
    pytest.param({"timeout": "200ms"}, (ENDLESS, "stopped and confirmed", "CANCELED"), id="stop"),
    pytest.param({"timeout": "200ms", "on_timeout": "leave"}, (ENDLESS, "was left running", "RUNNING"), id="leave"),
    pytest.param({"queue_timeout": "200ms"}, (WAITS_FOR_EVER, "queue_timeout of 200ms", "CANCELED"), id="queue"),
]


@pytest.mark.parametrize(("policy", "end"), TIMEOUTS)
def test_fault_33_a_timeout_stops_or_leaves_and_says_which(
    project: Project, server: SpectrumServer, policy: dict[str, str], end: tuple[Any, str, str]
) -> None:
    timeline, told, word = end
    server.files[48].timelines = [timeline]
    project.jobs(load={"trigger": 48, **policy})
    outcome = project.run()
    assert outcome.code == 4
    assert outcome.job()["status"] == "timed_out"
    assert told in outcome.job()["reason"]
    assert "execution 11" in outcome.stderr
    assert server.word_of(11) == word


def test_fault_33_a_stop_that_is_not_confirmed_is_told(
    serve: Serve, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_impatient(monkeypatch, stop_grace=0.4)
    server = serve(File(id=48, path="/x", timelines=[ENDLESS, QUICK]))
    server.always("stop", mis.code(200))
    project = begin(server)
    retry = {"limit": 2, "interval": "20ms", "when": ["timed_out"]}
    project.jobs(load={"trigger": 48, "timeout": "100ms", "retry": retry})
    outcome = project.run()
    assert outcome.code == 4
    assert outcome.job()["cause"] == "stop_unconfirmed"
    assert "execution 11 may still run" in outcome.stderr
    assert server.started() == {48: 1}


def test_fault_33_a_confirmed_stop_may_be_followed_by_a_retry(serve: Serve, begin: Begin) -> None:
    server = serve(File(id=48, path="/x", timelines=[ENDLESS, QUICK]))
    project = begin(server)
    retry = {"limit": 1, "interval": "20ms", "when": ["timed_out"]}
    project.jobs(load={"trigger": 48, "timeout": "300ms", "retry": retry})
    outcome = project.run()
    assert outcome.code == 0
    assert [one["job_status"] for one in outcome.job()["executions"]] == ["CANCELED", "COMPLETED"]


def test_fault_33_a_stop_never_hits_somebody_elses_run(serve: Serve, begin: Begin) -> None:
    """Ours waits behind theirs: a stop of the file would hit theirs."""
    server = serve(File(id=48, path="/x", timelines=[ENDLESS, WAITS_FOR_EVER]))
    project = begin(server)
    project.jobs(load={"trigger": 48, "timeout": "150ms", "on_timeout": "stop"})

    def theirs_first(exchange: Exchange) -> bool:
        server.start(48, ENDLESS)
        return honest(exchange)

    server.misbehave("trigger", theirs_first)
    with pytest.MonkeyPatch.context() as patch:
        be_impatient(patch, stop_grace=0.5)
        outcome = project.run()
    assert outcome.code == 4
    assert server.requests("stop") == []
    assert server.word_of(11) == "RUNNING"
    assert "execution 11, which is not ours, runs there now" in outcome.stderr


def test_fault_33_the_pipelines_own_timeout(serve: Serve, begin: Begin) -> None:
    server = serve(File(id=48, path="/x", timelines=[ENDLESS]), File(id=49, path="/y", timelines=[AT_ONCE]))
    project = begin(server)
    project.pipeline(
        timeouts={"pipeline": "300ms", "finally": "5s"},
        jobs={"load": {"trigger": 48}, "more": {"trigger": 48, "needs": ["load"]}},
        **{"finally": {"tidy": {"trigger": 49}}},
    )
    outcome = project.run()
    assert outcome.code == 4
    assert outcome.job("more")["status"] == "skipped"
    assert outcome.job("tidy")["status"] == "succeeded"
    assert server.word_of(11) == "CANCELED"


# Fault 34: siblings


@pytest.mark.parametrize("fail_fast", [True, False])
def test_fault_34_one_job_fails_and_nothing_that_runs_is_forgotten(serve: Serve, begin: Begin, fail_fast: bool) -> None:
    slow = ((0.0, "RUNNING"), (0.4, "COMPLETED"))
    server = serve(
        File(id=48, path="/bad", timelines=[FAILS]),
        File(id=49, path="/slow", timelines=[slow]),
        File(id=50, path="/later", timelines=[AT_ONCE]),
    )
    project = begin(server)
    project.pipeline(
        fail_fast=fail_fast,
        jobs={
            "bad": {"trigger": 48},
            "slow": {"trigger": 49},
            "later": {"trigger": 50, "needs": ["slow"]},
            "behind": {"trigger": 50, "needs": ["bad"]},
            "alarm": {"trigger": 50, "needs": ["bad"], "run_if": "any_failed"},
        },
        **{"finally": {"tidy": {"check": 49}}},
    )
    outcome = project.run()
    assert outcome.code == 1
    found = {name: outcome.job(name)["status"] for name in ("bad", "slow", "later", "behind", "alarm", "tidy")}
    later = "skipped" if fail_fast else "succeeded"
    assert found == {
        "bad": "failed",
        "slow": "succeeded",
        "later": later,
        "behind": "skipped",
        "alarm": "succeeded",
        "tidy": "succeeded",
    }
    assert not any(one.is_active for one in server.executions)
    assert outcome.events(ev.JobSkipped)
