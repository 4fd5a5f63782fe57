"""What the simulator has found in the engine and the runner, each reduced to the few facts that it takes."""

from collections.abc import Sequence

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine import sightings as si
from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.engine.interpret import interpret
from spectrum_pipelines.engine.outcome import AdoptedBy, Cause, JobStatus, RunStatus
from spectrum_pipelines.engine.requests import (
    AskRunning,
    AskStatus,
    PostSequence,
    PostStop,
    PostTrigger,
    Purpose,
    Request,
)
from spectrum_pipelines.engine.state.run import RunState, Step
from spectrum_pipelines.errors import Unsent
from spectrum_pipelines.pipeline.model.action import JobId, Trigger
from spectrum_pipelines.pipeline.model.action import Sequence as SequenceAction
from spectrum_pipelines.pipeline.model.pipeline import Http, Poll, RunIf, Variable
from spectrum_pipelines.runner.loop import Heard, Interrupted, RunClock, Runner
from spectrum_pipelines.spectrum import (
    ActiveJob,
    ExecutionId,
    ExecutionPlan,
    FileId,
    FileReference,
    PlannedExecution,
    StatusAnswer,
)
from tests.engine.forgotten import forgotten
from tests.engine.made import execution, finished, fold, fresh, intended, job, of, settle, the_job, triggered
from tests.engine.tiny import Clock

A = JobId("a")


class FullDisk:
    def append(self, facts: Sequence[Stamped]) -> None:  # noqa: ARG002 - the protocol's signature
        raise OSError(28, "No space left on device")


class NobodyAnswers:
    def submit(self, request: Request) -> None: ...

    def collect(self, timeout: float | None) -> list[Heard | Interrupted]:
        assert timeout is not None, "the run waits for ever"
        return []


def test_a_disk_that_fails_when_the_run_is_taken_up_ends_it() -> None:
    """The abort was folded before `Resumed`, which lifts every abort; then each intent was dropped, without end."""
    state = fresh(job("a"))
    runner = Runner(state, calls=NobodyAnswers(), journal=FullDisk(), clock=RunClock(Clock()))
    runner.run(ev.Resumed())
    assert runner.broken is not None
    assert state.ended is not None
    assert state.ended.status is RunStatus.INTERRUPTED


def test_a_dead_process_uses_up_none_of_the_tries_to_send() -> None:
    """With `http.retry.limit: 0` the job failed when it was resumed: nothing had ever been tried."""
    state = fresh(job("a"), http=Http(retry_limit=0))
    fold(state, ev.AttemptStarted(job=A, attempt=1), intended("a"), ev.Resumed())
    fold(state, ev.TriggerNotHandled(job=A, attempt=1, reason="nobody sent it", wait=0.0))
    taken = settle(state, 1.0)
    assert of(AskStatus, taken)
    assert not of(ev.AttemptEnded, taken)


def test_what_the_network_refused_does_use_up_a_try() -> None:
    state = fresh(job("a"), http=Http(retry_limit=0))
    fold(state, ev.AttemptStarted(job=A, attempt=1), intended("a"))
    fold(state, ev.TriggerNotHandled(job=A, attempt=1, reason="connection refused", wait=0.0))
    (ended,) = of(ev.AttemptEnded, settle(state, 1.0))
    assert ended.cause is Cause.UNREACHABLE


def _lost_plan() -> RunState:
    """The answer to a sequential trigger was lost; its own file was found again as execution 11."""
    sequence = SequenceAction(file_ids=(51,))
    state = fresh(job("a", action=sequence, timeout=60.0))
    found = ev.Adopted(job=A, attempt=1, executions=(execution(11, 51),), by=AdoptedBy.RECONCILED, complete=False)
    return fold(state, ev.AttemptStarted(job=A, attempt=1), intended("a", target="51"), found)


@pytest.mark.parametrize("word", ["COMPLETED", "CANCELED", "ERROR"])
@pytest.mark.parametrize("cause", [Cause.TIMEOUT, Cause.PIPELINE_TIMEOUT, Cause.ABORT])
def test_a_lost_plan_is_unknown_however_a_stop_of_it_ends(cause: Cause, word: str) -> None:
    """It ended succeeded, timed out or canceled, and what its trigger had started downstream ran on unmentioned."""
    state = fold(_lost_plan(), ev.StopRequested(job=A, cause=cause, reason="enough"), finished("a", 11, word))
    (ended,) = of(ev.AttemptEnded, settle(state, 1.0))
    assert (ended.status, ended.cause) == (JobStatus.UNKNOWN, Cause.AMBIGUOUS)


