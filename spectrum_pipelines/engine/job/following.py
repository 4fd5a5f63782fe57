"""Executions that are ours to follow: until they end, or until a limit does."""

from collections.abc import Iterator

from spectrum_pipelines.engine.facts import JobEnded, RetryScheduled, StopRequested
from spectrum_pipelines.engine.job.looking import Decision, ended, judged
from spectrum_pipelines.engine.job.verdict import judge
from spectrum_pipelines.engine.outcome import Cause, JobStatus
from spectrum_pipelines.engine.state.run import Attempt, JobState, RunState
from spectrum_pipelines.engine.state.watch import Watch
from spectrum_pipelines.engine.timing.waits import retry_wait
from spectrum_pipelines.engine.triggering.lookup import shows_absence
from spectrum_pipelines.pipeline.model.action import Stop
from spectrum_pipelines.pipeline.model.durations import format_duration
from spectrum_pipelines.pipeline.model.pipeline import Job
from spectrum_pipelines.pipeline.model.policy import OnAmbiguous, OnRunning, OnTimeout, RetryReason
from spectrum_pipelines.spectrum import Phase

_NEVER_AGAIN = frozenset(
    {Cause.BUSY, Cause.UNREACHABLE, Cause.UNAUTHORIZED, Cause.SILENCE, Cause.STOP_UNCONFIRMED, Cause.INPUT}
)


def decide_following(state: RunState, job: JobState, now: float) -> Iterator[Decision]:
    """Judge an attempt whose executions have all ended; otherwise hold it to its limits."""
    waiting = job.open_executions
    if not waiting:
        yield _judged(state, job)
    elif now >= _heard_at(state, job) + state.patience.longest_silence:
        silence = format_duration(state.patience.longest_silence)
        reason = f"no usable answer about execution {waiting[0].execution_id} for {silence}; it may still run"
        yield ended(job, JobStatus.TIMED_OUT, Cause.SILENCE, reason)
    elif any(watch.unseen for watch in _watched(state, job)):
        return
    elif state.is_too_late_for(job.job):
        yield _over(job, Cause.PIPELINE_TIMEOUT, limit_of(job.job))
    elif isinstance(job.job.action, Stop) and job.attempt.stop is None:
        yield StopRequested(job=job.job.id, cause=Cause.ACTION, reason="asked for by the pipeline")
    elif limit := _limit_reached(job, now):
        yield _over(job, *limit)
    elif _is_left_behind(state, job, now):
        names = ", ".join(f"{e.execution_id} ({e.job_status})" for e in waiting)
        reason = f"{judge([e for e in job.current if e.is_final], job.job.policy, None).reason}; left behind: {names}"
        yield ended(job, JobStatus.FAILED, Cause.LEFT_BEHIND, reason)


def limit_of(job: Job) -> str:
    """The run's limit for a job, in words, once it is over: `finally` has a limit of its own."""
    return "the timeout of `finally` is over" if job.is_finally else "the pipeline's own timeout is over"


def _judged(state: RunState, job: JobState) -> Decision:
    verdict = judged(state, job)
    if job.attempt.stop is not None and job.attempt.stop.cause is Cause.ABORT and verdict.status is JobStatus.CANCELED:
        return ended(job, verdict.status, Cause.ABORT, "stopped when the run was interrupted")
    return ended(job, verdict.status, verdict.cause, verdict.reason)


def _limit_reached(job: JobState, now: float) -> tuple[Cause, str] | None:
    policy = job.job.policy
    accepted_at = now if job.attempt.accepted_at is None else job.attempt.accepted_at
    if now >= accepted_at + policy.timeout:
        return Cause.TIMEOUT, f"timeout of {format_duration(policy.timeout)}"
    total = policy.retry.max_duration
    if total is not None and job.round_at is not None and now >= job.round_at + total:
        return Cause.TIMEOUT, f"retry.max_duration of {format_duration(total)}"
    queued = policy.queue_timeout
    if queued is not None and now >= accepted_at + queued and all(e.phase is Phase.WAITING for e in job.current):
        return Cause.QUEUE_TIMEOUT, f"queue_timeout of {format_duration(queued)}"
    return None


