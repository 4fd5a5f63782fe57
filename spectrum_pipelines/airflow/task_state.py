"""Airflow's task state store (3.3 and later) as a store of runs: no folder and no database of one's own is needed.

Theory of operation
-------------------
Airflow keeps key and value pairs for one task of one DAG run, whatever the try; so this store holds the runs of one task. A value
is replaced as a whole and nothing is compared on the way. What keeps two processes apart:

- A further try has a task instance id of its own, and Airflow refuses what the process of an earlier try writes under the old one.
- A lease is a value that its holder renews every ten seconds. Whoever wants it has to see the same value for thirty seconds on its
  own clock: clocks of two machines are never compared. A holder stops changing things when its own thirty seconds are over.

The journal is a row of values of up to 48 kB; an append replaces the last of them.
"""

import json
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count, islice
from types import TracebackType
from typing import Any, Protocol, Self

from msgspec import Struct

from spectrum_pipelines.clock import Clock, rfc3339
from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.errors import Fenced, StateError
from spectrum_pipelines.files import safe_name
from spectrum_pipelines.store.codec import decode, encode
from spectrum_pipelines.store.heads import began_at, check_key, has_acted, head_of, is_run_id, run_id_of
from spectrum_pipelines.store.history import Recorded
from spectrum_pipelines.store.holder import Holder, Who
from spectrum_pipelines.store.interface import Busy, Existing, Lease, NewRun, RunHead, RunStore, run_lease
from spectrum_pipelines.store.leasing import busy
from spectrum_pipelines.store.texts import Texts, checked

#: Seconds that a lease lasts, and how often its holder renews it in that time.
_LEASE = 30.0
_BEATS = 3
#: Characters of one value: Airflow warns above 64 kB.
_VALUE = 48_000
_PREFIX = "spectrum-pipelines"


class Values(Protocol):
    """The values of one task. Each method raises StateError."""

    def get(self, key: str) -> Any:
        """The value; None if there is none."""
        ...

    def set(self, key: str, value: Any) -> None:
        """Put a value that is not None in place, for good."""
        ...

    def delete(self, key: str) -> None:
        """Remove a value that may be missing."""
        ...


class _Note(Struct, frozen=True, kw_only=True):
    """The value of a lease. `owner` is None once it was released; `beat` grows with each renewal."""

    fence: int
    owner: str | None
    beat: int
    pid: int
    host: str
    run_id: str
    since: str


