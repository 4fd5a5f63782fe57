"""What only a database can get wrong: leases that end, answers that are lost, servers that are away, rights that are missing."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trustme

from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.errors import ExitCode, Fenced, StateError, StoreLoginRefused, StoreUnreachable, UserError
from spectrum_pipelines.store.interface import Existing, NewRun, run_lease
from spectrum_pipelines.store.leasing import claim_key, take_run
from spectrum_pipelines.store.postgres import schema as tables
from spectrum_pipelines.store.postgres.database import Database
from spectrum_pipelines.store.postgres.leases import PostgresLease
from spectrum_pipelines.store.postgres.store import PostgresStore
from spectrum_pipelines.store.postgres.url import Target, parse_url
from spectrum_pipelines.store.where import open_store
from tests.databases import OWNER, PASSWORDS, RUNNER, DatabaseServer
from tests.store.histories import ME, MOMENT, stamped, started
from tests.store.processes import others

RUN = "20261123T150405Z-0000"


class Room:
    """A schema of its own, and the stores that a test opens on it."""

    def __init__(self, server: DatabaseServer, stack: ExitStack) -> None:
        self.server = server
        self.schema = server.new_schema()
        self._stack = stack
        self.database = self.database_of(OWNER)
        tables.init(self.database)

    def url(self, **query: str) -> str:
        pooled = query.pop("pooled", "") == "yes"
        user = query.pop("user", OWNER)
        return self.server.url(pooled=pooled, user=user, schema=self.schema, **query)

    def database_of(self, user: str, *, schema: str | None = None) -> Database:
        url = self.server.url(user=user, schema=schema or self.schema)
        database = Database(parse_url(url), password=PASSWORDS[user], clock=SystemClock())
        self._stack.callback(database.close)
        return database

    def open(self, **query: str) -> PostgresStore:
        user = query.get("user", OWNER)
        return self._stack.enter_context(PostgresStore(parse_url(self.url(**query)), password=PASSWORDS[user]))

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        return self.server.admin(statement.replace("{s}", self.schema))

    def expire(self, name: str) -> None:
        """The lease ends now, as if its holder had said nothing for all its time."""
        self.sql(f"UPDATE {{s}}.lease SET until = clock_timestamp() - interval '1 ms' WHERE name = '{name}'")


@pytest.fixture
def room(databases: DatabaseServer) -> Iterator[Room]:
    with ExitStack() as stack:
        yield Room(databases, stack)


def begun(store: PostgresStore) -> tuple[Any, PostgresLease, Any]:
    """A run with its first fact, in our hands."""
    run = store.new_run(MOMENT, lambda: "0000")
    lease = store.lease(run_lease(run.run_id), ME, run_id=run.run_id)
    assert lease is not None
    journal = run.journal(lease)
    journal.append([stamped(started(run.run_id))])
    return run, lease, journal


# --- fences ------------------------------------------------------------------------------------------------------------------


def test_a_lease_that_ended_is_taken_over_and_the_old_holder_writes_nothing(room: Room) -> None:
    old, new = room.open(), room.open()
    run, lease, journal = begun(old)
    assert new.lease(lease.name, ME, run_id=run.run_id) is None
    room.expire(lease.name)
    successor = new.lease(lease.name, ME, run_id=run.run_id)
    assert successor is not None
    assert successor.fence == lease.fence + 1
    with pytest.raises(Fenced, match=f"run {run.run_id} was taken over by process 4711 on ci-7.example.com") as caught:
        journal.append([stamped(ev.Resumed(), 1.0)])
    assert caught.value.exit_code is ExitCode.CONFLICT
    assert not lease.is_ours(for_seconds=0)
    with pytest.raises(StateError):
        journal.append([stamped(ev.Resumed(), 1.0)])
    lease.release()
    assert new.holder(lease.name) is not None, "what a fenced process lets go of is not its successor's"
    again = new.find(run.run_id)
    assert again is not None
    recorded = again.facts()
    assert len(recorded.facts) == 1
    again.journal(successor, recorded).append([stamped(ev.Resumed(), 2.0)])


def test_a_fenced_process_does_not_replace_the_report(room: Room) -> None:
    old, new = room.open(), room.open()
    run, lease, _ = begun(old)
    run.put_report(b"old")
    room.expire(lease.name)
    successor = new.lease(lease.name, ME, run_id=run.run_id)
    assert successor is not None
    with successor:
        again = new.find(run.run_id)
        assert again is not None
        again.journal(successor, again.facts())
        again.put_report(b"new")
        run.put_report(b"stale")
        assert again.report() == b"new"


def test_an_append_renews_the_lease(room: Room) -> None:
    store = room.open(lease="3s")
    _, lease, journal = begun(store)
    before = room.sql("SELECT until FROM {s}.lease")[0][0]
    journal.append([stamped(ev.Resumed(), 1.0)])
    assert room.sql("SELECT until FROM {s}.lease")[0][0] > before
    assert lease.is_ours(for_seconds=2)


def test_a_lease_is_renewed_while_its_process_lives_and_ends_when_it_is_closed(room: Room) -> None:
    store, other = room.open(lease="1s"), room.open(lease="1s")
    lease = store.lease("group-nightly", ME, run_id=RUN)
    assert lease is not None
    until = time.monotonic() + 1.6
    while time.monotonic() < until:
        assert lease.is_ours(for_seconds=0)
        assert other.lease("group-nightly", ME, run_id=RUN) is None
        time.sleep(0.1)
    store.close()
    _eventually(lambda: other.lease("group-nightly", ME, run_id=RUN) is not None)


def test_our_own_clock_ends_a_lease_before_the_databases_does(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    store = room.open(lease="2s")
    lease = store.lease("group-nightly", ME, run_id=RUN)
    assert lease is not None
    assert lease.is_ours(for_seconds=1)
    assert not lease.is_ours(for_seconds=2)
    # A machine that slept: its heart did not beat, and what it believes ends first.
    monkeypatch.setattr(store.database.clock, "monotonic", lambda: time.monotonic() + 2)
    assert not lease.is_ours(for_seconds=0)


def _eventually(holds: Callable[[], bool], patience: float = 10.0) -> None:
    until = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


# --- lost answers and servers that are away -----------------------------------------------------------------------------------


class Wire:
    """A proxy before the database, which cuts a connection when it likes: before a statement, or before its answer."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.cut_answers = 0
        self.is_down = False
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            if self.is_down:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._port))
            self._sockets += [near, far]
            threading.Thread(target=self._relay, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._relay, args=(far, near, True), daemon=True).start()

    def _relay(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if answers and self.cut_answers and b"INSERT 0 " in data:
                    self.cut_answers -= 1
                    break
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def go_down(self) -> None:
        self.is_down = True
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.close()
        for one in self._sockets:
            one.close()


@contextmanager
def wired(room: Room) -> Iterator[tuple[Wire, PostgresStore]]:
    wire = Wire(room.server.port)
    url = room.url(lease="5s", sslmode="disable").replace(f":{room.server.port}/", f":{wire.port}/")
    with PostgresStore(parse_url(url), password=PASSWORDS[OWNER]) as store:
        yield wire, store
    wire.close()


def test_a_commit_whose_answer_was_lost_is_recognised(room: Room) -> None:
    with wired(room) as (wire, store):
        run, _, journal = begun(store)
        for number in range(3):
            wire.cut_answers = 1
            journal.append([stamped(ev.Resumed(), float(number)), stamped(ev.Resumed(), float(number))])
            assert wire.cut_answers == 0
        assert len(run.facts().facts) == 7


def test_a_lease_and_a_key_whose_answers_were_lost_are_ours(room: Room) -> None:
    with wired(room) as (wire, store):
        store.probe()
        wire.cut_answers = 1
        lease = store.lease("group-nightly", ME, run_id=RUN)
        assert lease is not None
        numbers = iter(range(99))
        wire.cut_answers = 1
        claimed = store.claim("key", lambda: store.new_run(MOMENT, lambda: f"{next(numbers):04x}"), ME)
        assert isinstance(claimed, NewRun)
        claimed.run.journal(claimed.lease).append([stamped(started(claimed.run.run_id))])


def test_a_store_that_is_away_is_waited_for_until_the_own_lease_is_over(room: Room) -> None:
    with wired(room) as (wire, store):
        run, lease, journal = begun(store)
        wire.go_down()
        threading.Timer(1.0, lambda: setattr(wire, "is_down", False)).start()
        journal.append([stamped(ev.Resumed(), 1.0)])
        assert len(run.facts().facts) == 2
        wire.go_down()
        began = time.monotonic()
        with pytest.raises(StoreUnreachable, match="does not answer") as caught:
            journal.append([stamped(ev.Resumed(), 2.0)])
        assert 1 < time.monotonic() - began < 7
        assert caught.value.exit_code is ExitCode.UNREACHABLE
        assert not lease.is_ours(for_seconds=1.2)


@pytest.mark.parametrize("pooled", ["no", "yes"])
def test_restarts_of_the_server_lose_nothing(room: Room, pooled: str) -> None:
    store = room.open(pooled=pooled)
    run, _, journal = begun(store)
    for number in range(2):
        room.server.restart()
        journal.append([stamped(ev.Resumed(), float(number))])
    assert len(run.facts().facts) == 3


def test_a_server_that_says_nothing_is_given_up(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spectrum_pipelines.store.postgres.database._ANSWER", 0.5)
    store = room.open(connect_timeout="2")
    store.probe()
    with room.server.frozen():
        began = time.monotonic()
        with pytest.raises(StoreUnreachable):
            store.database.ask("SELECT 1", until=lambda: began + 0.1)
        assert time.monotonic() - began < 5
    store.probe()


# --- racers ------------------------------------------------------------------------------------------------------------------

_RACERS = """
import os, secrets, sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from spectrum_pipelines.errors import ConflictError
from spectrum_pipelines.store.holder import Who
from spectrum_pipelines.store.interface import Existing, group_lease
from spectrum_pipelines.store.where import open_store
me = Who(pid=os.getpid(), host="racer")
moment = datetime(2026, 11, 23, 15, 4, 5, tzinfo=UTC)
stores = [open_store(sys.argv[1], password=sys.argv[2]) for _ in range(int(sys.argv[3]))]
for store in stores:
    store.probe()
print("ready", flush=True)
sys.stdin.readline()

def race(store):
    try:
        claimed = store.claim("the key", lambda: store.new_run(moment, lambda: secrets.token_hex(2)), me)
        key = "old" if isinstance(claimed, Existing) else "new"
    except ConflictError:
        key = "busy"
    lease = store.lease(group_lease("the group"), me, run_id="20261123T150405Z-0000")
    return key + ("+taken" if lease is not None else "+held")

with ThreadPoolExecutor(len(stores)) as pool:
    print(*pool.map(race, stores), flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("pooled", ["no", "yes"])
def test_of_sixteen_racers_one_has_the_key_and_one_the_group(room: Room, pooled: str) -> None:
    racers = (_RACERS, room.url(pooled=pooled), PASSWORDS[OWNER], 4)
    with others(*[racers] * 4) as processes:
        assert [process.hear() for process in processes] == ["ready"] * 4
        for process in processes:
            process.say()
        told = [word for process in processes for word in process.hear().split()]
    keys, groups = zip(*(word.split("+") for word in told), strict=True)
    assert sorted(keys) == ["busy"] * 15 + ["new"]
    assert sorted(groups) == ["held"] * 15 + ["taken"]
    assert room.sql("SELECT count(*) FROM {s}.run WHERE NOT forgotten")[0][0] == 1


def test_a_killed_holder_is_waited_for_as_long_as_its_lease_lasts(room: Room) -> None:
    url = room.url(lease="2s")
    with others((_RACERS, url, PASSWORDS[OWNER], 1)) as (racer,):
        racer.hear()
        racer.say()
        assert racer.hear() == "new+taken"
        racer.kill()
    store = room.open(lease="2s")
    (head,) = store.newest()
    told: list[object] = []
    began = time.monotonic()
    lease = take_run(
        store,
        head.run_id,
        ME,
        clock=SystemClock(),
        on_wait=lambda holder, _: told.append(holder),
        stopping=lambda: False,
    )
    assert time.monotonic() - began < 3.5
    assert str(told[0]).startswith(f"run {head.run_id} (process {racer.pid} on racer, since 20")
    lease.release()
    claimed = claim_key(
        store,
        "the key",
        lambda: store.new_run(MOMENT, lambda: "0001"),
        ME,
        clock=SystemClock(),
        on_wait=lambda *_: None,
        stopping=lambda: False,
    )
    assert isinstance(claimed, NewRun), "its run never began"


# --- what does not fit -------------------------------------------------------------------------------------------------------


def test_a_role_of_a_runner_can_run_and_nothing_else(room: Room) -> None:
    store = room.open(user=RUNNER)
    with pytest.raises(StateError, match="may not use schema") as caught:
        store.probe()
    assert "GRANT USAGE" in str(caught.value.hint)
    room.sql(tables.grants(RUNNER, room.schema)[0])
    room.sql(f"GRANT SELECT ON {{s}}.meta TO {RUNNER}")
    with pytest.raises(StateError, match="no right to SELECT on run, INSERT on run, UPDATE on run") as caught:
        store.probe()
    assert caught.value.exit_code is ExitCode.USAGE
    for statement in str(caught.value.hint).partition(": ")[2].split(";"):
        if statement.strip():
            room.sql(statement)
    store.probe()
    run, lease, journal = begun(store)
    journal.append([stamped(ev.Resumed(), 1.0)])
    run.put_report(b"{}")
    lease.release()
    with pytest.raises(StateError, match="does not let this role"):
        store.database.ask("DELETE FROM {s}.fact")
    with pytest.raises(StateError, match="does not let this role"):
        tables.init(room.database_of(RUNNER, schema="another"))


def test_the_schema_is_made_once_and_told_apart_by_version(room: Room, databases: DatabaseServer) -> None:
    assert not tables.init(room.database)
    assert not tables.upgrade(room.database)
    room.open().probe()
    room.sql("UPDATE {s}.meta SET version = 0")
    with pytest.raises(StateError, match="have version 0, which is older") as caught:
        room.open().probe()
    assert "state upgrade" in str(caught.value.hint)
    assert tables.upgrade(room.database)
    room.open().probe()
    room.sql(f"UPDATE {{s}}.meta SET version = {tables.VERSION + 1}")
    for refused in (room.open().probe, lambda: tables.init(room.database), lambda: tables.upgrade(room.database)):
        with pytest.raises(StateError, match=f"version {tables.VERSION + 1}") as caught:
            refused()
        assert "newer" in str(caught.value.hint)


def test_a_journal_of_a_newer_version_is_told_as_that_everywhere(room: Room) -> None:
    store = room.open()
    claimed = store.claim("key", lambda: store.new_run(MOMENT, lambda: "0000"), ME)
    assert isinstance(claimed, NewRun)
    claimed.run.journal(claimed.lease).append([stamped(started(claimed.run.run_id))])
    claimed.lease.release()
    line = '{"seq": 2, "at": 1.0, "time": "2026-11-23T15:04:05.123Z", "event": "teleported", "tool_version": "9.9.9"}'
    room.sql(f"INSERT INTO {{s}}.fact VALUES ('{claimed.run.run_id}', 2, 1, '{line}')")
    room.sql("UPDATE {s}.run SET last_seq = 2")
    (head,) = store.newest()
    assert "spectrum-pipelines 9.9.9 wrote it" in str(head.fault)
    touches: list[Callable[[], object]] = [claimed.run.facts, lambda: store.claim("key", pytest.fail, ME)]
    for touch in touches:
        with pytest.raises(StateError, match=r"line 2: spectrum-pipelines 9\.9\.9 wrote it") as caught:
            touch()
        assert caught.value.hint == "use the newer version"


def test_a_database_without_tables_is_refused(room: Room) -> None:
    room.sql("DROP SCHEMA {s} CASCADE")
    with pytest.raises(StateError, match="no tables for runs") as caught:
        room.open().probe()
    assert "state init" in str(caught.value.hint)
    with pytest.raises(StateError, match="no tables for runs"):
        tables.upgrade(room.database)
    with pytest.raises(StateError, match="no tables for runs"):
        list(room.open().newest())


def test_a_commit_that_is_not_durable_is_refused(room: Room) -> None:
    room.sql(f"ALTER ROLE {OWNER} SET synchronous_commit = off")
    try:
        with pytest.raises(StateError, match="synchronous_commit is off") as caught:
            room.open().probe()
    finally:
        room.sql(f"ALTER ROLE {OWNER} RESET synchronous_commit")
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_wrong_password_is_no_reason_to_try_again(room: Room) -> None:
    for pooled in (False, True):
        url = room.server.url(schema=room.schema, pooled=pooled)
        with open_store(url, password="wr0ng-5ecret") as store, pytest.raises(StoreLoginRefused) as caught:
            store.probe()
        assert caught.value.exit_code is ExitCode.LOGIN_REFUSED
        assert "wr0ng" not in f"{caught.value.message} {caught.value.hint}"


UNFIT = [
    pytest.param("postgresql://keeper@127.0.0.1:1/db", StoreUnreachable, id="nobody listens"),
    pytest.param("postgresql://keeper@127.0.0.1:{port}/nosuch", StoreLoginRefused, id="no such database"),
    pytest.param("postgresql://nobody@127.0.0.1:{port}/postgres", StoreLoginRefused, id="no such user"),
    pytest.param(
        "postgresql://keeper@127.0.0.1:{pooler}/postgres?sslmode=require", StoreLoginRefused, id="no TLS there"
    ),
]


@pytest.mark.parametrize(("url", "error"), UNFIT)
def test_a_database_that_cannot_be_used(databases: DatabaseServer, url: str, error: type[StateError]) -> None:
    store = open_store(url.format(port=databases.port, pooler=databases.pooler_port), password=PASSWORDS[OWNER])
    with store, pytest.raises(error, match=r"postgresql://\w+@127\.0\.0\.1"):
        store.probe()


def test_a_certificate_is_checked_against_an_authority_and_the_name(
    databases: DatabaseServer, room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "foreign.pem")
    trusted = {"sslmode": "verify-full", "sslrootcert": str(databases.authority)}
    room.open(**trusted).probe()
    foreign = room.open(**trusted | {"sslrootcert": str(tmp_path / "foreign.pem")})
    elsewhere = room.url(**trusted).replace("127.0.0.1", "localhost")
    # A host that is not this machine is checked without being asked for it, with the authorities of the system.
    monkeypatch.setattr(Target, "is_near", False)
    for store in (foreign, open_store(elsewhere, password=PASSWORDS[OWNER]), room.open()):
        with store, pytest.raises(StoreLoginRefused, match="certificate") as caught:
            store.probe()
        assert caught.value.exit_code is ExitCode.LOGIN_REFUSED
        assert "sslrootcert" in str(caught.value.hint)


def test_no_secret_stands_in_the_database(room: Room) -> None:
    store = room.open()
    run, lease, _ = begun(store)
    lease.release()
    assert isinstance(store.claim("key", lambda: run, ME), NewRun | Existing)
    dumped = room.server.dump("postgres")
    assert RUN in dumped
    for word in PASSWORDS.values():
        assert word not in dumped


# --- URLs --------------------------------------------------------------------------------------------------------------------

REFUSED = [
    pytest.param("postgresql://ci:s3cret@db/x", "holds a password", id="a password"),
    pytest.param("postgres://ci:@db/x", "holds a password", id="an empty password"),
    pytest.param("postgresql://db/x?password=s3cret", "holds a password", id="a password behind the question mark"),
    pytest.param("postgresql://db/x?options=-csearch_path%3Ds3cret", "`options`", id="what steers a session"),
    pytest.param("postgresql://db/x?lease=5", "lease", id="a lease without a unit"),
    pytest.param("postgresql://db/x?lease=1d", "lease", id="a lease of a day"),
    pytest.param("postgresql://db/x?schema=Robert'); DROP", "schema", id="a schema that is SQL"),
    pytest.param("postgresql://db/x?schema=a&schema=b", "given twice", id="two schemas"),
    pytest.param("postgresql://db", "no database", id="no database"),
    pytest.param("postgresql://db:99999999/x", "no valid host or port", id="no port"),
    pytest.param("mysql://ci:s3cret@db/x", "mysql://", id="another database"),
    pytest.param("s3://bucket/s3cret", "s3://", id="a bucket"),
    pytest.param("file:///tmp/s3cret", "file://", id="a file"),
    pytest.param("HTTPS://ci:s3cret@db/x", "https://", id="capital letters"),
    pytest.param("", "empty", id="nothing"),
]


@pytest.mark.parametrize(("url", "told"), REFUSED)
def test_what_names_no_store_is_refused(url: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=told) as caught:
        open_store(url)
    assert "s3cret" not in f"{caught.value.message} {caught.value.hint}"
    assert list(tmp_path.iterdir()) == []


NAMES = [
    ("postgresql://ci@db.example.com:5433/x", "postgresql://ci@db.example.com:5433/x"),
    ("postgres://db/x?lease=45s&schema=nightly", "postgresql://db/x?schema=nightly&lease=45s"),
    ("postgresql://ci@[::1]/x?sslmode=disable", "postgresql://ci@[::1]/x?sslmode=disable"),
    ("postgresql:///x?host=/run/postgresql&user=ci", "postgresql://ci@/x?host=/run/postgresql"),
    (
        "postgresql://c%40i@db/x?sslcert=/a/b.crt&sslkey=/a/b.key",
        "postgresql://c%40i@db/x?sslcert=/a/b.crt&sslkey=/a/b.key",
    ),
    ("postgresql://db/x%20y", "postgresql://db/x%20y"),
    ("postgresql://db/x?lease=30s&schema=spectrum_pipelines", "postgresql://db/x"),
]


@pytest.mark.parametrize(("url", "name"), NAMES)
def test_the_name_of_a_store_opens_it_as_the_same_user(url: str, name: str) -> None:
    target = parse_url(url)
    assert target.name == name
    again = parse_url(name)
    assert again.name == name
    assert again == target


NEAR = [("postgresql://127.0.0.1/x", True), ("postgresql:///x", True), ("postgresql://localhost/x", True),
        ("postgresql://[::1]/x", True), ("postgresql:///x?host=/run", True), ("postgresql://db/x", False),
        ("postgresql://localhost.example.com/x", False), ("postgresql:///x?host=localhost,db", False)]  # fmt: skip


@pytest.mark.parametrize(("url", "is_near"), NEAR)
def test_only_this_machine_is_trusted_without_a_certificate(url: str, is_near: bool) -> None:
    assert parse_url(url).is_near is is_near


def test_a_folder_does_not_load_psycopg(tmp_path: Path) -> None:
    code = (
        "import sys; from spectrum_pipelines.store.where import open_store\n"
        "open_store(sys.argv[1]).probe(); print('psycopg' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
