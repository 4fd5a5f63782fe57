"""A store in a PostgreSQL database: `interface.Store` over the tables of `schema`."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial

import psycopg
from msgspec import Struct
from msgspec.structs import replace

from spectrum_pipelines.clock import Clock, SystemClock
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.files import safe_name
from spectrum_pipelines.store.closing import Closing
from spectrum_pipelines.store.codec import Newer, decode
from spectrum_pipelines.store.heads import check_key, has_acted, head_of, is_run_id, run_id_of
from spectrum_pipelines.store.holder import Holder, Who
from spectrum_pipelines.store.interface import Busy, Existing, NewRun, RunHead, RunStore, run_lease
from spectrum_pipelines.store.leasing import busy
from spectrum_pipelines.store.postgres import schema
from spectrum_pipelines.store.postgres.database import Database, Row
from spectrum_pipelines.store.postgres.leases import (
    TAKE,
    Claimant,
    Keeper,
    PostgresLease,
    PostgresPlace,
    claimant,
    holder_of,
)
from spectrum_pipelines.store.postgres.run import PostgresRun, stored_pipeline
from spectrum_pipelines.store.postgres.url import Target

_TRIES = 100
_PAGE = 200

_HEADS = """
SELECT run.run_id, first.line, last.line, lease.run_id, lease.pid, lease.host, lease.since,
    extract(epoch FROM lease.until - clock_timestamp())::float8
FROM {s}.run AS run
LEFT JOIN {s}.fact AS first ON first.run_id = run.run_id AND first.seq = 1
LEFT JOIN {s}.fact AS last ON last.run_id = run.run_id AND last.seq = run.last_seq
LEFT JOIN {s}.lease AS lease ON lease.name = 'run-' || run.run_id AND lease.until >= clock_timestamp()
WHERE NOT run.forgotten AND run.run_id < %s AND (%s::text IS NULL OR run.pipeline = %s)
ORDER BY run.run_id DESC LIMIT %s
"""
_LAST_LINE = """
SELECT fact.line FROM {s}.run JOIN {s}.fact ON fact.run_id = run.run_id AND fact.seq = run.last_seq WHERE run.run_id = %s
"""
_HELD = """
SELECT run_id, pid, host, since, extract(epoch FROM until - clock_timestamp())::float8, owner
FROM {s}.lease WHERE name = %s AND until >= clock_timestamp()
"""
_DOOMED = """
SELECT run_id FROM (
    SELECT run_id, last_seq, row_number() OVER (PARTITION BY pipeline ORDER BY run_id DESC) AS place FROM {s}.run

) AS run WHERE left(run_id, 16) <= %s AND (last_seq = 0 OR place > %s) ORDER BY run_id
"""


class PostgresStore(Closing):
    """The database as a store."""

    is_shared = True

    def __init__(self, target: Target, *, password: str | None = None, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self.database = Database(target, password=password, clock=self._clock)
        #: A lease is renewed on a connection of its own: a long statement must not keep it from that.
        self._beats = Database(target, password=password, clock=self._clock)
        self._keeper = Keeper(self.database, self._beats)

    @property
    def name(self) -> str:
        """The URL, with the user and without a password."""
        return self.database.target.name

    def probe(self) -> None:
        """Find out whether runs can be kept here. Raises StateError."""
        schema.hold_fit(self.database)

    def new_run(self, started: datetime, token: Callable[[], str]) -> PostgresRun:
        """Make room for a new run. Raises StateError."""
        for _ in range(_TRIES):
            run_id = run_id_of(started, token())
            insert = "INSERT INTO {s}.run (run_id) VALUES (%s) ON CONFLICT DO NOTHING RETURNING run_id"
            if self.database.ask(insert, run_id):
                return self._run(run_id)
        raise StateError(f"{self.name} has no free run id for this second", hint="try again")

    def _run(self, run_id: str) -> PostgresRun:
        return PostgresRun(self.database, self._keeper, run_id)

    def find(self, run_id: str) -> PostgresRun | None:
        """The run of this id, if there is one. Raises StateError."""
        if not is_run_id(run_id):
            return None
        rows = self.database.ask("SELECT 1 FROM {s}.run WHERE run_id = %s AND NOT forgotten", run_id)
        return self._run(run_id) if rows else None

    def newest(self, *, limit: int | None = None, pipeline: str | None = None) -> Iterator[RunHead]:
        """The runs, the newest first. Raises StateError."""
        before, left = "~", limit
        named = None if pipeline is None else stored_pipeline(pipeline)
        while left is None or left > 0:
            size = _PAGE if left is None else min(_PAGE, left)
            rows = self.database.ask(_HEADS, before, named, named, size)
            for row in rows:
                yield self._head(row)
            if len(rows) < size:
                return
            before, left = rows[-1][0], None if left is None else left - len(rows)

    def _head(self, row: Row) -> RunHead:
        run_id, first, last = row[:3]
        holder = holder_of(row[3:]) if row[3] is not None else None
        try:
            ends = None if first is None or last is None else (decode(first)[1], decode(last)[1])
        except StateError:
            return RunHead(run_id=run_id, fault=self._fault(run_id), holder=holder)
        return head_of(run_id, ends, is_running=holder is not None, holder=holder)

    def _fault(self, run_id: str) -> str:
        """Why a journal cannot be read, and by which version it was written."""
        try:
            self._run(run_id).facts()
        except StateError as error:
            return error.message
        return "the ends of the journal cannot be read"

    def claim(self, key: str, new_run: Callable[[], RunStore], who: Who) -> NewRun | Existing:
        """The run that a run key stands for: one transaction, under the lock of the key's row. Raises as the interface says."""
        check_key(key)
        claim = _Claim(self.database, safe_name(key), new_run, claimant(who, "-"))
        try:
            claimed = self.database.carry_out(claim.attempt)
        except Newer:
            self._run(claim.known).facts()  # which tells by which version
            raise
        if claimed.run is None:
            return Existing(run=self._run(claimed.run_id))
        # Only now: a transaction that was rolled back has taken nothing.
        name, mine = run_lease(claimed.run_id), claim.claimant_of(claimed.run_id)
        return NewRun(
            run=claimed.run, lease=self._keeper.hold(name, mine, fence=claimed.fence, sent_at=claimed.sent_at)
        )

    def lease(self, name: str, who: Who, *, run_id: str) -> PostgresLease | None:
        """Take a lease, or None if somebody has it. Raises StateError."""
        return self._keeper.take(name, claimant(who, run_id))

    def line_up(self, name: str, who: Who, *, run_id: str) -> PostgresPlace:
        """A place at the end of the queue for a lease. Raises StateError."""
        return PostgresPlace(self._keeper, name, claimant(who, run_id))

    def holder(self, name: str) -> Holder | None:
        """Who holds a lease; None if nobody does. Raises StateError."""
        return self._keeper.holder(name)

    def caveat(self, name: str) -> str | None:  # noqa: ARG002 - of an interface
        """Nothing to be said."""
        return None

    def prune(self, *, older_than: timedelta, keep: int) -> int:
        """Delete old runs; how many. Needs a role that may delete. Raises StateError."""
        before = run_id_of(self._clock.now() - older_than, "0000")[:16]  # an id tells when its run began, to the second
        me = Who(pid=0, host="runs prune")
        gone = 0
        for (run_id,) in self.database.ask(_DOOMED, before, keep):
            lease = self.lease(run_lease(run_id), me, run_id=run_id)
            if lease is not None:
                with lease:
                    self.database.carry_out(partial(self._delete, run_id))
                gone += 1
        self.database.ask("DELETE FROM {s}.lease WHERE queue IS NOT NULL AND until < clock_timestamp()")
        return gone

    def _delete(self, run_id: str, connection: psycopg.Connection[Row]) -> None:
        with connection.transaction():
            for statement in (
                "DELETE FROM {s}.run_key WHERE run_id = %s",
                "DELETE FROM {s}.fact WHERE run_id = %s",
                "DELETE FROM {s}.lease WHERE run_id = %s AND name LIKE 'run-%%'",
                "DELETE FROM {s}.run WHERE run_id = %s",
            ):
                connection.execute(self.database.spelled(statement), [run_id])

    def close(self) -> None:
        """Close the connections; leases that are held end by themselves."""
        self._keeper.close()
        self.database.close()
        self._beats.close()


