"""A shared store in memory: for tests, and for several processes of the simulator on one store in virtual time.

`Memory` is what the processes share, and its clock is the store's own; `MemoryStore` is how one process sees it. Leases end by
themselves, and fences grow, as in a database. Facts pass through the codec, so that what is read back is what a file would hold.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from spectrum_pipelines.clock import Clock, rfc3339
from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.errors import StateError, StoreUnreachable
from spectrum_pipelines.store.closing import Closing, Releasing
from spectrum_pipelines.store.codec import decode
from spectrum_pipelines.store.heads import check_key, has_acted, head_of, outlived, run_id_of
from spectrum_pipelines.store.history import Recorded
from spectrum_pipelines.store.holder import Holder, Who
from spectrum_pipelines.store.interface import Busy, Existing, Lease, NewRun, RunHead, RunStore, run_lease
from spectrum_pipelines.store.leasing import busy, fenced
from spectrum_pipelines.store.lines import KeptRun, LineJournal
from spectrum_pipelines.store.texts import Texts

_TRIES = 100
_PAUSE = 0.5  # seconds between two attempts to reach the store


@dataclass(slots=True)
class _Row:
    """A lease as the store has it. `until` is on the store's clock."""

    fence: int
    owner: int
    holder: Holder
    until: float


@dataclass(slots=True)
class _Run:
    """What is kept of a run."""

    texts: Texts | None = None
    plan: str | None = None
    lines: list[str] = field(default_factory=list)
    report: bytes | None = None


class Memory:
    """What the processes share. `lease` is how long a lease lasts without being renewed, in seconds."""

    def __init__(self, clock: Clock, *, lease: float = 30.0) -> None:
        self.clock = clock
        self.lease = lease
        self.lock = threading.RLock()
        self.runs: dict[str, _Run] = {}
        self.keys: dict[str, str] = {}
        self.leases: dict[str, _Row] = {}
        self.queues: dict[str, list[int]] = {}
        self.owners = 0

    def owner(self) -> int:
        """A number that no other holder has."""
        with self.lock:
            self.owners += 1
            return self.owners


class MemoryLease(Releasing):
    """A lease of `Memory`. `renew` is to be called at least every third of its time."""

    def __init__(self, store: "MemoryStore", name: str, row: _Row, sent_at: float) -> None:
        self.name = name
        self.fence = row.fence
        self.owner = row.owner
        self._store = store
        self._until = sent_at + store.memory.lease
        self.is_lost = False

    @property
    def seconds(self) -> float:
        """How long it lasts without being renewed."""
        return self._store.memory.lease

    def is_ours(self, *, for_seconds: float) -> bool:
        """By the clock of this process, from before the renewal was sent."""
        return self._store.clock.monotonic() + for_seconds < self._until

    def renew(self) -> bool:
        """Ask for the whole time again; False if somebody else has it. Raises StoreUnreachable."""
        sent_at = self._store.clock.monotonic()
        renewed = self._store.renew(self)
        self.renewed(sent_at, is_ours=renewed)
        return renewed

    def renewed(self, sent_at: float, *, is_ours: bool) -> None:
        """What a statement that was sent at that moment has brought."""
        self._until = sent_at + self._store.memory.lease if is_ours else sent_at
        self.is_lost = not is_ours

    def release(self) -> None:
        """Let others have it. May be called twice."""
        self._until = self._store.clock.monotonic()
        self._store.let_go(self)


class MemoryPlace(Releasing):
    """A place in the queue for a lease."""

    def __init__(self, store: "MemoryStore", name: str, who: Who, run_id: str) -> None:
        self._store, self._name, self._who, self._run_id = store, name, who, run_id
        self._ticket = store.memory.owner()
        store.memory.queues.setdefault(name, []).append(self._ticket)

    def take(self) -> Lease | None:
        """The lease, if it is free and nobody in the queue came earlier."""
        with self._store.memory.lock:
            if self._store.memory.queues[self._name][0] != self._ticket:
                return None
            return self._store.lease(self._name, self._who, run_id=self._run_id)

    def release(self) -> None:
        """Give the place up."""
        self._store.memory.queues[self._name].remove(self._ticket)


