import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from spectrum_pipelines.errors import ConflictError, StateError
from spectrum_pipelines.pipeline.model.pipeline import GroupBehavior
from spectrum_pipelines.store.folder.locks import HeldLock, group_lock_path, holder_of, is_held, try_lock
from spectrum_pipelines.store.folder.run_lock import is_running, lock_run
from spectrum_pipelines.store.folder.store import FolderStore
from spectrum_pipelines.store.holder import Holder
from spectrum_pipelines.store.interface import Lease
from spectrum_pipelines.store.leasing import take_group
from tests.store.histories import ME, RUN_ID, Clock
from tests.store.processes import holding

NOTE = ME.holding(RUN_ID, Clock())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.lock"


def taken(path: Path) -> HeldLock:
    lock = try_lock(path, NOTE)
    assert lock is not None
    return lock


def acquire(
    folder: Path,
    behavior: GroupBehavior = GroupBehavior.QUEUE,
    *,
    group: str = "nightly",
    clock: Clock | None = None,
    timeout: float | None = 3600.0,
    on_wait: Callable[[Holder | None, float], None] = lambda *_: None,
    stopping: Callable[[], bool] = lambda: False,
) -> Lease | None:
    clock = clock or Clock()
    return take_group(
        FolderStore(folder / "state", groups=folder, clock=clock),
        group,
        behavior,
        ME,
        run_id=RUN_ID,
        clock=clock,
        timeout=timeout,
        on_wait=on_wait,
        stopping=stopping,
    )


# --- one lock ----------------------------------------------------------------------------------------------------------------


def test_a_lock_is_had_once(path: Path) -> None:
    with taken(path):
        assert try_lock(path, NOTE) is None
        assert is_held(path)
        assert holder_of(path) == NOTE
    assert not is_held(path)
    taken(path).release()


def test_letting_go_twice_lets_go_of_nothing_else(path: Path) -> None:
    first = taken(path)
    first.release()
    second = taken(path)
    first.release()
    assert is_held(path)
    second.release()


def test_asking_creates_nothing(path: Path) -> None:
    assert not is_held(path)
    assert not path.exists()


def test_another_process_holds_it_and_says_so(path: Path) -> None:
    with holding(path) as other:
        assert try_lock(path, NOTE) is None
        assert is_held(path)
        assert str(holder_of(path)) == (
            f"run 20261123T150405Z-0123 (process {other.pid} on other-host, since 2026-11-23T15:04:05.000Z)"
        )


def test_a_killed_process_holds_nothing(path: Path) -> None:
    with holding(path) as other:
        other.kill()
        assert path.read_text() != ""  # what it left behind
        assert not is_held(path)
        with taken(path):
            assert holder_of(path) == NOTE


def test_a_stopped_process_still_holds(path: Path) -> None:
    with holding(path) as other:
        other.send(signal.SIGSTOP)
        assert try_lock(path, NOTE) is None
        other.kill()
    taken(path).release()


def test_a_child_does_not_inherit_the_lock(path: Path) -> None:
    lock = taken(path)
    with holding(path.with_name("other.lock")):  # a child that lives on
        lock.release()
        taken(path).release()


STALE = [
    pytest.param(
        json.dumps({"pid": 1, "host": "h", "run_id": RUN_ID, "since": "2026-11-23T15:04:05.000Z"}), id="a live pid"
    ),
    pytest.param("{", id="torn"),
    pytest.param("[" * 4000, id="deep"),
    pytest.param("\0" * 100, id="zeros"),
    pytest.param("x" * 100_000, id="long"),
]


@pytest.mark.parametrize("text", STALE)
def test_text_without_a_lock_means_nothing(path: Path, text: str) -> None:
    path.write_text(text)
    assert not is_held(path)
    with taken(path):
        assert holder_of(path) == NOTE


NOBODY = [
    pytest.param({}, id="nothing"),
    pytest.param([], id="a list"),
    pytest.param({"pid": True}, id="true as a pid"),
    pytest.param({"pid": -1}, id="every process"),
    pytest.param({"host": None}, id="no host"),
    pytest.param({"run_id": "\x1b[2J::error::"}, id="an escape sequence as a run id"),
    pytest.param({"since": "yesterday"}, id="no moment"),
]


@pytest.mark.parametrize("changes", NOBODY)
def test_a_note_that_we_did_not_write_names_nobody(path: Path, changes: object) -> None:
    note = {"pid": 1, "host": "h", "run_id": RUN_ID, "since": "2026-11-23T15:04:05.000Z"}
    path.write_text(json.dumps({**note, **changes} if isinstance(changes, dict) and changes else changes))
    assert holder_of(path) is None


def test_the_name_of_a_host_is_foreign_text(path: Path) -> None:
    with path.open("w") as file:
        json.dump(
            {"pid": 1, "host": "ci\x1b[31m\n" + "x" * 500, "run_id": RUN_ID, "since": "2026-11-23T15:04:05.000Z"}, file
        )
    holder = holder_of(path)
    assert holder is not None
    assert holder.host.startswith("ci??31m?xxx")
    assert len(holder.host) == 100


def test_a_lock_whose_file_was_cleaned_away_is_not_taken_for_the_new_one(path: Path) -> None:
    lock = taken(path)
    path.unlink()
    with taken(path):  # the name is free again; the old lock is nobody's business
        lock.release()
        assert is_held(path)


