"""One run of one file, and the words for how it stands. Times are milliseconds since the epoch."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from .model import ExecutionId, FileId, Variables


class Status(StrEnum):
    """Spectrum's own words. `_NONE` is the word for a file that never ran; no execution carries it."""

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
    """Who started a run: a call, or fresh data in a file that it reads."""

    REST = "RESTAPI"
    DATA = "DATA_DRIVEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended. The API has no field for `reason`; it goes to the log and the in-process view."""

    status: Status
    success_count: int = 0
    failure_count: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """A run as the history keeps it. `sequence` is the first id of the sequential trigger it belongs to."""

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
        """Whether it has not ended yet."""
        return self.status in ACTIVE