def test_a_lost_plan_that_nobody_can_see_any_more_is_taken_up_again() -> None:
    """Unknown like the others, but its cause still tells `resume` that there is something to see."""
    state = _lost_plan()
    (ended,) = of(ev.AttemptEnded, settle(state, 2000.0))
    assert (ended.status, ended.cause) == (JobStatus.UNKNOWN, Cause.SILENCE)
    fold(state, ev.Resumed(), at=2000.0)
    assert the_job(state).step is Step.FOLLOWING


def _to_be_stopped() -> RunState:
    state = fresh(job("a"))
    return fold(state, *triggered("a", 11), ev.StopRequested(job=A, cause=Cause.TIMEOUT, reason="enough"))


def test_an_empty_list_clears_no_stop() -> None:
    """Execution 11 had ended meanwhile, a list that is always empty showed nobody, and the stop hit a stranger's."""
    state = _to_be_stopped()
    ask = AskRunning(job=A, turn=the_job(state).turn + 1, purpose=Purpose.VERIFY_STOP)
    events = interpret(fold(state, si.Issued(request=ask)), ask, (), 1.0)
    assert of(si.StopWithheld, events)
    assert not of(si.StopCleared, events)


@pytest.mark.parametrize("word", ["QUEUED", "WAITING_FOR_OTHER_JOB", "RUNNING", "what nobody knows"])
def test_an_execution_of_somebody_else_in_the_file_holds_a_stop_back(word: str) -> None:
    """Both waited in the file: some servers cancel the first of a queue, others the last one."""
    state = _to_be_stopped()
    ask = AskRunning(job=A, turn=the_job(state).turn + 1, purpose=Purpose.VERIFY_STOP)
    ours = ActiveJob(execution_id=ExecutionId(11), job_status="QUEUED", file_id=FileId(6))
    theirs = ActiveJob(execution_id=ExecutionId(9), job_status=word, file_id=FileId(6))
    events = interpret(fold(state, si.Issued(request=ask)), ask, (theirs, ours), 1.0)
    assert not of(si.StopCleared, events)
    (withheld,) = of(si.StopWithheld, events)
    assert "execution 9, which is not ours" in withheld.reason


def test_a_list_that_shows_others_only_elsewhere_clears_a_stop() -> None:
    """A server that leaves waiting executions out of its list must not make ours unstoppable."""
    state = _to_be_stopped()
    ask = AskRunning(job=A, turn=the_job(state).turn + 1, purpose=Purpose.VERIFY_STOP)
    elsewhere = ActiveJob(execution_id=ExecutionId(9), job_status="RUNNING", file_id=FileId(77))
    assert of(si.StopCleared, interpret(fold(state, si.Issued(request=ask)), ask, (elsewhere,), 1.0))


@pytest.mark.parametrize("word", ["QUEUED", "RUNNING", "COMPLETED"])
def test_a_later_execution_raises_doubts_about_ours_before_a_stop(word: str) -> None:
    state = _to_be_stopped()
    target = FileReference("6")
    ask = AskStatus(job=A, turn=the_job(state).turn + 1, target=target, purpose=Purpose.VERIFY_STOP)
    latest = StatusAnswer(job_status=word, execution_id=ExecutionId(12))
    assert of(si.ExecutionDoubted, interpret(fold(state, si.Issued(request=ask)), ask, latest, 1.0))


def test_a_stop_that_could_not_be_sent_is_preceded_by_another_look() -> None:
    """It went out a second later on the strength of the old look; by then a stranger's execution may run there."""
    state = fold(_to_be_stopped(), si.StopCleared(job=A, execution_id=ExecutionId(11)))
    (stop,) = of(PostStop, settle(state, 1.0))
    fold(state, *interpret(state, stop, Unsent("connection refused"), 1.0), at=1.0)
    taken = settle(state, 5.0)
    assert of(AskStatus, taken)
    assert not of(PostStop, taken)