def test_a_link_is_not_followed(path: Path) -> None:
    victim = path.with_name("victim")
    victim.write_text("precious")
    path.symlink_to(victim)
    for touch in (lambda: try_lock(path, NOTE), lambda: is_held(path)):
        with pytest.raises(StateError, match="cannot be opened") as caught:
            touch()
        assert caught.value.hint
    assert victim.read_text() == "precious"
    assert holder_of(path) is None


def test_a_pipe_does_not_block(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(StateError, match="not a regular file"):
        try_lock(path, NOTE)


def test_a_folder_that_is_missing_is_the_users_to_mend(path: Path) -> None:
    with pytest.raises(StateError, match="no such file"):
        try_lock(path / "deeper", NOTE)


# --- of a group --------------------------------------------------------------------------------------------------------------


def test_a_free_group_is_had_at_once(tmp_path: Path) -> None:
    clock = Clock()
    for behavior in GroupBehavior:
        lock = acquire(tmp_path, behavior, clock=clock, timeout=0)
        assert lock is not None
        lock.release()
    assert clock.slept == []


def test_groups_do_not_meet(tmp_path: Path) -> None:
    names = ["nightly", "Nightly", "night/ly", "../nightly", "", "\ud800", "n" * 5000, "nacht", "ночь", "a\0b", "."]
    held = [acquire(tmp_path, GroupBehavior.FAIL, group=name) for name in names]
    assert all(lock is not None for lock in held)
    locks = [entry for entry in tmp_path.iterdir() if entry.suffix == ".lock"]
    assert len(locks) == len(names)
    assert sorted(tmp_path.rglob("group-*.lock")) == sorted(locks)
    for lock in held:
        assert lock is not None
        lock.release()


def test_a_taken_group_names_its_holder(tmp_path: Path) -> None:
    with holding(group_lock_path(tmp_path, "nightly")) as other, pytest.raises(ConflictError) as caught:
        acquire(tmp_path, GroupBehavior.FAIL)
    assert caught.value.message == (
        f"concurrency group `nightly` is held by run 20261123T150405Z-0123 (process {other.pid} on other-host, "
        "since 2026-11-23T15:04:05.000Z)"
    )
    assert "behavior: queue" in (caught.value.hint or "")


def test_a_holder_without_a_note_is_another_process(tmp_path: Path) -> None:
    path = group_lock_path(tmp_path, "nightly")
    with taken(path):
        path.write_text("")
        with pytest.raises(ConflictError, match="held by another process"):
            acquire(tmp_path, GroupBehavior.FAIL)


def test_a_queued_run_gets_its_turn_and_tells_what_it_waits_for(tmp_path: Path) -> None:
    other = taken(group_lock_path(tmp_path, "nightly"))
    clock = Clock(lambda now: other.release() if now > 70 else None)
    told: list[tuple[Holder | None, int]] = []
    lock = acquire(
        tmp_path, clock=clock, timeout=None, on_wait=lambda holder, waited: told.append((holder, round(waited)))
    )
    assert lock is not None
    lock.release()
    assert told == [(NOTE, 0), (NOTE, 30), (NOTE, 60)]
    assert max(clock.slept) <= 0.25


def test_a_queued_run_gets_its_turn_when_the_holder_is_killed(tmp_path: Path) -> None:
    with holding(group_lock_path(tmp_path, "nightly")) as other:
        lock = acquire(tmp_path, clock=Clock(lambda _: other.kill()))
        assert lock is not None
        lock.release()


def test_a_wait_ends(tmp_path: Path) -> None:
    clock = Clock()
    with taken(group_lock_path(tmp_path, "nightly")), pytest.raises(ConflictError) as caught:
        acquire(tmp_path, clock=clock, timeout=90.1)
    assert sum(clock.slept) == pytest.approx(90.1, abs=0.01)
    assert "within 90s" in (caught.value.hint or "")


def test_a_wait_can_be_broken_off(tmp_path: Path) -> None:
    clock = Clock()
    with taken(group_lock_path(tmp_path, "nightly")):
        assert acquire(tmp_path, clock=clock, timeout=None, stopping=lambda: clock.seconds > 1005) is None
    assert sum(clock.slept) < 6
    assert acquire(tmp_path, stopping=lambda: True) is None  # not even a free one


# --- of a run ----------------------------------------------------------------------------------------------------------------


def test_a_run_is_worked_on_by_one(tmp_path: Path) -> None:
    assert not is_running(tmp_path, RUN_ID)
    with lock_run(tmp_path, RUN_ID, process=ME, clock=Clock()):
        assert is_running(tmp_path, RUN_ID)
        with pytest.raises(ConflictError) as caught:
            lock_run(tmp_path, RUN_ID, process=ME, clock=Clock())
    assert caught.value.message == (
        f"run {RUN_ID} is already being worked on by process 4711 on ci-7.example.com, since 2026-11-23T15:04:05.123Z"
    )
    assert f"`spectrum-pipelines report {RUN_ID} --state {tmp_path.parent}`" in (caught.value.hint or "")
    assert not is_running(tmp_path, RUN_ID)


def test_somebody_who_only_asks_is_not_taken_for_a_holder(tmp_path: Path) -> None:
    asking = taken(tmp_path / f"run-{RUN_ID}.lock")
    clock = Clock(lambda _: asking.release())
    lock_run(tmp_path, RUN_ID, process=ME, clock=clock).release()
    assert sum(clock.slept) < 0.2
