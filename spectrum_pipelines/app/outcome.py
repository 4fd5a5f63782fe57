"""What a run comes to, as values: the report of a run that has ended, or what a run waits for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from spectrum_pipelines.clock import parse_rfc3339
from spectrum_pipelines.engine.outcome import JobStatus, RunStatus
from spectrum_pipelines.errors import ExitCode


class JobReport(Struct, frozen=True, kw_only=True):
    """How one job ended. `execution_id` is that of its last execution, `execution_ids` are those of all, the oldest first.

    `cause` is a word for programs, `reason` a sentence for people. `candidates` are executions that may be the job's, for `adopt`.
    """

    id: str
    status: JobStatus
    execution_id: int | None
    execution_ids: tuple[int, ...]
    cause: str | None
    reason: str | None
    attempts: int
    candidates: tuple[int, ...] = ()


class Report(Struct, frozen=True, kw_only=True):
    """How a run ended. `document` is the whole of it, as `schemas/run-report.schema.json` describes it.

    `exit_code` is what the command line would end with, `next` the command to type now, if there is one. `lost` says in words what
    could not be written.
    """

    run_id: str | None
    run_key: str | None
    pipeline: str
    status: RunStatus
    exit_code: ExitCode | None
    reason: str | None
    next: str | None
    started_at: datetime
    finished_at: datetime | None
    jobs: tuple[JobReport, ...]
    document: Mapping[str, Any]
    lost: tuple[str, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Every required job was seen in a success status."""
        return self.status is RunStatus.SUCCEEDED

    @property
    def execution_ids(self) -> dict[str, tuple[int, ...]]:
        """The ids of all executions, by job; jobs without one are left out."""
        return {job.id: job.execution_ids for job in self.jobs if job.execution_ids}


class Waiting(Struct, frozen=True, kw_only=True):
    """A run that waits: each job under way has an execution id. To go on, call `advance` again.

    The time for that has come when one of `execution_ids` is no longer active, or at `wake_at`; None: only an end is waited for.
    """

    execution_ids: tuple[int, ...]
    wake_at: datetime | None
    run_id: str


def report_of(document: Mapping[str, Any], *, lost: tuple[str, ...] = ()) -> Report:
    """A valid report as a typed value."""
    code = document["exit_code"]
    ended = document["finished_at"]
    return Report(
        run_id=document["run_id"],
        run_key=document["run_key"],
        pipeline=document["pipeline"]["name"],
        status=RunStatus(document["status"]),
        exit_code=None if code is None else ExitCode(code),
        reason=document["reason"],
        next=document["next"],
        started_at=parse_rfc3339(document["started_at"]),
        finished_at=None if ended is None else parse_rfc3339(ended),
        jobs=tuple(_job(entry) for entry in document["jobs"]),
        document=document,
        lost=lost,
    )


def _job(entry: Mapping[str, Any]) -> JobReport:
    return JobReport(
        id=entry["id"],
        status=JobStatus(entry["status"]),
        execution_id=entry["execution_id"],
        execution_ids=tuple(one["execution_id"] for one in entry["executions"]),
        cause=entry["cause"],
        reason=entry["reason"],
        attempts=len(entry["attempts"]),
        candidates=tuple(entry["candidates"]),
    )
