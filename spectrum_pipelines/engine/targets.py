"""The files and the outputs of other jobs that an action names."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import assert_never

from spectrum_pipelines.pipeline.model.action import (
    Action,
    Check,
    DeleteData,
    JobId,
    JobOutput,
    Sequence,
    Stop,
    Template,
    Trigger,
    Value,
    WaitFor,
)
from spectrum_pipelines.pipeline.model.pipeline import Job, Pipeline
from spectrum_pipelines.spectrum import FileId, FileReference, Phase, StatusAnswer, one_spelling


def targets_of(action: Action) -> Iterator[FileReference]:
    """The files that are known before the run: no data ids (they name no file), and nothing that waits for another job."""
    match action:
        case Trigger(target=target) | WaitFor(target=target) | Check(target=target) | Stop(target=target):
            if not isinstance(target, Template):
                yield FileReference(target)
        case Sequence(file_ids=file_ids):
            yield from (FileReference(str(one)) for one in file_ids if not isinstance(one, Template))
        case DeleteData():
            return
        case _:
            assert_never(action)


def sharing(
    pipeline: Pipeline, file_ids: Mapping[FileReference, FileId] = MappingProxyType({})
) -> dict[JobId, tuple[JobId, ...]]:
    """For each job that starts a file which others start, too: all of those, in the order of the pipeline.

    `file_ids`: what is known of the targets that are no ids.
    """
    by_file: dict[str, dict[JobId, None]] = {}
    for job_id, job in pipeline.jobs.items():
        if isinstance(job.action, Trigger | Sequence):
            for target in targets_of(job.action):
                name = str(file_ids.get(target, target))
                # A path means the same with or without its first slash.
                by_file.setdefault(one_spelling(name.strip("/")), {})[job_id] = None
    shared: dict[JobId, dict[JobId, None]] = {}
    for jobs in by_file.values():
        if len(jobs) > 1:
            for job_id in jobs:
                shared.setdefault(job_id, {}).update(jobs)
    order = {job_id: place for place, job_id in enumerate(pipeline.jobs)} if shared else {}
    return {job_id: tuple(sorted(jobs, key=order.__getitem__)) for job_id, jobs in shared.items()}


def outputs_of(job: Job) -> Iterator[JobId]:
    """The jobs of which a job's action or gates use an output."""
    for value in _values(job.action):
        if isinstance(value, Template):
            yield from (part.job for part in value.parts if isinstance(part, JobOutput))
    if job.expect is not None:
        yield from (output.job for output in job.expect.outputs)


def _values(action: Action) -> Iterator[Value]:
    match action:
        case Trigger(target=target) | WaitFor(target=target) | Check(target=target) | Stop(target=target):
            yield target
        case Sequence(file_ids=file_ids, variables=variables):
            yield from file_ids
            yield from variables.values()
        case DeleteData(data_ids=data_ids):
            yield from data_ids
        case _:
            assert_never(action)


def in_the_way(target: FileReference, answer: StatusAnswer) -> str:
    """Why a file is not started: it runs, or shows a word that nobody knows, which would keep it closed for ever."""
    if answer.phase is Phase.UNRECOGNIZED:
        return (
            f"{target} may run: the status of execution {answer.execution_id} is `{answer.job_status}`, which this version "
            "does not know; see on the server whether it has ended, and if so, use a newer version, or see `on_running`"
        )
    return f"{target} already runs as execution {answer.execution_id} ({answer.job_status})"
