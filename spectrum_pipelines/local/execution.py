"""An execution: one run of one file, with its status. Times are milliseconds since the epoch."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from .model import ExecutionId, FileId, Variables


class Status(StrEnum):
    """The status words of Spectrum. `_NONE` is missing: it stands for a file without any execution."""

    QUEUED = "QUEUED"
    WAITING = "WAITING_FOR_OTHER_JOB"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    WARNINGS = "COMPLETED_WITH_WARNINGS"
    ERROR = "ERROR"
    CANCELED = "CANCELED"


PENDING: Final = frozenset({Status.QUEUED, Status.WAITING})
ACTIVE: Final = PENDING | {Status.RUNNING}
SUCCESS: Final = frozenset({Status.COMPLETED, Status.WARNINGS})


class Trigger(StrEnum):
    """The cause of an execution: a call, or new data in a file that the job reads."""

    REST = "RESTAPI"
    DATA = "DATA_DRIVEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of an execution. The API has no field for `reason`: only the log and `RunningServer.executions` show the reason."""

    status: Status
    success_count: int = 0
    failure_count: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """An execution in the history. `sequence` is the first id of its sequential trigger."""

    id: ExecutionId
    file_id: FileId
    user: str
    trigger: Trigger
    status: Status
    created: int
    start: int | None = None
    stop: int | None = None
    after: tuple[ExecutionId, ...] = ()
    sequence: ExecutionId | None = None
    variables: Variables = field(default_factory=dict)
    success_count: int = 0
    failure_count: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    reason: str | None = None
    data_deleted: bool = False

    @property
    def is_active(self) -> bool:
        """Whether the execution has not ended yet."""
        return self.status in ACTIVE
