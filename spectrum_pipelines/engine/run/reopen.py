"""Taking a run up again: what a new process may believe of an old one's state, and what it must ask again.

An intent without an answer may have been sent: it is searched for, never sent again. What an abort stopped was the user's wish
for that process only: it gets a new attempt. What ended because nobody could see it (silence, refused credentials) is followed
again under the id that we know. An `unknown` without an id stays one until a person settles it.
"""

import math
from collections.abc import Iterator

from msgspec.structs import replace

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import AdoptedBy, Cause, JobStatus
from spectrum_pipelines.engine.state.execution import Execution
from spectrum_pipelines.engine.state.lookup import Lookup
from spectrum_pipelines.engine.state.records import arm_timeouts, follow, forget_question, put
from spectrum_pipelines.engine.state.run import JobState, RunState, Step
from spectrum_pipelines.pipeline.model.action import JobId

_UNSEEN_ENDS = frozenset({Cause.SILENCE, Cause.UNAUTHORIZED})


def is_resumable(state: RunState) -> bool:
    """The run has not ended, or something of it may still be learnt: `Resumed` would change what the report says."""
    if state.ended is None or state.abort is not None:
        return True
    return any(job.is_done and job.cause in _UNSEEN_ENDS and job.open_executions for job in state.jobs.values())


def resumed(state: RunState, event: ev.Resumed, at: float) -> None:
    """Fold `Resumed`: every question is open again."""
    state.abort = None
    state.ended = None
    state.resumptions += 1
    state.list_asked_at = None
    state.list_due_at = math.inf
    state.lessons.clear()
    state.lesson_asked = False
    state.list_off_until = 0.0
    for job_id, job in list(state.jobs.items()):
        if job.is_underway:
            put(state, job_id, wake_at=job.wake_at, **forget_question(job))
            _take_up(state, job_id, at)
        elif job.is_done and job.cause in _UNSEEN_ENDS and job.open_executions:
            _follow_again(state, job_id, at)
    reindex(state)


def _take_up(state: RunState, job_id: JobId, at: float) -> None:
    job = state.jobs[job_id]
    match job.step:
        case Step.INTENDED | Step.RECONCILING:
            died = job.sender_died or job.step is Step.INTENDED
            reason = job.reason or "the runner ended before the answer to the trigger came"
            search = Lookup(since=at)
            put(
                state,
                job_id,
                step=Step.RECONCILING,
                lookup=search,
                attempt_at=at,
                accepted_at=at,
                reason=reason,
                sender_died=died,
            )
        case Step.LOOKING:
            put(state, job_id, attempt_at=at)  # while nobody ran it, it has not waited either
        case Step.FOLLOWING:
            _follow_again(state, job_id, at)
        case Step.STOPPING if job.stop is not None:
            if job.stop.cause is Cause.ABORT:
                _follow_again(state, job_id, at)
            else:
                put(state, job_id, stop=replace(job.stop, since=at, cleared=None, sent=0, withheld=None))
                _poll_again(state, job_id, at)
        case _:
            pass


def _follow_again(state: RunState, job_id: JobId, at: float) -> None:
    put(
        state,
        job_id,
        step=Step.FOLLOWING,
        status=JobStatus.RUNNING,
        cause=None,
        reason=None,
        ended_at=None,
        attempts=tuple(a for a in state.jobs[job_id].attempts if a.attempt != state.jobs[job_id].attempt),
    )
    _poll_again(state, job_id, at)


def _poll_again(state: RunState, job_id: JobId, at: float) -> None:
    for execution in state.jobs[job_id].open_executions:
        follow(state, job_id, execution, at, unseen=True)
    arm_timeouts(state, job_id)


def settled(state: RunState, event: ev.Settled, at: float) -> None:
    """Fold `Settled`: the job follows the execution that a person named; what was skipped behind it has a new chance."""
    job = state.jobs[event.job]
    # In this attempt: one of an earlier attempt counts for that one, and is followed again if it is named now.
    if all(e.execution_id != event.execution_id for e in job.current):
        execution = Execution(
            execution_id=event.execution_id,
            attempt=job.attempt,
            accepted_at=at,
            adopted=AdoptedBy.SETTLED,
        )
        put(state, event.job, executions=(*job.executions, execution))
    state.ended = None
    _follow_again(state, event.job, at)
    put(state, event.job, complete=True, accepted_at=at, candidates=())
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
    _count(state)


def _skipped_for_all(state: RunState) -> Iterator[JobId]:
    """What was skipped for the sake of the whole pipeline and not of its own needs: its first failure, its end."""
    has_failed = any(_trips_fail_fast(job) for job in state.jobs.values())
    for job_id, job in state.jobs.items():
        is_concerned = job.job.is_finally or (job.cause is Cause.FAIL_FAST and not has_failed)
        if job.is_done and job.status is JobStatus.SKIPPED and is_concerned:
            yield job_id


def _unskip(state: RunState, job_id: JobId) -> None:
    put(
        state,
        job_id,
        step=Step.WAITING,
        status=JobStatus.PENDING,
        cause=None,
        reason=None,
        tainted=False,
        ended_at=None,
    )


def _count(state: RunState) -> None:
    state.unmet = {
        job_id: sum(not state.jobs[need].is_done for need in job.job.needs) for job_id, job in state.jobs.items()
    }
    state.left = sum(not j.is_done and not j.job.is_finally for j in state.jobs.values())
    state.left_finally = sum(not j.is_done and j.job.is_finally for j in state.jobs.values())
    state.underway = {job_id: None for job_id, job in state.jobs.items() if job.is_underway}
    state.ready = {job_id: None for job_id, job in state.jobs.items() if job.step is Step.READY}
    state.failed_first = next((job_id for job_id, job in state.jobs.items() if _trips_fail_fast(job)), None)
    for job_id in state.jobs:
        state.agenda.wake(job_id)


def _trips_fail_fast(job: JobState) -> bool:
    return job.status.is_failure and not job.job.allow_failure and not job.job.is_finally
