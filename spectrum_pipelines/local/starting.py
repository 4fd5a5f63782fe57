"""Putting jobs to work: simulated ones on the loop's timers, real ones each in a thread with a cursor of its own."""

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


class Workshop:
    """Starts the job that a file's action asks for. DuckDB is loaded only for workspaces that need it."""

    def __init__(self, workspace: Workspace, folder: Path | None) -> None:
        is_real = any(not isinstance(one.action, Simulate) for one in workspace.files)
        self._tables = _open_tables(workspace, folder) if is_real else None

    def start(self, file: File, execution: Execution, nth: int, done: Done) -> Job:
        """Put a run to work; `nth` counts the runs of the file from 0."""
        if isinstance(file.action, Simulate):
            return Simulation(file.action, nth, done)
        assert self._tables is not None
        return Query(self._tables, _task(file.action, file.variables | execution.variables), done)

    def drop(self, table: str) -> None:
        """Forget a table."""
        assert self._tables is not None
        self._tables.drop(table)

    def close(self) -> None:
        """Close the tables."""
        if self._tables is not None:
            self._tables.close()


class Query:
    """A task in a thread, and the way to interrupt it."""

    def __init__(self, tables: "Tables", task: Task, done: Done) -> None:
        self._loop = asyncio.get_running_loop()
        self._cursor = tables.cursor()
        self._task = task
        self._done = done
        self._ended = False
        threading.Thread(target=self._run, name="spectrum-local-query", daemon=True).start()

    def stop(self) -> None:
        """Interrupt, again and again: an interrupt between two statements is lost on DuckDB."""
        if not self._ended:
            self._cursor.interrupt()
            self._loop.call_later(_INSIST, self.stop)

    def progress(self) -> float:
        """Ask DuckDB."""
        return self._cursor.progress()

    def remaining(self) -> float | None:
        """Nobody knows; the past of the file is the better guess."""
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