def test_a_list_is_no_help_while_nobody_has_told_which_file_a_path_means() -> None:
    """No line of the list matched the path, so nobody seemed to run there, and the stop hit the execution before ours."""
    baseline = ev.TriggerIntended(
        job=A, attempt=1, baselines=(ev.Baseline(target="/Data/a.imp", execution_id=None, file_id=None),)
    )
    started = ev.Triggered(job=A, attempt=1, executions=(execution(11),))
    stop = ev.StopRequested(job=A, cause=Cause.TIMEOUT, reason="enough")
    state = fold(fresh(job("a")), ev.AttemptStarted(job=A, attempt=1), baseline, started, stop)
    ask = AskRunning(job=A, turn=the_job(state).turn + 1, purpose=Purpose.VERIFY_STOP)
    before = ActiveJob(execution_id=ExecutionId(9), job_status="RUNNING", file_id=FileId(6))
    assert of(si.StopWithheld, interpret(fold(state, si.Issued(request=ask)), ask, (before,), 1.0))


def test_the_look_before_a_stop_tells_which_file_a_path_means() -> None:
    state = fold(
        _to_be_stopped(), si.StopCleared(job=A, execution_id=ExecutionId(11), need_list=True, file_id=FileId(6))
    )
    assert the_job(state).executions[0].file_id == 6


def test_a_status_word_that_nobody_knows_may_mean_that_somebody_runs() -> None:
    state = _to_be_stopped()
    ask = AskRunning(job=A, turn=the_job(state).turn + 1, purpose=Purpose.VERIFY_STOP)
    odd = ActiveJob(execution_id=ExecutionId(9), job_status="CRUNCHING", file_id=FileId(6))
    assert of(si.StopWithheld, interpret(fold(state, si.Issued(request=ask)), ask, (odd,), 1.0))


@pytest.mark.parametrize(
    ("by", "is_found"),
    [
        pytest.param(AdoptedBy.ATTACHED, True, id="attached: it may be what our trigger has started"),
        pytest.param(AdoptedBy.WAITED_FOR, True, id="waited for: the same"),
        pytest.param(AdoptedBy.RECONCILED, False, id="found again: it is the other job's own"),
    ],
)
def test_an_execution_that_another_job_follows_may_still_be_ours(by: AdoptedBy, is_found: bool) -> None:
    """The search left out what `b` had attached to, found nothing, and triggered a second time."""
    state = fresh(job("a"), job("b"))
    followed = ev.Adopted(job=JobId("b"), attempt=1, executions=(execution(11, 6),), by=by)
    fold(state, ev.AttemptStarted(job=A, attempt=1), intended("a"))
    fold(state, ev.AttemptStarted(job=JobId("b"), attempt=1), followed)
    fold(state, ev.TriggerAmbiguous(job=A, attempt=1, reason="reset"), si.LookupBegun(job=A))
    latest = StatusAnswer(job_status="RUNNING", execution_id=ExecutionId(11), file_id=FileId(6))
    fold(state, si.LookupSeen(job=A, target="/a", latest=latest))
    lookup = the_job(state).attempt.lookup
    assert lookup is not None
    assert bool(lookup.all_candidates) is is_found


def test_a_name_that_shows_a_secret_variable_is_masked_before_it_is_written() -> None:
    """The plan of a sequential trigger named its jobs after the variables that came with it, and the journal had the secret."""
    secret = Variable(name="token", value="s3cr3t", secret=True)
    state = fresh(job("a", action=SequenceAction(file_ids=(51,))), variables={"token": secret})
    fold(state, ev.AttemptStarted(job=A, attempt=1), intended("a", target="51"))
    post = PostSequence(job=A, turn=the_job(state).turn + 1, attempt=1, file_ids=(FileId(51),))
    plan = ExecutionPlan(executions=(PlannedExecution(execution_id=ExecutionId(11), name="load for s3cr3t"),))
    (event,) = of(ev.Triggered, interpret(fold(state, si.Issued(request=post)), post, plan, 1.0))
    assert event.executions[0].name == "load for ***"