class MemoryJournal(LineJournal):
    """The lines of a run, under the fence of its lease."""

    def __init__(self, store: "MemoryStore", run_id: str, lease: MemoryLease, count: int) -> None:
        super().__init__(count)
        self._store, self._run_id, self._lease = store, run_id, lease

    def _write(self, lines: list[str], first: Stamped) -> None:  # noqa: ARG002 - of a base class
        """Add them, and renew the lease; a store that is away is asked again until our own lease is over."""
        while True:
            sent_at = self._store.clock.monotonic()
            try:
                self._store.append(self._run_id, self._lease, self.count, lines)
            except StoreUnreachable:
                if not self._lease.is_ours(for_seconds=_PAUSE):
                    raise
            else:
                self._lease.renewed(sent_at, is_ours=True)
                return
            self._store.clock.sleep(_PAUSE)


class MemoryRun(KeptRun):
    """One run in memory."""

    def __init__(self, store: "MemoryStore", run_id: str) -> None:
        super().__init__(run_id, store.name)
        self._store = store

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MemoryRun) and other.run_id == self.run_id

    def __hash__(self) -> int:
        return hash(self.run_id)

    @property
    def _run(self) -> _Run:
        return self._store.reach().runs[self.run_id]

    def keep(self, texts: Texts, *, plan: str) -> None:
        """Store what is about to be run."""
        self._run.texts, self._run.plan = texts, plan

    def kept_texts(self) -> Texts | None:
        """The texts that were run."""
        return self._run.texts

    def kept_plan(self) -> str | None:
        """The plan."""
        return self._run.plan

    def lines(self) -> list[str]:
        """The journal."""
        return list(self._run.lines)

    def journal(self, lease: Lease, recorded: Recorded | None = None) -> MemoryJournal:
        """Begin the journal, or go on behind what it has `recorded`."""
        assert isinstance(lease, MemoryLease)
        assert lease.name == run_lease(self.run_id)
        return MemoryJournal(self._store, self.run_id, lease, 0 if recorded is None else len(recorded.facts))

    def put_report(self, *chunks: bytes) -> None:
        """Put the report in place, as a whole."""
        self._run.report = b"".join(chunks)

    def report(self) -> bytes | None:
        """The report as it was put last."""
        return self._run.report

    def forget(self) -> None:
        """Remove a run that never began."""
        runs = self._store.memory.runs
        if self.run_id in runs and not runs[self.run_id].lines:
            del runs[self.run_id]