def _over(job: JobState, cause: Cause, limit: str) -> Decision:
    ours = [e for e in job.open_executions if e.is_ours]
    if ours and job.job.policy.on_timeout is OnTimeout.STOP:
        return StopRequested(job=job.job.id, cause=cause, reason=limit)
    ids = ", ".join(str(e.execution_id) for e in job.open_executions)
    return ended(job, JobStatus.TIMED_OUT, cause, f"{limit}; execution {ids} was left running")


def _heard_at(state: RunState, job: JobState) -> float:
    return max((state.last_heard(watch) for watch in _watched(state, job)), default=state.at)


def _watched(state: RunState, job: JobState) -> list[Watch]:
    watched = (state.following.get((job.job.id, e.execution_id)) for e in job.open_executions)
    return [watch for watch in watched if watch is not None]


def _is_left_behind(state: RunState, job: JobState, now: float) -> bool:
    """A member of a sequence failed, and those that wait for it are neither canceled nor started."""
    failed = [e for e in job.current if e.is_final and e.phase in {Phase.FAILED, Phase.CANCELED}]
    waiting = job.open_executions
    if not failed or any(e.phase not in {Phase.WAITING, Phase.NEVER_RUN} for e in waiting):
        return False
    failed_at = max(e.ended_at or now for e in failed)
    heard = all(state.last_heard(watch) > failed_at for watch in _watched(state, job))
    return heard and now >= failed_at + state.patience.left_behind_after


def decide_judged(state: RunState, job: JobState, now: float) -> Iterator[Decision]:
    """The attempt is over: once more, or the job's last word."""
    last = job.attempts[-1]
    if last.cause is Cause.ABORT:
        # Stopped for the sake of a process that is gone: the job is owed a whole attempt.
        yield RetryScheduled(job=job.job.id, attempt=job.attempt.number + 1, wait=0.0)
        return
    if _may_retry(state, job, last, now):
        wait = retry_wait(job.job.policy.retry, run_id=state.run_id, job=job.job.id, attempt=len(_counted(job)))
        if not _too_late(state, job, now + wait):
            yield RetryScheduled(job=job.job.id, attempt=job.attempt.number + 1, wait=wait)
            return
    yield JobEnded(job=job.job.id, status=last.status, cause=last.cause, reason=last.reason)


def _counted(job: JobState) -> list[Attempt]:
    return [a for a in job.attempts if a.cause is not Cause.ABORT and a.attempt >= job.counts_from]


def _may_retry(state: RunState, job: JobState, last: Attempt, now: float) -> bool:
    retry = job.job.policy.retry
    if last.status is JobStatus.UNKNOWN:
        again = job.job.policy.on_ambiguous is OnAmbiguous.RETRY and _was_never_started(state, job, now)
        return again and len(_counted(job)) <= max(1, retry.limit)
    if last.cause in _NEVER_AGAIN or len(_counted(job)) > retry.limit:
        return False
    if job.open_executions and last.status is JobStatus.TIMED_OUT and job.job.policy.on_running is OnRunning.FAIL:
        return False  # it was left running: another attempt would find it so, and end as busy
    return _retry_reason(last) in retry.when


def _was_never_started(state: RunState, job: JobState, now: float) -> bool:
    """As far as empty look-ups can tell. Candidates, or a search that was not answered, are reasons not to start another one."""
    if job.current or job.attempt.candidates or job.attempt.lookup is None:
        return False
    lookup, grace = job.attempt.lookup, job.job.policy.ambiguous_grace
    return shows_absence(lookup, job.attempt.baselines, state.patience, grace=grace, now=now)


def _retry_reason(last: Attempt) -> RetryReason | None:
    if last.cause is Cause.WARNINGS:
        return RetryReason.WARNINGS
    reasons = {
        JobStatus.FAILED: RetryReason.FAILED,
        JobStatus.TIMED_OUT: RetryReason.TIMED_OUT,
        JobStatus.CANCELED: RetryReason.CANCELED,
    }
    return reasons.get(last.status)


def _too_late(state: RunState, job: JobState, next_at: float) -> bool:
    if state.is_too_late_for(job.job):
        return True
    total = job.job.policy.retry.max_duration
    return total is not None and job.round_at is not None and next_at - job.round_at >= total
