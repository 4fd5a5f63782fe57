"""Taking a run up again: what a new process believes of the old one's facts, what it asks again, and what it never does twice."""

from typing import Any

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import AdoptedBy, Cause, JobStatus, RunStatus
from spectrum_pipelines.engine.requests import AskDetails, AskStatus, PostSequence, PostStop, PostTrigger
from spectrum_pipelines.engine.run.reopen import is_resumable
from spectrum_pipelines.engine.state.run import RunState, Step
from spectrum_pipelines.errors import Unanswered, Unauthorized
from spectrum_pipelines.pipeline.model.action import DeleteData, JobId, Sequence, Stop, Trigger
from spectrum_pipelines.pipeline.model.pipeline import RunIf
from spectrum_pipelines.pipeline.model.policy import OnRunning, OnTimeout, Retry, RetryReason
from spectrum_pipelines.spectrum import DataId, Deletion, ExecutionId
from tests.engine.made import finished, fold, fresh, intended, job, of, pipeline, settle, the_job, triggered
from tests.engine.tiny import File
from tests.engine.world import Crash, Fault, World

_A = JobId("a")
_RESUMED = ev.Resumed()
_ATTEMPT = ev.AttemptStarted(job=_A, attempt=1)
_LOST = Unanswered("reset")
_DELETE = DeleteData(data_ids=(1, 2))


def _ended(status: JobStatus, cause: Cause = Cause.SPECTRUM, attempt: int = 1) -> list[ev.Event]:
    return [ev.AttemptEnded(job=_A, attempt=attempt, status=status, cause=cause, reason="so it was")]


def _stopping(cause: Cause, *before: ev.Event) -> list[ev.Event]:
    return [*before, ev.StopRequested(job=_A, cause=cause, reason="enough")]


_FAILED = ev.JobEnded(job=_A, status=JobStatus.FAILED, cause=Cause.SPECTRUM, reason=None)


@pytest.mark.parametrize(
    ("facts", "step", "then"),
    [
        pytest.param([], Step.WAITING, ["JobReady", "AttemptStarted", "AskStatus"], id="waiting: starts"),
        pytest.param([_ATTEMPT], Step.LOOKING, ["AskStatus"], id="looking: looks afresh"),
        pytest.param(
            [_ATTEMPT, intended("a")],
            Step.RECONCILING,
            ["LookupBegun", "AskStatus"],
            id="intended: searches, never posts",
        ),
        pytest.param(
            [_ATTEMPT, intended("a"), ev.TriggerAmbiguous(job=_A, attempt=1, reason="reset")],
            Step.RECONCILING,
            ["LookupBegun", "AskStatus"],
            id="reconciling: searches from the start",
        ),
        pytest.param(triggered("a", 11), Step.FOLLOWING, ["AskStatus"], id="following: polls at once"),
        pytest.param(
            _stopping(Cause.TIMEOUT, *triggered("a", 11)),
            Step.STOPPING,
            ["AskStatus", "AskStatus"],
            id="stopping: looks, and then stops again",
        ),
        pytest.param(
            _stopping(Cause.ABORT, *triggered("a", 11)),
            Step.FOLLOWING,
            ["AskStatus"],
            id="stopped for the old process: that wish is gone",
        ),
        pytest.param(
            _stopping(Cause.ON_RUNNING, _ATTEMPT),
            Step.STOPPING,
            ["LookedInVain", "AskStatus"],
            id="making way: looks whether anybody is there",
        ),
        pytest.param(
            [*triggered("a", 11), finished("a", 11, "ERROR"), *_ended(JobStatus.FAILED)],
            Step.JUDGED,
            ["RetryScheduled"],
            id="judged: retries",
        ),
        pytest.param(
            [*triggered("a", 11), finished("a", 11, "CANCELED"), *_ended(JobStatus.CANCELED, Cause.ABORT)],
            Step.JUDGED,
            ["RetryScheduled", "AttemptStarted", "AskStatus"],
            id="stopped by the abort: owed a whole attempt, at once",
        ),
        pytest.param(
            [
                *triggered("a", 11),
                finished("a", 11, "ERROR"),
                *_ended(JobStatus.FAILED),
                ev.RetryScheduled(job=_A, attempt=2, wait=30.0),
            ],
            Step.RESTING,
            [],
            id="resting: rests on",
        ),
        pytest.param([_FAILED], Step.DONE, ["RunEnded"], id="done: stays done"),
    ],
)
def test_every_step(facts: list[ev.Event], step: Step, then: list[str]) -> None:
    state = fresh(job("a", retry=Retry(limit=1, interval=30.0)))
    fold(state, *facts, at=1.0)
    fold(state, _RESUMED, at=2.0)
    assert the_job(state).step is step
    decisions = [type(one).__name__ for one in settle(state, 2.0)]
    assert decisions[: len(then)] == then
    assert "PostTrigger" not in decisions


