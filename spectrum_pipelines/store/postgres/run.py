"""One run in a database: what is kept of it, and its journal under the fence of its lease."""

import json
from contextlib import suppress

from spectrum_pipelines.engine.facts import RunStarted, Stamped
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.store.history import Recorded, read_line
from spectrum_pipelines.store.interface import Lease, run_lease
from spectrum_pipelines.store.leasing import fenced
from spectrum_pipelines.store.lines import LineJournal
from spectrum_pipelines.store.postgres.database import PATIENCE, Database
from spectrum_pipelines.store.postgres.leases import Keeper, PostgresLease
from spectrum_pipelines.store.texts import Texts, checked

#: One statement, one round trip, all or nothing: the fence is checked, the lease renewed, the count moved, the lines are added.
#: No row comes back if the lease is somebody else's, or if the journal is not as long as its writer thinks.
_APPEND = """
WITH held AS (
    UPDATE {s}.lease SET until = clock_timestamp() + make_interval(secs => %(lease)s)
    WHERE name = %(name)s AND fence = %(fence)s AND owner = %(owner)s RETURNING fence
), moved AS (
    UPDATE {s}.run SET last_seq = last_seq + %(more)s, pipeline = coalesce(pipeline, %(pipeline)s)
    WHERE run_id = %(run_id)s AND last_seq = %(count)s AND EXISTS (SELECT FROM held) RETURNING run_id
)
INSERT INTO {s}.fact (run_id, seq, fence, line)
SELECT moved.run_id, %(count)s + line.number, %(fence)s, line.text
FROM moved, unnest(%(lines)s::text[]) WITH ORDINALITY AS line (text, number)
RETURNING seq
"""
#: Whether lines of which no answer came are there: written under this fence, which nobody else ever had.
_IS_THERE = """
SELECT (SELECT count(*) FROM {s}.fact WHERE run_id = %s AND fence = %s AND seq > %s AND seq <= %s),
    EXISTS (SELECT FROM {s}.lease WHERE name = %s AND fence = %s AND owner = %s)
"""
_FACTS = "SELECT line FROM {s}.fact WHERE run_id = %s AND seq > %s ORDER BY seq LIMIT %s"
_PAGE = 20_000
#: A report is put in place by who works on the run, or when nobody does.
_REPORT = """
UPDATE {s}.run SET report = %s WHERE run_id = %s
AND NOT EXISTS (SELECT FROM {s}.lease WHERE name = %s AND until >= clock_timestamp() AND owner <> %s)
"""


class PostgresJournal(LineJournal):
    """Adds lines under the fence of a lease."""

    def __init__(self, run: "PostgresRun", lease: PostgresLease, count: int) -> None:
        super().__init__(count)
        self._run, self._lease = run, lease

    def _write(self, lines: list[str], first: Stamped) -> None:
        """Return when all are on the database's disk. A database that is away is asked again until our own lease is over."""
        database, lease, run_id = self._run.database, self._lease, self._run.run_id
        name = run_lease(run_id)
        values = {
            "lease": database.target.lease, "name": name, "fence": lease.fence, "owner": lease.owner, "more": len(lines),
            "pipeline": _pipeline_of(first), "run_id": run_id, "count": self.count, "lines": lines,
        }  # fmt: skip
        sent_at = database.clock.monotonic()
        query = database.spelled(_APPEND)

        def until() -> float:
            """The end of the lease as it was, even if another connection goes on renewing it: the run must not stand still."""
            return min(lease.until, sent_at + database.target.lease)

        rows = database.carry_out(lambda connection: connection.execute(query, values).fetchall(), until=until)
        if len(rows) != len(lines):
            self._look_closer(name, len(lines))
        lease.renewed(sent_at)

    def _look_closer(self, name: str, more: int) -> None:
        """No line was added: an answer was lost and the lines are there, or somebody else has the run."""
        database, lease, run_id = self._run.database, self._lease, self._run.run_id
        values = (run_id, lease.fence, self.count, self.count + more, name, lease.fence, lease.owner)
        there, is_ours = database.ask(_IS_THERE, *values, until=lambda: lease.until)[0]
        if is_ours and there == more:
            return
        if is_ours:
            raise StateError(
                f"the journal of {self._run.place} changed while it was written", hint="say so to its makers"
            )
        lease.lose()
        holder = None
        with suppress(StateError):
            holder = self._run.keeper.holder(name)
        raise fenced(run_id, holder, store=self._run.database.target.name)


