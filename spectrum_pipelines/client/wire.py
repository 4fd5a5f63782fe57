"""JSON to the typed answers of `spectrum_pipelines.spectrum`. Pure.

Hyphenated and camelCase keys are read alike, unknown keys are ignored, null is as good as missing. An id that is there and cannot
be read makes the whole answer Undecodable: taking it for "no id" could make a running job look as if it had never run. A shape
that Spectrum never sends is NotSpectrum. Every exception of this module is a ClientError.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from spectrum_pipelines.client import fields
from spectrum_pipelines.client.decode import NOT_SPECTRUM_HINT
from spectrum_pipelines.client.fields import Record, pick
from spectrum_pipelines.client.transport.exchange import Answer
from spectrum_pipelines.errors import NotSpectrum, Undecodable
from spectrum_pipelines.spectrum import (
    TRIGGERED,
    ActiveJob,
    ConfigurationId,
    Deletion,
    ExecutionId,
    ExecutionPlan,
    FileId,
    HistoryEntry,
    JobDetails,
    PlannedExecution,
    StatusAnswer,
    TriggerAnswer,
)

Id = TypeVar("Id", bound=int)


def status(answer: Answer) -> StatusAnswer:
    """Any other field than `job-status` may be missing; the vendor's page also shows an answer without it, for a triggered job."""
    record = _record(answer)
    is_just_triggered = not fields.has(record, "job-status") and fields.has(record, "job-execution-trigger")
    return StatusAnswer(
        job_status=TRIGGERED if is_just_triggered else _status_word(answer, record),
        file_id=_optional(answer, record, "file-id", FileId),
        execution_id=_optional(answer, record, "job-execution-id", ExecutionId),
        start_time=fields.text(pick(record, "start-time")),
        stop_time=fields.text(pick(record, "stop-time")),
        progress=fields.progress(pick(record, "job-progress")),
        estimate_seconds=fields.estimate(pick(record, "estimate-time")),
    )


def history(answer: Answer) -> tuple[HistoryEntry, ...]:
    """In the server's order, newest first."""
    return tuple(
        HistoryEntry(execution_id=_required(answer, entry, "id", ExecutionId), job_status=_status_word(answer, entry))
        for entry in _records(answer, answer.value)
    )


def details_of(answer: Answer, execution: ExecutionId) -> JobDetails:
    """The details that were asked for. An answer that names another execution is none."""
    if (named := _optional(answer, _record(answer), "job-execution-id", ExecutionId)) not in {None, execution}:
        raise _foreign(answer, f"is about execution {named}")
    return details(answer)


def details(answer: Answer) -> JobDetails:
    """Counters that are no whole numbers are left out."""
    record = _record(answer)
    file = record.get("file")
    file = file if isinstance(file, Mapping) else {}
    counters = record.get("counters")
    counters = counters if isinstance(counters, Mapping) else {}
    return JobDetails(
        job_status=_status_word(answer, record),
        configuration_id=_optional(answer, record, "job-configuration-id", ConfigurationId),
        file_id=_optional(answer, file, "id", FileId),
        uuid=fields.text(file.get("uuid")),
        start_time=fields.text(pick(record, "start-time")),
        stop_time=fields.text(pick(record, "stop-time")),
        success_count=fields.count(pick(record, "success-count")),
        failure_count=fields.count(pick(record, "failure-count")),
        counters={
            name: amount
            for key, value in counters.items()
            if (name := fields.text(key)) is not None and (amount := fields.count(value)) is not None
        },
    )


