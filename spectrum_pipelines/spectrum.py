"""Spectrum's own nouns: ids, status words and the typed answers of its job API.

The vocabulary that client, engine and report share; no I/O. Shapes follow the vendor's page "REST API Job Commands". Every field
that the page does not promise in every answer is optional here. Ids of different kinds are different types, because the API takes
three of them and each looks like a plain number.
"""

import re
from collections.abc import Mapping
from enum import Enum
from typing import NewType

from msgspec import Struct, field

FileId = NewType("FileId", int)
ConfigurationId = NewType("ConfigurationId", int)
ExecutionId = NewType("ExecutionId", int)
DataId = NewType("DataId", int)
#: What names the data of a run where no id is at hand: the path or the name of its file.
DataName = NewType("DataName", str)
DataReference = DataId | DataName

#: How a file is named in a URI: its id, its uuid or its path (`/Data/Imports/orders.imp`), as text and not yet encoded.
FileReference = NewType("FileReference", str)

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)

#: Java's long: no id is larger.
LARGEST_ID = 2**63 - 1


def is_uuid(reference: str) -> bool:
    """A file is named by its uuid."""
    return _UUID.fullmatch(reference) is not None


def one_spelling(reference: str) -> str:
    """The reference as references are compared: a uuid means the same file in capital and in small letters."""
    return reference.lower() if is_uuid(reference) else reference


class Phase(Enum):
    """What a status word means for somebody who waits for the end."""

    NEVER_RUN = "never run"
    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    WARNED = "warned"
    FAILED = "failed"
    CANCELED = "canceled"
    UNRECOGNIZED = "unrecognized"

    @property
    def is_final(self) -> bool:
        """The execution will not change any more."""
        return self in _FINAL

    @property
    def is_active(self) -> bool:
        """The execution waits or runs. A word that nobody knows counts: it is not an end."""
        return not self.is_final and self is not Phase.NEVER_RUN


_FINAL = frozenset({Phase.SUCCEEDED, Phase.WARNED, Phase.FAILED, Phase.CANCELED})

#: Stands for the status of a triggered job, for which the vendor's page shows an answer with an execution id and no status word.
TRIGGERED = "TRIGGERED"

_PHASES = {
    TRIGGERED: Phase.WAITING,
    "_NONE": Phase.NEVER_RUN,
    "QUEUED": Phase.WAITING,
    "WAITING_FOR_OTHER_JOB": Phase.WAITING,
    "RUNNING": Phase.RUNNING,
    "COMPLETED": Phase.SUCCEEDED,
    "COMPLETED_WITH_WARNINGS": Phase.WARNED,
    "ERROR": Phase.FAILED,
    "CANCELED": Phase.CANCELED,
    "CANCELLED": Phase.CANCELED,
}


def phase_of(word: str) -> Phase:
    """Read a status word as servers in the field spell it: any case, both spellings of canceled."""
    return _PHASES.get(word.strip().upper(), Phase.UNRECOGNIZED)


class StatusAnswer(Struct, frozen=True, kw_only=True):
    """The latest execution of a file, perhaps somebody else's: the answer of `GET /api/job-execution/<file>/status`.

    `start_time` and `stop_time` are the server's own strings. `progress` is in percent, `estimate_seconds` is what the server
    believes to remain; both are hints that may be wrong or missing. A file that never ran has no `execution_id`.
    """

    job_status: str
    file_id: FileId | None = None
    execution_id: ExecutionId | None = None
    start_time: str | None = None
    stop_time: str | None = None
    progress: float | None = None
    estimate_seconds: float | None = None

    @property
    def phase(self) -> Phase:
        """What the status word means."""
        return phase_of(self.job_status)


class HistoryEntry(Struct, frozen=True, kw_only=True):
    """One execution of a job configuration: a line of `GET /rest/job-configuration/job-history/<configuration id>`."""

    execution_id: ExecutionId
    job_status: str


class JobDetails(Struct, frozen=True, kw_only=True):
    """One execution in detail: the answer of `GET /rest/job-execution/job-details/<execution id>`.

    Which fields a running execution leaves out is undocumented. `start_time` and `stop_time` are the server's own strings.
    `run_seconds` and `stop_age` (seconds since `stop_time`) are read from the server's date strings where they can be read; gates
    may look at them, nothing else does.
    """

    job_status: str
    configuration_id: ConfigurationId | None = None
    file_id: FileId | None = None
    uuid: str | None = None
    start_time: str | None = None
    stop_time: str | None = None
    success_count: int | None = None
    failure_count: int | None = None
    counters: Mapping[str, int] = field(default_factory=dict)
    run_seconds: float | None = None
    stop_age: float | None = None

    @property
    def phase(self) -> Phase:
        """What the status word means."""
        return phase_of(self.job_status)


class ActiveJob(Struct, frozen=True, kw_only=True):
    """An active job: a line of `GET /api/job-execution/list-running`. Times are milliseconds since the epoch."""

    execution_id: ExecutionId
    job_status: str
    file_id: FileId | None = None
    uuid: str | None = None
    configuration_id: ConfigurationId | None = None
    file_name: str | None = None
    job_name: str | None = None
    creation_date: int | None = None
    start_time: int | None = None
    estimated_time: float | None = None

    @property
    def phase(self) -> Phase:
        """What the status word means."""
        return phase_of(self.job_status)


class TriggerAnswer(Struct, frozen=True, kw_only=True):
    """An accepted trigger: the answer of `POST /api/job-execution/<file>/trigger`.

    `user` is who started the execution, `trigger` how: `RESTAPI`.
    """

    execution_id: ExecutionId
    user: str | None = None
    trigger: str | None = None


class PlannedExecution(Struct, frozen=True, kw_only=True):
    """One line of an execution plan. An entry without an execution id is one that the server did not start."""

    execution_id: ExecutionId | None
    configuration_id: ConfigurationId | None = None
    name: str | None = None
    triggered: bool = True


class ExecutionPlan(Struct, frozen=True, kw_only=True):
    """The answer of the sequential trigger: the given files and everything downstream, in the server's order."""

    executions: tuple[PlannedExecution, ...]


class Deletion(Enum):
    """The three answers of `DELETE /rest/data/<data id>`."""

    MARKED = "marked"
    ALREADY_GONE = "already gone"
    NOT_FOUND = "not found"
