"""Fault 27: SIGINT, SIGTERM and SIGHUP before, during and after the POST, and what `resume` makes of it."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from spectrum_pipelines.cli.state import group_locks
from spectrum_pipelines.store.folder.locks import group_lock_path, try_lock
from spectrum_pipelines.store.holder import Holder
from tests.faults import misbehaviour as mis
from tests.faults.checks import assert_no_secret
from tests.faults.conftest import Begin, Serve
from tests.faults.processes import Ended, Zygote, arguments_of_run
from tests.faults.project import Project, environment
from tests.faults.spectrum_server import ENDLESS, QUICK, Exchange, File, SpectrumServer, honest

COMMAND = [str(Path(sys.executable).with_name("spectrum-pipelines"))]
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 143}
SIGNALS = pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)


@pytest.fixture
def slow(serve: Serve) -> SpectrumServer:
    """A server whose job does not end by itself at the first time."""
    return serve(File(id=48, path="/Data/orders.imp", timelines=[ENDLESS, QUICK]))


def interrupted(ended: Ended, number: signal.Signals) -> None:
    """What is said and kept in each case."""
    assert ended.code == CODES[number], ended.outcome.stderr
    assert ended.outcome.report is not None
    assert ended.outcome.report["status"] == "interrupted"
    assert ended.outcome.report["exit_code"] == CODES[number]
    assert f"spectrum-pipelines resume {ended.outcome.run_id}" in ended.outcome.stderr


@SIGNALS
def test_fault_27_a_signal_before_the_post(
    slow: SpectrumServer, begin: Begin, zygote: Zygote, number: signal.Signals
) -> None:
    project = begin(slow)
    opened = threading.Event()
    slow.misbehave("status", mis.when(opened))
    child = zygote.start(project, *arguments_of_run(project))
    slow.until_asked("status")
    began = time.monotonic()
    child.signal(number)
    ended = child.wait()
    assert time.monotonic() - began < 5
    opened.set()
    interrupted(ended, number)
    assert slow.started() == {}
    slow.files[48].timelines = [QUICK]
    assert zygote.run(project).code == 0
    assert slow.started() == {48: 1}


@SIGNALS
def test_fault_27_a_signal_during_the_post_waits_for_the_id(
    slow: SpectrumServer, begin: Begin, zygote: Zygote, number: signal.Signals
) -> None:
    project = begin(slow)
    project.pipeline(http={"read_timeout": "5s", "connect_timeout": "1s"}, jobs={"load": {"trigger": 48}})
    opened = threading.Event()
    slow.misbehave("trigger", mis.handled_at_once_answered_when(opened))
    child = zygote.start(project, *arguments_of_run(project))
    slow.until_asked("trigger")
    child.signal(number)
    threading.Timer(0.3, opened.set).start()
    ended = child.wait()
    assert ended.outcome.seconds < 5
    interrupted(ended, number)
    (execution,) = ended.outcome.job()["executions"]
    assert execution["execution_id"] == 11
    assert slow.word_of(11) == "CANCELED"
    again = zygote.resume(project, ended)
    assert again.code == 0, again.outcome.stderr
    assert slow.started() == {48: 2}


def test_fault_27_a_signal_during_a_post_that_is_never_answered(
    slow: SpectrumServer, begin: Begin, zygote: Zygote
) -> None:
    project = begin(slow)
    project.pipeline(http={"read_timeout": "10s", "connect_timeout": "1s"}, jobs={"load": {"trigger": 48}})
    slow.files[48].timelines = [QUICK]
    opened = threading.Event()
    slow.misbehave("trigger", mis.handled_at_once_answered_when(opened))
    child = zygote.start(project, *arguments_of_run(project))
    slow.until_asked("trigger")
    child.signal(signal.SIGTERM)
    ended = child.wait()
    opened.set()
    assert ended.outcome.seconds < 5
    interrupted(ended, signal.SIGTERM)
    again = zygote.resume(project, ended)
    assert again.code == 0, again.outcome.stderr
    assert again.outcome.job()["executions"][0]["adopted_by"] == "reconciled"
    assert slow.started() == {48: 1}


@SIGNALS
@pytest.mark.parametrize("on_abort", ["stop", "detach"])
def test_fault_27_a_signal_after_the_post_stops_or_leaves_what_runs(
    slow: SpectrumServer, begin: Begin, zygote: Zygote, number: signal.Signals, on_abort: str
) -> None:
    project = begin(slow)
    project.pipeline(on_abort=on_abort, jobs={"load": {"trigger": 48}, "more": {"trigger": 48, "needs": ["load"]}})
    child = zygote.start(project, *arguments_of_run(project))
    slow.until_asked("status", 3)
    child.signal(number)
    ended = child.wait()
    assert ended.outcome.seconds < 5
    interrupted(ended, number)
    assert ended.outcome.job()["execution_id"] == 11
    assert slow.word_of(11) == ("CANCELED" if on_abort == "stop" else "RUNNING")
    assert len(slow.requests("stop")) == (on_abort == "stop")
    assert ended.outcome.job("more")["executions"] == []
    if on_abort == "detach":
        assert "11" in ended.outcome.stderr
        slow.executions[0].become("COMPLETED")
    again = zygote.resume(project, ended)
    assert again.code == 0, again.outcome.stderr
    assert slow.started() == {48: 3 if on_abort == "stop" else 2}


def test_fault_27_an_abort_ends_in_time_when_the_server_says_nothing(
    slow: SpectrumServer, begin: Begin, zygote: Zygote
) -> None:
    project = begin(slow)
    project.pipeline(http={"read_timeout": "20s", "connect_timeout": "1s"}, jobs={"load": {"trigger": 48}})
    child = zygote.start(project, *arguments_of_run(project))
    slow.until_asked("status", 3)
    for operation in ("status", "list", "stop", "details"):
        slow.always(operation, mis.silence)
    child.signal(signal.SIGTERM)
    ended = child.wait()
    assert ended.outcome.seconds < 6
    interrupted(ended, signal.SIGTERM)
    assert ended.outcome.job()["execution_id"] == 11
    for operation in ("status", "list", "stop", "details"):
        slow.always(operation, None)
    slow.executions[0].become("COMPLETED")
    assert zygote.resume(project, ended).code == 0
    assert slow.started() == {48: 1}


def test_fault_27_a_second_signal_ends_it_at_once(slow: SpectrumServer, begin: Begin, zygote: Zygote) -> None:
    project = begin(slow)
    slow.always("stop", mis.silence)
    child = zygote.start(project, *arguments_of_run(project))
    slow.until_asked("status", 3)
    child.signal(signal.SIGTERM)
    slow.until_asked("stop")
    began = time.monotonic()
    child.signal(signal.SIGINT)
    ended = child.wait()
    assert time.monotonic() - began < 3
    assert ended.code == 130
    told = re.findall(r"^(interrupted|next): (.*)$", ended.outcome.stderr, re.MULTILINE)
    assert [kind for kind, _ in told] == ["interrupted", "next"]
    assert told[1][1].startswith(f"spectrum-pipelines resume {ended.outcome.run_id} --state ")
    slow.always("stop", None)
    slow.executions[0].become("COMPLETED")
    assert zygote.resume(project, ended).code == 0
    assert slow.started() == {48: 1}


def test_fault_27_a_signal_while_waiting_for_the_group(slow: SpectrumServer, begin: Begin, zygote: Zygote) -> None:
    project = begin(slow)
    project.pipeline(concurrency={"group": "nightly"}, jobs={"load": {"trigger": 48}})
    locks = group_locks(os.environ)
    assert locks is not None
    locks.mkdir(parents=True, exist_ok=True)
    holder = Holder(pid=4711, host="ci-7", run_id="20261123T150405Z-7f3a", since="2026-11-23T15:04:05.000Z")
    held = try_lock(group_lock_path(locks, "nightly"), holder)
    assert held is not None
    with held:
        child = zygote.start(project, *arguments_of_run(project))
        wait_for_text(project.folder.parent / "streams" / "stderr", "waiting for concurrency group `nightly`")
        child.signal(signal.SIGINT)
        ended = child.wait()
    assert ended.code == 130
    assert "nothing was triggered" in ended.outcome.stderr
    assert "20261123T150405Z-7f3a" in ended.outcome.stderr
    assert slow.seen == []


def wait_for_text(path: Path, text: str) -> None:
    ends = time.monotonic() + 10
    while text not in (path.read_text("utf-8") if path.exists() else ""):
        assert time.monotonic() < ends, path.read_text("utf-8")
        threading.Event().wait(0.01)


def test_fault_27_nohup_means_it(slow: SpectrumServer, begin: Begin) -> None:
    project = begin(slow)
    with subprocess.Popen(
        ["nohup", *COMMAND, *arguments_of_run(project)],
        cwd=project.folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        slow.until_asked("status", 3)
        process.send_signal(signal.SIGHUP)
        asked = len(slow.requests("status"))
        slow.until_asked("status", asked + 3)
        slow.executions[0].become("COMPLETED")
        stdout, stderr = process.communicate(timeout=10)
    assert process.returncode == 0, stderr
    assert stdout == b""


def test_fault_27_ctrl_c_on_a_terminal(slow: SpectrumServer, begin: Begin) -> None:
    """The terminal signals the whole process group, and gets its line and cursor back."""
    project = begin(slow)
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(project.folder)
        os.execve(COMMAND[0], [COMMAND[0], *arguments_of_run(project)], environment(TERM="xterm"))
    slow.until_asked("status", 4)
    os.write(terminal, b"\x03")
    said = b""
    while select.select([terminal], [], [], 10)[0]:
        try:
            said += os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 130, said.decode()
    assert slow.word_of(11) == "CANCELED"
    assert b"spectrum-pipelines resume" in said
    if b"\x1b[?25l" in said:
        assert said.rindex(b"\x1b[?25h") > said.rindex(b"\x1b[?25l")
    (shown := project.folder.parent / "terminal").write_bytes(said)
    assert_no_secret([project.folder, shown], None)


def test_fault_27_a_failing_finally_job_is_not_started_by_an_abort(
    slow: SpectrumServer, begin: Begin, zygote: Zygote
) -> None:
    """An abort has five seconds: it stops what runs and starts nothing more."""
    project = begin(slow)
    project.pipeline(jobs={"load": {"trigger": 48}}, **{"finally": {"tidy": {"trigger": 48}}})
    child = zygote.start(project, *arguments_of_run(project))
    slow.until_asked("status", 3)
    child.signal(signal.SIGTERM)
    ended = child.wait()
    interrupted(ended, signal.SIGTERM)
    assert slow.started() == {48: 1}


def test_fault_27_a_signal_in_the_last_moment_does_not_hide_the_verdict(
    server: SpectrumServer, project: Project, zygote: Zygote
) -> None:
    """The end was seen already when the signal came: stopping would be too late, and the execution says how it ended."""
    pid: list[int] = []

    def signals_then_answers(exchange: Exchange) -> bool:
        os.kill(pid[0], signal.SIGTERM)
        return honest(exchange)

    server.misbehave("details", signals_then_answers)
    child = zygote.start(project, *arguments_of_run(project))
    pid.append(child.pid)
    ended = child.wait()
    assert ended.code == 143
    assert ended.outcome.job()["job_status"] == "COMPLETED"
    again = zygote.resume(project, ended)
    assert again.code == 0
    assert server.started() == {48: 1}
