"""Whose an execution is: what an id can be taken for, given what this run knows of its own jobs.

An id that was there before the trigger, or that another trigger of this run has got, is none of this one's. And while another
trigger of ours on the same file is open, nobody can tell which of the two a new execution belongs to.
"""

from collections.abc import Iterable, Iterator

from spectrum_pipelines.engine.outcome import JobStatus
from spectrum_pipelines.engine.state.run import JobState, RunState, Step
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.spectrum import ExecutionId, FileId

#: A file as the pipeline names it, and its id as far as anything has told it.
Name = tuple[str, FileId | None]

_OPEN_INTENTS = frozenset({Step.INTENDED, Step.RECONCILING})


def is_taken(state: RunState, job: JobState, execution_id: ExecutionId) -> bool:
    """An execution cannot be what the job's trigger has just started."""
    before = {baseline.execution_id for baseline in job.attempt.baselines}
    if (
        len(job.attempt.baselines) == 1
        and (latest := job.attempt.baselines[0].execution_id) is not None
        and execution_id <= latest
    ):
        return True
    return execution_id in before or execution_id in state.owners


def owned_by_others(state: RunState, job: JobState) -> frozenset[ExecutionId]:
    """What other attempts of this run have got: none of it is the job's.

    Unless it was got before the intent and is above the baseline: then it was gone when the baseline was read, and the
    server may have given its id once more.
    """
    mine = {e.execution_id for e in job.current}
    latest = max((b.execution_id for b in job.attempt.baselines if b.execution_id is not None), default=0)
    return frozenset(
        owned
        for place, owned in enumerate(state.owners)
        if owned not in mine and (place >= job.attempt.owned_before or owned <= latest)
    )


def rivals(state: RunState, job: JobState, candidates: Iterable[ExecutionId] = ()) -> Iterator[JobId]:
    """Other jobs that `candidates` may belong to.

    Their trigger of what may be the same file has no answer yet, or ended without one and with one of these in sight.
    """
    names, wanted = list(_names(job)), set(candidates)
    for job_id, other in state.jobs.items():
        if other is not job and (_is_open_on(other, names) or _has_in_sight(other, wanted)):
            yield job_id


def _is_open_on(other: JobState, names: list[Name]) -> bool:
    if other.step not in _OPEN_INTENTS:
        return False
    return any(_may_be_same(one, another) for one in names for another in _names(other))


def _has_in_sight(other: JobState, wanted: set[ExecutionId]) -> bool:
    return other.status is JobStatus.UNKNOWN and not wanted.isdisjoint(other.attempt.candidates)


def _names(job: JobState) -> Iterator[Name]:
    """The files of the last intent: how each is named, and its id as far as anything has told it."""
    learnt = {} if job.attempt.lookup is None else job.attempt.lookup.file_ids
    for baseline in job.attempt.baselines:
        target = baseline.target
        file_id = FileId(int(target)) if target.isdigit() else baseline.file_id or learnt.get(target)
        yield target, file_id


def _may_be_same(one: Name, other: Name) -> bool:
    """Two names of one kind that differ mean two files; a path and a uuid may mean one, as long as no id has told."""
    (name, file_id), (other_name, other_id) = one, other
    if name.strip("/") == other_name.strip("/"):
        return True
    if file_id is not None and other_id is not None:
        return file_id == other_id
    return ("/" in name) != ("/" in other_name) or name.isdigit() != other_name.isdigit()
