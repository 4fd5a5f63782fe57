import io
from collections.abc import Callable

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import AdoptedBy, Cause, JobStatus
from spectrum_pipelines.engine.sightings import ExecutionSeen
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.progress.base import Lines, NoProgress, Progress
from spectrum_pipelines.progress.plain import HEARTBEAT, PlainProgress
from spectrum_pipelines.spectrum import ExecutionId
from tests.report.runs import (
    RUN_ID,
    RUNS,
    SECRET,
    Run,
    begun,
    changed,
    ended,
    failed_run,
    finished,
    intended,
    interrupted_run,
    job,
    pipeline,
    running_run,
    sales_pipeline,
    started,
    succeeded_run,
    triggered,
    unfit_run,
    unknown_run,
)


def told(make: Callable[..., Run], **more: bool) -> list[str]:
    stream = io.StringIO()
    make(PlainProgress(stream, **more))
    return stream.getvalue().splitlines()


def test_a_succeeded_run_line_by_line() -> None:
    assert told(succeeded_run) == [
        f"15:04:05Z run {RUN_ID} of nightly-sales: 6 jobs on http://127.0.0.1:8080",
        "15:04:05Z pre-flight passed: 5 targets",
        "15:04:05Z orders: triggered (execution 11)",
        "15:04:05Z customers: triggered (execution 12)",
        "15:04:06Z orders: RUNNING (execution 11)",
        "15:04:09Z orders: COMPLETED (execution 11): 7 records",
        "15:04:09Z orders: succeeded after 4.0s",
        "15:04:10Z customers: COMPLETED_WITH_WARNINGS (execution 12): 7 records, 2 failed",
        "15:04:10Z customers: warned after 5.0s: execution 12 ended COMPLETED_WITH_WARNINGS, 2 failed records",
        "15:04:10Z sales: triggered (executions 16, 17)",
        "15:04:15Z sales: COMPLETED (execution 16): 7 records",
        "15:04:16Z sales: COMPLETED (execution 17): 7 records",
        "15:04:16Z sales: succeeded after 6.0s",
        "15:04:16Z alert: skipped: run_if: any_failed, and nothing failed",
        "15:04:16Z copy: triggered (execution 18)",
        "15:04:18Z copy: COMPLETED (execution 18): 7 records",
        "15:04:18Z copy: succeeded after 2.0s",
        "15:04:18Z cleanup: data 272: marked",
        "15:04:18Z cleanup: data 273: already gone",
        "15:04:18Z cleanup: succeeded after 0.2s: data 272: marked; data 273: already gone",
        f"15:04:18Z run {RUN_ID} succeeded after 14s (4 succeeded, 1 warned, 1 skipped)",
    ]


def test_a_retry_says_why_and_when() -> None:
    lines = told(failed_run)
    assert "15:04:11Z sales: failed: execution 13 ended ERROR, 3 failed records; retry in 30s (attempt 2)" in lines
    assert "15:04:41Z sales: attempt 2 begins" in lines
    assert lines[-1] == f"15:04:44Z run {RUN_ID} failed after 40s (1 failed, 3 succeeded, 2 skipped)"


def test_an_interruption_says_what_is_left() -> None:
    assert told(interrupted_run)[-3:] == [
        "15:04:07Z interrupted by SIGTERM: ending 2 jobs",
        "15:04:07Z orders: stopping execution 11: interrupted by SIGTERM",
        f"15:04:11Z run {RUN_ID} interrupted after 6.0s (1 unknown, 1 running, 4 pending): interrupted by SIGTERM",
    ]


def test_an_ambiguous_trigger_says_that_it_is_not_sent_again() -> None:
    lines = told(unknown_run)
    why = "no usable answer to the trigger: connection reset"
    assert lines[2:5] == [
        f"15:04:06Z orders: {why}; looking for its execution, not triggering again",
        "15:04:21Z orders: executions 21, 22 may be its own",
        f"15:04:21Z orders: unknown after 16s: {why}; executions 21, 22 may be ours",
    ]


def test_a_failed_preflight_tells_its_findings_and_not_every_job() -> None:
    assert told(unfit_run)[1:-1] == [
        "15:04:05Z orders: pre-flight: /Data/orders.imp: file doesn't exist",
        "15:04:05Z sales: pre-flight: 51 already runs as execution 9 (RUNNING)",
    ]


def test_ten_thousand_findings_are_no_wall() -> None:
    findings = tuple(ev.Finding(job=JobId(f"j{n}"), cause=Cause.MISSING, message="gone") for n in range(10_000))
    lines = told(lambda show: Run(sales_pipeline(), show).add(ev.PreflightFailed(findings=findings)))
    assert len(lines) == 21
    assert lines[-1] == "15:04:05Z pre-flight: 9,980 more findings"


