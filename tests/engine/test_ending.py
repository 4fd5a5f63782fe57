"""How a run ends: the gravest outcome wins; an abort stops or detaches what is ours, and ends in time."""

import itertools
from typing import Any

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import Cause, JobStatus, RunStatus
from spectrum_pipelines.engine.requests import AskStatus, AskTarget, PostStop, PostTrigger, Purpose
from spectrum_pipelines.engine.run.ending import run_outcome
from spectrum_pipelines.engine.state.run import RunState, Step
from spectrum_pipelines.errors import ExitCode, Unanswered
from spectrum_pipelines.pipeline.model.action import DeleteData, JobId, Sequence, WaitFor
from spectrum_pipelines.pipeline.model.pipeline import OnAbort, RunIf
from spectrum_pipelines.pipeline.model.policy import Retry
from spectrum_pipelines.spectrum import ExecutionId, StatusAnswer, TriggerAnswer
from tests.engine.made import finished, fold, fresh, job, of, pipeline, settle, the_job, triggered
from tests.engine.tiny import File
from tests.engine.world import Fault, World

_S, _X = RunStatus, ExitCode


def _ended(name: str, status: JobStatus, cause: Cause = Cause.SPECTRUM) -> ev.Event:
    if status is JobStatus.SKIPPED:
        return ev.JobSkipped(job=JobId(name), cause=cause, reason="", tainted=False)
    return ev.JobEnded(job=JobId(name), status=status, cause=cause, reason=None)


# What each status of a required job amounts to, gravest first.
_GRAVITY = [
    (JobStatus.UNKNOWN, _S.UNKNOWN, _X.UNKNOWN),
    (JobStatus.TIMED_OUT, _S.TIMED_OUT, _X.TIMED_OUT),
    (JobStatus.FAILED, _S.FAILED, _X.FAILED),
    (JobStatus.CANCELED, _S.FAILED, _X.FAILED),
    (JobStatus.SUCCEEDED, _S.SUCCEEDED, _X.SUCCEEDED),
    (JobStatus.WARNED, _S.SUCCEEDED, _X.SUCCEEDED),
    (JobStatus.SKIPPED, _S.SUCCEEDED, _X.SUCCEEDED),
]


_PAIRS = [
    pytest.param((one, other), id=f"{_GRAVITY[one][0].value}+{_GRAVITY[other][0].value}")
    for one, other in itertools.product(range(len(_GRAVITY)), repeat=2)
]


@pytest.mark.parametrize("pair", _PAIRS)
def test_the_gravest_outcome_wins(pair: tuple[int, int]) -> None:
    state = fresh(job("a"), job("b"))
    fold(state, *triggered("a", 11), _ended("a", _GRAVITY[pair[0]][0]), _ended("b", _GRAVITY[pair[1]][0]))
    assert run_outcome(state) == _GRAVITY[min(pair)][1:]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(JobStatus.FAILED, _S.SUCCEEDED, id="a failure that is allowed"),
        pytest.param(JobStatus.TIMED_OUT, _S.SUCCEEDED, id="a timeout that is allowed"),
        pytest.param(JobStatus.CANCELED, _S.SUCCEEDED, id="a cancel that is allowed"),
        pytest.param(JobStatus.UNKNOWN, _S.UNKNOWN, id="not knowing is never allowed"),
    ],
)
def test_allow_failure(status: JobStatus, expected: RunStatus) -> None:
    state = fold(fresh(job("a", allow_failure=True)), *triggered("a", 11), _ended("a", status))
    assert run_outcome(state)[0] is expected


