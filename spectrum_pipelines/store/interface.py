"""What a store is: the place where runs outlive their processes.

A store keeps the journal, the texts, the plan and the report of each run, says which run a run key stands for, and hands out
leases. Two implementations do so for users (`folder`, `postgres`), a third one (`memory`) for tests and for the simulator; one
suite of tests holds all three to this page.

Words
-----
lease
    The right to work on something, under a name: `run-ID` for a run, `group-NAME` for a concurrency group. A lease of a folder
    lasts as long as its process. A lease of a shared store ends by itself, unless its holder renews it in time.
fence
    A number that grows each time a lease changes hands. A journal takes a fact only under the newest fence of its run; the holder
    of an older one gets `Fenced`. A folder needs none: the kernel frees its locks, and nothing else does.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct

from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.engine.outcome import RunStatus
from spectrum_pipelines.errors import ConflictError
from spectrum_pipelines.store.history import Recorded
from spectrum_pipelines.store.holder import Holder, Who
from spectrum_pipelines.store.texts import Texts


class RunHead(Struct, frozen=True, kw_only=True):
    """A run as a list shows it.

    Where a run cannot be read, `fault` says why, and every field that is not known is None.
    """

    run_id: str
    pipeline: str | None = None
    run_key: str | None = None
    status: RunStatus | None = None
    started: datetime | None = None
    ended: datetime | None = None
    exit_code: int | None = None
    resumable: bool = False
    fault: str | None = None
    holder: Holder | None = None


class Lease(AbstractContextManager["Lease"], Protocol):
    """A lease that this process holds: the right to work on what `name` names. Leaving the context releases the lease."""

    @property
    def name(self) -> str:
        """The name of what is held, such as `run-20261123T150405Z-7f3a` or `group-nightly`."""
        ...

    @property
    def fence(self) -> int:
        """The fence of this lease: a number that grows each time the lease changes hands; 0 in a store that needs no fences."""
        ...

    @property
    def seconds(self) -> float:
        """The seconds that the lease lasts if nobody renews it; infinity for a lease that lasts as long as its process."""
        ...

    @property
    def is_lost(self) -> bool:
        """The lease is not ours any more: it was released, or another process has taken it over."""
        ...

    def is_ours(self, *, for_seconds: float) -> bool:
        """The lease stays ours for so many seconds, even if nobody renews it. Our own monotonic clock decides, not the store."""
        ...

    def release(self) -> None:
        """Give the lease up, so that others can take it. A second call does nothing. Never raises."""
        ...


class Place(AbstractContextManager["Place"], Protocol):
    """A place in the queue for a lease. Leaving the context gives the place up."""

    def take(self) -> Lease | None:
        """Take the lease if it is free and nobody in the queue came earlier, else None. The place is kept. Raises StateError."""
        ...


class Journal(AbstractContextManager["Journal"], Protocol):
    """The journal of a run, open for writing: its facts in order. Leaving the context closes the journal."""

    def append(self, facts: Sequence[Stamped]) -> None:
        """Write facts in order; return when each that is a promise (`is_promise` of `engine.facts`) is on disk.

        Raises OSError, or StateError where a store that is shared is away; Fenced if somebody else works on the run.
        """
        ...


class RunStore(Protocol):
    """One run of a store: its texts, its plan, its journal and its report."""

    @property
    def run_id(self) -> str:
        """The id of the run, such as `20261123T150405Z-7f3a`."""
        ...

    @property
    def place(self) -> str:
        """Where the run is kept, for messages: a folder, or `run ID in postgresql://host/db`."""
        ...

    @property
    def report_path(self) -> str | None:
        """The path of the report; None in a store that keeps no files."""
        ...

    def keep(self, texts: Texts, *, plan: str) -> None:
        """Keep what is about to be run: the texts of the pipeline, and the plan as JSON. Both are durable when this returns.

        Raises StateError.
        """
        ...

    def texts(self, digest: str) -> Texts:
        """The texts of the pipeline that was run.

        Raises StateError, also for texts whose digest is not `digest` (that of `RunStarted`): somebody has changed them.
        """
        ...

    def plan(self) -> bytes:
        """The plan that `keep` was given, as JSON in UTF-8. Raises StateError."""
        ...

    def facts(self) -> Recorded:
        """Read the journal: its facts, and the place behind the last whole one, where `journal` goes on. Raises StateError."""
        ...

    def journal(self, lease: Lease, recorded: Recorded | None = None) -> Journal:
        """Open the journal for writing: a new one, or behind the facts that `recorded` (of `facts`) holds.

        `lease` must be the lease of this run. Raises StateError.
        """
        ...

    def put_report(self, *chunks: bytes) -> None:
        """Replace the report as a whole; `chunks` are its JSON in UTF-8. Raises StateError."""
        ...

    def report(self) -> bytes | None:
        """The report that was put last, as JSON in UTF-8; None before the first. Raises StateError."""
        ...

    def forget(self) -> None:
        """Remove the run, if it has no journal: a run that has begun is history and stays. Never raises."""
        ...


class NewRun(Struct, frozen=True, kw_only=True):
    """An answer of `Store.claim`: nothing was ever triggered under the run key, and the caller is to begin this run.

    The caller holds `lease`, and releases it when the run has ended.
    """

    run: RunStore
    lease: Lease


class Existing(Struct, frozen=True, kw_only=True):
    """An answer of `Store.claim`: the run of the run key has triggered something, and no process works on it now.

    Whoever goes on with the run takes its lease first.
    """

    run: RunStore


class Busy(ConflictError):
    """Another process holds the lease that is needed. `holder` says which one; None where the store cannot tell."""

    def __init__(self, message: str, *, holder: Holder | None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.holder = holder


class Store(AbstractContextManager["Store"], Protocol):
    """A place where runs are kept: a folder, a database, or memory.

    Leaving the context closes the connections of the store; leases that are still held end by themselves.
    """

    @property
    def name(self) -> str:
        """The folder, or the URL, which has no secret in it: for people, and as the value of `--state`.

        A store that no command can open, as it is that of one process or of one task, has a name in angle brackets.
        """
        ...

    @property
    def is_shared(self) -> bool:
        """Other machines can use the store: it outlives this machine."""
        ...

    def probe(self) -> None:
        """Find out before the first trigger whether a run can be kept here: reachable, known, writable, durable.

        Raises StateError: StoreUnreachable and StoreLoginRefused are among them.
        """
        ...

    def new_run(self, started: datetime, token: Callable[[], str]) -> RunStore:
        """Make room for a new run. Its id is made of `started` and of four random hexadecimal digits, which `token` gives.

        Raises StateError.
        """
        ...

    def find(self, run_id: str) -> RunStore | None:
        """The run of this id; None if there is none, also for a text that is no run id. Raises StateError."""
        ...

    def newest(self, *, limit: int | None = None, pipeline: str | None = None) -> Iterable[RunHead]:
        """List runs, the newest first, at most `limit` of them; only those of the pipeline of this name, if one is given.

        A run that cannot be read is listed with its `fault`, and hides no other. Raises StateError.
        """
        ...

    def claim(self, key: str, new_run: Callable[[], RunStore], who: Who) -> NewRun | Existing:
        """The run that a run key stands for. Of any number of processes that ask at once exactly one gets a NewRun.

        Raises UserError for an impossible key, Busy naming who works on the key's run, and StateError.
        """
        ...

    def lease(self, name: str, who: Who, *, run_id: str) -> Lease | None:
        """Take the lease of this name for a run; None if another process holds it. Raises StateError."""
        ...

    def line_up(self, name: str, who: Who, *, run_id: str) -> Place:
        """Take a place at the end of the queue for the lease of this name. Raises StateError."""
        ...

    def holder(self, name: str) -> Holder | None:
        """Who holds the lease of this name; None if nobody does, or if the store cannot tell. Raises StateError."""
        ...

    def caveat(self, name: str) -> str | None:
        """A warning for people where a lease of this name reaches less far than they would think; else None."""
        ...

    def prune(self, *, older_than: timedelta, keep: int) -> int:
        """Delete each run that has ended, began longer ago than `older_than`, and is not among the `keep` newest of its pipeline.

        Returns how many were deleted. Raises StateError.
        """
        ...


def run_lease(run_id: str) -> str:
    """The name of the lease of a run."""
    return f"run-{run_id}"


def group_lease(group: str) -> str:
    """The name of the lease of a concurrency group; any text."""
    return f"group-{group}"
