"""One connection to PostgreSQL that comes back when it breaks, and what its errors mean to a user.

Theory of operation
-------------------
Nothing lives in the session: no prepared statement, no advisory lock, no setting. So a pooler may give each statement another
connection, and a connection that breaks is simply made anew. What is asked again after a broken connection must therefore be a
statement that may be carried out twice: its author sees to that, because an answer can be lost after the commit.

A server that has frozen, or a network that drops packets, says nothing at all. So each statement has a deadline of its own, and
the connection is given up behind it.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from select import POLLERR, POLLHUP, POLLIN, POLLOUT, poll
from typing import Any, TypeVar

import psycopg
from psycopg import pq, sql
from psycopg.abc import PQGen
from psycopg.waiting import Ready, Wait

from spectrum_pipelines.clock import Clock, SystemClock
from spectrum_pipelines.errors import StateError, StoreLoginRefused, StoreUnreachable
from spectrum_pipelines.store.postgres.url import Target

T = TypeVar("T")
RV = TypeVar("RV")
Row = tuple[Any, ...]

#: Seconds: until a connection is made, and until a statement is answered. A dead server is noticed within 15 seconds.
_CONNECT = 5
_ANSWER = 12.0
#: Seconds in which a store that was there before is asked again, where nobody says how long.
PATIENCE = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0

_KEEPALIVES = {
    "keepalives": "1",
    "keepalives_idle": "5",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "12000",
}

#: A server that starts, stops, fails over or is full; a transaction that met another one.
_PASSING = frozenset({"57P01", "57P02", "57P03", "57P05", "57014", "53300", "40001", "40P01", "25006", "55P03"})
_STARTING = (
    "starting up", "shutting down", "in recovery", "too many", "connection slots", "not yet accepting",
    # of PgBouncer
    "query_wait", "login has been failing", "server_login_retry", "cannot connect", "connect failed", "conn crashed",
    "no more connections", "connection limit",
)  # fmt: skip
_LOGIN = (
    "password", "authentication failed", "no such user", "does not exist", "pg_hba.conf", "sasl", "not permitted",
    "permission denied", "no such database", "login failed",
)  # fmt: skip
_CERTIFICATE = ("certificate", "does not support ssl", "root.crt", "host name")


class _Impatient(psycopg.Connection[Row]):
    """A connection that gives a statement up at its deadline."""

    clock: Clock = SystemClock()

    def wait(self, gen: PQGen[RV], *_args: Any, **_settings: Any) -> RV:
        """Drive a statement to its end; the connection is closed if that does not come in time, or if a signal ends the wait."""
        until = self.clock.monotonic() + _ANSWER
        watched = poll()
        try:
            wanted = next(gen)
            while True:
                watched.register(self.pgconn.socket, _EVENTS[wanted])
                left = _left(until, self.clock)
                happened = watched.poll(min(1000.0, left * 1000))
                wanted = gen.send(_ready(happened[0][1]) if happened else Ready.NONE)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        except BaseException:
            self.pgconn.finish()
            raise


def _left(until: float, clock: Clock) -> float:
    left = until - clock.monotonic()
    if left <= 0:
        raise psycopg.OperationalError(f"no answer within {_ANSWER:.0f}s")
    return left


_EVENTS = {Wait.R: POLLIN, Wait.W: POLLOUT, Wait.RW: POLLIN | POLLOUT}


def _ready(events: int) -> Ready:
    if events & (POLLERR | POLLHUP):
        return Ready.RW
    return Ready((Ready.R if events & POLLIN else 0) | (Ready.W if events & POLLOUT else 0))


class Database:
    """The database that a URL names. May be used by several threads; one statement goes at a time."""

    def __init__(self, target: Target, *, password: str | None, clock: Clock) -> None:
        self.target = target
        self.clock = clock
        self._password = password
        self._connection: _Impatient | None = None
        self._lock = threading.RLock()
        self._was_there = False
        self._connects = False  # a connection is being made, or was not

    def ask(self, statement: str, *values: Any, until: Callable[[], float] | None = None) -> list[Row]:
        """The rows of one statement, which is committed when this returns. `until`: see `carry_out`. Raises StateError."""
        query = self.spelled(statement)

        def work(connection: psycopg.Connection[Row]) -> list[Row]:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

        return self.carry_out(work, until=until)

    def spelled(self, statement: str) -> sql.Composed:
        """A statement with the schema in the place of `{s}`."""
        return sql.SQL(statement).format(s=sql.Identifier(self.target.schema))

    def carry_out(self, work: Callable[[psycopg.Connection[Row]], T], *, until: Callable[[], float] | None = None) -> T:
        """Do the work on a connection; again and again while the database is away, `until()` a moment of the monotonic clock.

        Without `until` a database that was there before gets a few seconds, another one a single try. Raises StateError.
        """
        pause = _FIRST_PAUSE
        own = self.clock.monotonic() + (PATIENCE if self._was_there else 0.0)
        while True:
            try:
                with self._lock:
                    return self._once(work)
            except psycopg.Error as error:
                failure = explained(error, self.target, while_connecting=self._connects)
                if not isinstance(failure, StoreUnreachable) or self.clock.monotonic() + pause >= (
                    own if until is None else until()
                ):
                    raise failure from error
            self.clock.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 2)

    def _once(self, work: Callable[[psycopg.Connection[Row]], T]) -> T:
        connection = self._connected()
        try:
            return work(connection)
        except BaseException as error:
            if not _leaves_it_usable(error, connection):
                self._drop()
            raise

    def _connected(self) -> "_Impatient":
        if self._connection is None or self._connection.closed:
            self._connects = True
            self._connection = self._connect()
            self._connects = False
            self._was_there = True
        return self._connection

    def _connect(self) -> "_Impatient":
        given: dict[str, Any] = {**_KEEPALIVES, **self.target.parameters}
        if not self.target.is_near:
            given.setdefault("sslmode", "verify-full")
            if given["sslmode"] in {"verify-full", "verify-ca"} and (bundle := _authorities()) is not None:
                given.setdefault("sslrootcert", bundle)
        if self._password is not None:
            given["password"] = self._password
        given.setdefault("connect_timeout", str(_CONNECT))
        connection = _Impatient.connect(
            **given, application_name="spectrum-pipelines", client_encoding="UTF8", autocommit=True,
            prepare_threshold=None,
        )  # fmt: skip
        connection.clock = self.clock
        return connection

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Close the connection, if there is one."""
        with self._lock:
            self._drop()


