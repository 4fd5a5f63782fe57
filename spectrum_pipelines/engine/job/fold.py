"""The folds of a job's way: its attempts, what it asks on its own behalf, its end."""

from collections.abc import Callable
from typing import Any

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine import sightings as si
from spectrum_pipelines.engine.outcome import JobStatus
from spectrum_pipelines.engine.requests import AskAllRunning, AskDetails, AskHistory, AskStatus, AskTarget, Purpose
from spectrum_pipelines.engine.run.fold import open_finally
from spectrum_pipelines.engine.state.run import Attempt, AttemptState, JobState, RunState, Step
from spectrum_pipelines.engine.watching.fold import ask_for_all, ask_no_more, stop_following
from spectrum_pipelines.pipeline.model.action import DeleteData


def _job_ready(state: RunState, event: si.JobReady, at: float) -> None:
    state.touch(event.job).step = Step.READY
    state.ready[event.job] = None


def _attempt_started(state: RunState, event: ev.AttemptStarted, at: float) -> None:
    job = state.touch(event.job)
    state.ready.pop(event.job, None)
    state.underway[event.job] = None
    job.step = Step.DELETING if isinstance(job.job.action, DeleteData) else Step.LOOKING
    job.status = JobStatus.RUNNING
    job.attempt = AttemptState(number=event.attempt, began_at=at)
    job.started_at = at if job.started_at is None else job.started_at
    job.round_at = at if job.round_at is None else job.round_at
    job.close_question()


def _status_seen(state: RunState, event: si.StatusSeen, at: float) -> None:
    attempt = state.touch(event.job).attempt
    attempt.seen = {**attempt.seen, event.target: event.answer}
    attempt.misses = 0
    attempt.missing_since = None


def _looked_in_vain(state: RunState, event: si.LookedInVain, at: float) -> None:
    job = state.touch(event.job)
    job.step = Step.LOOKING
    if job.attempt.stop is not None and job.attempt.stop.withheld is not None:
        job.reason = f"somebody else's run was not stopped: {job.attempt.stop.withheld}"
    job.attempt.stop = None
    job.attempt.seen = {}
    job.attempt.behind = event.behind
    if event.behind is not None:
        state.behind.setdefault(event.behind, set()).add(event.job)
    state.rest(job, at + event.wait)


def _call_failed(state: RunState, event: si.CallFailed, at: float) -> None:
    job = state.touch(event.job)
    attempt = job.attempt
    attempt.misses += 1
    attempt.missing_since = at if attempt.missing_since is None else attempt.missing_since
    job.reason = event.message
    if attempt.stop is not None:
        # A stop that could not be sent must not go out later on the strength of an old look.
        attempt.stop.cleared = None
        attempt.stop.need_list = False
        attempt.stop.is_fresh = False
    state.rest(job, at + state.pipeline.http.retry_interval)


def _issued(state: RunState, event: si.Issued, at: float) -> None:
    match event.request:
        case AskTarget(target=target):
            state.targets_asked.add(target)
        case AskAllRunning():
            ask_for_all(state, at)
        case (
            AskStatus(purpose=Purpose.POLL, execution_id=execution_id)
            | AskDetails(purpose=Purpose.POLL, execution_id=execution_id)
        ) if execution_id is not None:
            ask_no_more(state, event.request.job, execution_id)
        case AskDetails(purpose=Purpose.LESSON) | AskHistory(purpose=Purpose.LESSON):
            pass
        case request:
            job = state.jobs[request.job]
            job.attempt.busy = True
            job.turn = request.turn


def _answered(state: RunState, event: si.Answered, at: float) -> None:
    match event.request:
        case AskTarget():
            pass
        case AskAllRunning():
            state.list_poll.asked_at = None
            state.list_poll.was_late = state.list_poll.is_late
            state.list_poll.is_late = False
        case request:
            job = state.jobs[request.job]
            if request.turn and job.turn == request.turn:
                job.attempt.busy = False
                state.agenda.wake(request.job)


def _data_deleted(state: RunState, event: ev.DataDeleted, at: float) -> None:
    attempt = state.touch(event.job).attempt
    attempt.deletions = (*attempt.deletions, (event.data_id, event.deletion))
    attempt.misses = 0


def _attempt_ended(state: RunState, event: ev.AttemptEnded, at: float) -> None:
    job = state.touch(event.job)
    stop_following(state, job)
    if job.step is Step.INTENDED:
        state.triggers -= 1  # refused, or never sent: exit codes may still say "nothing was triggered"
    job.step = Step.JUDGED
    job.attempts.append(
        Attempt(attempt=event.attempt, status=event.status, cause=event.cause, reason=event.reason),
    )
    job.cause = event.cause
    job.reason = event.reason
    job.close_question()


def _retry_scheduled(state: RunState, event: ev.RetryScheduled, at: float) -> None:
    job = state.touch(event.job)
    job.step = Step.RESTING
    state.rest(job, at + event.wait)


def _job_ended(state: RunState, event: ev.JobEnded, at: float) -> None:
    job = state.touch(event.job)
    if event.status.is_failure and not job.job.allow_failure and not job.job.is_finally and state.failed_first is None:
        state.failed_first = event.job
    _done(state, job, at, event)
    job.status = event.status


def _job_skipped(state: RunState, event: ev.JobSkipped, at: float) -> None:
    job = state.touch(event.job)
    _done(state, job, at, event)
    job.status = JobStatus.SKIPPED
    job.tainted = event.tainted


def _done(state: RunState, job: JobState, at: float, event: ev.JobEnded | ev.JobSkipped) -> None:
    job_id = job.job.id
    stop_following(state, job)
    job.step = Step.DONE
    job.cause = event.cause
    job.reason = event.reason
    job.ended_at = at
    job.attempt.wake_at = None
    job.close_question()
    state.ready.pop(job_id, None)
    state.underway.pop(job_id, None)
    if not state.unmet[job_id]:
        state.meet_needs(job_id)
    if job.job.is_finally:
        state.left_finally -= 1
    else:
        state.left -= 1
        if not state.left:
            open_finally(state, at)


JOB_FOLDS: dict[type, Callable[[RunState, Any, float], None]] = {
    ev.AttemptStarted: _attempt_started,
    ev.DataDeleted: _data_deleted,
    ev.AttemptEnded: _attempt_ended,
    ev.RetryScheduled: _retry_scheduled,
    ev.JobEnded: _job_ended,
    ev.JobSkipped: _job_skipped,
    si.Issued: _issued,
    si.Answered: _answered,
    si.JobReady: _job_ready,
    si.StatusSeen: _status_seen,
    si.LookedInVain: _looked_in_vain,
    si.CallFailed: _call_failed,
}
