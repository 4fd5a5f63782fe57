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
    """What a list shows of a run. `fault` says why nothing is known of it; then all that is not known is None."""

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
    """The right to work on what it names, in our hands. Leaving the context releases it."""

    @property
    def name(self) -> str:
        """`run-20261123T150405Z-7f3a`."""
        ...

    @property
    def fence(self) -> int:
        """Grows each time the lease changes hands; 0 where no fence is needed."""
        ...

    @property
    def seconds(self) -> float:
        """How long it lasts without being renewed; infinity for one that lasts as long as its process."""
        ...

    @property
    def is_lost(self) -> bool:
        """Somebody else has had it since, or it was released."""
        ...

    def is_ours(self, *, for_seconds: float) -> bool:
        """Whether it stays ours for that long, if nobody renews it. By our own monotonic clock; asks nobody."""
        ...

    def release(self) -> None:
        """Let others have it. May be called twice. Never raises."""
        ...


class Place(AbstractContextManager["Place"], Protocol):
    """A place in the queue for a lease. Leaving the context gives it up."""

    def take(self) -> Lease | None:
        """The lease, if it is free and nobody in the queue came earlier. Keeps the place. Raises StateError."""
        ...


class Journal(AbstractContextManager["Journal"], Protocol):
    """Where the facts of a run are kept; satisfies `runner.Journal`. Leaving the context closes it."""

    def append(self, facts: Sequence[Stamped]) -> None:
        """Write in order; return when every promise among them is there for good.

        Raises OSError, or StateError where a store that is shared is away; Fenced if somebody else works on the run.
        """
        ...


class RunStore(Protocol):
    """One run of a store."""

    @property
    def run_id(self) -> str:
        """`20261123T150405Z-7f3a`."""
        ...

    @property
    def place(self) -> str:
        """Where it is, for messages: a folder, or `run ID in postgresql://host/db`."""
        ...

    @property
    def report_path(self) -> str | None:
        """The file of the report, where it is one."""
        ...

    def keep(self, texts: Texts, *, plan: str) -> None:
        """Store what is about to be run. There for good before the journal begins. Raises StateError."""
        ...

    def texts(self, digest: str) -> Texts:
        """The texts that were run; `digest` (`RunStarted.digest`) must be theirs. Raises StateError."""
        ...

    def plan(self) -> bytes:
        """The plan that was kept. Raises StateError."""
        ...

    def facts(self) -> Recorded:
        """The journal, and where a writer can go on. Raises StateError."""
        ...

    def journal(self, lease: Lease, recorded: Recorded | None = None) -> Journal:
        """Begin the journal, or go on behind what it has `recorded`. `lease` is that of the run. Raises StateError."""
        ...

    def put_report(self, *chunks: bytes) -> None:
        """Put the report in place, as a whole. Raises StateError."""
        ...

    def report(self) -> bytes | None:
        """The report as it was put last; None if there is none. Raises StateError."""
        ...

    def forget(self) -> None:
        """Remove a run that never began; one with a journal is history and stays. Never raises."""
        ...


class NewRun(Struct, frozen=True, kw_only=True):
    """Nothing was ever triggered for the run key. The run is ours: release `lease` when it has ended."""

    run: RunStore
    lease: Lease


class Existing(Struct, frozen=True, kw_only=True):
    """The run key's run has acted, and nobody works on it at the moment. To go on with it, take its lease first."""

    run: RunStore


class Busy(ConflictError):
    """Somebody else holds the lease that is needed. `holder` is None where the store cannot tell."""

    def __init__(self, message: str, *, holder: Holder | None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.holder = holder


class Store(AbstractContextManager["Store"], Protocol):
    """A place where runs are kept. Leaving the context closes its connections; leases that are held then end by themselves."""

    @property
    def name(self) -> str:
        """The folder, or the URL without a login: for people, and as the value of `--state`."""
        ...

    @property
    def is_shared(self) -> bool:
        """Other machines use it: what it holds does not end with this disk."""
        ...

    def probe(self) -> None:
        """Find out before the first trigger whether a run can be kept here: reachable, known, writable, durable.

        Raises StateError: StoreUnreachable and StoreLoginRefused are among them.
        """
        ...

    def new_run(self, started: datetime, token: Callable[[], str]) -> RunStore:
        """Make room for a new run. `token` gives four random hex digits, each time others. Raises StateError."""
        ...

    def find(self, run_id: str) -> RunStore | None:
        """The run of this id, if there is one; any text may be asked for. Raises StateError."""
        ...

    def newest(self, *, limit: int | None = None, pipeline: str | None = None) -> Iterable[RunHead]:
        """The runs, the newest first; of this pipeline alone, if one is named. One broken run hides no other. Raises StateError."""
        ...

    def claim(self, key: str, new_run: Callable[[], RunStore], who: Who) -> NewRun | Existing:
        """The run that a run key stands for; among any number of processes exactly one gets the new one.

        Raises UserError for an impossible key, Busy naming who works on the key's run, and StateError.
        """
        ...

    def lease(self, name: str, who: Who, *, run_id: str) -> Lease | None:
        """Take a lease for a run, or None if somebody has it. Raises StateError."""
        ...

    def line_up(self, name: str, who: Who, *, run_id: str) -> Place:
        """A place at the end of the queue for a lease. Raises StateError."""
        ...

    def holder(self, name: str) -> Holder | None:
        """Who holds a lease; None if nobody does, or if nobody can tell who. Raises StateError."""
        ...

    def caveat(self, name: str) -> str | None:
        """What people must know about the reach of a lease in this store, if it is less than they would think."""
        ...

    def prune(self, *, older_than: timedelta, keep: int) -> int:
        """Delete runs that began so long ago, have ended and are not among the `keep` newest of their pipeline; how many.

        Raises StateError.
        """
        ...


def run_lease(run_id: str) -> str:
    """The name of the lease of a run."""
    return f"run-{run_id}"


def group_lease(group: str) -> str:
    """The name of the lease of a concurrency group; any text."""
    return f"group-{group}"