def _leaves_it_usable(error: BaseException, connection: psycopg.Connection[Row]) -> bool:
    """A statement that was interrupted, by a signal say, leaves its connection in the middle of something."""
    if connection.closed or connection.broken:
        return False
    return isinstance(error, StateError) or (isinstance(error, psycopg.Error) and not is_passing(error))


def is_passing(error: psycopg.Error) -> bool:
    """A statement that failed so may succeed later."""
    if isinstance(error, psycopg.InterfaceError):
        return True
    if error.sqlstate is not None:
        return error.sqlstate in _PASSING or error.sqlstate.startswith("08")
    return isinstance(error, psycopg.OperationalError)


def explained(error: psycopg.Error, target: Target, *, while_connecting: bool) -> StateError:
    """What went wrong, in words of ours: the server's own text may be anything, and is cut to one line.

    libpq tells why a connection was refused in words only; a connection that breaks later says nothing of logins.
    """
    told, name = _one_line(error), target.name
    low = told.lower()
    if while_connecting and error.sqlstate is None and not _any(_STARTING, low):
        if _any(_CERTIFICATE, low):
            hint = "give the authority with sslrootcert=FILE in the URL, or its file as PGSSLROOTCERT"
            return StoreLoginRefused(f"the certificate of {name} is not trusted: {told}", hint=hint)
        if "fatal" in low or _any(_LOGIN, low):
            hint = "check user and database, and PGPASSWORD, PGPASSFILE or SPECTRUM_STATE_PASSWORD"
            return StoreLoginRefused(f"{name} refuses the login: {told}", hint=hint)
    if is_passing(error):
        hint = "check that the database runs and can be reached from here, then try again"
        return StoreUnreachable(f"{name} does not answer: {told}", hint=hint)
    match error.sqlstate:
        case "28000" | "28P01":
            return StoreLoginRefused(f"{name} refuses the login: {told}", hint="check user and password")
        case "42501":
            hint = f"`{target.command('check')}` says what is missing, with the SQL that grants it"
            return StateError(f"{name} does not let this role do what a run needs: {told}", hint=hint)
        case "42P01" | "3F000" | "42703":
            hint = f"make its tables with `{target.command('init')}`, or mend them with `state upgrade`"
            return StateError(f"{name} has no tables for runs: {told}", hint=hint)
        case "53100":
            return StateError(f"{name} has no room left: {told}", hint="make room in the database")
        case _:
            return StateError(f"{name} cannot be used: {told}", hint=f"`{target.command('check')}` looks closer")


def _any(words: Sequence[str], text: str) -> bool:
    return any(word in text for word in words)


def _one_line(error: psycopg.Error) -> str:
    """The cause: libpq writes where it has connected to first, and the user's name into some of its texts."""
    primary = error.diag.message_primary if error.sqlstate is not None else None
    lines = [line.strip() for line in (primary or str(error)).splitlines() if line.strip()]
    told = lines[0] if lines else type(error).__name__
    for head in ("FATAL: ", "ERROR: ", "failed: "):
        _, found, rest = told.partition(head)
        if found:
            told = rest.strip() if head != "failed: " else told
    return told[:300]


def _authorities() -> str | None:
    """The file of trusted authorities, where libpq would find none by itself."""
    for option in pq.Conninfo.get_defaults():
        if option.keyword == b"sslrootcert" and option.val:
            return None
    try:
        if (Path.home() / ".postgresql" / "root.crt").exists():
            return None
    except (RuntimeError, OSError):
        pass
    import ssl  # noqa: PLC0415 - only a database elsewhere needs it

    return ssl.get_default_verify_paths().cafile
