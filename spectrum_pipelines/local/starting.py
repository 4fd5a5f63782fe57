"""The start of jobs: a simulated job is a timer of the event loop, a real job has a thread and a cursor of its own."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, assert_never

from .execution import Execution, Outcome
from .job import Done, Job
from .model import Export, File, Import, Simulate, Variables, Workbook, Workspace
from .simulate import Simulation

if TYPE_CHECKING:
    from .tables import Cursor, Tables

Task = Callable[["Cursor"], Outcome]
_INSIST: Final = 0.02  # seconds between two interrupts


class JobStarter:
    """Starts the job of a file. DuckDB is loaded only for a workspace with real jobs."""

    def __init__(self, workspace: Workspace, folder: Path | None) -> None:
        is_real = any(not isinstance(one.action, Simulate) for one in workspace.files)
        self._tables = _open_tables(workspace, folder) if is_real else None

    def start(self, file: File, execution: Execution, nth: int, done: Done) -> Job:
        """Start the job of an execution. `nth` counts the started executions of the file from 0."""
        if isinstance(file.action, Simulate):
            return Simulation(file.action, nth, done)
        assert self._tables is not None
        return Query(self._tables, _task(file.action, file.variables | execution.variables), done)

    def drop(self, table: str) -> None:
        """Drop a table."""
        assert self._tables is not None
        self._tables.drop(table)

    def close(self) -> None:
        """Close the tables."""
        if self._tables is not None:
            self._tables.close()


class Query:
    """A real job: a task in a thread."""

    def __init__(self, tables: "Tables", task: Task, done: Done) -> None:
        self._loop = asyncio.get_running_loop()
        self._cursor = tables.cursor()
        self._task = task
        self._done = done
        self._ended = False
        threading.Thread(target=self._run, name="spectrum-local-query", daemon=True).start()

    def stop(self) -> None:
        """Interrupt the task until it ends: DuckDB loses an interrupt between two statements."""
        if not self._ended:
            self._cursor.interrupt()
            self._loop.call_later(_INSIST, self.stop)

    def progress(self) -> float:
        """Return the progress of the running statement in percent."""
        return self._cursor.progress()

    def remaining(self) -> float | None:
        """Return None: the last duration of the file is the better estimate."""
        return None

    def _run(self) -> None:
        from .tables import outcome_of  # noqa: PLC0415 - loaded by now

        outcome = outcome_of(self._task, self._cursor)
        with suppress(RuntimeError):  # the server was closed and did not wait any longer
            self._loop.call_soon_threadsafe(self._finish, outcome)

    def _finish(self, outcome: Outcome) -> None:
        self._ended = True
        self._cursor.close()
        self._done(outcome)


def _open_tables(workspace: Workspace, folder: Path | None) -> "Tables":
    from .tables import Tables, files_of  # noqa: PLC0415 - DuckDB takes its time to load

    return Tables(folder, files_of(one.action for one in workspace.files))


def _task(action: Import | Workbook | Export, variables: Variables) -> Task:
    from . import tables  # noqa: PLC0415 - loaded by now

    match action:
        case Import():
            return lambda cursor: tables.load(cursor, action)
        case Workbook():
            return lambda cursor: tables.calculate(cursor, action, variables)
        case Export():
            return lambda cursor: tables.write(cursor, action)
        case _:
            assert_never(action)