@pytest.mark.parametrize(
    ("triggers", "causes", "status", "code"),
    [
        pytest.param(False, [Cause.BUSY], _S.CONFLICT, _X.CONFLICT, id="busy, nothing was triggered"),
        pytest.param(True, [Cause.BUSY], _S.FAILED, _X.FAILED, id="busy, but something was"),
        pytest.param(False, [Cause.BUSY, Cause.MISSING], _S.FAILED, _X.FAILED, id="busy is not all of it"),
        pytest.param(False, [Cause.UNREACHABLE], _S.FAILED, _X.UNREACHABLE, id="no server, nothing was triggered"),
        pytest.param(False, [Cause.UNAUTHORIZED], _S.FAILED, _X.LOGIN_REFUSED, id="no login, nothing was triggered"),
        pytest.param(True, [Cause.UNREACHABLE], _S.FAILED, _X.FAILED, id="no server, but something was"),
        pytest.param(False, [Cause.UNREACHABLE, Cause.MISSING], _S.FAILED, _X.UNREACHABLE, id="come again anyway"),
        pytest.param(False, [Cause.MISSING], _S.FAILED, _X.FAILED, id="a verdict without any trigger"),
    ],
)
def test_conflict_and_unreachable_promise_that_nothing_was_triggered(
    triggers: bool, causes: list[Cause], status: RunStatus, code: ExitCode
) -> None:
    state = fresh(job("z"), *(job(f"j{n}") for n in range(len(causes))))
    if triggers:
        fold(state, *triggered("z", 11))
    fold(state, _ended("z", JobStatus.SUCCEEDED))
    fold(state, *(_ended(f"j{n}", JobStatus.FAILED, cause) for n, cause in enumerate(causes)))
    assert run_outcome(state) == (status, code)


@pytest.mark.parametrize("during_finally", [False, True])
def test_a_pipeline_timeout_is_one_whatever_the_jobs_say(during_finally: bool) -> None:
    state = fold(fresh(job("a")), *triggered("a", 11), ev.PipelineTimedOut(during_finally=during_finally))
    fold(state, _ended("a", JobStatus.SUCCEEDED))
    assert run_outcome(state) == (_S.TIMED_OUT, _X.TIMED_OUT)


def _running(**more: Any) -> World:
    """`a` runs for long, `b` waits for it."""
    file = File(path="/a", id=6, duration=9e9, deaf=more.pop("deaf", False))
    return World(pipeline(job("a"), job("b", "a"), **more), file)


@pytest.mark.parametrize(
    ("signal", "code"),
    [
        pytest.param("SIGINT", ExitCode.INTERRUPTED, id="ctrl-c"),
        pytest.param("SIGTERM", ExitCode.TERMINATED, id="a canceled CI job"),
        pytest.param("SIGHUP", ExitCode.TERMINATED, id="the terminal is gone"),
    ],
)
def test_an_interrupted_run_stops_what_it_has_started(signal: str, code: ExitCode) -> None:
    world = _running()
    world.interrupt(10.0, signal)
    state = world.run()
    assert state.ended is not None
    assert (state.ended.status, state.ended.exit_code) == (RunStatus.INTERRUPTED, code)
    assert state.ended.reason == f"interrupted by {signal}"
    assert len(world.asked(PostStop)) == 1
    assert world.clock.seconds < 12
    assert (the_job(state).cause, the_job(state).executions[0].job_status) == (Cause.ABORT, "CANCELED")
    assert the_job(state, "b").step is Step.WAITING


@pytest.mark.parametrize(
    ("how", "detach"),
    [
        pytest.param({"on_abort": OnAbort.DETACH}, False, id="the pipeline says detach"),
        pytest.param({}, True, id="the signal says detach"),
    ],
)
def test_detach_leaves_everything_running(how: dict[str, Any], detach: bool) -> None:
    world = _running(**how)
    world.interrupt(10.0, detach=detach)
    state = world.run()
    assert world.asked(PostStop) == []
    assert world.clock.seconds == 10.0
    assert state.ended is not None
    assert state.ended.status is RunStatus.INTERRUPTED
    assert the_job(state).open_executions


def test_an_abort_does_not_wait_for_ever_for_a_stop() -> None:
    world = _running(deaf=True)
    world.interrupt(10.0)
    state = world.run()
    assert 13 < world.clock.seconds < 15
    assert the_job(state).step is Step.STOPPING
    assert the_job(state).open_executions