ORDERS = JobId("orders")
FACTS = [
    pytest.param(
        ev.TriggerNotHandled(job=ORDERS, attempt=1, reason="connection refused", wait=2.0),
        "orders: not triggered: connection refused; again in 2.0s",
        id="provably unsent",
    ),
    pytest.param(
        ev.TriggerNotHandled(job=ORDERS, attempt=1, reason="interrupted before it was sent", wait=0.0),
        "orders: not triggered: interrupted before it was sent",
        id="interrupted before the POST",
    ),
    pytest.param(
        ev.StopRequested(job=ORDERS, cause=Cause.ON_RUNNING, reason="it already runs as execution 9"),
        "orders: stopping what runs on its file: it already runs as execution 9",
        id="somebody else's run is stopped",
    ),
    pytest.param(
        ev.Warned(code="list-unusable", message="list-running does not work here"),
        "warning: list-running does not work here",
        id="a warning about the run",
    ),
    pytest.param(ev.Warned(code="x", message="odd", job=ORDERS), "orders: warning: odd", id="a warning about a job"),
    pytest.param(
        ev.PipelineTimedOut(during_finally=False), "timeouts.pipeline is over: nothing more starts", id="too long"
    ),
    pytest.param(
        ev.PipelineTimedOut(during_finally=True), "timeouts.finally is over: nothing more starts", id="finally too long"
    ),
    pytest.param(
        ev.AbortRequested(signal="SIGINT", detach=True),
        "interrupted by SIGINT: leaving 1 job running",
        id="detached",
    ),
    pytest.param(ev.Resumed(), f"run {RUN_ID} of nightly-sales is resumed: 1 running, 5 pending", id="resumed"),
    *(
        pytest.param(
            ev.Adopted(job=ORDERS, attempt=1, executions=(ev.StartedExecution(execution_id=ExecutionId(9)),), by=by),
            f"orders: {words} execution 9",
            id=by.value,
        )
        for by, words in (
            (AdoptedBy.RECONCILED, "found again as"),
            (AdoptedBy.ATTACHED, "attached to"),
            (AdoptedBy.WAITED_FOR, "waiting for"),
            (AdoptedBy.CHECKED, "checking"),
            (AdoptedBy.STOPPED, "about to stop"),
        )
    ),
]


@pytest.mark.parametrize(("fact", "line"), FACTS)
def test_every_change_has_its_line(fact: ev.Event, line: str) -> None:
    lines = told(lambda show: begun(sales_pipeline(), show).add(*intended("orders")).add(fact))
    assert lines[2:] == [f"15:04:05Z {line}"]


def test_a_settled_execution_is_named() -> None:
    def make(show: Progress) -> Run:
        run = unknown_run()
        run.observers = (show,)
        return run.add(ev.Settled(job=ORDERS, execution_id=ExecutionId(21)))

    assert told(make) == ["15:04:21Z orders: execution 21 named by hand"]


def test_many_executions_are_counted_rather_than_listed() -> None:
    lines = told(lambda show: begun(sales_pipeline(), show).add(*triggered("sales", *range(100, 109))))
    assert lines[-1] == "15:04:05Z sales: triggered (executions 100, 101, 102, 103, 104 and 4 more)"


def heartbeat(make: Callable[..., Run], seconds: float = HEARTBEAT) -> list[str]:
    stream = io.StringIO()
    show = PlainProgress(stream)
    run = make(show)
    before = len(stream.getvalue())
    show.tick(run.state, run.at + seconds)
    return stream.getvalue()[before:].splitlines()


def test_silence_is_broken_within_a_minute() -> None:
    # The last line came at 10.5 s, and a tick may come a second late.
    assert HEARTBEAT + 1 <= 60
    assert heartbeat(running_run, HEARTBEAT - 1.1) == []
    (line,) = heartbeat(running_run, HEARTBEAT - 1.0)
    assert line == (
        "15:05:10Z still running after 1m 06s, 0 of 6 jobs done; "
        "orders for 1m 05s: RUNNING (execution 11), 40%, about 12s left; customers for 1m 05s: attempt 2 in 0.0s"
    )


def test_a_sign_of_life_is_not_repeated_before_its_time() -> None:
    stream = io.StringIO()
    show = PlainProgress(stream)
    run = running_run(show)
    for second in range(600):
        show.tick(run.state, run.at + second)
    assert sum("still running" in line for line in stream.getvalue().splitlines()) == 10


def test_before_the_first_fact_there_is_nothing_to_say() -> None:
    stream = io.StringIO()
    PlainProgress(stream).tick(Run(sales_pipeline()).state, 1000.0)
    assert stream.getvalue() == ""


