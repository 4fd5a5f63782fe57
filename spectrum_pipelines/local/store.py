"""The history on disk: one row per run, written before any answer that names it.

WAL with `synchronous=NORMAL` costs some 20 us per write and survives a kill of the process at any point (a power cut
may lose the newest rows, never the file). `locking_mode=EXCLUSIVE` keeps a second server off the same folder.
"""

import json
import sqlite3
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from .execution import Execution, Status, Trigger

VERSION: Final = 1
_COLUMNS: Final = tuple(one.name for one in fields(Execution))
_JSON: Final = frozenset({"after", "variables", "counters"})
_CREATE: Final = f"CREATE TABLE IF NOT EXISTS executions ({', '.join(_COLUMNS)}, PRIMARY KEY (id))"
_UPSERT: Final = f"INSERT OR REPLACE INTO executions VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - no data


class Store:
    """Keeps executions in `folder/executions.sqlite`, or in memory when there is no folder."""

    def __init__(self, folder: Path | None) -> None:
        where = ":memory:" if folder is None else str(folder / "executions.sqlite")
        self._db = sqlite3.connect(where, isolation_level=None, timeout=0)
        try:
            self._open()
        except sqlite3.Error as error:
            self._db.close()
            raise OSError(f"cannot open the server's state {where}: {error} (does another server use it?)") from error

    def _open(self) -> None:
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version not in {0, VERSION}:
            raise sqlite3.DatabaseError(f"it was written by another version ({version}, this one writes {VERSION})")
        self._db.execute(_CREATE)
        self._db.execute(f"PRAGMA user_version={VERSION}")

    def save(self, *executions: Execution) -> None:
        """Write all of them or none."""
        rows = [tuple(_cell(name, getattr(one, name)) for name in _COLUMNS) for one in executions]
        self._db.execute("BEGIN")
        with self._db:  # commits, or rolls back when the disk is full
            self._db.executemany(_UPSERT, rows)

    def load(self) -> list[Execution]:
        """Read every run, oldest first."""
        rows = self._db.execute(f"SELECT {', '.join(_COLUMNS)} FROM executions ORDER BY id")  # noqa: S608 - own names
        return [_execution(dict(zip(_COLUMNS, row, strict=True))) for row in rows]

    def close(self) -> None:
        """Give the file free."""
        self._db.close()


def _cell(name: str, value: Any) -> Any:
    return json.dumps(value) if name in _JSON else value


def _execution(row: dict[str, Any]) -> Execution:
    row |= {name: json.loads(row[name]) for name in _JSON}
    row |= {
        "after": tuple(row["after"]),
        "status": Status(row["status"]),
        "trigger": Trigger(row["trigger"]),
        "data_deleted": bool(row["data_deleted"]),
    }
    return Execution(**row)
