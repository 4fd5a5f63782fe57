"""`delete_data`: mark the data of each run for deletion. Marking twice does no harm, so a lost answer is asked for again."""

from collections.abc import Iterator

from spectrum_pipelines.engine.job.looking import Decision, Unresolvable, ended, resolve
from spectrum_pipelines.engine.outcome import Cause, JobStatus
from spectrum_pipelines.engine.requests import SendDelete
from spectrum_pipelines.engine.state.run import JobState, RunState
from spectrum_pipelines.pipeline.model.action import DeleteData, IfMissing
from spectrum_pipelines.spectrum import DataId, Deletion


def decide_deleting(state: RunState, job: JobState, now: float) -> Iterator[Decision]:
    """Send the next deletion; when all are answered, judge."""
    action = job.job.action
    assert isinstance(action, DeleteData)
    if job.attempt.busy or (job.attempt.wake_at is not None and job.attempt.wake_at > now):
        return
    if job.attempt.misses > state.pipeline.http.retry_limit:
        yield ended(job, JobStatus.FAILED, Cause.UNREACHABLE, job.reason)
        return
    try:
        wanted = [DataId(int(resolve(state, one))) for one in action.data_ids]
    except Unresolvable as missing:
        yield ended(job, JobStatus.FAILED, Cause.INPUT, f"job {missing.job} has no execution whose id could be used")
        return
    done = {data_id for data_id, _ in job.attempt.deletions}
    for data_id in wanted:
        if data_id not in done:
            yield SendDelete(job=job.job.id, turn=job.turn + 1, data_id=data_id)
            return
    yield _judge(job, action)


def _judge(job: JobState, action: DeleteData) -> Decision:
    told = "; ".join(f"data {data_id}: {deletion.value}" for data_id, deletion in job.attempt.deletions)
    missing = any(deletion is Deletion.NOT_FOUND for _, deletion in job.attempt.deletions)
    if missing and action.if_missing is IfMissing.FAIL:
        return ended(job, JobStatus.FAILED, Cause.MISSING, f"{told} (set `if_missing: ok` if that is good enough)")
    return ended(job, JobStatus.SUCCEEDED, Cause.ACTION, told)