def test_every_step_has_its_row() -> None:
    marks = test_every_step.pytestmark[0].args[1]  # type: ignore[attr-defined]
    rows = {row.values[1] for row in marks}
    never = {
        Step.READY,  # is not journaled: a job is ready in its process only
        Step.INTENDED,  # turns into a search
        Step.DELETING,  # below, with its data
    }
    assert rows == set(Step) - never


def test_deleting_goes_on_behind_what_was_deleted() -> None:
    state = fresh(job("a", action=_DELETE))
    fold(state, _ATTEMPT, ev.DataDeleted(job=_A, data_id=DataId(1), deletion=Deletion.MARKED), _RESUMED)
    assert [one.data_id for one in settle(state, 1.0) if hasattr(one, "data_id")] == [2]


def _interrupted(at: float, **policy: Any) -> World:
    world = World(
        pipeline(job("a", **policy), job("b", "a")), File(path="/a", id=6, duration=20.0), File(path="/b", id=7)
    )
    world.interrupt(at)
    world.run()
    return world


def test_what_the_abort_stopped_runs_again_as_a_new_attempt_that_costs_no_retry() -> None:
    world = _interrupted(10.0)
    state = world.resume(later=3600.0)
    one = the_job(state)
    assert [attempt.cause for attempt in one.attempts] == [Cause.ABORT, Cause.SPECTRUM]
    assert one.status is JobStatus.SUCCEEDED
    assert the_job(state, "b").status is JobStatus.SUCCEEDED
    assert state.ended is not None
    assert state.ended.status is RunStatus.SUCCEEDED


def test_what_was_detached_is_followed_and_not_started_again() -> None:
    world = World(pipeline(job("a")), File(path="/a", id=6, duration=20.0))
    world.interrupt(10.0, detach=True)
    world.run()
    state = world.resume(later=3600.0)
    assert the_job(state).status is JobStatus.SUCCEEDED
    assert len(world.asked(PostTrigger)) == 1


@pytest.mark.parametrize("delivered", [True, False], ids=["the POST arrived", "it never did"])
@pytest.mark.parametrize("kind", ["trigger", "sequence"])
def test_a_process_that_died_between_intent_and_answer(kind: str, delivered: bool) -> None:
    action = Trigger(target="/f") if kind == "trigger" else Sequence(file_ids=(6,))
    world = World(pipeline(job("a", action=action)), File(path="/f", id=6, duration=20.0))
    if delivered:
        world.crash_at = 4
    else:
        world.crash_after = 4
    with pytest.raises(Crash):
        world.run()
    assert isinstance(world.facts[-1].event, ev.TriggerIntended)
    state = world.resume(later=5.0)
    one = the_job(state)
    assert len(world.spectrum.executions) == 1
    assert [post.attempt for post in world.asked((PostTrigger, PostSequence))] == [1]
    if kind == "trigger":
        assert one.status is JobStatus.SUCCEEDED
        assert one.executions[0].adopted is (AdoptedBy.RECONCILED if delivered else None)
    else:
        assert one.status is (JobStatus.UNKNOWN if delivered else JobStatus.SUCCEEDED)


@pytest.mark.parametrize("arrives", [True, False], ids=["a late POST arrives", "no POST arrives"])
def test_a_trigger_that_may_still_arrive_is_not_called_lost(arrives: bool) -> None:
    """The lease of the process before has ended, and a request that it sent under it has a deadline of its own."""
    world = World(pipeline(job("a")), File(path="/a", id=6, duration=20.0))
    world.crash_after = 4
    with pytest.raises(Crash):
        world.run()
    assert isinstance(world.facts[-1].event, ev.TriggerIntended)
    began = world.clock.seconds
    if arrives:
        world.at(began + 60.0, lambda: setattr(world, "late", world.spectrum.start("/a")))
    state = world.resume(calls_left=70.0)
    posts = [at for at, request in world.sent if isinstance(request, PostTrigger) and at > began]
    assert len(world.spectrum.executions) == 1
    assert the_job(state).status is JobStatus.SUCCEEDED
    assert posts == [] if arrives else posts[0] >= began + 70.0 + the_job(state).job.policy.ambiguous_grace


