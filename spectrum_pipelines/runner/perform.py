"""From the engine's requests to Spectrum's API: one call each, and a failure is an outcome."""

from collections.abc import Mapping, Sequence
from typing import Protocol, assert_never

from spectrum_pipelines.engine.requests import (
    AskAllRunning,
    AskDetails,
    AskHistory,
    AskRunning,
    AskStatus,
    AskTarget,
    Outcome,
    PostSequence,
    PostStop,
    PostTrigger,
    Request,
    SendDelete,
)
from spectrum_pipelines.errors import ClientError
from spectrum_pipelines.pipeline.model.action import Scalar
from spectrum_pipelines.spectrum import (
    ActiveJob,
    ConfigurationId,
    DataReference,
    Deletion,
    ExecutionId,
    ExecutionPlan,
    FileId,
    FileReference,
    HistoryEntry,
    JobDetails,
    StatusAnswer,
    TriggerAnswer,
)


class Spectrum(Protocol):
    """Spectrum's job API. Every method raises ClientError."""

    def status(self, ref: FileReference) -> StatusAnswer:
        """The file's latest execution."""
        ...

    def history(
        self, configuration_id: ConfigurationId, *, start: int = 0, length: int = 10
    ) -> tuple[HistoryEntry, ...]:
        """The executions of a configuration, newest first."""
        ...

    def details(self, execution_id: ExecutionId) -> JobDetails:
        """The details of one execution."""
        ...

    def list_running(self) -> tuple[ActiveJob, ...]:
        """Everything that waits or runs."""
        ...

    def trigger(self, ref: FileReference) -> TriggerAnswer:
        """Run a file's job."""
        ...

    def trigger_sequence(self, file_ids: Sequence[FileId], variables: Mapping[str, Scalar]) -> ExecutionPlan:
        """Run these files and everything downstream."""
        ...

    def stop(self, ref: FileReference) -> None:
        """Stop what runs in a file."""
        ...

    def delete_data(self, data_id: DataReference) -> Deletion:
        """Mark the data of a run for deletion."""
        ...


def perform(request: Request, spectrum: Spectrum) -> Outcome:
    """Make the call that the request describes."""
    try:
        return _call(request, spectrum)
    except ClientError as error:
        return error


def _call(request: Request, spectrum: Spectrum) -> Outcome:
    match request:
        case AskTarget(target=target) | AskStatus(target=target):
            return spectrum.status(target)
        case AskAllRunning() | AskRunning():
            return spectrum.list_running()
        case AskDetails(execution_id=execution_id):
            return spectrum.details(execution_id)
        case AskHistory(configuration_id=configuration_id, length=length):
            return spectrum.history(configuration_id, length=length)
        case PostTrigger(target=target):
            return spectrum.trigger(target)
        case PostSequence(file_ids=file_ids, variables=variables):
            return spectrum.trigger_sequence(file_ids, variables)
        case PostStop(target=target):
            spectrum.stop(target)
            return None
        case SendDelete(data_id=data_id):
            return spectrum.delete_data(data_id)
        case _:
            assert_never(request)