def test_a_settled_job_brings_back_what_fail_fast_had_skipped() -> None:
    """The run ended green although `b`, which needs nothing of `a`, never ran."""
    state = fresh(job("a"), job("b"), job("z", is_finally=True, run_if=RunIf.ALL_SUCCESS))
    fold(state, ev.AttemptStarted(job=A, attempt=1), intended("a"))
    unknown = JobStatus.UNKNOWN
    fold(
        state,
        ev.AttemptEnded(job=A, attempt=1, status=unknown, cause=Cause.AMBIGUOUS, reason=None),
        ev.JobEnded(job=A, status=unknown, cause=Cause.AMBIGUOUS, reason=None),
    )
    settle(state, 1.0)
    assert state.ended is not None
    assert {one.status for one in state.jobs.values()} == {unknown, JobStatus.SKIPPED}
    fold(state, ev.Settled(job=A, execution_id=ExecutionId(11)), ev.Resumed(), finished("a", 11), at=2.0)
    taken = settle(state, 3.0)
    assert "b" in {one.job for one in of(ev.AttemptStarted, taken)}
    assert not the_job(state, "z").is_done
    assert not of(PostTrigger, taken)  # a fresh look comes first


def test_a_failure_that_stands_keeps_its_skips() -> None:
    """Nothing is decided twice where nothing can have changed."""
    state = fresh(job("a"), job("b"), job("c"))
    failed = JobStatus.FAILED
    fold(state, *triggered("a", 11), *triggered("c", 12), finished("a", 11, "ERROR"))
    fold(
        state,
        ev.AttemptEnded(job=A, attempt=1, status=failed, cause=Cause.SPECTRUM, reason=None),
        ev.JobEnded(job=A, status=failed, cause=Cause.SPECTRUM, reason=None),
        ev.JobSkipped(job=JobId("b"), cause=Cause.FAIL_FAST, reason="", tainted=True),
        ev.Resumed(),
    )
    assert the_job(state, "b").status is JobStatus.SKIPPED
    assert the_job(state, "b").is_done


def test_a_listed_execution_that_the_budget_holds_back_is_looked_at_when_there_is_room() -> None:
    """Two are left, so each is to be asked on its own; the second of them was forgotten for a day."""
    state = fold(fresh(job("a"), job("b"), poll=Poll(max_per_second=1.0)), *triggered("a", 11), *triggered("b", 12))
    entries = {number: ActiveJob(execution_id=number, job_status="RUNNING") for number in map(ExecutionId, (11, 12))}
    settle(state, 1.0)
    fold(state, si.ListSeen(entries=entries), at=2.0)
    asked = [*of(AskStatus, settle(state, 2.0)), *of(AskStatus, settle(state, 3.1))]
    assert sorted(ask.execution_id for ask in asked) == [11, 12]


def test_a_job_that_rests_is_not_woken_by_the_one_that_it_waited_for() -> None:
    """Its rest had no end any more, and the run waited for ever."""
    state = fresh(job("a", action=Trigger(target="/f")), job("b", action=Trigger(target="/f")))
    fold(state, ev.AttemptStarted(job=JobId("b"), attempt=1))
    fold(state, si.LookedInVain(job=JobId("b"), wait=5.0, behind=A))
    failed = JobStatus.TIMED_OUT
    fold(state, ev.AttemptEnded(job=JobId("b"), attempt=1, status=failed, cause=Cause.QUEUE_TIMEOUT, reason=None))
    fold(state, ev.RetryScheduled(job=JobId("b"), attempt=2, wait=10.0), *triggered("a", 11), finished("a", 11))
    assert of(ev.AttemptStarted, settle(state, 10.1))


def test_a_hinted_execution_whose_time_came_while_the_list_was_out_is_looked_at() -> None:
    """It kept a time of its own that was over, and nobody ever looked at it again."""
    state = fold(fresh(job("a"), job("b")), *triggered("a", 11), *triggered("b", 12))
    settle(state, 1.0)
    hinted = si.ExecutionSeen(
        job=A, execution_id=ExecutionId(11), job_status="RUNNING", progress=50.0, estimate_seconds=3.0
    )
    fold(state, hinted, at=1.0)
    state.polls.take(60.0)
    watch = state.following[A, ExecutionId(11)]
    watch.next_poll_at = 1.5
    entries = {number: ActiveJob(execution_id=number, job_status="RUNNING") for number in map(ExecutionId, (11, 12))}
    fold(state, si.ListSeen(entries=entries), at=2.0)
    assert not forgotten(state, [])