STEPS = [
    pytest.param([], "looking at its target", id="looking"),
    pytest.param(list(intended("orders"))[1:], "being triggered", id="intended"),
    pytest.param(
        [*list(intended("orders"))[1:], ev.TriggerAmbiguous(job=ORDERS, attempt=1, reason="reset")],
        "its trigger got no answer; looking for its execution",
        id="reconciling",
    ),
    pytest.param(list(triggered("orders", 11))[1:], "QUEUED (execution 11)", id="accepted"),
    pytest.param(
        [*list(triggered("orders", 11, 12))[1:], changed("orders", 12)],
        "RUNNING (executions 11, 12)",
        id="the one that runs tells most",
    ),
    pytest.param([*list(triggered("orders", 11))[1:], finished("orders", 11)], "COMPLETED", id="seen ended"),
    pytest.param(
        [*list(triggered("orders", 11))[1:], ev.StopRequested(job=ORDERS, cause=Cause.TIMEOUT, reason="timeout")],
        "stopping execution 11",
        id="stopping",
    ),
    pytest.param(
        [ev.StopRequested(job=ORDERS, cause=Cause.ON_RUNNING, reason="busy")],
        "stopping what runs on its file",
        id="stopping what runs on its file",
    ),
]


@pytest.mark.parametrize(("facts", "words"), STEPS)
def test_a_sign_of_life_says_what_each_job_is_doing(facts: list[ev.Event], words: str) -> None:
    begin = ev.AttemptStarted(job=ORDERS, attempt=1)
    (line,) = heartbeat(lambda show: begun(pipeline(job("orders")), show).add(begin, *facts))
    assert line.endswith(f"; orders for 55s: {words}")


def test_a_sign_of_life_of_ten_thousand_running_jobs_is_one_line() -> None:
    many = pipeline(*(job(f"j{number}") for number in range(10_000)))
    starts = [ev.AttemptStarted(job=name, attempt=1) for name in many.jobs]
    (line,) = heartbeat(lambda show: begun(many, show).add(*starts))
    assert line.endswith("j4 for 55s: looking at its target; and 9,995 more")
    assert len(line) < 400


HOSTILE = "x\n::error::boom\r\x1b[31m\u202e##vso[task.complete]"


def test_foreign_text_stays_text() -> None:
    def make(show: Progress) -> Run:
        run = begun(sales_pipeline(), show).add(*triggered("orders", 11), changed("orders", 11, HOSTILE))
        run.add(ev.Warned(code="x", message=HOSTILE)).add(*ended("orders", JobStatus.FAILED, HOSTILE))
        seen = ExecutionSeen(job=ORDERS, execution_id=ExecutionId(11), job_status=HOSTILE)
        show.tick(run.add(seen).state, 1000.0)
        return run

    lines = told(make)
    assert len(lines) == 7
    for line in lines[3:]:
        assert line.isprintable()
        assert line.startswith("15:")
        assert "##vso[" not in line


def test_a_secret_is_masked() -> None:
    lines = told(lambda show: begun(sales_pipeline(), show).add(*ended("orders", JobStatus.FAILED, f"has {SECRET}!")))
    assert lines[-1].endswith("failed: has ***!")


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_there_is_no_escape_sequence_unless_somebody_asks_for_colour(make: Callable[..., Run]) -> None:
    assert not any("\x1b" in line for line in told(make))
    assert any("\x1b[" in line for line in told(make, color=True))


def test_colour_ends_with_its_line() -> None:
    assert all(line.count("\x1b[0m") * 2 == line.count("\x1b[") for line in told(failed_run, color=True))


class Narrow(io.TextIOWrapper):
    """A stream of a given encoding, as a terminal or a CI system has it."""

    def __init__(self, encoding: str) -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding=encoding, errors="strict")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_what_a_stream_cannot_encode_is_escaped(encoding: str) -> None:
    stream = Narrow(encoding)
    Lines(stream).write("Büro 売上")
    assert stream.bytes.getvalue().decode(encoding) in {
        "B\\xfcro \\u58f2\\u4e0a\n",
        "Büro \\u58f2\\u4e0a\n",
        "Büro 売上\n",
    }


class Broken(io.StringIO):
    """A pipe whose reader is gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(text)


def test_a_broken_pipe_does_not_end_the_run() -> None:
    assert succeeded_run(PlainProgress(Broken())).state.ended is not None


def test_a_closed_stream_does_not_end_the_run() -> None:
    stream = io.StringIO()
    stream.close()
    assert succeeded_run(PlainProgress(stream)).state.ended is not None


def test_none_shows_nothing() -> None:
    show: Progress = NoProgress()
    run = Run(sales_pipeline(), show).add(started())
    show.tick(run.state, 1.0)
    show.close()
    show.close()


def test_plain_progress_may_be_closed_twice() -> None:
    show: Progress = PlainProgress(io.StringIO())
    show.close()
    show.close()
