"""`delete_data`: mark the data of each run for deletion. Marking twice does no harm, so a lost answer is asked for again."""

from collections.abc import Iterator

from spectrum_pipelines.engine.facts import JobSkipped
from spectrum_pipelines.engine.job.looking import Decision, Unresolvable, ended, resolve
from spectrum_pipelines.engine.outcome import Cause, JobStatus
from spectrum_pipelines.engine.requests import SendDelete
from spectrum_pipelines.engine.state.run import JobState, RunState
from spectrum_pipelines.pipeline.model.action import (
    DeleteData,
    IfMissing,
    JobId,
    JobOutput,
    Scalar,
    Sequence,
    Template,
    Value,
)
from spectrum_pipelines.spectrum import DataId, DataName, DataReference, Deletion


def decide_deleting(state: RunState, job: JobState, now: float) -> Iterator[Decision]:
    """Send the next deletion; when all are answered, judge."""
    action = job.job.action
    assert isinstance(action, DeleteData)
    if job.attempt.busy or (job.attempt.wake_at is not None and job.attempt.wake_at > now):
        return
    if job.attempt.misses > state.pipeline.http.retry_limit:
        yield ended(job, JobStatus.FAILED, Cause.UNREACHABLE, job.reason)
        return
    data_ids, without = known_data(state, action)
    done = {data_id for data_id, _ in job.attempt.deletions}
    for data_id in data_ids:
        if data_id not in done:
            yield SendDelete(job=job.job.id, turn=job.turn + 1, data_id=data_id)
            return
    yield _judge(job, action, without)


def known_data(state: RunState, action: DeleteData) -> tuple[list[DataReference], list[JobId]]:
    """The ids that are known, and the jobs that have none because they started nothing."""
    data_ids: list[DataReference] = []
    without: list[JobId] = []
    for one in action.data_ids:
        try:
            data_ids += _all_of_sequence(state, one) or [_named(resolve(state, one))]
        except Unresolvable as missing:
            without.append(missing.job)
    return data_ids, without


def _all_of_sequence(state: RunState, value: Value) -> list[DataReference]:
    """The data of every execution of a sequence, for an entry that is nothing but its id; none for all other entries."""
    if not isinstance(value, Template) or len(value.parts) != 1 or not isinstance(only := value.parts[0], JobOutput):
        return []
    other = state.jobs[only.job]
    if only.output != "execution_id" or not isinstance(other.job.action, Sequence) or not other.executions:
        return []
    last = other.executions[-1].attempt
    return [DataId(int(it.execution_id)) for it in other.executions if it.attempt == last]


def _named(value: Scalar) -> DataReference:
    return DataName(value) if isinstance(value, str) and not value.isdecimal() else DataId(int(value))


def _judge(job: JobState, action: DeleteData, without: list[JobId]) -> Decision:
    """Data of a job that started nothing is missing from the outset: there is nothing to delete, and nothing went wrong."""
    deleted = [f"data {data_id}: {deletion.value}" for data_id, deletion in job.attempt.deletions]
    message = "; ".join(
        [*deleted, *(f"job {name} started nothing, so it has no data" for name in dict.fromkeys(without))]
    )
    if without and not deleted and action.if_missing is IfMissing.FAIL:
        return JobSkipped(job=job.job.id, cause=Cause.MISSING, reason=message, tainted=False)
    missing = any(deletion is Deletion.NOT_FOUND for _, deletion in job.attempt.deletions)
    if missing and action.if_missing is IfMissing.FAIL:
        return ended(job, JobStatus.FAILED, Cause.MISSING, f"{message} (set `if_missing: ok` if that is good enough)")
    return ended(job, JobStatus.SUCCEEDED, Cause.ACTION, message)
