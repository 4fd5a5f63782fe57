"""Leases of a shared store: taken, renewed and released by one statement each, and kept alive while their process lives.

Only two clocks count: that of the database, which says when a lease is over, and our own monotonic one, which says how long we may
rely on it. Ours counts from before the renewing statement was sent, so it always ends first.
"""

import secrets
import threading
from collections.abc import Callable

from msgspec import Struct

from spectrum_pipelines.clock import rfc3339
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.files import safe_name
from spectrum_pipelines.store.closing import Releasing
from spectrum_pipelines.store.holder import Holder, Who
from spectrum_pipelines.store.interface import Lease
from spectrum_pipelines.store.postgres.database import Database, Row

#: A lease is renewed this many times in its life.
_BEATS = 4
_LONGEST_HOST = 200
#: Seconds that a farewell to a database that is away may take.
_FAREWELL = 1.0

#: Whoever asks twice because an answer was lost has the same `owner`, and gets it again.
TAKE = """
INSERT INTO {s}.lease AS held (name, fence, owner, run_id, pid, host, since, until)
VALUES (%s, 1, %s, %s, %s, %s, clock_timestamp(), clock_timestamp() + make_interval(secs => %s))
ON CONFLICT (name) DO UPDATE SET fence = held.fence + 1, owner = excluded.owner, run_id = excluded.run_id,
    pid = excluded.pid, host = excluded.host, since = clock_timestamp(), until = excluded.until, queue = NULL
WHERE held.until < clock_timestamp() OR held.owner = excluded.owner
RETURNING fence
"""
_RENEW = """
UPDATE {s}.lease SET until = clock_timestamp() + make_interval(secs => %s)
WHERE (name, fence, owner) IN (SELECT * FROM unnest(%s::text[], %s::bigint[], %s::text[]))
RETURNING name
"""
_RELEASE = "UPDATE {s}.lease SET until = '-infinity' WHERE name = %s AND fence = %s AND owner = %s"
_HOLDER = """
SELECT run_id, pid, host, since, extract(epoch FROM until - clock_timestamp())::float8
FROM {s}.lease WHERE name = %s AND until >= clock_timestamp()
"""
#: A place in a queue is a lease, too: that of a process that died ends by itself. The oldest that lives goes first.
_LINE_UP = """
INSERT INTO {s}.lease AS mine (name, fence, owner, run_id, pid, host, since, until, queue)
VALUES (%s, 1, %s, %s, %s, %s, clock_timestamp(), clock_timestamp() + make_interval(secs => %s), %s)
ON CONFLICT (name) DO UPDATE SET until = excluded.until
RETURNING since
"""
_TURN = """
SELECT 1 FROM {s}.lease WHERE queue = %s AND until >= clock_timestamp() AND (since, owner) < (%s, %s) LIMIT 1
"""


def stored_name(name: str) -> str:
    """The name of a lease as the table has it: that of a group may be any text."""
    kind, _, rest = name.partition("-")
    return name if kind == "run" else f"{kind}-{safe_name(rest)}"


class PostgresLease(Releasing):
    """A lease in our hands, for as long as it is renewed."""

    def __init__(self, keeper: "Keeper", name: str, *, fence: int, owner: str, until: float) -> None:
        self.name = name
        self.fence = fence
        self.owner = owner
        self.until = until  # by our own monotonic clock
        self.is_lost = False
        self._keeper = keeper

    @property
    def seconds(self) -> float:
        """How long it lasts without being renewed."""
        return self._keeper.database.target.lease

    def is_ours(self, *, for_seconds: float) -> bool:
        """By our own monotonic clock; asks nobody."""
        return not self.is_lost and self._keeper.database.clock.monotonic() + for_seconds < self.until

    def renewed(self, sent_at: float) -> None:
        """A statement that was sent at that moment has renewed it."""
        self.until = max(self.until, sent_at + self._keeper.database.target.lease)

    def lose(self) -> None:
        """Somebody else has it."""
        self.is_lost = True
        self.until = float("-inf")
        self._keeper.drop(self)

    def release(self) -> None:
        """Let others have it. May be called twice. Where the database is away, it ends by itself."""
        self._keeper.release(self)


class Claimant(Struct, frozen=True, kw_only=True):
    """Who wants a lease, for which run; `owner` is a word that nobody else has."""

    owner: str
    run_id: str
    pid: int
    host: str

    @property
    def values(self) -> tuple[str, str, int, str]:
        """As the statements take them."""
        return self.owner, self.run_id, self.pid, self.host


