"""The history on disk: one row for each execution, written before any answer that names the execution.

The file may have come with a checkout, so its layout and each row are checked when it is opened.

WAL with `synchronous=NORMAL` costs some 20 us per write and survives a kill of the process at any point (a power cut
may lose the newest rows, never the file). `locking_mode=EXCLUSIVE` keeps a second server off the same folder.
"""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from .execution import Execution, Status, Trigger
from .folder import HISTORY
from .model import Value

VERSION: Final = 1
_COLUMNS: Final = tuple(one.name for one in fields(Execution))
_JSON: Final = frozenset({"after", "variables", "counters"})
_TABLE: Final = f"CREATE TABLE executions ({', '.join(_COLUMNS)}, PRIMARY KEY (id))"
_CREATE: Final = _TABLE.replace("TABLE", "TABLE IF NOT EXISTS", 1)
_UPSERT: Final = f"INSERT OR REPLACE INTO executions VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - no data

_LARGEST: Final = 10**15  # of ids and counts: far beyond what a server reaches, and one more still fits into SQLite
_YEAR_9999: Final = 253_370_764_800_000  # milliseconds

Test = Callable[[object], bool]


class OddRowError(Exception):
    """A file holds something that no server writes. The text says what."""


class Store:
    """Keeps executions in `folder/executions.sqlite`, or in memory when there is no folder.

    Raises OSError for a file that is in use, or that this server cannot have written.
    """

    def __init__(self, folder: Path | None) -> None:
        where = ":memory:" if folder is None else str(folder / HISTORY)
        self._db = sqlite3.connect(where, isolation_level=None, timeout=0)
        try:
            self._open()
            self._loaded = self._read()
        except (sqlite3.Error, OddRowError, UnicodeDecodeError) as error:
            self._db.close()
            advice = (
                "does another server use it? end that one first"
                if isinstance(error, sqlite3.OperationalError)
                else "remove the file"
            )
            raise OSError(f"cannot open the server's state {where}: {error} ({advice})") from error

    def _open(self) -> None:
        self._db.execute("PRAGMA trusted_schema=OFF")
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version not in {0, VERSION}:
            raise sqlite3.DatabaseError(f"it was written by another version ({version}, this one writes {VERSION})")
        self._require_own_layout(is_new=version == 0)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(_CREATE)
        self._db.execute(f"PRAGMA user_version={VERSION}")

    def _require_own_layout(self, *, is_new: bool) -> None:
        # A view in the place of the table, or a trigger on it, would run a stranger's SQL.
        found = [sql for (sql,) in self._db.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")]
        if found != [_TABLE] and not (is_new and found == []):
            raise OddRowError("no server of this kind laid it out")

    def _read(self) -> list[Execution]:
        rows = self._db.execute(f"SELECT {', '.join(_COLUMNS)} FROM executions ORDER BY id")  # noqa: S608 - own names
        return [_execution(dict(zip(_COLUMNS, row, strict=True))) for row in rows]

    def save(self, *executions: Execution) -> None:
        """Write all executions or none."""
        rows = [tuple(_cell(name, getattr(one, name)) for name in _COLUMNS) for one in executions]
        self._db.execute("BEGIN")
        with self._db:  # commits, or rolls back when the disk is full
            self._db.executemany(_UPSERT, rows)

    def load(self) -> list[Execution]:
        """Hand over the executions that were there when the file was opened, oldest first."""
        loaded, self._loaded = self._loaded, []
        return loaded

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _cell(name: str, value: Any) -> Any:
    return json.dumps(value) if name in _JSON else value


def _execution(row: dict[str, Any]) -> Execution:
    """Build an execution from a row. Raises OddRowError for a value that no server writes."""
    number = row["id"]
    try:
        row |= {name: json.loads(row[name]) for name in _JSON}
        row |= {"status": Status(row["status"]), "trigger": Trigger(row["trigger"])}
    except (ValueError, TypeError, RecursionError) as error:
        raise OddRowError(f"run {number!r} is damaged: {error}") from error
    odd = [name for name, is_sound in _SOUND.items() if not is_sound(row[name])]
    if odd:
        raise OddRowError(f"run {number!r} is damaged: its {odd[0]} is not what a server writes")
    return Execution(**row | {"after": tuple(row["after"]), "data_deleted": bool(row["data_deleted"])})


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= _LARGEST


def _is_id(value: object) -> bool:
    return type(value) is int and 0 < value <= _LARGEST


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_time(value: object) -> bool:
    return type(value) is int and 0 <= value < _YEAR_9999


def _or_none(is_sound: Test) -> Test:
    return lambda value: value is None or is_sound(value)


def _is_number(value: object) -> bool:
    return type(value) is int and abs(value) <= _LARGEST


def _mapping_to(is_sound: Test) -> Test:
    return lambda value: isinstance(value, dict) and all(is_sound(one) for one in value.values())


def _is_list_of_ids(value: object) -> bool:
    return isinstance(value, list) and all(_is_id(one) for one in value)


_SOUND: Final[dict[str, Test]] = {
    "id": _is_id,
    "file_id": _is_id,
    "user": _is_text,
    "created": _is_time,
    "start": _or_none(_is_time),
    "stop": _or_none(_is_time),
    "after": _is_list_of_ids,
    "sequence": _or_none(_is_id),
    "variables": _mapping_to(lambda value: isinstance(value, Value)),
    "success_count": _is_count,
    "failure_count": _is_count,
    "counters": _mapping_to(_is_number),
    "reason": _or_none(_is_text),
    "data_deleted": lambda value: value in {0, 1},
}
