"""Taking a run up again: what a new process may believe of an old one's state, and what it must ask again.

An intent without an answer may have been sent: it is searched for, never sent again. What an abort stopped was the user's wish
for that process only: it gets a new attempt. What ended because nobody could see it (silence, refused credentials, a stop that was
not confirmed) is looked at again under the id that we know. An `unknown` without an id stays one until a person settles it.
"""

import math
from collections.abc import Iterator

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import UNSEEN_ENDS, AdoptedBy, Cause, JobStatus
from spectrum_pipelines.engine.run.redefine import take_policy, tell_origin
from spectrum_pipelines.engine.state.execution import Execution
from spectrum_pipelines.engine.state.run import AttemptState, JobState, RunState, Step, StopState
from spectrum_pipelines.engine.triggering.lookup import Lookup
from spectrum_pipelines.engine.watching.fold import follow
from spectrum_pipelines.pipeline.model.action import JobId


def is_resumable(state: RunState) -> bool:
    """The run has not ended, or something of it may still be learnt: `Resumed` would change what the report says."""
    if state.ended is None or state.abort is not None:
        return True
    return any(_is_unseen(job) for job in state.jobs.values())


def _is_unseen(job: JobState) -> bool:
    """What became of the job's executions may still be learnt."""
    return job.is_done and job.cause in UNSEEN_ENDS and bool(job.open_executions)


def pause(state: RunState, seconds: float) -> None:
    """Nobody has worked on the run for so long: limits of the run, and of a job's attempts together, do not count that."""
    state.paused += seconds
    for job in state.jobs.values():
        if job.round_at is not None:
            job.round_at += seconds
    if state.finally_at is not None:
        state.finally_at += seconds


def resumed(state: RunState, event: ev.Resumed, at: float) -> None:
    """Fold `Resumed`: every question is open again, and a changed policy holds from here on.

    Raises LookupError and ValueError for a changed pipeline that cannot be gone on with.
    """
    failed_fast = state.pipeline.fail_fast
    take_policy(state, event)
    tell_origin(state, event)
    if failed_fast and not state.pipeline.fail_fast:
        _give_back(state)
    state.abort = None
    state.ended = None
    state.resumptions += not event.waited
    state.list_poll.asked_at = None
    state.list_poll.is_late = False
    state.list_poll.due_at = math.inf
    state.list_poll.off_until = 0.0
    state.lessons.clear()
    state.lesson_asked = False
    for job_id, job in state.jobs.items():
        if job.is_underway:
            state.touch(job_id)
            job.close_question()
            if job.attempt.wake_at is not None:
                state.agenda.wake_at(job.attempt.wake_at, job_id)
            _take_up(state, job, at)
        elif _is_unseen(job):
            _look_again(state, job, at)
    reindex(state)


def _give_back(state: RunState) -> None:
    """A first failure no longer skips the jobs that it had skipped."""
    for job_id, job in state.jobs.items():
        if job.is_done and job.status is JobStatus.SKIPPED and job.cause is Cause.FAIL_FAST:
            _unskip(state, job_id)


def _take_up(state: RunState, job: JobState, at: float) -> None:
    attempt = job.attempt
    match job.step:
        case Step.INTENDED | Step.RECONCILING:
            attempt.sender_died = attempt.sender_died or job.step is Step.INTENDED
            attempt.lookup = Lookup(since=at, sent_until=at + state.calls_left)
            attempt.began_at = at
            attempt.accepted_at = at
            job.step = Step.RECONCILING
            job.reason = job.reason or "the runner ended before the answer to the trigger came"
        case Step.LOOKING:
            attempt.began_at = at  # while nobody ran it, it has not waited either
        case Step.FOLLOWING:
            _follow_again(state, job, at)
        case Step.STOPPING if attempt.stop is not None:
            _look_again(state, job, at)
        case _:
            pass


def _look_again(state: RunState, job: JobState, at: float) -> None:
    """Follow a job's executions again; what was to be stopped, unless for an abort, is still to be stopped."""
    stop = job.attempt.stop
    _follow_again(state, job, at)
    if stop is not None and stop.cause is not Cause.ABORT:
        job.step = Step.STOPPING
        job.attempt.stop = StopState(cause=stop.cause, reason=stop.reason, since=at)
        state.agenda.wake_at(at + state.patience.stop_grace, job.job.id)


