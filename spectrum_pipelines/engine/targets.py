"""The files that an action names."""

from collections.abc import Iterator

from spectrum_pipelines.pipeline.model.action import (
    Action,
    Check,
    DeleteData,
    Sequence,
    Stop,
    Template,
    Trigger,
    WaitFor,
)
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