def test_an_ambiguous_trigger_stays_one_for_the_next_process() -> None:
    """The request may still be on its way: a living process had sent it and got no answer."""
    world = World(pipeline(job("a")), faults=[Fault(on=PostTrigger, outcome=_LOST)])
    world.crash_at = 5
    with pytest.raises(Crash):
        world.run()
    assert isinstance(world.facts[-1].event, ev.TriggerAmbiguous)
    state = world.resume(later=60.0)
    assert the_job(state).status is JobStatus.UNKNOWN
    assert len(world.asked(PostTrigger)) == 1


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param({"queue_timeout": 30.0}, id="a queue_timeout that passed while nobody waited"),
        pytest.param({"timeout": 30.0}, id="a timeout that passed while nobody ran"),
        pytest.param({"queue_timeout": 5.0}, id="a queue_timeout shorter than the search for a lost trigger"),
        pytest.param({"queue_timeout": 30.0, "on_running": OnRunning.WAIT}, id="and one for somebody else's run"),
    ],
)
@pytest.mark.parametrize("crash_after", [3, 4], ids=["looking", "intended"])
def test_a_job_that_was_not_triggered_has_not_waited_while_the_run_was_away(
    policy: dict[str, Any], crash_after: int
) -> None:
    world = World(pipeline(job("a", **policy)), File(path="/a", id=6, duration=5.0))
    world.crash_after = crash_after
    with pytest.raises(Crash):
        world.run()
    state = world.resume(later=7200.0)
    assert the_job(state).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("file", "policy", "status"),
    [
        pytest.param({"duration": 50.0}, {"timeout": 60.0}, JobStatus.SUCCEEDED, id="it ended in time, unseen"),
        pytest.param(
            {"duration": 50.0},
            {"timeout": 60.0, "on_timeout": OnTimeout.LEAVE},
            JobStatus.SUCCEEDED,
            id="it ended in time, unseen, and would have been left",
        ),
        pytest.param(
            {"queue": 20.0, "duration": 5000.0},
            {"queue_timeout": 60.0},
            JobStatus.SUCCEEDED,
            id="it left the queue in time, unseen",
        ),
        pytest.param({"duration": 9e9}, {"timeout": 60.0}, JobStatus.TIMED_OUT, id="it still runs, far too long"),
        pytest.param({"queue": 9e9}, {"queue_timeout": 60.0}, JobStatus.TIMED_OUT, id="it still waits, far too long"),
    ],
)
def test_limits_are_held_against_what_is_seen_after_the_return_not_before(
    file: dict[str, Any], policy: dict[str, Any], status: JobStatus
) -> None:
    world = World(pipeline(job("a", **policy)), File(path="/a", id=6, **file))
    world.interrupt(10.0, detach=True)
    world.run()
    state = world.resume(later=3600.0)
    assert the_job(state).status is status
    assert bool(world.asked(PostStop)) is (status is JobStatus.TIMED_OUT)


def test_a_silence_still_ends_after_the_return() -> None:
    world = World(pipeline(job("a", timeout=60.0)), File(path="/a", id=6, duration=9e9))
    world.interrupt(10.0, detach=True)
    world.run()
    world.faults.append(Fault(on=(AskStatus, AskDetails), outcome=_LOST, times=9e9))
    state = world.resume(later=3600.0)
    assert the_job(state).cause is Cause.SILENCE


def _unseen(cause: Cause, *jobs: Any, other: float = 1.0) -> World:
    """`a` ended because nobody could see it; then the server, or the login, is back."""
    error = _LOST if cause is Cause.SILENCE else Unauthorized("401")
    files = File(path="/a", id=6, duration=100.0), File(path="/other", id=7, duration=other)
    world = World(pipeline(job("a"), *jobs), *files)
    fault = Fault(
        on=(AskStatus, AskDetails), outcome=error, times=9e9, where=lambda ask: getattr(ask, "job", "") == "a"
    )
    world.at(1.0, lambda: world.faults.append(fault))
    state = world.run()
    assert the_job(state).cause is cause
    assert is_resumable(state)
    fault.times = 0
    return world