def _follow_again(state: RunState, job: JobState, at: float) -> None:
    state.touch(job.job.id)
    job.step = Step.FOLLOWING
    job.status = JobStatus.RUNNING
    job.cause = None
    job.reason = None
    job.ended_at = None
    job.attempts = [ended for ended in job.attempts if ended.attempt != job.attempt.number]
    _poll_again(state, job, at)


def _poll_again(state: RunState, job: JobState, at: float) -> None:
    for execution in job.open_executions:
        follow(state, job.job.id, execution, at, unseen=True)
    state.arm_timeouts(job)


def settled(state: RunState, event: ev.Settled, at: float) -> None:
    """Fold `Settled`: the job follows the execution that a person named, or is triggered; jobs skipped behind it have a chance."""
    job = state.jobs[event.job]
    if event.execution_id is None:
        _never_started(state, job, at)
        return
    # In this attempt: one of an earlier attempt counts for that one, and is followed again if it is named now.
    if all(e.execution_id != event.execution_id for e in job.current):
        job.executions.append(
            Execution(
                execution_id=event.execution_id,
                attempt=job.attempt.number,
                accepted_at=at,
                adopted=AdoptedBy.SETTLED,
            )
        )
    state.ended = None
    job.attempt.complete = job.attempt.settled = True
    job.attempt.accepted_at = at
    job.attempt.candidates = ()
    _follow_again(state, job, at)
    reindex(state)


def _never_started(state: RunState, job: JobState, at: float) -> None:
    """A person has looked: the trigger of this attempt had no effect, so the same attempt may be triggered again."""
    state.touch(job.job.id)
    state.triggers -= 1
    state.ended = None
    job.attempts = [ended for ended in job.attempts if ended.attempt != job.attempt.number]
    job.attempt = AttemptState(number=job.attempt.number, began_at=at)
    job.step = Step.LOOKING
    job.status = JobStatus.RUNNING
    job.cause = job.reason = job.ended_at = None
    job.close_question()
    reindex(state)


def reindex(state: RunState) -> None:
    """Give jobs that were skipped because of an open one their chance again, and count everything anew from the records."""
    opened = [job_id for job_id, job in state.jobs.items() if not job.is_done]
    if any(not state.jobs[job_id].job.is_finally for job_id in opened):
        for job_id in list(_skipped_for_all(state)):
            _unskip(state, job_id)
            opened.append(job_id)
    while opened:
        for dependent in state.dependents[opened.pop()]:
            if state.jobs[dependent].is_done and state.jobs[dependent].status is JobStatus.SKIPPED:
                _unskip(state, dependent)
                opened.append(dependent)
    if any(not job.is_done and not job.job.is_finally for job in state.jobs.values()):
        state.finally_at = None
    count_anew(state)


def _skipped_for_all(state: RunState) -> Iterator[JobId]:
    """What was skipped for the sake of the whole pipeline and not of its own needs: its first failure, its end."""
    has_failed = any(_trips_fail_fast(job) for job in state.jobs.values())
    for job_id, job in state.jobs.items():
        is_concerned = job.job.is_finally or (job.cause is Cause.FAIL_FAST and not has_failed)
        if job.is_done and job.status is JobStatus.SKIPPED and is_concerned:
            yield job_id


def _unskip(state: RunState, job_id: JobId) -> None:
    job = state.touch(job_id)
    job.step = Step.WAITING
    job.status = JobStatus.PENDING
    job.cause = None
    job.reason = None
    job.tainted = False
    job.ended_at = None


def count_anew(state: RunState) -> None:
    """Make the indexes from the records, and decide on every job."""
    state.count_unmet()
    state.left = sum(not j.is_done and not j.job.is_finally for j in state.jobs.values())
    state.left_finally = sum(not j.is_done and j.job.is_finally for j in state.jobs.values())
    state.underway = {job_id: None for job_id, job in state.jobs.items() if job.is_underway}
    state.ready = {job_id: None for job_id, job in state.jobs.items() if job.step is Step.READY}
    state.failed_first = next((job_id for job_id, job in state.jobs.items() if _trips_fail_fast(job)), None)
    for job_id in state.jobs:
        state.agenda.wake(job_id)


def _trips_fail_fast(job: JobState) -> bool:
    return job.status.is_failure and not job.job.allow_failure and not job.job.is_finally
