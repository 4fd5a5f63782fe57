"""Stopping an execution and seeing it confirmed.

Spectrum's stop acts on the file: it stops whatever runs there. So each stop of ours is preceded by a look, and withheld when the
look shows somebody else's execution running.
"""

from collections.abc import Iterator

from spectrum_pipelines.engine.job.looking import Decision, ended, judged, resolved_targets
from spectrum_pipelines.engine.outcome import Cause, JobStatus
from spectrum_pipelines.engine.requests import AskRunning, AskStatus, PostStop, Purpose
from spectrum_pipelines.engine.sightings import ExecutionDoubted, LookedInVain
from spectrum_pipelines.engine.state.execution import Execution
from spectrum_pipelines.engine.state.run import JobState, RunState, StopState
from spectrum_pipelines.pipeline.model.action import Sequence
from spectrum_pipelines.spectrum import ExecutionId, FileReference, Phase

#: Seconds between two stops of somebody else's execution, at most: the first follow each other faster.
_LONGEST_WAY = 60.0

_TIMEOUTS = frozenset({Cause.TIMEOUT, Cause.QUEUE_TIMEOUT, Cause.PIPELINE_TIMEOUT})


def decide_stopping(state: RunState, job: JobState, now: float) -> Iterator[Decision]:
    """Look, stop, and wait for the end to be seen. What is stopped for an abort is left open: the next process looks again."""
    stop = job.attempt.stop
    assert stop is not None
    if stop.cause is Cause.ON_RUNNING:
        yield from _make_way(state, job, stop)
        return
    is_over = now >= stop.since + state.patience.stop_grace and stop.cause is not Cause.ABORT
    if not job.open_executions:
        # In an abort nothing begins behind it, and what the job came to is told at once.
        if is_over or state.abort is not None or not _is_on_its_way(job, stop):
            yield _confirmed(state, job, stop)
    elif is_over:
        yield _unconfirmed(job, stop)
    elif not job.attempt.busy and (job.attempt.wake_at is None or job.attempt.wake_at <= now):
        yield from _next_stop(state, job, stop)


def _is_on_its_way(job: JobState, stop: StopState) -> bool:
    """A stop was sent and is not answered: it may yet hit what runs in the file next, our next attempt perhaps."""
    return job.attempt.busy and (stop.cleared is not None or stop.is_fresh)


def _make_way(state: RunState, job: JobState, stop: StopState) -> Iterator[Decision]:
    """`on_running: stop`: the execution is somebody else's, and meant."""
    if job.attempt.busy:
        return
    if stop.sent or stop.withheld or job.attempt.misses:
        wait = min(_LONGEST_WAY, 2.0 ** min(job.attempt.ways - 1, 10))
        yield LookedInVain(job=job.job.id, wait=wait)
        return
    for target in resolved_targets(state, job):
        answer = job.attempt.seen.get(target)
        if answer is not None and not isinstance(answer, str) and answer.phase.is_active and answer.execution_id:
            yield PostStop(job=job.job.id, turn=job.turn + 1, target=target, execution_id=answer.execution_id)
            return
    yield LookedInVain(job=job.job.id, wait=0.0)


def _next_stop(state: RunState, job: JobState, stop: StopState) -> Iterator[Decision]:
    execution = _first(job)
    target = file_of(job, execution)
    job_id, turn = job.job.id, job.turn + 1
    if target is None:
        watch = state.following.get((job_id, execution.execution_id))
        if watch is not None and not watch.doubted:
            yield ExecutionDoubted(job=job_id, execution_id=execution.execution_id)
    elif stop.cleared == execution.execution_id or (stop.cause is Cause.ACTION and stop.is_fresh):
        yield PostStop(job=job_id, turn=turn, target=target, execution_id=execution.execution_id)
    elif stop.need_list:
        yield AskRunning(job=job_id, turn=turn, purpose=Purpose.VERIFY_STOP)
    else:
        yield AskStatus(job=job_id, turn=turn, target=target, purpose=Purpose.VERIFY_STOP)


def _first(job: JobState) -> Execution:
    running = [e for e in job.open_executions if e.phase is Phase.RUNNING]
    return (running or list(job.open_executions))[0]


def target_execution(job: JobState) -> ExecutionId | None:
    """The execution that the next stop is meant for."""
    return _first(job).execution_id if job.open_executions else None


def file_of(job: JobState, execution: Execution) -> FileReference | None:
    """How to name the file of an execution; None until its details have told."""
    if execution.file_id is not None:
        return FileReference(str(execution.file_id))
    if isinstance(job.job.action, Sequence):
        return None
    if job.attempt.baselines:
        return FileReference(job.attempt.baselines[0].target)
    target = getattr(job.job.action, "target", None)
    return FileReference(target) if isinstance(target, str) else None


def _confirmed(state: RunState, job: JobState, stop: StopState) -> Decision:
    verdict = judged(state, job)
    stopped = [e for e in job.current if e.phase is Phase.CANCELED] or list(job.current)
    ids = ", ".join(str(e.execution_id) for e in stopped)
    if stop.cause is Cause.ACTION:
        return ended(job, JobStatus.SUCCEEDED, Cause.ACTION, f"execution {ids} stopped")
    if verdict.status is not JobStatus.CANCELED:
        return ended(job, verdict.status, verdict.cause, verdict.reason)
    if stop.cause in _TIMEOUTS:
        return ended(job, JobStatus.TIMED_OUT, stop.cause, f"{stop.reason}; execution {ids} stopped and confirmed")
    return ended(job, JobStatus.CANCELED, stop.cause, stop.reason)


def _unconfirmed(job: JobState, stop: StopState) -> Decision:
    ids = ", ".join(str(e.execution_id) for e in job.open_executions)
    why = stop.withheld or "the stop was not confirmed"
    reason = f"{stop.reason}; {why}: execution {ids} may still run"
    return ended(job, JobStatus.TIMED_OUT, Cause.STOP_UNCONFIRMED, reason)