@pytest.mark.parametrize("cause", [Cause.SILENCE, Cause.UNAUTHORIZED], ids=lambda one: one.value)
def test_what_nobody_could_see_is_followed_again_and_what_stood_behind_it_runs(cause: Cause) -> None:
    world = _unseen(cause, job("b", "a"), job("c", "b"))
    state = world.resume()
    assert {one.status for one in state.jobs.values()} == {JobStatus.SUCCEEDED}
    assert [one.status for one in the_job(state).attempts] == [JobStatus.SUCCEEDED]
    assert state.ended is not None
    assert state.ended.status is RunStatus.SUCCEEDED
    assert len(world.spectrum.of("/a")) == 1


def test_what_fail_fast_skipped_for_it_runs_too_or_the_run_would_be_green_without_it() -> None:
    world = _unseen(Cause.UNAUTHORIZED, job("other"), job("z", "other"), other=200.0)
    assert the_job(world.replayed(), "z").cause is Cause.FAIL_FAST
    state = world.resume()
    assert the_job(state, "z").status is JobStatus.SUCCEEDED
    assert state.ended is not None
    assert state.ended.status is RunStatus.SUCCEEDED


def test_clean_ups_that_ran_are_not_run_again() -> None:
    world = _unseen(Cause.SILENCE, job("clean", is_finally=True, run_if=RunIf.ALL_DONE))
    world.resume()
    assert len(world.spectrum.of("/clean")) == 1


def _unknown(*files: File, handled: bool = True, **more: Any) -> World:
    """`a` is unknown: two executions may be its own."""
    world = World(pipeline(job("a", **more), job("b", "a")), *files)
    world.faults.append(Fault(on=PostTrigger, outcome=_LOST, handled=handled))
    world.at(0.015, lambda: _start(world))
    assert the_job(world.run()).status is JobStatus.UNKNOWN
    return world


def _start(world: World) -> None:
    world.spectrum.start("/a")


@pytest.mark.parametrize(
    ("number", "status", "run"),
    [
        pytest.param(11, JobStatus.FAILED, RunStatus.FAILED, id="the one that failed"),
        pytest.param(12, JobStatus.SUCCEEDED, RunStatus.SUCCEEDED, id="the one that went well"),
    ],
)
def test_a_settled_unknown_is_judged_by_the_execution_that_was_named(
    number: int, status: JobStatus, run: RunStatus
) -> None:
    world = _unknown(File(path="/a", id=6, words=("ERROR", "COMPLETED")))
    state = world.resume(ev.Settled(job=_A, execution_id=ExecutionId(number)))
    one = the_job(state)
    assert (one.status, [execution.adopted for execution in one.executions]) == (status, [AdoptedBy.SETTLED])
    assert the_job(state, "b").status is (JobStatus.SUCCEEDED if run is RunStatus.SUCCEEDED else JobStatus.SKIPPED)
    assert state.ended is not None
    assert state.ended.status is run
    assert len(world.asked(PostTrigger)) == 1 + (run is RunStatus.SUCCEEDED), "a itself is never posted again"


def test_settling_with_an_execution_of_an_earlier_attempt_is_judged_by_that_one() -> None:
    """The second attempt is unknown, and a person says: it was the first one, the failed one, all along."""
    state = fresh(job("a"))
    fold(state, *triggered("a", 11), finished("a", 11, "ERROR"), *_ended(JobStatus.FAILED))
    fold(state, ev.RetryScheduled(job=_A, attempt=2, wait=0.0), ev.AttemptStarted(job=_A, attempt=2), intended("a", 2))
    fold(state, *_ended(JobStatus.UNKNOWN, Cause.AMBIGUOUS, attempt=2))
    fold(state, ev.JobEnded(job=_A, status=JobStatus.UNKNOWN, cause=Cause.AMBIGUOUS, reason=None))
    fold(state, ev.Settled(job=_A, execution_id=ExecutionId(11)), _RESUMED)
    decisions = settle(state, 1.0)
    assert not of(ev.AttemptEnded, decisions), "nothing of this attempt was seen to end yet"
    assert [execution.attempt for execution in the_job(state).open_executions] == [2]


def test_a_sequence_of_unknown_extent_is_settled_by_its_own_execution() -> None:
    world = World(pipeline(job("a", action=Sequence(file_ids=(6,)))), File(path="/f", id=6))
    world.faults.append(Fault(on=PostSequence, outcome=_LOST, handled=True))
    assert the_job(world.run()).status is JobStatus.UNKNOWN
    state = world.resume(ev.Settled(job=_A, execution_id=ExecutionId(11)))
    assert the_job(state).status is JobStatus.SUCCEEDED
    assert the_job(state).reason is None