class TaskStateLease:
    """A lease in our hands, renewed by a thread of its own until it is released."""

    seconds = _LEASE

    def __init__(self, store: "TaskStateStore", name: str, note: _Note, sent_at: float) -> None:
        self.name = name
        self.fence = note.fence
        self._store = store
        self._note = note
        self._until = sent_at + _LEASE
        self._lock = threading.Lock()
        self._over = threading.Event()
        threading.Thread(target=self._beat, name="spectrum lease", daemon=True).start()

    @property
    def is_lost(self) -> bool:
        """Somebody else was seen to have it, or it was released."""
        return not self._until

    def is_ours(self, *, for_seconds: float) -> bool:
        """By the clock of this process, from before the last renewal was sent."""
        return self._store.clock.monotonic() + for_seconds < self._until

    def check(self) -> None:
        """Ask whether it is still ours. Raises Fenced, and StateError."""
        note = self._store.note(self.name)
        if note is None or note.owner != self._note.owner:
            self._until = 0.0
            told = f"run {self._note.run_id} was taken over" + (
                f" by process {note.pid} on {note.host}" if note else ""
            )
            raise Fenced(told, hint="this process does nothing more")

    def release(self) -> None:
        """Let others have it. May be called twice."""
        self._until = 0.0
        if self._over.is_set():
            return
        self._over.set()
        with suppress(StateError), self._lock:  # it ends by itself
            self.check()
            self._store.put_note(self.name, replaced(self._note, owner=None))

    def renew(self) -> None:
        """Ask for the whole time again. Raises Fenced, and StateError."""
        sent_at = self._store.clock.monotonic()
        with self._lock:
            if self._over.is_set():
                return
            self.check()
            self._note = replaced(self._note, beat=self._note.beat + 1)
            self._store.put_note(self.name, self._note)
            self._until = sent_at + _LEASE

    def _beat(self) -> None:
        # A lease that is over is not renewed: somebody may be about to take it.
        while not self._over.wait(_LEASE / _BEATS) and self.is_ours(for_seconds=0.0):
            with suppress(StateError):  # tried again with the next beat
                self.renew()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class TaskStatePlace:
    """A place in the queue for a lease."""

    def __init__(self, store: "TaskStateStore", name: str, who: Who, run_id: str) -> None:
        self._store, self._name, self._who, self._run_id = store, name, who, run_id
        self._key = f"queue.{safe_name(name)}"
        self._ticket = secrets.token_hex(8)
        store.put(self._key, [*store.get(self._key, []), self._ticket])

    def take(self) -> Lease | None:
        """The lease, if it is free and nobody in the queue came earlier. Raises StateError."""
        if self._store.get(self._key, [])[:1] != [self._ticket]:
            return None
        return self._store.lease(self._name, self._who, run_id=self._run_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        waiting = [ticket for ticket in self._store.get(self._key, []) if ticket != self._ticket]
        self._store.put(self._key, waiting)


class TaskStateJournal:
    """Adds facts to the last value of the journal; begins another when that is full."""

    def __init__(self, store: "TaskStateStore", run_id: str, lease: TaskStateLease, values: list[list[str]]) -> None:
        self._store, self._run_id, self._lease = store, run_id, lease
        self._count = sum(map(len, values))
        self._number = max(0, len(values) - 1)
        self._lines = list(values[-1]) if values else []
        self._is_open = True

    def append(self, facts: Sequence[Stamped]) -> None:
        """Write in order. Raises Fenced, and StateError; from then on always."""
        if not self._is_open:
            raise StateError("the journal could not be written before and is closed")
        self._is_open = False
        self._lease.check()
        new = [encode(fact, seq) for seq, fact in enumerate(facts, self._count + 1)]
        if self._lines and sum(map(len, self._lines)) + sum(map(len, new)) > _VALUE:
            self._number, self._lines = self._number + 1, []
        self._lines += new
        self._store.put(f"journal.{self._run_id}.{self._number}", self._lines)
        self._count += len(new)
        self._is_open = True

    def close(self) -> None:
        """Take nothing any more."""
        self._is_open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class TaskStateRun:
    """One run of the task."""

    report_path = None

    def __init__(self, store: "TaskStateStore", run_id: str) -> None:
        self.run_id = run_id
        self._store = store

    @property
    def place(self) -> str:
        """Where the run is, for messages."""
        return f"run {self.run_id} in {self._store.name}"

    def keep(self, texts: Texts, *, plan: str) -> None:
        """Store what is about to be run. Raises StateError."""
        self._store.put_text(f"texts.{self.run_id}", json.dumps([texts.pipeline, dict(texts.fragments)]))
        self._store.put_text(f"plan.{self.run_id}", plan)

    def texts(self, digest: str) -> Texts:
        """The texts that were run. Raises StateError."""
        kept = self._store.text(f"texts.{self.run_id}")
        if kept is None:
            raise StateError(f"the pipeline of {self.place} is missing", hint="start a new run")
        pipeline, fragments = json.loads(kept)
        texts = Texts(pipeline=pipeline, fragments=fragments)
        return checked(texts, digest, run_id=self.run_id, place=f"the pipeline of {self.place}")

    def plan(self) -> bytes:
        """The plan that was kept. Raises StateError."""
        kept = self._store.text(f"plan.{self.run_id}")
        if kept is None:
            raise StateError(f"the plan of {self.place} is missing", hint="start a new run")
        return kept.encode("utf-8", "surrogatepass")

    def facts(self) -> Recorded:
        """The journal. Raises StateError."""
        lines = [line for value in self.values() for line in value]
        if not lines:
            raise StateError(f"the journal of {self.place} is missing", hint="start a new run")
        return Recorded(facts=[decode(line)[1] for line in lines], length=len(lines), size=len(lines))

    def values(self) -> list[list[str]]:
        """The lines of the journal, value by value. Raises StateError."""
        found: list[list[str]] = []
        for number in count():
            value = self._store.get(f"journal.{self.run_id}.{number}")
            if value is None:
                return found
            found.append(value)
        raise AssertionError

    def journal(self, lease: Lease, recorded: Recorded | None = None) -> TaskStateJournal:
        """Begin the journal, or go on behind what it has `recorded`. Raises StateError."""
        assert isinstance(lease, TaskStateLease)
        assert lease.name == run_lease(self.run_id)
        values = self.values()
        if sum(map(len, values)) != (0 if recorded is None else len(recorded.facts)):
            hint = "another process works on this run: let it end"
            raise StateError(f"the journal of {self.place} changed while it was read", hint=hint)
        return TaskStateJournal(self._store, self.run_id, lease, values)

    def put_report(self, *chunks: bytes) -> None:
        """Put the report in place, as a whole. Raises StateError."""
        self._store.put_text(f"report.{self.run_id}", b"".join(chunks).decode())

    def report(self) -> bytes | None:
        """The report as it was put last. Raises StateError."""
        kept = self._store.text(f"report.{self.run_id}")
        return None if kept is None else kept.encode()

    def forget(self) -> None:
        """Remove a run that never began. Never raises."""
        with suppress(StateError):
            if not self.values():
                self._store.remove(self.run_id, 0)


class TaskStateStore:
    """The values of a task as a store."""

    is_shared = True
    name = "Airflow's task state store"

    def __init__(self, values: Values, clock: Clock) -> None:
        self.clock = clock
        self._values = values
        self._seen: dict[str, tuple[str | None, int, float]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
        known = self.get(f"key.{safe_name(key)}")
        if known is not None and known in self._runs():
            holder = self.holder(run_lease(known))
            if holder is not None:
                raise busy(known, holder)
            values = TaskStateRun(self, known).values()
            if values and has_acted(decode(values[-1][-1])[1]):
                return Existing(run=TaskStateRun(self, known))
        run = new_run()
        lease = self.lease(run_lease(run.run_id), who, run_id=run.run_id)
        # Told only now: whoever finds the run by its key finds it taken.
        self.put(f"key.{safe_name(key)}", run.run_id)
        if lease is None or self.get(f"key.{safe_name(key)}") != run.run_id:
            raise Busy(f"the run of the key `{key}` was taken while it was made", holder=None)
        return NewRun(run=run, lease=lease)

    def lease(self, name: str, who: Who, *, run_id: str) -> TaskStateLease | None:
        """Take a lease, or None if somebody has it. Raises StateError."""
        sent_at = self.clock.monotonic()
        before = self.note(name)
        if before is not None and self._left(name, before) is not None:
            return None
        mine = _Note(
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
            return f"{self.name} is that of one task: `concurrency.group` holds among the tries of it alone; use a pool"
        return None

    def prune(self, *, older_than: timedelta, keep: int) -> int:
        """Delete old runs; how many. Raises StateError."""
        before, seen, gone = self.clock.now() - older_than, dict[str | None, int](), 0
        for head in list(self.newest()):
            seen[head.pipeline] = seen.get(head.pipeline, 0) + 1
            is_old = began_at(head.run_id) < before
            if head.fault is None and head.holder is None and is_old and seen[head.pipeline] > keep:
                self.remove(head.run_id, len(TaskStateRun(self, head.run_id).values()))
                gone += 1
        return gone

    def remove(self, run_id: str, values: int) -> None:
        """Delete a run with so many values of its journal. Raises StateError."""
        self.put("runs", [known for known in self._runs() if known != run_id])
        for number in range(values):
            self._values.delete(f"{_PREFIX}.journal.{run_id}.{number}")

    def get(self, key: str, default: Any = None) -> Any:
        """A value. Raises StateError."""
        found = self._values.get(f"{_PREFIX}.{key}")
        return default if found is None else found

    def put(self, key: str, value: Any) -> None:
        """Replace a value. Raises StateError."""
        self._values.set(f"{_PREFIX}.{key}", value)

    def put_text(self, key: str, text: str) -> None:
        """A text of any length, with its first part last: that one says how many there are. Raises StateError."""
        parts = [text[at : at + _VALUE] for at in range(0, len(text), _VALUE)] or [""]
        for number in reversed(range(1, len(parts))):
            self.put(f"{key}.{number}", _whole(parts[number]))
        self.put(f"{key}.0", {"parts": len(parts), "text": _whole(parts[0])})

    def text(self, key: str) -> str | None:
        """What `put_text` has put. Raises StateError."""
        first = self.get(f"{key}.0")
        if first is None:
            return None
        rest = [self.get(f"{key}.{number}") for number in range(1, first["parts"])]
        return "".join(json.loads(part) for part in [first["text"], *rest])

    def note(self, name: str) -> _Note | None:
        """The value of a lease. Raises StateError."""
        found = self.get(f"lease.{safe_name(name)}")
        return None if found is None else _Note(**found)

    def put_note(self, name: str, note: _Note) -> None:
        """Replace the value of a lease. Raises StateError."""
        self.put(f"lease.{safe_name(name)}", {field: getattr(note, field) for field in note.__struct_fields__})

    def _left(self, name: str, note: _Note) -> float | None:
        """Seconds for which the lease must be taken for held; None if it is free."""
        if note.owner is None:
            return None
        now = self.clock.monotonic()
        seen = self._seen.get(name)
        if seen is None or seen[:2] != (note.owner, note.beat):
            seen = self._seen[name] = (note.owner, note.beat, now)
        left = seen[2] + _LEASE - now
        return round(left, 3) if left > 0 else None

    def _runs(self) -> list[str]:
        return list(self.get("runs", []))

    def _head(self, run_id: str) -> RunHead:
        holder = self.holder(run_lease(run_id))
        values = TaskStateRun(self, run_id).values()
        try:
            ends = (decode(values[0][0])[1], decode(values[-1][-1])[1]) if values else None
        except StateError as error:
            return RunHead(run_id=run_id, fault=error.message)
        return head_of(run_id, ends, is_running=holder is not None, holder=holder)


def replaced(note: _Note, **changes: Any) -> _Note:
    """The note with other values."""
    return _Note(**{field: getattr(note, field) for field in note.__struct_fields__} | changes)


def _whole(text: str) -> str:
    """A text as ASCII: a file may hold half of a surrogate pair, which no database takes."""
    return json.dumps(text)
