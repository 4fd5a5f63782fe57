"""What every store promises, held against each of them: a folder, and what several machines share."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from spectrum_pipelines.airflow.task_state.lease import TaskStateLease
from spectrum_pipelines.airflow.task_state.store import TaskStateStore
from spectrum_pipelines.app.recorded import LastOfKey, last_of_key
from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import RunStatus
from spectrum_pipelines.errors import ConflictError, ExitCode, StateError, UserError
from spectrum_pipelines.pipeline.model.pipeline import GroupBehavior
from spectrum_pipelines.store.folder.store import FolderStore
from spectrum_pipelines.store.holder import Holder, Who
from spectrum_pipelines.store.interface import Busy, Existing, Lease, NewRun, RunStore, Store, group_lease, run_lease
from spectrum_pipelines.store.leasing import named_run, take_group, take_run
from spectrum_pipelines.store.memory import Memory, MemoryLease, MemoryStore
from spectrum_pipelines.store.postgres.database import Database
from spectrum_pipelines.store.postgres.schema import init
from spectrum_pipelines.store.postgres.store import PostgresStore
from spectrum_pipelines.store.postgres.url import parse_url
from spectrum_pipelines.store.texts import Texts
from tests.databases import OWNER, PASSWORDS, DatabaseServer
from tests.store.histories import ME, MOMENT, Clock, stamped, started

KEY = "commit 1f0c9b2/nightly"
OTHER = Who(pid=815, host="ci-8.example.com")
GROUPS = ["nightly", "../../etc/passwd", "with \n a break", "ü" * 300]

Open = Callable[[], Store]


class JsonValues:
    """Values as Airflow keeps them: as JSON, and one by one."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    def get(self, key: str) -> Any:
        kept = self._kept.get(key)
        return None if kept is None else json.loads(kept)

    def set(self, key: str, value: Any) -> None:
        assert value is not None
        self._kept[key] = json.dumps(value)
        assert len(self._kept[key]) < 65_535

    def delete(self, key: str) -> None:
        self._kept.pop(key, None)

    def names(self) -> list[str]:
        return list(self._kept)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["folder", "memory", "task_state", "postgres", "pooled"])
def opened(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Open]:
    """Opens the same store again and again: as other processes do."""
    with ExitStack() as stack:
        if request.param == "folder":
            yield lambda: FolderStore(tmp_path / "state", clock=clock)
        elif request.param == "memory":
            memory = Memory(clock)
            yield lambda: MemoryStore(memory, clock)
        elif request.param == "task_state":
            values = JsonValues()
            yield lambda: TaskStateStore(values, clock)
        else:
            databases: DatabaseServer = request.getfixturevalue("databases")
            schema = databases.new_schema()
            target = parse_url(databases.url(pooled=request.param == "pooled", schema=schema))

            def opens() -> Store:
                return stack.enter_context(PostgresStore(target, password=PASSWORDS[OWNER], clock=clock))

            with closing(Database(target, password=PASSWORDS[OWNER], clock=clock)) as database:
                init(database)
            yield opens


@pytest.fixture
def store(opened: Open) -> Store:
    return opened()


def tokens() -> Callable[[], str]:
    numbers = iter(range(10_000))
    return lambda: f"{next(numbers):04x}"


def made(store: Store, *events: ev.Event, days: int = 0) -> RunStore:
    """A run that somebody has worked on, and whose lease is free again."""
    run = store.new_run(MOMENT + timedelta(days=days), tokens())
    with taken(store, run.run_id) as lease, run.journal(lease) as journal:
        journal.append([stamped(event, float(at)) for at, event in enumerate([started(run.run_id), *events])])
    return run


def taken(store: Store, run_id: str, who: Who = ME) -> Lease:
    lease = store.lease(run_lease(run_id), who, run_id=run_id)
    assert lease is not None
    return lease


def ended(status: RunStatus, code: ExitCode) -> ev.RunEnded:
    return ev.RunEnded(status=status, exit_code=code)


GOOD = ended(RunStatus.SUCCEEDED, ExitCode.SUCCEEDED)


# --- a run -------------------------------------------------------------------------------------------------------------------


def test_a_run_keeps_what_it_is_given(store: Store, opened: Open) -> None:
    store.probe()
    run = store.new_run(MOMENT, tokens())
    texts = Texts(pipeline="version: 1 # \udcff", fragments={"../base.yaml": "jobs: {}", "b.yaml": ""})
    run.keep(texts, plan='{"plan": 1}')
    assert run.report() is None
    run.put_report(b'{"report', b'": 1}')
    again = opened().find(run.run_id)
    assert again is not None
    assert again.run_id == run.run_id
    assert run.run_id in again.place
    assert again.texts(texts.digest) == texts
    assert again.plan() == b'{"plan": 1}'
    assert again.report() == b'{"report": 1}'