class _Claimed(Struct, frozen=True, kw_only=True):
    """What a transaction has found. `run` is None if the key's run has acted."""

    run_id: str
    run: RunStore | None = None
    fence: int = 0
    sent_at: float = 0.0


class _Claim:
    """One claim on a run key. A claim may be sent again after a lost answer, since its owner is the same each time."""

    def __init__(self, database: Database, key: str, new_run: Callable[[], RunStore], claimant: Claimant) -> None:
        self._database, self._key, self._new_run, self._claimant = database, key, new_run, claimant
        self._made: dict[str, RunStore] = {}
        self.known = ""  # the run that the key stood for at the latest attempt

    def claimant_of(self, run_id: str) -> Claimant:
        """Ourselves, as those who work on a run."""
        return replace(self._claimant, run_id=run_id)

    def attempt(self, connection: psycopg.Connection[Row]) -> _Claimed:
        """In one transaction. Raises Busy."""
        ask = partial(self._ask, connection)
        with connection.transaction():
            ask("INSERT INTO {s}.run_key (key, run_id) VALUES (%s, '') ON CONFLICT DO NOTHING", self._key)
            # Whoever else claims this key waits here until this transaction has ended.
            self.known = known = str(ask("SELECT run_id FROM {s}.run_key WHERE key = %s FOR UPDATE", self._key)[0][0])
            if known:
                held = ask(_HELD, run_lease(known))
                if held and held[0][5] == self._claimant.owner and known in self._made:
                    return self._take(ask, self._made[known])  # the answer to an earlier attempt was lost
                if held:
                    raise busy(known, holder_of(held[0][:5]), store=self._database.target.name)
                last = ask(_LAST_LINE, known)
                if last and has_acted(decode(last[0][0])[1]):
                    return _Claimed(run_id=known)
            run = self._new_run()
            self._made[run.run_id] = run
            ask("UPDATE {s}.run_key SET run_id = %s WHERE key = %s", run.run_id, self._key)
            return self._take(ask, run)

    def _take(self, ask: Callable[..., list[Row]], run: RunStore) -> _Claimed:
        sent_at = self._database.clock.monotonic()
        values = self.claimant_of(run.run_id).values
        rows = ask(TAKE, run_lease(run.run_id), *values, self._database.target.lease)
        if not rows:
            raise Busy(f"run {run.run_id} was taken while it was made", holder=None)
        return _Claimed(run_id=run.run_id, run=run, fence=rows[0][0], sent_at=sent_at)

    def _ask(self, connection: psycopg.Connection[Row], statement: str, *values: object) -> list[Row]:
        cursor = connection.execute(self._database.spelled(statement), values)
        return cursor.fetchall() if cursor.description else []