def test_an_abort_never_stops_what_somebody_else_has_started() -> None:
    world = World(pipeline(job("a", action=WaitFor(target="/a"))), File(path="/a", id=6, duration=9e9))
    world.spectrum.start("/a")
    world.interrupt(10.0)
    world.run()
    assert world.asked(PostStop) == []


def test_an_abort_stops_a_stranger_s_run_as_little_as_any_other_stop() -> None:
    world = _running()
    world.at(10.0, lambda: _cancel_and_start(world))
    world.interrupt(10.001)
    state = world.run()
    assert world.asked(PostStop) == []
    assert the_job(state).executions[0].job_status == "CANCELED"


def _cancel_and_start(world: World) -> None:
    world.spectrum.executions[0].stopped = 10.0
    world.spectrum.start("/a")


def test_an_abort_during_the_preflight_ends_at_once() -> None:
    world = World(pipeline(job("a")))
    world.faults.append(Fault(on=AskTarget, outcome=StatusAnswer(job_status="_NONE"), delay=60))
    world.interrupt(1.0)
    state = world.run()
    assert world.clock.seconds == 1.0
    assert state.ended is not None
    assert world.spectrum.executions == []


def test_an_abort_between_the_intent_and_the_trigger_takes_the_intent_back() -> None:
    state = fold(fresh(job("a")), *triggered("a", 11)[:2], ev.AbortRequested(signal="SIGTERM", detach=False))
    decisions = settle(state, 1.0)
    assert not of(PostTrigger, decisions)
    (taken_back,) = of(ev.TriggerNotHandled, decisions)
    assert taken_back.reason == "interrupted before it was sent"
    assert of(ev.RunEnded, decisions)


@pytest.mark.parametrize(
    ("delay", "known"),
    [
        pytest.param(2.0, True, id="the answer comes within the grace: followed, stopped"),
        pytest.param(60.0, False, id="it does not: the run ends with the intent open"),
    ],
)
def test_an_abort_waits_for_a_trigger_that_is_out(delay: float, known: bool) -> None:
    world = World(pipeline(job("a")), File(path="/a", id=6, duration=9e9))
    answer = TriggerAnswer(execution_id=ExecutionId(11))
    world.faults.append(Fault(on=PostTrigger, outcome=answer, handled=True, delay=delay))
    world.interrupt(0.1)
    state = world.run()
    assert world.clock.seconds < 5
    assert bool(the_job(state).executions) is known
    assert len(world.asked(PostStop)) == known
    if not known:
        assert the_job(state).step is Step.INTENDED


def test_an_abort_starts_nothing_new_and_retries_nothing() -> None:
    world = World(
        pipeline(
            job("a", retry=Retry(limit=5, interval=0.5)),
            job("b", "a"),
            job("c", is_finally=True, run_if=RunIf.ALL_DONE),
        ),
        File(path="/a", id=6, duration=10.0, words=("ERROR",)),
    )
    world.interrupt(9.99)
    world.run()
    assert len(world.spectrum.executions) == 1


def test_a_job_that_ends_by_itself_during_the_abort_has_its_last_word() -> None:
    """The stop came too late: the execution has ended well, and the report must say so."""
    world = World(pipeline(job("a"), job("b", "a")), File(path="/a", id=6, duration=10.0, deaf=True))
    world.interrupt(9.5)
    state = world.run()
    assert (the_job(state).status, the_job(state).step) == (JobStatus.SUCCEEDED, Step.DONE)
    assert the_job(state, "b").step is Step.WAITING
    assert state.ended is not None
    assert state.ended.status is RunStatus.INTERRUPTED