def test_another_pipeline_is_refused(store: Store) -> None:
    run = store.new_run(MOMENT, tokens())
    run.keep(Texts(pipeline="a"), plan="{}")
    with pytest.raises(StateError, match="is not the pipeline that run"):
        run.texts(Texts(pipeline="b").digest)


def test_facts_are_read_as_they_were_written(store: Store, opened: Open) -> None:
    run = store.new_run(MOMENT, tokens())
    facts = [stamped(started(run.run_id)), stamped(ev.Resumed(), 1.0)]
    with taken(store, run.run_id) as lease, run.journal(lease) as journal:
        journal.append(facts)
        journal.append([stamped(GOOD, 2.0)])
    again = named_run(opened(), run.run_id)
    recorded = again.facts()
    assert recorded.facts == [*facts, stamped(GOOD, 2.0)]
    with taken(store, run.run_id) as lease, again.journal(lease, recorded) as journal:
        journal.append([stamped(ev.Resumed(), 3.0)])
    assert len(run.facts().facts) == 4


def test_a_run_that_never_began_has_no_facts_and_can_be_forgotten(store: Store) -> None:
    run = store.new_run(MOMENT, tokens())
    with pytest.raises(StateError, match="is missing"):
        run.facts()
    run.forget()
    assert store.find(run.run_id) is None
    assert list(store.newest()) == []


def test_a_run_with_a_journal_is_not_forgotten(store: Store) -> None:
    run = made(store)
    run.forget()
    assert store.find(run.run_id) is not None


def test_an_id_is_given_once(store: Store) -> None:
    again = iter(["0000", "0000", "0001"])
    first = store.new_run(MOMENT, lambda: next(again))
    second = store.new_run(MOMENT, lambda: next(again))
    assert (first.run_id, second.run_id) == ("20261123T150405Z-0000", "20261123T150405Z-0001")


@pytest.mark.parametrize("name", ["", "..", "nightly", "20261123T150405Z-ffff", "20261123T150405Z-0000/../x", "\0"])
def test_a_run_that_is_not_there(store: Store, name: str) -> None:
    made(store)
    assert store.find(name) is None
    with pytest.raises(UserError, match="run") as caught:
        named_run(store, name)
    assert "spectrum-pipelines runs" in str(caught.value.hint)


# --- the list ----------------------------------------------------------------------------------------------------------------


def test_the_list_has_the_newest_first_and_can_be_narrowed(store: Store) -> None:
    runs = [made(store, GOOD, days=day) for day in range(3)]
    assert [head.run_id for head in store.newest()] == [run.run_id for run in reversed(runs)]
    assert [head.run_id for head in store.newest(limit=1)] == [runs[2].run_id]
    assert list(store.newest(pipeline="another")) == []
    assert len(list(store.newest(pipeline="nightly-sales", limit=2))) == 2


def test_the_list_tells_how_each_run_is(store: Store) -> None:
    good, killed = made(store, GOOD), made(store, days=1)
    new = store.new_run(MOMENT + timedelta(days=2), tokens())
    with taken(store, killed.run_id, OTHER):
        heads = {head.run_id: head for head in store.newest()}
        assert heads[killed.run_id].status is RunStatus.RUNNING
        holder = heads[killed.run_id].holder
        assert holder is not None
        assert (holder.host, holder.pid, holder.run_id) == (OTHER.host, OTHER.pid, killed.run_id)
    heads = {head.run_id: head for head in store.newest()}
    assert (heads[good.run_id].status, heads[good.run_id].exit_code) == (RunStatus.SUCCEEDED, 0)
    assert (heads[good.run_id].started, heads[good.run_id].ended) == (MOMENT, MOMENT + timedelta(seconds=1))
    assert heads[killed.run_id].status is RunStatus.INTERRUPTED
    assert heads[killed.run_id].resumable
    assert heads[new.run_id].fault == "never began: nothing was triggered"


# --- leases ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [run_lease("20261123T150405Z-0000"), *map(group_lease, GROUPS)])
def test_a_lease_is_had_once(store: Store, opened: Open, name: str) -> None:
    other = opened()
    lease = store.lease(name, ME, run_id="20261123T150405Z-0000")
    assert lease is not None
    assert lease.is_ours(for_seconds=20)
    assert other.lease(name, OTHER, run_id="20261123T150405Z-0001") is None
    holder = other.holder(name)
    assert holder is not None
    assert str(holder).startswith("run 20261123T150405Z-0000 (process 4711 on ci-7.example.com, since 2026-11-2")
    lease.release()
    lease.release()
    assert other.holder(name) is None
    with taken_again(other, name) as second:
        lease.release()
        assert second.is_ours(for_seconds=1)
        assert other.holder(name) is not None