class PostgresRun:
    """One run of the database."""

    report_path = None

    def __init__(self, database: Database, keeper: Keeper, run_id: str) -> None:
        self.run_id = run_id
        self.database = database
        self.keeper = keeper
        self._lease: PostgresLease | None = None

    @property
    def place(self) -> str:
        """Where the run is, for messages."""
        return f"run {self.run_id} in {self.database.target.name}"

    def keep(self, texts: Texts, *, plan: str) -> None:
        """Store what is about to be run. Raises StateError."""
        data = json.dumps({"pipeline": texts.pipeline, "fragments": dict(texts.fragments)}).encode("ascii")
        self.database.ask(
            "UPDATE {s}.run SET texts = %s, plan = %s WHERE run_id = %s",
            data,
            plan.encode("utf-8", "surrogatepass"),
            self.run_id,
        )

    def texts(self, digest: str) -> Texts:
        """The texts that were run. Raises StateError."""
        try:
            data = json.loads(self._column("texts"))
            texts = Texts(pipeline=data["pipeline"], fragments=data["fragments"])
        except (ValueError, LookupError, TypeError) as error:
            raise StateError(f"the pipeline of {self.place} is damaged", hint="start a new run") from error
        return checked(texts, digest, run_id=self.run_id, place=f"the pipeline of {self.place}")

    def plan(self) -> bytes:
        """The plan that was kept. Raises StateError."""
        return self._column("plan")

    def _column(self, name: str) -> bytes:
        rows = self.database.ask(f"SELECT {name} FROM {{s}}.run WHERE run_id = %s", self.run_id)  # noqa: S608 - ours
        if not rows or rows[0][0] is None:
            raise StateError(f"the {name} of {self.place} are missing", hint="start a new run")
        return bytes(rows[0][0])

    def facts(self) -> Recorded:
        """The journal. Raises StateError."""
        facts: list[Stamped] = []
        while True:
            lines = self.database.ask(_FACTS, self.run_id, len(facts), _PAGE)
            for (line,) in lines:
                seq, fact = read_line(f"the journal of {self.place}", line.encode("utf-8"), facts)
                if seq != len(facts) + 1:
                    raise StateError(f"the journal of {self.place} lacks line {len(facts) + 1}", hint=_LOOK_FIRST)
                facts.append(fact)
            if len(lines) < _PAGE:
                break
        if not facts:
            raise StateError(f"the journal of {self.place} is missing", hint="nothing was triggered: start a new run")
        return Recorded(facts=facts, length=len(facts), size=len(facts))

    def journal(self, lease: Lease, recorded: Recorded | None = None) -> PostgresJournal:
        """Begin the journal, or go on behind what it has `recorded`."""
        assert isinstance(lease, PostgresLease)
        assert lease.name == run_lease(self.run_id)
        self._lease = lease
        return PostgresJournal(self, lease, 0 if recorded is None else len(recorded.facts))

    def put_report(self, *chunks: bytes) -> None:
        """Put the report in place, as a whole; that of a run which another process works on stays. Raises StateError."""
        lease = self._lease
        owner = "" if lease is None else lease.owner
        # The journal has all that is in it: a run that has lost its lease does not wait for a database to keep it.
        until = None if lease is None else lambda: min(lease.until, self.database.clock.monotonic() + PATIENCE)
        self.database.ask(_REPORT, b"".join(chunks), self.run_id, run_lease(self.run_id), owner, until=until)

    def report(self) -> bytes | None:
        """The report as it was put last; None if there is none. Raises StateError."""
        rows = self.database.ask("SELECT report FROM {s}.run WHERE run_id = %s", self.run_id)
        return None if not rows or rows[0][0] is None else bytes(rows[0][0])

    def forget(self) -> None:
        """Hide a run that never began: who may run pipelines may not delete."""
        with suppress(StateError):
            self.database.ask("UPDATE {s}.run SET forgotten = true WHERE run_id = %s AND last_seq = 0", self.run_id)


_LOOK_FIRST = (
    "nothing is guessed from a damaged journal: look in Spectrum for what this run has started, then start a new run"
)


def _pipeline_of(fact: Stamped) -> str | None:
    return stored_pipeline(fact.event.pipeline) if isinstance(fact.event, RunStarted) else None


def stored_pipeline(name: str) -> str:
    """The name of a pipeline as the table has it: it may hold what a database takes for no text."""
    return json.dumps(name)