def test_an_end_that_is_seen_just_before_the_abort_is_the_job_s_last_word() -> None:
    state = fold(fresh(job("a"), job("b", "a")), *triggered("a", 11))
    fold(state, finished("a", 11), ev.AbortRequested(signal="SIGTERM", detach=False))
    settle(state, 1.0)
    assert (the_job(state).status, the_job(state).step) == (JobStatus.SUCCEEDED, Step.DONE)


def test_a_second_signal_to_the_loop_changes_nothing() -> None:
    world = _running(deaf=True)
    world.interrupt(10.0, "SIGINT")
    world.interrupt(10.5, "SIGTERM")
    state = world.run()
    assert len(world.said(ev.AbortRequested)) == 1
    assert state.ended is not None
    assert state.ended.exit_code is ExitCode.INTERRUPTED


def test_a_stop_under_way_goes_on_during_an_abort() -> None:
    world = World(pipeline(job("a", timeout=10.0)), File(path="/a", id=6, duration=9e9))
    lost = Fault(on=AskStatus, outcome=Unanswered("reset"), where=lambda ask: ask.purpose is Purpose.VERIFY_STOP)
    world.faults.append(lost)
    world.interrupt(10.1)
    state = world.run()
    assert (the_job(state).status, the_job(state).cause) == (JobStatus.TIMED_OUT, Cause.TIMEOUT)


def test_data_that_was_being_deleted_is_left_for_the_resumed_run() -> None:
    world = World(pipeline(job("a", action=DeleteData(data_ids=(1, 2, 3)))))
    world.interrupt(0.015)
    state: RunState = world.run()
    assert state.ended is not None
    assert state.ended.status is RunStatus.INTERRUPTED
    assert not the_job(state).is_done


@pytest.mark.parametrize(
    ("away", "took", "status"),
    [
        pytest.param(6000.0, 5.0, _S.SUCCEEDED, id="the night in between does not count"),
        pytest.param(6000.0, 30.0, _S.TIMED_OUT, id="what the second process works does"),
    ],
)
def test_the_pipelines_timeout_counts_the_time_in_which_a_process_worked(
    away: float, took: float, status: RunStatus
) -> None:
    jobs = (job("a"), job("b", "a"))
    world = World(
        pipeline(*jobs, timeout=20.0), File(path="/a", id=1, duration=6001.0), File(path="/b", id=2, duration=took)
    )
    world.interrupt(2.0, detach=True)
    assert world.run().ended is not None
    state = world.resume(later=away)
    assert state.ended is not None
    assert state.ended.status is status


def test_a_pipelines_timeout_in_a_retry_wait_does_not_end_the_attempt_twice() -> None:
    retry = Retry(limit=1, interval=60.0, max_interval=60.0, jitter=0.0)
    world = World(pipeline(job("a", retry=retry), timeout=10.0), File(path="/a", id=1, words=("ERROR",)))
    one = the_job(world.run())
    assert [ended.attempt for ended in one.attempts] == [1]
    assert (one.status, one.cause) == (JobStatus.TIMED_OUT, Cause.PIPELINE_TIMEOUT)
    assert one.reason == "the pipeline's own timeout is over; execution 11 ended ERROR"


def test_the_timeout_of_finally_is_told_as_that_of_finally() -> None:
    jobs = (job("a"), job("z", is_finally=True, run_if=RunIf.ALL_DONE))
    world = World(pipeline(*jobs, finally_timeout=5.0), File(path="/z", id=2, duration=1000.0))
    one = the_job(world.run(), "z")
    assert one.status is JobStatus.TIMED_OUT
    assert one.reason == "the timeout of `finally` is over; execution 12 stopped and confirmed"


def test_only_what_was_stopped_is_told_as_stopped() -> None:
    files = (File(path="/a", id=5, feeds=("/b",)), File(path="/b", id=6, duration=1000.0))
    world = World(pipeline(job("s", action=Sequence(file_ids=(5,)), timeout=30.0)), *files)
    one = the_job(world.run(), "s")
    assert one.reason == "timeout of 30s; execution 12 stopped and confirmed"
