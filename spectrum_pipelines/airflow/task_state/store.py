"""The store: the runs of a task, their keys and their leases."""

import json
import secrets
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from msgspec import Struct, convert
from msgspec.structs import asdict

from spectrum_pipelines.airflow.task_state.lease import LEASE, Note, TaskStateLease
from spectrum_pipelines.airflow.task_state.queue import TaskStatePlace
from spectrum_pipelines.airflow.task_state.run import TaskStateRun
from spectrum_pipelines.airflow.task_state.values import VALUE, Values
from spectrum_pipelines.clock import Clock, rfc3339
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.files import ODD_SHAPE, safe_name
from spectrum_pipelines.store.closing import Closing
from spectrum_pipelines.store.codec import decode
from spectrum_pipelines.store.heads import check_key, has_acted, head_of, is_run_id, outlived, run_id_of
from spectrum_pipelines.store.holder import Holder, Who
from spectrum_pipelines.store.interface import Busy, Existing, NewRun, RunHead, RunStore, run_lease
from spectrum_pipelines.store.leasing import busy

_PREFIX = "spectrum-pipelines"


Kind = TypeVar("Kind")


class TaskStateStore(Closing):
    """The values of a task as a store."""

    is_shared = True
    name = "<Airflow's task state store>"

    def __init__(self, values: Values, clock: Clock) -> None:
        self.clock = clock
        self._values = values
        self._seen: dict[str, tuple[str | None, int, float]] = {}

    def close(self) -> None:
        """Nothing is open."""

    def probe(self) -> None:
        """Find out whether a run can be kept here. Raises StateError."""
        self.put("probe", rfc3339(self.clock.now()))

    def new_run(self, started: datetime, token: Callable[[], str]) -> TaskStateRun:
        """Make room for a new run. Raises StateError."""
        known = self._runs()
        run_id = run_id_of(started, token())
        while run_id in known:
            run_id = run_id_of(started, token())
        self.put("runs", [*known, run_id])
        return TaskStateRun(self, run_id)

    def find(self, run_id: str) -> TaskStateRun | None:
        """The run of this id, if there is one. Raises StateError."""
        return TaskStateRun(self, run_id) if is_run_id(run_id) and run_id in self._runs() else None

    def newest(self, *, limit: int | None = None, pipeline: str | None = None) -> Iterator[RunHead]:
        """The runs, the newest first. Raises StateError."""
        heads = (self._head(run_id) for run_id in sorted(self._runs(), reverse=True))
        return islice((head for head in heads if pipeline is None or head.pipeline == pipeline), limit)

    def claim(self, key: str, new_run: Callable[[], RunStore], who: Who) -> NewRun | Existing:
        """The run that a run key stands for. Raises UserError, Busy and StateError."""
        check_key(key)
        known = self.get(f"key.{safe_name(key)}", str)
        if known is not None and known in self._runs():
            holder = self.holder(run_lease(known))
            if holder is not None:
                raise busy(known, holder, store=self.name)
            lines = TaskStateRun(self, known).lines()
            if lines and has_acted(decode(lines[-1])[1]):
                return Existing(run=TaskStateRun(self, known))
        run = new_run()
        lease = self.lease(run_lease(run.run_id), who, run_id=run.run_id)
        # Told only now: whoever finds the run by its key finds it taken.
        self.put(f"key.{safe_name(key)}", run.run_id)
        if lease is None or self.get(f"key.{safe_name(key)}", str) != run.run_id:
            raise Busy(f"the run of the key `{key}` was taken while it was made", holder=None)
        return NewRun(run=run, lease=lease)

    def lease(self, name: str, who: Who, *, run_id: str) -> TaskStateLease | None:
        """Take a lease, or None if somebody has it. Raises StateError."""
        sent_at = self.clock.monotonic()
        before = self.note(name)
        if before is not None and self._left(name, before) is not None:
            return None
        mine = Note(
            fence=1 if before is None else before.fence + 1,
            owner=secrets.token_hex(8),
            beat=0,
            pid=who.pid,
            host=who.host,
            run_id=run_id,
            since=rfc3339(self.clock.now()),
        )
        self.put_note(name, mine)
        if self.note(name) != mine:
            return None
        return TaskStateLease(self, name, mine, sent_at)

    def line_up(self, name: str, who: Who, *, run_id: str) -> TaskStatePlace:
        """A place at the end of the queue for a lease. Raises StateError."""
        return TaskStatePlace(self, name, who, run_id)

    def holder(self, name: str) -> Holder | None:
        """Who holds a lease; None if nobody does. Raises StateError."""
        note = self.note(name)
        left = None if note is None else self._left(name, note)
        if note is None or left is None:
            return None
        return Holder(pid=note.pid, host=note.host, run_id=note.run_id, since=note.since, lease_left=left)

    def caveat(self, name: str) -> str | None:
        """What people must know about the reach of a lease in this store."""
        if name.startswith("group-"):
            told = (
                "Airflow's task state store is that of one task: `concurrency.group` holds among the tries of it alone"
            )
            return f"{told}; use a pool"
        return None

    def prune(self, *, older_than: timedelta, keep: int) -> int:
        """Delete old runs; how many. Raises StateError."""
        doomed = list(outlived(self.newest(), before=self.clock.now() - older_than, keep=keep))
        for run_id in doomed:
            self.remove(run_id, len(TaskStateRun(self, run_id).values()))
        return len(doomed)

    def remove(self, run_id: str, values: int) -> None:
        """Delete a run with so many values of its journal. Raises StateError."""
        self.put("runs", [known for known in self._runs() if known != run_id])
        for number in range(values):
            self._values.delete(f"{_PREFIX}.journal.{run_id}.{number}")

    def get(self, key: str, kind: type[Kind]) -> Kind | None:
        """A value of this kind; None if there is none. Raises StateError, also for one of another shape."""
        found = self._values.get(f"{_PREFIX}.{key}")
        try:
            return None if found is None else convert(found, kind)
        except ODD_SHAPE as error:
            raise self._damaged(key) from error

    def _damaged(self, key: str) -> StateError:
        return StateError(
            f"`{key}` in {self.name} is damaged", hint="clear the task state of this task, or start a new run"
        )

    def put(self, key: str, value: Any) -> None:
        """Replace a value. Raises StateError."""
        self._values.set(f"{_PREFIX}.{key}", value)

    def put_text(self, key: str, text: str) -> None:
        """A text of any length, with its first part last: that one says how many there are. Raises StateError."""
        parts = [text[at : at + VALUE] for at in range(0, len(text), VALUE)] or [""]
        for number in reversed(range(1, len(parts))):
            self.put(f"{key}.{number}", _whole(parts[number]))
        self.put(f"{key}.0", {"parts": len(parts), "text": _whole(parts[0])})

    def text(self, key: str) -> str | None:
        """What `put_text` has put. Raises StateError."""
        first = self.get(f"{key}.0", _Part)
        if first is None:
            return None
        parts = [first.text]
        try:
            while len(parts) < first.parts:
                parts.append(self.get(f"{key}.{len(parts)}", str) or "")
                json.loads(parts[-1])  # a part that is missing ends it: how many there are is foreign data
            return "".join(convert(json.loads(part), str) for part in parts)
        except ODD_SHAPE as error:
            raise self._damaged(key) from error

    def note(self, name: str) -> Note | None:
        """The value of a lease. Raises StateError."""
        return self.get(f"lease.{safe_name(name)}", Note)

    def put_note(self, name: str, note: Note) -> None:
        """Replace the value of a lease. Raises StateError."""
        self.put(f"lease.{safe_name(name)}", asdict(note))

    def _left(self, name: str, note: Note) -> float | None:
        """Seconds for which the lease must be taken for held; None if it is free."""
        if note.owner is None:
            return None
        now = self.clock.monotonic()
        seen = self._seen.get(name)
        if seen is None or seen[:2] != (note.owner, note.beat):
            seen = self._seen[name] = (note.owner, note.beat, now)
        left = seen[2] + LEASE - now
        return round(left, 3) if left > 0 else None

    def _runs(self) -> list[str]:
        return self.get("runs", list[str]) or []

    def _head(self, run_id: str) -> RunHead:
        holder = self.holder(run_lease(run_id))
        try:
            lines = TaskStateRun(self, run_id).lines()
            ends = (decode(lines[0])[1], decode(lines[-1])[1]) if lines else None
        except StateError as error:
            return RunHead(run_id=run_id, fault=error.message)
        return head_of(run_id, ends, is_running=holder is not None, holder=holder)


class _Part(Struct, frozen=True, kw_only=True):
    """The first part of a text, and how many there are."""

    parts: int
    text: str


def _whole(text: str) -> str:
    """A text as ASCII: a file may hold half of a surrogate pair, which no database takes."""
    return json.dumps(text)
