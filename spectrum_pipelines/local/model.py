"""The model of a workspace: users, slots and files, frozen."""

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
    """The kind of a file. The vendor's job names begin with the kind."""

    IMPORT = "import"
    WORKBOOK = "workbook"
    EXPORT = "export"


class Format(StrEnum):
    """The data formats of imports and exports."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


class Repeat(StrEnum):
    """The outcome after the last outcome of a simulated job: the last again, or the first."""

    LAST = "last"
    CYCLE = "cycle"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A login for HTTP basic authentication."""

    name: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """An import loads a data file into a table. Rows that do not fit `columns` (name -> SQL type) are dropped and counted."""

    source: Path
    format: Format
    table: str
    columns: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbook:
    """A workbook keeps the result of a query as a table. `$name` in the query is a bound parameter, never spliced text."""

    sql: str
    table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """An export writes the result of a query to a file, atomically."""

    sql: str
    to: Path
    format: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulate:
    """A simulated job runs no query. Times are in seconds."""

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
    """A file with its job. The job reads the files `data_driven` and `sources`; new data in a `data_driven` file starts the job."""

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
        """The last segment of the path without its ending, as in the vendor's lists."""
        leaf = self.path.rsplit("/", 1)[-1]
        return leaf.rsplit(".", 1)[0] or leaf

    @property
    def kind(self) -> Kind:
        """The kind of the file. A simulated job names its kind."""
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
    """A workspace. `failure_code` is the HTTP code of an answer about a missing file, execution or data."""

    users: tuple[User, ...]
    slots: int
    failure_code: int
    hosts: frozenset[str]
    files: tuple[File, ...]