def taken_again(store: Store, name: str) -> Lease:
    lease = store.lease(name, OTHER, run_id="20261123T150405Z-0001")
    assert lease is not None
    return lease


def test_the_queue_of_a_group_is_first_come_first_served(store: Store, opened: Open) -> None:
    name = group_lease("nightly")
    with store.line_up(name, ME, run_id="20261123T150405Z-0000") as first:
        lease = first.take()
        assert lease is not None
    second, third = (opened().line_up(name, OTHER, run_id=f"20261123T150405Z-000{n}") for n in (1, 2))
    assert (third.take(), second.take()) == (None, None)
    lease.release()
    assert third.take() is None
    with second:
        lease = second.take()
        assert lease is not None
    lease.release()
    with third:
        assert third.take() is not None


def test_who_gives_up_holds_up_nobody(store: Store, opened: Open) -> None:
    name = group_lease("nightly")
    first = store.line_up(name, ME, run_id="20261123T150405Z-0000")
    with opened().line_up(name, OTHER, run_id="20261123T150405Z-0001") as second:
        assert second.take() is None
        first.__exit__(None, None, None)
        assert second.take() is not None


@pytest.mark.parametrize("opened", ["task_state"], indirect=True)
def test_who_died_in_the_queue_holds_up_nobody(store: Store, opened: Open, clock: Clock) -> None:
    name = group_lease("nightly")
    store.line_up(name, ME, run_id="20261123T150405Z-0000")  # and its process is killed
    second, third = (opened().line_up(name, OTHER, run_id=f"20261123T150405Z-000{n}") for n in (1, 2))
    with second, third:
        for _ in range(29):
            assert (third.take(), second.take()) == (None, None)
            clock.sleep(1.0)
        clock.sleep(1.0)
        assert third.take() is None, "the second lives"
        assert second.take() is not None


def test_a_group_that_is_taken_is_waited_for_or_refused(store: Store, opened: Open, clock: Clock) -> None:
    told: list[tuple[Holder | None, float]] = []

    def take(behavior: GroupBehavior, timeout: float | None = 0.0) -> object:
        return take_group(
            opened(),
            "nightly",
            behavior,
            OTHER,
            run_id="20261123T150405Z-0001",
            clock=clock,
            timeout=timeout,
            on_wait=lambda holder, waited: told.append((holder, waited)),
            stopping=lambda: False,
        )

    lease = store.lease(group_lease("nightly"), ME, run_id="20261123T150405Z-0000")
    assert lease is not None
    for behavior in GroupBehavior:
        with pytest.raises(ConflictError, match=r"group `nightly` is held by run 20261123T150405Z-0000 .*ci-7"):
            take(behavior)
    lease.release()
    assert told == []
    assert take(GroupBehavior.QUEUE) is not None


def test_a_run_that_somebody_works_on_is_refused_with_the_name(store: Store, opened: Open, clock: Clock) -> None:
    run = made(store)
    lease = taken(store, run.run_id)

    def keep_on(_: float) -> None:
        clock.seconds = own.seconds
        if isinstance(lease, MemoryLease | TaskStateLease):
            lease.renew()

    own = Clock(then=keep_on)
    with pytest.raises(Busy, match=r"already being worked on by process 4711 on ci-7.example.com"):
        take_run(opened(), run.run_id, OTHER, clock=own, on_wait=lambda *_: None, stopping=lambda: False)


# --- run keys ----------------------------------------------------------------------------------------------------------------


def claim(store: Store, key: str = KEY, who: Who = ME) -> NewRun | Existing:
    return store.claim(key, lambda: store.new_run(MOMENT, tokens()), who)


def test_a_key_stands_for_one_run(store: Store, opened: Open) -> None:
    first = claim(store)
    assert isinstance(first, NewRun)
    with pytest.raises(Busy, match=f"run {first.run.run_id} is already being worked on by process 4711"):
        claim(opened(), who=OTHER)
    with first.run.journal(first.lease) as journal:
        journal.append([stamped(started(first.run.run_id, run_key=KEY))])
    first.lease.release()
    for _ in range(2):
        second = claim(opened(), who=OTHER)
        assert isinstance(second, Existing)
        assert second.run.run_id == first.run.run_id
    assert [head.run_key for head in store.newest()] == [KEY]
    assert isinstance(claim(store, "another"), NewRun)


