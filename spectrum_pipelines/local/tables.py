"""Real jobs on DuckDB: a file into a table, a query into a table, a query into a file.

Every job runs in one transaction on a cursor of its own, so an interrupted or failed one leaves its table as it was,
and readers see the old content until the commit. Counters nobody documented (`WORKBOOK_...`) are our own words;
`..._OUTPUT_BYTES` is the size of the rows as text, since DuckDB does not tell what a table takes on disk.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import duckdb

from .execution import Outcome, Status
from .model import Export, Format, Import, Variables, Workbook

_CONFIG: Final = {
    # A query sees tables only: no Python variable of this process, and nothing is fetched from the net.
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
_PREVIEW: Final = 5000
_WRITE: Final = {Format.CSV: "FORMAT csv, HEADER", Format.JSON: "FORMAT json, ARRAY", Format.PARQUET: "FORMAT parquet"}


class StoppedError(Exception):
    """The run was asked to stop between two statements."""


class Tables:
    """The database of a workspace, in `folder/tables.duckdb` or in memory."""

    def __init__(self, folder: Path | None) -> None:
        where = ":memory:" if folder is None else str(folder / "tables.duckdb")
        try:
            self._root = duckdb.connect(where, config=dict(_CONFIG))
        except duckdb.Error as error:
            raise OSError(f"cannot open the server's tables {where}: {error}") from error

    def cursor(self) -> "Cursor":
        """Open a connection for one job."""
        return Cursor(self._root.cursor())

    def drop(self, table: str) -> None:
        """Forget a table, if it is there. One that a job is replacing just now stays: its content is new anyhow."""
        with suppress(duckdb.TransactionException):
            self._root.execute(f"DROP TABLE IF EXISTS {identifier(table)}")

    def close(self) -> None:
        """Write everything down and free the file."""
        self._root.close()


class Cursor:
    """A connection that can be interrupted from another thread, also between statements."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._stopped = threading.Event()
        connection.execute("SET enable_progress_bar = true")
        connection.execute("SET enable_progress_bar_print = false")

    def run(self, sql: str, values: dict[str, Any] | None = None) -> tuple[Any, ...]:
        """Execute and fetch the first row; () when there is none."""
        if self._stopped.is_set():
            raise StoppedError
        row = self._connection.execute(sql, values).fetchone()
        return () if row is None else row

    def named_parameters(self, sql: str) -> set[str]:
        """List the variables that a query asks for."""
        return {name for one in self._connection.extract_statements(sql) for name in one.named_parameters}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self._connection.begin()
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            self._connection.rollback()
            raise

    def interrupt(self) -> None:
        """End the statement at work, and let no other start."""
        self._stopped.set()
        self._connection.interrupt()

    def progress(self) -> float:
        """Tell percent done of the statement at work; 0 when DuckDB does not know."""
        return max(0.0, self._connection.query_progress())

    def close(self) -> None:
        """Free the connection."""
        self._connection.close()


def outcome_of(task: Callable[[Cursor], Outcome], cursor: Cursor) -> Outcome:
    """Run a task to its end, whatever end it is."""
    try:
        return task(cursor)
    except (StoppedError, duckdb.InterruptException):
        return Outcome(status=Status.CANCELED)
    except Exception as error:  # noqa: BLE001 - a run has to end, also on a value that DuckDB's binding trips over
        return Outcome(status=Status.ERROR, failure_count=1, reason=" ".join(str(error).split()))


def load(cursor: Cursor, action: Import) -> Outcome:
    """Replace the table by the file's rows. A row that cannot be read or cast is dropped."""
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
    """Replace the table by the query's result; variables are bound as parameters."""
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
    """Replace the file by the query's result. It is written beside, then renamed: nobody sees half a file."""
    action.to.parent.mkdir(parents=True, exist_ok=True)
    part = action.to.with_name(f".{action.to.name}.part")
    try:
        with cursor.transaction():
            (records,) = cursor.run(f"COPY ({_query(action.sql)}) TO {literal(str(part))} ({_WRITE[action.format]})")
        size = part.stat().st_size
        part.replace(action.to)
    finally:
        part.unlink(missing_ok=True)
    counters = {"EXPORT_RECORDS": records, "EXPORT_DROPPED_RECORDS": 0, "EXPORT_BYTES": size}
    return Outcome(status=Status.COMPLETED, success_count=records, counters=counters)


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
    # DuckDB takes these for wildcards; a bracket around one makes it itself.
    path = "".join(f"[{one}]" if one in "*?[" else one for one in str(action.source))
    match action.format:
        case Format.CSV:
            types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in action.columns)
            return f"read_csv({literal(path)}, header = true, store_rejects = true, types = {{{types}}})"
        case Format.JSON:
            return f"read_json({literal(path)})"
        case Format.PARQUET:
            return f"read_parquet({literal(path)})"


def _cast(raw: str, columns: dict[str, str]) -> str:
    if not columns:
        return f"SELECT * FROM {raw}"  # noqa: S608 - a name of our own
    casts = {identifier(name): f"TRY_CAST({identifier(name)} AS {kind})" for name, kind in columns.items()}
    replaced = ", ".join(f"{cast} AS {name}" for name, cast in casts.items())
    fits = " AND ".join(f"({name} IS NULL OR {cast} IS NOT NULL)" for name, cast in casts.items())
    return f"SELECT * REPLACE ({replaced}) FROM {raw} WHERE {fits}"  # noqa: S608 - types come from a closed list


def _measure(cursor: Cursor, table: str) -> tuple[int, int]:
    records, size = cursor.run(f"SELECT count(*), coalesce(sum(strlen(t::VARCHAR)), 0)::BIGINT FROM {table} AS t")  # noqa: S608
    return records, size
