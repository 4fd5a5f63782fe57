"""The tables of a workspace, and the real jobs on them: import, workbook and export in DuckDB.

A workspace may come from a stranger, so DuckDB is restricted before the first query: it opens the data files of the
imports and the targets of the exports and no other file, it loads no extension, and no query can change a setting.

Every job runs in one transaction on a cursor of its own, so an interrupted or failed one leaves its table as it was,
and readers see the old content until the commit. Counters nobody documented (`WORKBOOK_...`) are our own words;
`..._OUTPUT_BYTES` is the size of the rows as text, since DuckDB does not tell what a table takes on disk.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import duckdb

from . import folder
from .execution import Outcome, Status
from .inside import has_no_link, is_free, is_regular
from .model import Export, Format, Import, Variables, Workbook

_CONFIG: Final = {
    # A query sees tables only: no Python variable of this process, and nothing is fetched from the net.
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    # Without these a query may have four fifths of the machine and nearly all of its disk. A workspace is data to try pipelines
    # with, often beside the runner on a machine of CI: what is larger spills into the state folder, and without one the job fails.
    # More threads would need more memory each. One value that a function makes at once, as `repeat` does, is not counted by DuckDB.
    "memory_limit": "1GiB",
    "max_temp_directory_size": "10GiB",
    "threads": str(min(4, os.cpu_count() or 1)),
}
_LOCKS: Final = ("SET enable_external_access = false", "SET lock_configuration = true")
_PROGRESS: Final = ("enable_progress_bar", "enable_progress_bar_print")
_PREVIEW: Final = 5000
_WRITE: Final = {Format.CSV: "FORMAT csv, HEADER", Format.JSON: "FORMAT json, ARRAY", Format.PARQUET: "FORMAT parquet"}


class StoppedError(Exception):
    """A stop came between two statements."""


class Tables:
    """The database of a workspace, in `folder/tables.duckdb` or in memory.

    Jobs may open `files` and no other file. Raises OSError for a database that was not made here.
    """

    def __init__(self, folder: Path | None, files: Iterable[Path]) -> None:
        self._folder = folder
        self._root = _connect(":memory:", "") if folder is None else _open(folder)
        _close_doors(self._root, files)

    def cursor(self) -> "Cursor":
        """Open a connection for one job."""
        return Cursor(self._root.cursor())

    def drop(self, table: str) -> None:
        """Drop a table, if it exists. A table that a job replaces at this moment stays: its content is new."""
        with suppress(duckdb.TransactionException):
            self._root.execute(f"DROP TABLE IF EXISTS {identifier(table)}")

    def close(self) -> None:
        """Write all data to the file and close it."""
        self._root.close()
        if self._folder is not None:
            with suppress(OSError):
                folder.mark(self._folder, self._folder / folder.TABLES)


class Cursor:
    """A connection for one job. Another thread can interrupt it, also between statements."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._stopped = threading.Event()
        with suppress(duckdb.InvalidInputException):  # locked, before DuckDB 2.0: then the progress is not known
            connection.execute("SET enable_progress_bar = true")
            connection.execute("SET enable_progress_bar_print = false")

    def run(self, sql: str, values: dict[str, Any] | None = None) -> tuple[Any, ...]:
        """Execute a statement and return its first row, or () if there is none."""
        if self._stopped.is_set():
            raise StoppedError
        row = self._connection.execute(sql, values).fetchone()
        return () if row is None else row

    def named_parameters(self, sql: str) -> set[str]:
        """List the variables that a query names."""
        return {name for one in self._connection.extract_statements(sql) for name in one.named_parameters}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end, or roll back at an exception."""
        self._connection.begin()
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            self._connection.rollback()
            raise

    def interrupt(self) -> None:
        """Interrupt the running statement, and let no other start."""
        self._stopped.set()
        self._connection.interrupt()

    def progress(self) -> float:
        """Return the progress of the running statement in percent, 0 if DuckDB does not know."""
        return max(0.0, self._connection.query_progress())

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def outcome_of(task: Callable[[Cursor], Outcome], cursor: Cursor) -> Outcome:
    """Run a task. Every exception is an outcome, too."""
    try:
        return task(cursor)
    except (StoppedError, duckdb.InterruptException):
        return Outcome(status=Status.CANCELED)
    except Exception as error:  # noqa: BLE001 - a run has to end, also on a value that DuckDB's binding trips over
        return Outcome(status=Status.ERROR, failure_count=1, reason=" ".join(str(error).split()))


def load(cursor: Cursor, action: Import) -> Outcome:
    """Replace a table by the rows of a data file. A row that cannot be read or cast is dropped."""
    if not (has_no_link(action.source) and is_regular(action.source)):
        raise FileNotFoundError(f"the data file {action.source} is gone, or a link leads to it now")
    table, raw = identifier(action.table), identifier("spectrum raw")
    with cursor.transaction():
        cursor.run(f"CREATE OR REPLACE TEMP TABLE {raw} AS FROM {_reader(action)}")
        (read,) = cursor.run(f"FROM {raw} SELECT count(*)")
        cursor.run(f"CREATE OR REPLACE TABLE {table} AS {_cast(raw, action.columns)}")
        records, size = _measure(cursor, table)
        rejected = 0
        if action.format is Format.CSV:
            (rejected,) = cursor.run("SELECT count(DISTINCT (file_id, line)) FROM reject_errors")
    dropped = rejected + read - records
    return Outcome(
        status=Status.WARNINGS if dropped else Status.COMPLETED,
        success_count=records,
        failure_count=dropped,
        counters={
            "IMPORT_RECORDS": records,
            "IMPORT_PREVIEW_RECORDS": min(records, _PREVIEW),
            "IMPORT_OUTPUT_BYTES": size,
            "IMPORT_DROPPED_SPLITS": 0,
            "IMPORT_DROPPED_RECORDS": dropped,
            "IMPORT_BYTES": action.source.stat().st_size,
            "IMPORT_OUTPUT_PARTITIONS": 1,
        },
    )


def calculate(cursor: Cursor, action: Workbook, variables: Variables) -> Outcome:
    """Replace a table by the result of a query. Variables are bound as parameters."""
    table = identifier(action.table)
    values = {name: variables[name] for name in cursor.named_parameters(action.sql) if name in variables}
    with cursor.transaction():
        cursor.run(f"CREATE OR REPLACE TABLE {table} AS {_query(action.sql)}", values)
        records, size = _measure(cursor, table)
    return Outcome(
        status=Status.COMPLETED,
        success_count=records,
        counters={"WORKBOOK_RECORDS": records, "WORKBOOK_OUTPUT_BYTES": size},
    )


def write(cursor: Cursor, action: Export) -> Outcome:
    """Replace a file by the result of a query. The new file is written beside the target and renamed, so it is always whole."""
    action.to.parent.mkdir(parents=True, exist_ok=True)
    if not (has_no_link(action.to) and is_free(action.to)):
        raise FileExistsError(f"{action.to} is no regular file, or a link leads to it now")
    part = part_of(action.to)
    part.unlink(missing_ok=True)  # a link of that name must not lead DuckDB elsewhere
    part.touch(exist_ok=False)
    options = f"{_WRITE[action.format]}, USE_TMP_FILE false"
    try:
        with cursor.transaction():
            (records,) = cursor.run(f"COPY ({_query(action.sql)}) TO {literal(str(part))} ({options})")
        size = part.stat().st_size
        part.replace(action.to)
    finally:
        part.unlink(missing_ok=True)
    counters = {"EXPORT_RECORDS": records, "EXPORT_DROPPED_RECORDS": 0, "EXPORT_BYTES": size}
    return Outcome(status=Status.COMPLETED, success_count=records, counters=counters)


def files_of(actions: Iterable[object]) -> Iterator[Path]:
    """List the files that jobs with these actions open."""
    for action in actions:
        match action:
            case Import():
                yield from (action.source, Path(_plain(action.source)))
            case Export():
                yield part_of(action.to)


def part_of(target: Path) -> Path:
    """Return the name of the file that an export writes before the rename."""
    return target.with_name(f".{target.name}.part")


def identifier(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a text for SQL."""
    return "'" + text.replace("'", "''") + "'"