def test_what_a_key_stands_for_can_be_asked(store: Store) -> None:
    assert last_of_key(store, KEY) is None
    first = claim(store)
    assert isinstance(first, NewRun)
    assert last_of_key(store, KEY) == LastOfKey(run_id=first.run.run_id, status=None, origin={})
    origins = [{"try": "1"}, {"try": "2"}]
    with first.run.journal(first.lease) as journal:
        journal.append([stamped(replace(started(first.run.run_id, run_key=KEY), origin=origins[0]))])
    first.lease.release()
    assert last_of_key(store, KEY) == LastOfKey(run_id=first.run.run_id, status=None, origin=origins[0])
    with taken(store, first.run.run_id) as lease, first.run.journal(lease, first.run.facts()) as journal:
        journal.append([stamped(ev.Resumed(origin=origins[1]), 1.0), stamped(GOOD, 2.0)])
    assert last_of_key(store, KEY) == LastOfKey(run_id=first.run.run_id, status=RunStatus.SUCCEEDED, origin=origins[1])
    assert len(list(store.newest())) == 1


NOTHING_TRIGGERED = [
    pytest.param([], id="killed before its journal"),
    pytest.param([ended(RunStatus.FAILED, ExitCode.UNREACHABLE)], id="the server was away"),
    pytest.param([ended(RunStatus.CONFLICT, ExitCode.CONFLICT)], id="busy"),
]


@pytest.mark.parametrize("events", NOTHING_TRIGGERED)
def test_a_key_whose_run_triggered_nothing_is_free(store: Store, opened: Open, events: list[ev.Event]) -> None:
    first = claim(store)
    assert isinstance(first, NewRun)
    if events:
        with first.run.journal(first.lease) as journal:
            journal.append([stamped(event) for event in [started(first.run.run_id), *events]])
    first.lease.release()
    second = claim(opened())
    assert isinstance(second, NewRun)
    assert second.run.run_id != first.run.run_id


@pytest.mark.parametrize("key", ["", "  \n", "k" * 501])
def test_what_is_no_key_is_refused(store: Store, key: str) -> None:
    with pytest.raises(UserError, match="run key"):
        claim(store, key)


# --- pruning -----------------------------------------------------------------------------------------------------------------


def test_old_runs_are_deleted_and_what_matters_stays(store: Store, clock: Clock) -> None:
    clock.seconds += timedelta(days=100).total_seconds()
    old = [made(store, GOOD, days=day) for day in range(4)]
    held = made(store, days=4)
    young = made(store, GOOD, days=95)
    with taken(store, held.run_id):
        assert store.prune(older_than=timedelta(days=90), keep=3) == 3
        assert {head.run_id for head in store.newest()} == {held.run_id, young.run_id, old[3].run_id}
    assert store.prune(older_than=timedelta(days=90), keep=0) == 2
    assert [head.run_id for head in store.newest()] == [young.run_id]


def test_a_key_whose_run_was_pruned_is_free(store: Store, clock: Clock) -> None:
    first = claim(store)
    assert isinstance(first, NewRun)
    with first.run.journal(first.lease) as journal:
        journal.append([stamped(started(first.run.run_id)), stamped(GOOD)])
    first.lease.release()
    clock.seconds += timedelta(days=100).total_seconds()
    assert store.prune(older_than=timedelta(days=90), keep=0) == 1
    assert isinstance(claim(store), NewRun)


# --- a value that somebody else has put in the place of ours -----------------------------------------------------------------

ODD_VALUES = [
    "\ud800", "{", 7, [], {}, [None], [["\ud800"]], {"parts": 10**12, "text": '"a"'}, {"parts": "2"}, {"fence": "1"}
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD_VALUES, ids=ascii)
def test_a_value_of_another_shape_is_an_error_of_the_store(odd: Any, clock: Clock) -> None:
    values = JsonValues()
    store = TaskStateStore(values, clock)
    new = claim(store)
    assert isinstance(new, NewRun)
    new.run.keep(Texts(pipeline="a", fragments={"b": "c"}), plan="{}")
    new.run.put_report(b"{}")
    with new.run.journal(new.lease) as journal:
        journal.append([stamped(started(new.run.run_id))])
    new.lease.release()
    run = new.run
    reads: list[Callable[[], object]] = [
        run.plan, run.report, run.facts, lambda: run.texts(""), lambda: list(store.newest()), lambda: last_of_key(store, KEY),
        lambda: store.holder(run_lease(run.run_id)), lambda: store.prune(older_than=timedelta(days=9999), keep=9),
    ]  # fmt: skip
    for key in values.names():
        before = values.get(key)
        values.set(key, odd)
        for read in reads:
            with suppress(StateError, Busy):
                read()
        values.set(key, before)