def _over(status: RunStatus) -> ev.RunEnded:
    return ev.RunEnded(status=status, exit_code=0)


_FINAL = ev.JobEnded(job=_A, status=JobStatus.SUCCEEDED, cause=Cause.SPECTRUM, reason=None)


@pytest.mark.parametrize(
    ("facts", "resumable"),
    [
        pytest.param([], True, id="it never ended"),
        pytest.param([*triggered("a", 11), finished("a", 11), _FINAL, _over(RunStatus.SUCCEEDED)], False, id="green"),
        pytest.param(
            [ev.AbortRequested(signal="SIGTERM", detach=False), _over(RunStatus.INTERRUPTED)], True, id="interrupted"
        ),
        pytest.param(
            [
                *triggered("a", 11),
                *_ended(JobStatus.TIMED_OUT, Cause.SILENCE),
                ev.JobEnded(job=_A, status=JobStatus.TIMED_OUT, cause=Cause.SILENCE, reason=None),
                _over(RunStatus.TIMED_OUT),
            ],
            True,
            id="one could not be seen",
        ),
        pytest.param(
            [
                *triggered("a", 11),
                *_ended(JobStatus.TIMED_OUT, Cause.STOP_UNCONFIRMED),
                ev.JobEnded(job=_A, status=JobStatus.TIMED_OUT, cause=Cause.STOP_UNCONFIRMED, reason=None),
                _over(RunStatus.TIMED_OUT),
            ],
            True,
            id="a stop of one was not confirmed",
        ),
        pytest.param(
            [
                *triggered("a", 11),
                *_ended(JobStatus.TIMED_OUT, Cause.TIMEOUT),
                ev.JobEnded(job=_A, status=JobStatus.TIMED_OUT, cause=Cause.TIMEOUT, reason=None),
                _over(RunStatus.TIMED_OUT),
            ],
            False,
            id="one outlived its timeout and was left: that is its verdict",
        ),
        pytest.param(
            [
                ev.JobEnded(job=_A, status=JobStatus.UNKNOWN, cause=Cause.AMBIGUOUS, reason=None),
                _over(RunStatus.UNKNOWN),
            ],
            False,
            id="unknown: `adopt` first",
        ),
        pytest.param(
            [
                ev.JobEnded(job=_A, status=JobStatus.UNKNOWN, cause=Cause.AMBIGUOUS, reason=None),
                _over(RunStatus.UNKNOWN),
                ev.Settled(job=_A, execution_id=ExecutionId(11)),
            ],
            True,
            id="settled",
        ),
    ],
)
def test_is_resumable(facts: list[ev.Event], resumable: bool) -> None:
    state: RunState = fold(fresh(job("a")), *facts)
    assert is_resumable(state) is resumable


def test_a_stop_action_that_was_interrupted_is_asked_for_again() -> None:
    world = World(pipeline(job("a", action=Stop(target="/a"))), File(path="/a", id=6, duration=9e9))
    world.spectrum.start("/a")
    world.crash_at = 5
    with pytest.raises(Crash):
        world.run()
    state = world.resume()
    assert (the_job(state).status, the_job(state).cause) == (JobStatus.SUCCEEDED, Cause.ACTION)


def test_a_run_that_crashed_in_its_preflight_asks_again() -> None:
    world = World(pipeline(job("a"), job("b")))
    world.crash_at = 1
    with pytest.raises(Crash):
        world.run()
    state = world.resume()
    assert state.ended is not None
    assert state.ended.status is RunStatus.SUCCEEDED


def test_a_failed_preflight_is_carried_to_its_end() -> None:
    for crash_at in range(2, 6):
        world = World(pipeline(job("a", action=Trigger(target="/nowhere")), job("b"), job("c", "b")))
        world.crash_at = crash_at
        with pytest.raises(Crash):
            world.run()
        state = world.resume()
        assert state.ended is not None
        assert state.ended.exit_code == 2
        assert all(one.status is JobStatus.SKIPPED for one in state.jobs.values())