class MemoryStore(Closing):
    """The store as one process sees it, by its own `clock`. `reach` may be replaced: it raises when the store is away."""

    is_shared = True
    name = "<memory>"

    def __init__(self, memory: Memory, clock: Clock) -> None:
        self.memory = memory
        self.clock = clock

    def reach(self) -> Memory:
        """What is asked before each statement. A subclass raises StoreUnreachable here."""
        return self.memory

    def answered(self) -> None:
        """What is asked after each statement that has changed something. A subclass loses the answer here."""

    def probe(self) -> None:
        """Find out whether a run can be kept here."""
        self.reach()

    def new_run(self, started: datetime, token: Callable[[], str]) -> MemoryRun:
        """Make room for a new run. Raises StateError."""
        with self.memory.lock:
            runs = self.reach().runs
            for _ in range(_TRIES):
                run_id = run_id_of(started, token())
                if run_id not in runs:
                    runs[run_id] = _Run()
                    return MemoryRun(self, run_id)
        raise StateError(f"{self.name} has no free run id for this second", hint="try again")

    def find(self, run_id: str) -> MemoryRun | None:
        """The run of this id, if there is one."""
        return MemoryRun(self, run_id) if run_id in self.reach().runs else None

    def newest(self, *, limit: int | None = None, pipeline: str | None = None) -> Iterator[RunHead]:
        """The runs, the newest first."""
        heads = (self._head(run_id) for run_id in sorted(self.reach().runs, reverse=True))
        return islice((head for head in heads if pipeline is None or head.pipeline == pipeline), limit)

    def _head(self, run_id: str) -> RunHead:
        lines = self.memory.runs[run_id].lines
        holder = self.holder(run_lease(run_id))
        try:
            ends = (decode(lines[0])[1], decode(lines[-1])[1]) if lines else None
        except StateError as error:
            return RunHead(run_id=run_id, fault=error.message)
        return head_of(run_id, ends, is_running=holder is not None, holder=holder)

    def claim(self, key: str, new_run: Callable[[], RunStore], who: Who) -> NewRun | Existing:
        """The run that a run key stands for. Raises UserError and Busy."""
        check_key(key)
        with self.memory.lock:
            memory = self.reach()
            known = memory.keys.get(key)
            if known is not None and known in memory.runs:
                holder = self.holder(run_lease(known))
                if holder is not None:
                    raise busy(known, holder, store=self.name)
                lines = memory.runs[known].lines
                if lines and has_acted(decode(lines[-1])[1]):
                    return Existing(run=MemoryRun(self, known))
            run = new_run()
            lease = self.lease(run_lease(run.run_id), who, run_id=run.run_id)
            if lease is None:
                raise Busy(f"run {run.run_id} was taken while it was made", holder=None)
            memory.keys[key] = run.run_id
            return NewRun(run=run, lease=lease)

    def lease(self, name: str, who: Who, *, run_id: str) -> MemoryLease | None:
        """Take a lease, or None if somebody has it."""
        sent_at = self.clock.monotonic()
        with self.memory.lock:
            memory = self.reach()
            row, now = memory.leases.get(name), memory.clock.monotonic()
            if row is not None and row.until >= now:
                return None
            since = rfc3339(memory.clock.now())
            note = Holder(pid=who.pid, host=who.host, run_id=run_id, since=since)
            row = _Row((row.fence if row else 0) + 1, memory.owner(), note, now + memory.lease)
            memory.leases[name] = row
            self.answered()
            return MemoryLease(self, name, row, sent_at)

    def line_up(self, name: str, who: Who, *, run_id: str) -> MemoryPlace:
        """A place at the end of the queue for a lease."""
        return MemoryPlace(self, name, who, run_id)

    def holder(self, name: str) -> Holder | None:
        """Who holds a lease; None if nobody does."""
        memory = self.reach()
        row, now = memory.leases.get(name), memory.clock.monotonic()
        if row is None or row.until < now:
            return None
        note = row.holder
        return Holder(
            pid=note.pid, host=note.host, run_id=note.run_id, since=note.since, lease_left=round(row.until - now, 3)
        )

    def caveat(self, name: str) -> str | None:  # noqa: ARG002 - of an interface
        """Nothing to be said."""
        return None

    def prune(self, *, older_than: timedelta, keep: int) -> int:
        """Delete old runs; how many."""
        doomed = list(outlived(self.newest(), before=self.memory.clock.now() - older_than, keep=keep))
        for run_id in doomed:
            del self.memory.runs[run_id]
        return len(doomed)

    def renew(self, lease: MemoryLease) -> bool:
        """Give a lease its whole time again, if it is still that of its holder: late, but taken by nobody, counts."""
        with self.memory.lock:
            memory = self.reach()
            row = memory.leases.get(lease.name)
            if row is None or (row.fence, row.owner) != (lease.fence, lease.owner):
                return False
            row.until = memory.clock.monotonic() + memory.lease
            self.answered()
            return True

    def append(self, run_id: str, lease: MemoryLease, count: int, lines: Sequence[str]) -> None:
        """Check the fence, renew the lease and add lines, in one step. Raises Fenced."""
        with self.memory.lock:
            memory = self.reach()
            row = memory.leases.get(lease.name)
            if row is None or (row.fence, row.owner) != (lease.fence, lease.owner):
                raise fenced(run_id, self.holder(lease.name), store=self.name)
            run = memory.runs[run_id]
            if run.lines[count:] == list(lines) and lines:
                return  # the answer to an earlier attempt was lost
            if len(run.lines) != count:
                raise StateError(f"the journal of run {run_id} changed while it was written")
            run.lines.extend(lines)
            row.until = memory.clock.monotonic() + memory.lease
            self.answered()

    def let_go(self, lease: MemoryLease) -> None:
        """End a lease now, if it is still that of its holder."""
        with self.memory.lock:
            row = self.memory.leases.get(lease.name)
            if row is not None and (row.fence, row.owner) == (lease.fence, lease.owner):
                row.until = float("-inf")

    def close(self) -> None:
        """Nothing is open."""
