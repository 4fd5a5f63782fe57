"""What a workspace file says, frozen: users, slots and files."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NewType

FileId = NewType("FileId", int)
ConfigurationId = NewType("ConfigurationId", int)
ExecutionId = NewType("ExecutionId", int)

Value = str | int | float | bool
Variables = dict[str, Value]


class Kind(StrEnum):
    """What sort of artifact a file is; the vendor's job names are built from it."""

    IMPORT = "import"
    WORKBOOK = "workbook"
    EXPORT = "export"


class Format(StrEnum):
    """Data formats that an import reads and an export writes."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


class Repeat(StrEnum):
    """What follows the last outcome of a simulated job: the last one again, or the first."""

    LAST = "last"
    CYCLE = "cycle"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who may log in with HTTP basic authentication."""

    name: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """Loads a data file into a table; rows that do not fit `columns` (name -> SQL type) are dropped and counted."""

    source: Path
    format: Format
    table: str
    columns: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbook:
    """Keeps the result of a query as a table; `$name` in the query is bound to a variable, never spliced."""

    sql: str
    table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Writes the result of a query to a file, atomically."""

    sql: str
    to: Path
    format: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulate:
    """Stands in for a job that is not at hand; times in seconds."""

    kind: Kind
    duration: float
    queue: float
    estimate: float
    outcomes: tuple[str, ...]
    repeat: Repeat
    records: int
    dropped: int
    counters: dict[str, int] | None


Action = Import | Workbook | Export | Simulate


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One artifact. `data_driven` and `sources` name the files it reads; an update of the former starts it."""

    id: FileId
    configuration_id: ConfigurationId
    uuid: str
    path: str
    action: Action
    data_driven: tuple[FileId, ...]
    sources: tuple[FileId, ...]
    variables: Variables
    users: frozenset[str] | None

    @property
    def name(self) -> str:
        """The last segment of the path without its ending, as the vendor's lists show it."""
        leaf = self.path.rsplit("/", 1)[-1]
        return leaf.rsplit(".", 1)[0] or leaf

    @property
    def kind(self) -> Kind:
        """What sort of artifact it is; a simulated one says so itself."""
        match self.action:
            case Import():
                return Kind.IMPORT
            case Workbook():
                return Kind.WORKBOOK
            case Export():
                return Kind.EXPORT
            case Simulate(kind=kind):
                return kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Everything the server needs to know; `failure_code` is the HTTP code of a missing entity."""

    users: tuple[User, ...]
    slots: int
    failure_code: int
    hosts: frozenset[str]
    files: tuple[File, ...]
