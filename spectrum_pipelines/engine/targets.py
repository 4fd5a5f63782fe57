"""What an action names: files, and outputs of other jobs."""

from collections.abc import Iterator
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
from spectrum_pipelines.pipeline.model.pipeline import Job
from spectrum_pipelines.spectrum import FileReference


def targets_of(action: Action) -> Iterator[FileReference]:
    """What is known before the run: no data ids (they name no file), and nothing that waits for another job."""
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


def outputs_of(job: Job) -> Iterator[JobId]:
    """The jobs of which a job's action uses an output."""
    for value in _values(job.action):
        if isinstance(value, Template):
            yield from (part.job for part in value.parts if isinstance(part, JobOutput))


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
