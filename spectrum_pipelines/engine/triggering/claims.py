"""Whose an execution is: what an id can be taken for, given what this run knows of its own jobs.

An id that was there before the trigger, or that another trigger of this run has got, is none of this one's. And while another
trigger of ours on the same file is open, nobody can tell which of the two a new execution belongs to.
"""

from collections.abc import Iterator

from spectrum_pipelines.engine.state.run import JobState, RunState, Step
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.spectrum import ExecutionId

_OPEN_INTENTS = frozenset({Step.INTENDED, Step.RECONCILING})


def is_taken(state: RunState, job: JobState, execution_id: ExecutionId) -> bool:
    """It cannot be what the job's trigger has just started."""
    before = {baseline.execution_id for baseline in job.attempt.baselines}
    if (
        len(job.attempt.baselines) == 1
        and (latest := job.attempt.baselines[0].execution_id) is not None
        and execution_id <= latest
    ):
        return True
    return execution_id in before or execution_id in state.owners


def owned_by_others(state: RunState, job: JobState) -> frozenset[ExecutionId]:
    """What other attempts of this run have got: none of it is the job's."""
    mine = {e.execution_id for e in job.current}
    return frozenset(owned for owned in state.owners if owned not in mine)


def rivals(state: RunState, job: JobState) -> Iterator[JobId]:
    """Other jobs whose trigger of one of the same files has no answer yet."""
    targets = {baseline.target for baseline in job.attempt.baselines}
    file_ids = {str(baseline.file_id) for baseline in job.attempt.baselines if baseline.file_id is not None}
    for job_id in state.underway:
        other = state.jobs[job_id]
        if other is job or other.step not in _OPEN_INTENTS:
            continue
        if any(b.target in targets | file_ids or str(b.file_id) in file_ids for b in other.attempt.baselines):
            yield job_id
