"""The ends of a run: the last job, the pipeline's own timeout, an abort, a failed pre-flight."""

from collections.abc import Iterator

from spectrum_pipelines.engine.facts import (
    AbortRequested,
    JobSkipped,
    PipelineTimedOut,
    RunEnded,
    StopRequested,
    TriggerNotHandled,
)
from spectrum_pipelines.engine.job.looking import Decision
from spectrum_pipelines.engine.outcome import Cause, JobStatus, RunStatus
from spectrum_pipelines.engine.state.run import JobState, RunState, Step
from spectrum_pipelines.errors import ExitCode
from spectrum_pipelines.pipeline.model.pipeline import OnAbort


def decide_failed_preflight(state: RunState) -> Iterator[Decision]:
    """Nothing was triggered: every job is skipped, and the findings tell the exit code."""
    for job_id, job in state.jobs.items():
        if not job.is_done:
            own = [f.message for f in state.findings if f.job in {job_id, None}]
            reason = "; ".join(own) or "the pre-flight of other jobs failed; nothing was triggered"
            yield JobSkipped(job=job_id, cause=Cause.PREFLIGHT, reason=reason, tainted=True)
            return
    causes = {f.cause for f in state.findings}
    reason = "pre-flight: " + "; ".join(dict.fromkeys(f.message for f in state.findings))
    if Cause.UNAUTHORIZED in causes:
        yield RunEnded(status=RunStatus.FAILED, exit_code=ExitCode.LOGIN_REFUSED, reason=reason)
    elif Cause.UNREACHABLE in causes:
        yield RunEnded(status=RunStatus.FAILED, exit_code=ExitCode.UNREACHABLE, reason=reason)
    elif Cause.MISSING in causes:
        yield RunEnded(status=RunStatus.FAILED, exit_code=ExitCode.USAGE, reason=reason)
    else:
        yield RunEnded(status=RunStatus.CONFLICT, exit_code=ExitCode.CONFLICT, reason=reason)


def decide_limits(state: RunState, now: float) -> Iterator[Decision]:
    """The pipeline's own timeouts."""
    ends_at, finally_ends_at = limit_times(state)
    if ends_at is not None and now >= ends_at:
        yield PipelineTimedOut(during_finally=False)
    if finally_ends_at is not None and now >= finally_ends_at:
        yield PipelineTimedOut(during_finally=True)


def limit_times(state: RunState) -> tuple[float | None, float | None]:
    """The run-clock seconds at which the pipeline's own timeouts are over, of the jobs and of `finally`; None where none counts.

    Time in which no process worked on the run does not count.
    """
    ends_at = finally_ends_at = None
    if state.pipeline.timeout is not None and state.left and not state.timed_out:
        ends_at = state.pipeline.timeout + state.paused
    if state.finally_at is not None and state.left_finally and not state.finally_timed_out:
        finally_ends_at = state.finally_at + state.pipeline.finally_timeout
    return ends_at, finally_ends_at


def decide_end(state: RunState) -> Iterator[Decision]:
    """All jobs have had their last word."""
    status, code = run_outcome(state)
    yield RunEnded(status=status, exit_code=code)


def run_outcome(state: RunState) -> tuple[RunStatus, ExitCode]:
    """The gravest outcome wins: unknown, timed out, failed. An unknown counts even where failure is allowed."""
    ends = [job for job in state.jobs.values() if job.status.is_failure]
    counted = [job for job in ends if not job.job.allow_failure or job.status is JobStatus.UNKNOWN]
    statuses = {job.status for job in counted}
    if JobStatus.UNKNOWN in statuses:
        return RunStatus.UNKNOWN, ExitCode.UNKNOWN
    if JobStatus.TIMED_OUT in statuses or state.timed_out or state.finally_timed_out:
        return RunStatus.TIMED_OUT, ExitCode.TIMED_OUT
    if not statuses:
        return RunStatus.SUCCEEDED, ExitCode.SUCCEEDED
    causes = {job.cause for job in counted}
    if not state.triggers and causes <= {Cause.BUSY}:
        return RunStatus.CONFLICT, ExitCode.CONFLICT
    if not state.triggers and Cause.UNAUTHORIZED in causes:
        return RunStatus.FAILED, ExitCode.LOGIN_REFUSED
    if not state.triggers and Cause.UNREACHABLE in causes:
        return RunStatus.FAILED, ExitCode.UNREACHABLE
    return RunStatus.FAILED, ExitCode.FAILED


def decide_abort(state: RunState, abort: AbortRequested, now: float) -> Iterator[Decision]:
    """Stop or detach what runs, wait for a trigger that is out, and end within the grace time."""
    unfinished = False
    for job_id in list(state.underway):
        job = state.jobs[job_id]
        if job.step is Step.INTENDED and not job.attempt.busy:
            reason = "interrupted before it was sent"
            yield TriggerNotHandled(job=job_id, attempt=job.attempt.number, reason=reason, wait=0.0)
        elif job.step is Step.FOLLOWING and _is_to_stop(state, job, abort):
            reason = f"interrupted by {abort.signal}"
            yield StopRequested(job=job_id, cause=Cause.ABORT, reason=reason)
            unfinished = True
        elif job.step in {Step.STOPPING, Step.INTENDED} or _has_a_last_word(job):
            unfinished = True
    if not unfinished or now >= state.abort_at + state.patience.abort_grace:
        code = ExitCode.INTERRUPTED if abort.signal == "SIGINT" else ExitCode.TERMINATED
        yield RunEnded(status=RunStatus.INTERRUPTED, exit_code=code, reason=f"interrupted by {abort.signal}")


def _has_a_last_word(job: JobState) -> bool:
    """The job's end was seen, and only has to be judged and recorded."""
    if job.step is Step.JUDGED:
        return job.cause is not Cause.ABORT
    return job.step is Step.FOLLOWING and not job.open_executions


def _is_to_stop(state: RunState, job: JobState, abort: AbortRequested) -> bool:
    if abort.detach or state.pipeline.on_abort is OnAbort.DETACH:
        return False
    return any(e.is_ours for e in job.open_executions)
