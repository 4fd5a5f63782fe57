"""What a job's record amounts to for people: its status and its reason, also where the run ended before the job did."""

from spectrum_pipelines.engine.outcome import Cause, JobStatus
from spectrum_pipelines.engine.state.run import JobState, RunState, Step

_IN_DOUBT = frozenset({Step.INTENDED, Step.RECONCILING})
_FOLLOWED = frozenset({Step.FOLLOWING, Step.STOPPING})


def status_of(job: JobState, *, is_over: bool) -> JobStatus:
    """The report's word for a job. `is_over`: the run has ended, so nobody looks at the job any more.

    An unfinished job of an ended run is what is left of it: `unknown` if its trigger may have been sent, `running` if an execution
    may still run, else how its last attempt ended, and `pending` if nothing of it was ever triggered.
    """
    if job.step is Step.DONE:
        return job.status
    if not job.is_underway:
        return JobStatus.PENDING
    if job.step is Step.JUDGED and job.cause is Cause.ABORT:
        return JobStatus.CANCELED
    if not is_over or (job.step in _FOLLOWED and job.open_executions):
        return JobStatus.RUNNING
    if job.step in _IN_DOUBT:
        return JobStatus.UNKNOWN
    return job.attempts[-1].status if job.attempts else JobStatus.PENDING


def reason_of(job: JobState, *, is_over: bool) -> str | None:
    """Why a job stands where it stands, in a sentence for people; None if there is nothing to explain."""
    if job.step is Step.STOPPING and job.attempt.stop is not None:
        return f"{job.attempt.stop.reason}; {_stopping(job, is_over=is_over)}"
    if is_over and job.step is Step.INTENDED:
        return "the run ended before the answer to the trigger came: the job may run or not"
    if is_over and job.step is Step.FOLLOWING and job.open_executions:
        return f"the run ended first: execution {open_ids(job)} may still run"
    return job.reason


def _stopping(job: JobState, *, is_over: bool) -> str:
    running = open_ids(job)
    if not running:
        return "stopping what runs on its file"
    if not is_over:
        return f"stopping execution {running}"
    why = (
        job.attempt.stop.withheld
        if job.attempt.stop is not None and job.attempt.stop.withheld
        else "the stop was not confirmed"
    )
    return f"{why}: execution {running} may still run"


def open_ids(job: JobState) -> str:
    """The executions of a job whose end has not been seen, as a list for people."""
    return ", ".join(str(execution.execution_id) for execution in job.open_executions)


def counts(state: RunState) -> dict[JobStatus, int]:
    """How many jobs stand where, in the order of the statuses; statuses without a job are left out."""
    is_over = state.ended is not None
    found = dict.fromkeys(JobStatus, 0)
    for job in state.jobs.values():
        found[status_of(job, is_over=is_over)] += 1
    return {status: number for status, number in found.items() if number}