def test_a_stop_of_the_abort_that_takes_effect_later_is_still_the_abort_s() -> None:
    """The old process did not live to see it; the job was meant to go on, so it gets a whole attempt."""
    world = World(pipeline(job("a")), File(path="/a", id=6, duration=100.0, deaf=True))
    world.interrupt(10.0)
    world.run()
    world.at(20.0, lambda: setattr(world.spectrum.executions[0], "stopped", 20.0))
    state = world.resume(later=60.0)
    assert [attempt.cause for attempt in the_job(state).attempts] == [Cause.ABORT, Cause.SPECTRUM]
    assert the_job(state).status is JobStatus.SUCCEEDED


def _unconfirmed(**more: Any) -> World:
    """The timeout is over, and the server is deaf to stops."""
    world = World(pipeline(job("a", timeout=5.0, **more)), File(path="/a", id=6, duration=500.0, deaf=True))
    one = the_job(world.run())
    assert (one.status, one.cause) == (JobStatus.TIMED_OUT, Cause.STOP_UNCONFIRMED)
    return world


@pytest.mark.parametrize(
    ("later", "is_deaf", "status", "cause", "stops"),
    [
        pytest.param(600.0, True, JobStatus.SUCCEEDED, Cause.SPECTRUM, 0, id="it has ended well by itself"),
        pytest.param(10.0, False, JobStatus.TIMED_OUT, Cause.TIMEOUT, 1, id="it runs on, and is stopped now"),
        pytest.param(10.0, True, JobStatus.TIMED_OUT, Cause.STOP_UNCONFIRMED, 16, id="it runs on, and nobody stops it"),
    ],
)
def test_a_stop_that_nobody_confirmed_is_looked_at_again(
    later: float, is_deaf: bool, status: JobStatus, cause: Cause, stops: int
) -> None:
    """`resume` gave the old report, while the execution ran on or had long ended."""
    world = _unconfirmed()
    before = len(world.asked(PostStop))
    world.spectrum.files[0].deaf = is_deaf
    assert is_resumable(world.replayed())
    state = world.resume(later=later)
    assert (the_job(state).status, the_job(state).cause) == (status, cause)
    assert len(world.asked(PostStop)) - before == pytest.approx(stops, abs=2 if stops > 1 else 0)
    assert len(world.asked(PostTrigger)) == 1


def test_a_stop_that_is_confirmed_in_the_end_leads_to_the_next_attempt() -> None:
    retry = Retry(limit=1, interval=1.0, when=frozenset({RetryReason.TIMED_OUT}))
    world = _unconfirmed(retry=retry)
    world.spectrum.files[0].deaf = False
    world.spectrum.executions[0].stopped = 60.0
    one = the_job(world.resume(later=60.0))
    assert [(it.attempt, it.status, it.cause) for it in one.attempts] == [
        (1, JobStatus.TIMED_OUT, Cause.TIMEOUT),
        (2, JobStatus.TIMED_OUT, Cause.TIMEOUT),
    ]


def test_a_process_that_freezes_as_it_stops_for_a_signal_leaves_the_job_to_resume() -> None:
    """It thawed after the time to stop: the job had timed out for good, and ran on."""
    state = fold(fresh(job("a", timeout=900.0)), *triggered("a", 11))
    fold(state, ev.AbortRequested(signal="SIGTERM", detach=False), at=5.0)
    settle(state, 5.0)
    assert the_job(state).step is Step.STOPPING
    taken = settle(state, 200.0)
    assert not of(ev.AttemptEnded, taken)
    assert of(ev.RunEnded, taken)
    fold(state, ev.Resumed(), at=201.0)
    assert the_job(state).step is Step.FOLLOWING


def test_what_was_stopped_to_make_way_is_not_stopped_again_after_the_trigger() -> None:
    """The journal has the stop, and no word of its end: the job was made to look, and was triggered, once more."""
    state = fresh(job("a", on_running=OnRunning.STOP))
    way = ev.StopRequested(job=_A, cause=Cause.ON_RUNNING, reason="3 already runs")
    fold(state, _ATTEMPT, way, intended("a"), *triggered("a", 11)[2:])
    locked_out = _ended(JobStatus.UNKNOWN, Cause.UNAUTHORIZED)
    unknown = ev.JobEnded(job=_A, status=JobStatus.UNKNOWN, cause=Cause.UNAUTHORIZED, reason=None)
    fold(state, *locked_out, unknown, _RESUMED, at=9.0)
    assert the_job(state).step is Step.FOLLOWING
    assert [one.execution_id for one in of(AskStatus, settle(state, 9.0))] == [11]
