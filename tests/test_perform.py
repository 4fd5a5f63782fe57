"""Each request of the engine is one call of the API, with its arguments, and a failure is an outcome."""

from collections.abc import Mapping, Sequence
from typing import get_args

import pytest

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
    Purpose,
    Request,
    SendDelete,
)
from spectrum_pipelines.errors import ClientError, Refused, Unsent
from spectrum_pipelines.pipeline.model.action import JobId, Scalar
from spectrum_pipelines.runner.perform import perform
from spectrum_pipelines.spectrum import (
    ActiveJob,
    ConfigurationId,
    DataId,
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

_STATUS, _DETAILS = StatusAnswer(job_status="RUNNING"), JobDetails(job_status="RUNNING")
_LIST = (ActiveJob(execution_id=ExecutionId(1), job_status="RUNNING"),)
_HISTORY = (HistoryEntry(execution_id=ExecutionId(1), job_status="ERROR"),)
_TRIGGERED, _PLAN = TriggerAnswer(execution_id=ExecutionId(1)), ExecutionPlan(executions=())


class _Spectrum:
    """Writes each call down and gives its one answer, or its one failure."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.error = error

    def _called(self, *call: object) -> None:
        self.calls.append(call)
        if self.error is not None:
            raise self.error

    def status(self, ref: FileReference) -> StatusAnswer:
        self._called("status", ref)
        return _STATUS

    def history(
        self, configuration_id: ConfigurationId, *, start: int = 0, length: int = 10
    ) -> tuple[HistoryEntry, ...]:
        self._called("history", configuration_id, start, length)
        return _HISTORY

    def details(self, execution_id: ExecutionId) -> JobDetails:
        self._called("details", execution_id)
        return _DETAILS

    def list_running(self) -> tuple[ActiveJob, ...]:
        self._called("list_running")
        return _LIST

    def trigger(self, ref: FileReference) -> TriggerAnswer:
        self._called("trigger", ref)
        return _TRIGGERED

    def trigger_sequence(self, file_ids: Sequence[FileId], variables: Mapping[str, Scalar]) -> ExecutionPlan:
        self._called("trigger_sequence", tuple(file_ids), dict(variables))
        return _PLAN

    def stop(self, ref: FileReference) -> None:
        self._called("stop", ref)

    def delete_data(self, data_id: DataReference) -> Deletion:
        self._called("delete_data", data_id)
        return Deletion.MARKED


_A, _F, _E = JobId("a"), FileReference("/a"), ExecutionId(11)
_ROWS: list[tuple[Request, tuple[object, ...], Outcome]] = [
    (AskTarget(target=_F), ("status", "/a"), _STATUS),
    (AskStatus(job=_A, turn=1, target=_F, purpose=Purpose.POLL), ("status", "/a"), _STATUS),
    (AskAllRunning(), ("list_running",), _LIST),
    (AskRunning(job=_A, turn=1, purpose=Purpose.LOOKUP), ("list_running",), _LIST),
    (AskDetails(job=_A, turn=1, execution_id=_E, purpose=Purpose.POLL), ("details", 11), _DETAILS),
    (AskHistory(job=_A, turn=1, configuration_id=ConfigurationId(4), length=50), ("history", 4, 0, 50), _HISTORY),
    (PostTrigger(job=_A, turn=1, attempt=1, target=_F), ("trigger", "/a"), _TRIGGERED),
    (
        PostSequence(job=_A, turn=1, attempt=1, file_ids=(FileId(6),), variables={"day": 1}),
        ("trigger_sequence", (6,), {"day": 1}),
        _PLAN,
    ),
    (PostStop(job=_A, turn=1, target=_F, execution_id=_E), ("stop", "/a"), None),
    (SendDelete(job=_A, turn=1, data_id=DataId(272)), ("delete_data", 272), Deletion.MARKED),
]
_EACH = pytest.mark.parametrize(("request_", "call", "answer"), _ROWS, ids=[type(row[0]).__name__ for row in _ROWS])


@_EACH
def test_one_request_is_one_call(request_: Request, call: tuple[object, ...], answer: Outcome) -> None:
    spectrum = _Spectrum()
    assert perform(request_, spectrum) == answer
    assert spectrum.calls == [call]


@_EACH
@pytest.mark.parametrize("error", [Unsent("refused"), Refused("no")], ids=["unsent", "refused"])
def test_a_failure_is_an_outcome_and_is_not_tried_again_here(
    request_: Request, call: tuple[object, ...], answer: Outcome, error: ClientError
) -> None:
    spectrum = _Spectrum(error)
    assert perform(request_, spectrum) is error
    assert spectrum.calls == [call]


def test_a_bug_is_no_outcome() -> None:
    with pytest.raises(ZeroDivisionError):
        perform(AskAllRunning(), _Spectrum(ZeroDivisionError()))


def test_every_request_has_its_row() -> None:
    assert {type(row[0]) for row in _ROWS} == set(get_args(Request))