def _query(sql: str) -> str:
    # In parentheses, on lines of its own: a trailing comment or semicolon must not swallow what follows.
    return f"(\n{sql.strip().rstrip(';')}\n)"


def _reader(action: Import) -> str:
    path = _plain(action.source)
    match action.format:
        case Format.CSV:
            types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in action.columns)
            return f"read_csv({literal(path)}, header = true, store_rejects = true, types = {{{types}}})"
        case Format.JSON:
            return f"read_json({literal(path)})"
        case Format.PARQUET:
            return f"read_parquet({literal(path)})"


def _plain(path: Path) -> str:
    # DuckDB takes these for wildcards; a bracket around one makes it itself.
    return "".join(f"[{one}]" if one in "*?[" else one for one in str(path))


def _cast(raw: str, columns: dict[str, str]) -> str:
    if not columns:
        return f"SELECT * FROM {raw}"  # noqa: S608 - a name of our own
    casts = {identifier(name): f"TRY_CAST({identifier(name)} AS {kind})" for name, kind in columns.items()}
    replaced = ", ".join(f"{cast} AS {name}" for name, cast in casts.items())
    fits = " AND ".join(f"({name} IS NULL OR {cast} IS NOT NULL)" for name, cast in casts.items())
    return f"SELECT * REPLACE ({replaced}) FROM {raw} WHERE {fits}"  # noqa: S608 - types come from a closed list


def _open(state: Path) -> duckdb.DuckDBPyConnection:
    path = state / folder.TABLES
    spill = str(folder.clear_spill(state))
    if not path.exists():
        folder.forget(state, folder.TABLES)
        fresh = state / f"{folder.TABLES}.new"
        _connect(str(fresh), spill).close()
        folder.mark(state, fresh)  # before it has its name: a kill in between leaves no database without its mark
        fresh.replace(path)
    elif not folder.is_ours(state):
        raise OSError(
            f"cannot open the server's tables {path}: they were not made here (a checkout, a copy or an older version "
            f"brought them): remove {path}, and let the imports run again"
        )
    connection = _connect(str(path), spill)
    folder.mark(state, path)  # a newer DuckDB may have written the first page anew
    return connection


def _connect(where: str, spill: str) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(where, config={**_CONFIG, "temp_directory": spill})
    except duckdb.Error as error:
        raise OSError(f"cannot open the server's tables {where}: {error}") from error


def _close_doors(connection: duckdb.DuckDBPyConnection, files: Iterable[Path]) -> None:
    paths = ", ".join(literal(str(one)) for one in files)
    connection.execute(f"SET allowed_paths = [{paths}]")
    with suppress(duckdb.CatalogException):  # before DuckDB 2.0
        connection.execute(f"SET allowed_configs = {list(_PROGRESS)}")
    for lock in _LOCKS:
        connection.execute(lock)


def _measure(cursor: Cursor, table: str) -> tuple[int, int]:
    records, size = cursor.run(f"SELECT count(*), coalesce(sum(strlen(t::VARCHAR)), 0)::BIGINT FROM {table} AS t")  # noqa: S608
    return records, size