def list_running(answer: Answer) -> tuple[ActiveJob, ...]:
    """Jobs that have no execution id yet are left out: nobody can follow them."""
    return tuple(
        ActiveJob(
            execution_id=execution,
            job_status=_status_word(answer, entry),
            file_id=_optional(answer, entry, "file-id", FileId),
            uuid=fields.text(entry.get("uuid")),
            configuration_id=_optional(answer, entry, "dap-job-configuration-id", ConfigurationId),
            file_name=fields.text(pick(entry, "file-name")),
            job_name=fields.text(pick(entry, "job-name")),
            creation_date=fields.count(pick(entry, "creation-date")),
            start_time=fields.count(pick(entry, "start-time")),
            estimated_time=fields.number(pick(entry, "estimated-time")),
        )
        for entry in _records(answer, answer.value)
        if (execution := _optional(answer, entry, "job-execution-id", ExecutionId)) is not None
    )


def triggered(answer: Answer) -> TriggerAnswer:
    """Without an id that can be sworn by, the answer is Undecodable and the trigger ambiguous."""
    record = _record(answer)
    return TriggerAnswer(
        execution_id=_sworn(answer, record, "job-execution-id"),
        user=fields.text(pick(record, "job-execution-user")),
        trigger=fields.text(pick(record, "job-execution-trigger")),
    )


def execution_plan(answer: Answer) -> ExecutionPlan:
    """An entry whose id is null or missing was not started; an id that is there must be one to swear by."""
    plan = pick(_record(answer), "execution-plan")
    return ExecutionPlan(
        executions=tuple(
            PlannedExecution(
                execution_id=None
                if pick(entry, "job-execution-id") is None
                else _sworn(answer, entry, "job-execution-id"),
                configuration_id=_optional(answer, entry, "job-configuration-id", ConfigurationId),
                name=fields.text(pick(entry, "job-configuration-name")),
                triggered=entry.get("trigger") is not False,
            )
            for entry in _records(answer, plan)
        )
    )


def deletion(answer: Answer) -> Deletion:
    """`true` and `false` of the delete call; its "not found" is a refusal and read by the caller."""
    match _record(answer).get("status"):
        case True:
            return Deletion.MARKED
        case False:
            return Deletion.ALREADY_GONE
        case _:
            raise _foreign(answer, "says neither true nor false")


def _record(answer: Answer) -> Record:
    if answer.value is None:
        raise Undecodable(f"{answer.where}: the answer is empty", http_status=answer.http_status)
    if not isinstance(answer.value, Mapping):
        raise _foreign(answer, "is not an object")
    return answer.value


def _records(answer: Answer, entries: object) -> list[Record]:
    if answer.value is None:
        raise Undecodable(f"{answer.where}: the answer is empty", http_status=answer.http_status)
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise _foreign(answer, "is not a list of objects")
    return entries


def _status_word(answer: Answer, record: Record) -> str:
    if not fields.has(record, "job-status"):
        raise _foreign(answer, "has no job status")
    # null or a number is a word that nobody knows: polled on and never an end.
    return (fields.text(pick(record, "job-status")) or "").strip()


def _optional(answer: Answer, record: Record, name: str, kind: Callable[[int], Id]) -> Id | None:
    return None if pick(record, name) is None else _required(answer, record, name, kind)


def _required(answer: Answer, record: Record, name: str, kind: Callable[[int], Id]) -> Id:
    try:
        return kind(fields.identifier(pick(record, name)))
    except ValueError:
        raise _unreadable(answer, name) from None


def _sworn(answer: Answer, record: Record, name: str) -> ExecutionId:
    if not fields.has(record, name):
        raise _foreign(answer, f"has no {name}")
    try:
        return ExecutionId(fields.identifier(pick(record, name)))
    except ValueError:
        raise _unreadable(answer, name) from None


def _unreadable(answer: Answer, name: str) -> Undecodable:
    return Undecodable(f"{answer.where}: the {name} of the answer is not an id", http_status=answer.http_status)


def _foreign(answer: Answer, what: str) -> NotSpectrum:
    return NotSpectrum(
        f"{answer.where}: the answer {what}, so not from Spectrum",
        hint=NOT_SPECTRUM_HINT,
        http_status=answer.http_status,
    )