def claimant(who: Who, run_id: str) -> Claimant:
    """A claimant with a word of its own."""
    host = who.host.encode("ascii", "replace").decode("ascii").replace("\0", "?")[:_LONGEST_HOST]
    return Claimant(owner=secrets.token_hex(12), run_id=run_id, pid=who.pid, host=host)


class Keeper:
    """Takes leases, and renews them in a thread of its own while this process lives."""

    def __init__(self, database: Database, beats: Database) -> None:
        self.database = database
        self._beats = beats
        self._held: list[PostgresLease] = []
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def take(self, name: str, claimant: Claimant) -> PostgresLease | None:
        """The lease, or None if somebody has it. Raises StateError."""
        sent_at = self.database.clock.monotonic()
        rows = self.database.ask(TAKE, stored_name(name), *claimant.values, self.database.target.lease)
        return self.hold(name, claimant, fence=rows[0][0], sent_at=sent_at) if rows else None

    def hold(self, name: str, claimant: Claimant, *, fence: int, sent_at: float) -> PostgresLease:
        """Keep alive what a statement has taken that was sent at that moment."""
        until = sent_at + self.database.target.lease
        lease = PostgresLease(self, name, fence=fence, owner=claimant.owner, until=until)
        with self._wake:
            self._held.append(lease)
            if self._thread is None:
                self._thread = threading.Thread(target=self._beat, name="leases", daemon=True)
                self._thread.start()
        return lease

    def holder(self, name: str) -> Holder | None:
        """Who holds a lease; None if nobody does. Raises StateError."""
        rows = self.database.ask(_HOLDER, stored_name(name))
        return holder_of(rows[0]) if rows else None

    def drop(self, lease: PostgresLease) -> None:
        """Renew it no longer."""
        with self._wake:
            if lease in self._held:
                self._held.remove(lease)

    def release(self, lease: PostgresLease) -> None:
        """End it now, if it is still ours. Never raises."""
        with self._wake:
            if lease not in self._held:
                return
            self._held.remove(lease)
        lease.is_lost = True
        try:
            self.database.ask(_RELEASE, stored_name(lease.name), lease.fence, lease.owner, until=self._soon())
        except StateError:
            return  # it ends by itself

    def _soon(self) -> Callable[[], float]:
        """What ends by itself is not worth a long wait."""
        until = self.database.clock.monotonic() + _FAREWELL
        return lambda: until

    def _beat(self) -> None:
        while True:
            with self._wake:
                self._wake.wait(self.database.target.lease / _BEATS)
                if self._is_closed:
                    return
                held = list(self._held)
            if held:
                self._renew(held)

    def _renew(self, held: list[PostgresLease]) -> None:
        sent_at = self.database.clock.monotonic()
        names = [stored_name(lease.name) for lease in held]
        fences, owners = [lease.fence for lease in held], [lease.owner for lease in held]
        try:
            rows = self._beats.ask(_RENEW, self.database.target.lease, names, fences, owners, until=lambda: sent_at)
        except StateError:
            return  # tried again with the next beat; meanwhile the lease may end by itself
        renewed = {name for (name,) in rows}
        for lease in held:
            if stored_name(lease.name) in renewed:
                lease.renewed(sent_at)
            else:
                lease.lose()

    def close(self) -> None:
        """Renew nothing any more."""
        with self._wake:
            self._is_closed = True
            self._wake.notify_all()


class PostgresPlace(Releasing):
    """A place in the queue for a lease."""

    def __init__(self, keeper: Keeper, name: str, claimant: Claimant) -> None:
        self._keeper, self._name, self._claimant = keeper, name, claimant
        self._queue = stored_name(name)
        self._mine = f"wait-{claimant.owner}"
        self._since = self._line_up()

    def _line_up(self) -> object:
        database = self._keeper.database
        values = (self._mine, *self._claimant.values, database.target.lease, self._queue)
        return database.ask(_LINE_UP, *values)[0][0]

    def take(self) -> Lease | None:
        """The lease, if it is free and nobody in the queue came earlier. Raises StateError."""
        self._since = self._line_up()
        if self._keeper.database.ask(_TURN, self._queue, self._since, self._claimant.owner):
            return None
        return self._keeper.take(self._name, self._claimant)

    def release(self) -> None:
        """Give the place up."""
        try:
            self._keeper.database.ask(_RELEASE, self._mine, 1, self._claimant.owner)
        except StateError:
            return  # it ends by itself


def holder_of(row: Row) -> Holder:
    """What people are told of a lease that is held."""
    run_id, pid, host, since, left = row
    return Holder(pid=pid, host=host, run_id=run_id, since=rfc3339(since), lease_left=round(max(0.0, left), 3))
