"""Which jobs may start: needs, `run_if`, fail-fast and free places."""

from collections.abc import Iterable
from itertools import islice

from spectrum_pipelines.engine.facts import AttemptStarted, Event, JobEnded, JobSkipped
from spectrum_pipelines.engine.outcome import Cause
from spectrum_pipelines.engine.sightings import JobReady
from spectrum_pipelines.engine.state.run import JobState, RunState
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.pipeline import Job, RunIf

_STOPPED_BY_FAIL_FAST = frozenset({RunIf.ALL_SUCCESS, RunIf.NONE_FAILED})


def starts(state: RunState) -> Iterable[Event]:
    """First attempts for ready jobs, as far as there are places."""
    limit = state.pipeline.concurrency.max_parallel
    places = len(state.ready) if limit is None else limit - len(state.underway)
    for job_id in islice(state.ready, max(0, places)):
        skip = skip_reason(state, state.jobs[job_id])
        yield skip or AttemptStarted(job=job_id, attempt=state.jobs[job_id].attempt.number + 1)


def admit(state: RunState, job: JobState) -> Iterable[Event | JobReady]:
    """Decide on a job whose needs may all be done: skip it, or let it wait for a place."""
    job_id = job.job.id
    blocked = state.unmet[job_id] or (job.job.is_finally and state.left)
    if over := _too_late(state, job.job):
        yield JobSkipped(job=job_id, cause=Cause.PIPELINE_TIMEOUT, reason=over, tainted=True)
    elif not blocked:
        yield skip_reason(state, job) or JobReady(job=job_id)


def skip_reason(state: RunState, job: JobState) -> JobSkipped | JobEnded | None:
    """The end of a job that must not run; None: it may."""
    if over := _too_late(state, job.job):
        return JobSkipped(job=job.job.id, cause=Cause.PIPELINE_TIMEOUT, reason=over, tainted=True)
    if _fails_fast(state, job.job):
        reason = f"fail_fast: {state.failed_first} failed"
        return JobSkipped(job=job.job.id, cause=Cause.FAIL_FAST, reason=reason, tainted=True)
    return _by_run_if(state, job.job)


def _fails_fast(state: RunState, job: Job) -> bool:
    """A job that waits for failures (`any_failed`, `all_done`) is what fail-fast hurries to."""
    if state.failed_first is None or job.is_finally or not state.pipeline.fail_fast:
        return False
    return job.run_if in _STOPPED_BY_FAIL_FAST and state.failed_first not in job.needs


def _too_late(state: RunState, job: Job) -> str | None:
    if not state.is_too_late_for(job):
        return None
    return f"timeouts.{'finally' if job.is_finally else 'pipeline'} is over"


def _by_run_if(state: RunState, job: Job) -> JobSkipped | JobEnded | None:
    needs = [state.jobs[need] for need in job.needs]
    if job.is_finally:
        # What stands before a `finally` job is the whole pipeline, whatever else it needs.
        needs += [main for main in state.jobs.values() if not main.job.is_finally and _failed(main)]
    failed = [need.job.id for need in needs if _failed(need)]
    skipped = [need.job.id for need in needs if need.status.value == "skipped"]
    match job.run_if:
        case RunIf.ALL_DONE:
            return None
        case RunIf.ANY_FAILED:
            if _fails_before(state, job):
                return None
            return _nothing_failed(state.jobs[job.id])
        case RunIf.ALL_SUCCESS if skipped or failed:
            reason = _because(state, failed or skipped)
            return JobSkipped(job=job.id, cause=Cause.UPSTREAM, reason=reason, tainted=bool(failed))
        case RunIf.NONE_FAILED if failed:
            return JobSkipped(job=job.id, cause=Cause.UPSTREAM, reason=_because(state, failed), tainted=True)
        case _:
            return None


def _nothing_failed(job: JobState) -> JobSkipped | JobEnded:
    """A job that waits for failures has none. What it did in an earlier round stays: what needs it may go on."""
    if job.stands:
        last = job.attempts[-1]
        reason = "run_if: any_failed, and nothing failed in this round: what it did before stays"
        return JobEnded(job=job.job.id, status=last.status, cause=last.cause, reason=reason)
    reason = "run_if: any_failed, and nothing failed"
    return JobSkipped(job=job.job.id, cause=Cause.RUN_IF, reason=reason, tainted=False)


def _fails_before(state: RunState, job: Job) -> bool:
    """Something before the job did not do what it was there for, however far back, and even where that is allowed."""
    before = list(job.needs)
    if job.is_finally:
        before += [job_id for job_id, other in state.jobs.items() if not other.job.is_finally]
    seen = set(before)
    for job_id in before:  # grows as it goes
        one = state.jobs[job_id]
        if one.status.is_failure or one.tainted:
            return True
        before += (fresh := [need for need in one.job.needs if need not in seen])
        seen.update(fresh)
    return False


def _because(state: RunState, needs: list[JobId]) -> str:
    return ", ".join(f"{need} {state.jobs[need].status.value}" for need in needs)


def _failed(need: JobState) -> bool:
    """Failed, or kept from running by a failure. A failure that is allowed counts as success."""
    return need.tainted or (need.status.is_failure and not need.job.allow_failure)
