import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import RunStatus
from spectrum_pipelines.errors import ConflictError, ExitCode, StateError, UserError
from spectrum_pipelines.files import safe_name
from spectrum_pipelines.store.folder.locks import try_lock
from spectrum_pipelines.store.folder.run_directory import RunDirectory
from spectrum_pipelines.store.folder.run_keys import Existing, NewRun, claim
from spectrum_pipelines.store.folder.run_lock import lock_run
from spectrum_pipelines.store.folder.state_directory import StateDirectory
from spectrum_pipelines.store.heads import check_key
from tests.store.histories import ME, MOMENT, RUN_ID, Clock, started, write
from tests.store.processes import others

KEY = "commit 1f0c9b2/nightly"


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory(tmp_path / "state")


@pytest.fixture
def new_run(state: StateDirectory) -> Callable[[], RunDirectory]:
    numbers = iter(range(100))
    return lambda: state.new_run(MOMENT, lambda: f"{next(numbers):04x}")


def first(
    state: StateDirectory, new_run: Callable[[], RunDirectory], *events: ev.Event, key: str = KEY
) -> RunDirectory:
    """A run for the key that has come as far as `events` and is not worked on any more."""
    claimed = claim(state, key, new_run, process=ME, clock=Clock())
    assert isinstance(claimed, NewRun)
    if events:
        write(claimed.run.journal, *events)
    claimed.lock.release()
    return claimed.run


def again(state: StateDirectory, new_run: Callable[[], RunDirectory], key: str = KEY) -> NewRun | Existing:
    claimed = claim(state, key, new_run, process=ME, clock=Clock())
    if isinstance(claimed, NewRun):
        claimed.lock.release()
    return claimed


def ended(status: RunStatus, code: ExitCode) -> ev.RunEnded:
    return ev.RunEnded(status=status, exit_code=code)


UNDECIDED = [
    pytest.param([], id="killed in mid-run"),
    pytest.param([ended(RunStatus.SUCCEEDED, ExitCode.SUCCEEDED)], id="succeeded"),
    pytest.param([ended(RunStatus.FAILED, ExitCode.FAILED)], id="failed"),
    pytest.param([ended(RunStatus.UNKNOWN, ExitCode.UNKNOWN)], id="unknown"),
    pytest.param([ended(RunStatus.TIMED_OUT, ExitCode.TIMED_OUT)], id="timed out"),
    pytest.param([ended(RunStatus.INTERRUPTED, ExitCode.TERMINATED)], id="interrupted"),
    pytest.param([ended(RunStatus.FAILED, ExitCode.UNREACHABLE), ev.Resumed()], id="unreachable, then resumed"),
]


@pytest.mark.parametrize("events", UNDECIDED)
def test_a_run_that_may_have_triggered_something_is_the_keys_for_ever(
    state: StateDirectory, new_run: Callable[[], RunDirectory], events: list[ev.Event]
) -> None:
    run = first(state, new_run, started(), *events)
    for _ in range(2):
        assert again(state, new_run) == Existing(run=run)
    assert len(state.runs()) == 1


NOTHING_DONE = [
    pytest.param([], id="killed before its journal"),
    pytest.param([started(), ended(RunStatus.FAILED, ExitCode.UNREACHABLE)], id="the server was away"),
    pytest.param([started(), ended(RunStatus.CONFLICT, ExitCode.CONFLICT)], id="a job was busy"),
    pytest.param([started(), ended(RunStatus.FAILED, ExitCode.USAGE)], id="the pre-flight found an unknown job"),
]


@pytest.mark.parametrize("events", NOTHING_DONE)
def test_a_run_that_triggered_nothing_leaves_the_key_free(
    state: StateDirectory, new_run: Callable[[], RunDirectory], events: list[ev.Event]
) -> None:
    run = first(state, new_run, *events)
    second = again(state, new_run)
    assert isinstance(second, NewRun)
    assert second.run != run


@pytest.mark.parametrize("content", [b"", b'{"seq": 1, "at": 0.0'], ids=["empty", "torn first line"])
def test_a_journal_without_a_fact_counts_as_none(
    state: StateDirectory, new_run: Callable[[], RunDirectory], content: bytes
) -> None:
    first(state, new_run).journal.write_bytes(content)
    assert isinstance(again(state, new_run), NewRun)


def test_a_run_that_was_deleted_leaves_the_key_free(state: StateDirectory, new_run: Callable[[], RunDirectory]) -> None:
    first(state, new_run).path.rmdir()
    assert isinstance(again(state, new_run), NewRun)


def test_a_damaged_journal_does_not_leave_the_key_free(
    state: StateDirectory, new_run: Callable[[], RunDirectory]
) -> None:
    first(state, new_run, started()).journal.write_bytes(b"oops\n")
    with pytest.raises(StateError, match="is damaged"):
        again(state, new_run)


def test_a_run_that_is_worked_on_is_a_conflict_even_without_a_journal(
    state: StateDirectory, new_run: Callable[[], RunDirectory]
) -> None:
    claimed = claim(state, KEY, new_run, process=ME, clock=Clock())
    assert isinstance(claimed, NewRun)
    for _ in range(2):
        with pytest.raises(ConflictError, match=r"process 4711 on ci-7\.example\.com"):
            again(state, new_run)
        if not claimed.run.journal.exists():
            write(claimed.run.journal, started())
    claimed.lock.release()
    assert again(state, new_run) == Existing(run=claimed.run)


def test_a_resumed_run_is_a_conflict_too(state: StateDirectory, new_run: Callable[[], RunDirectory]) -> None:
    run = first(state, new_run, started())
    with lock_run(state.locks, run.run_id, process=ME, clock=Clock()), pytest.raises(ConflictError):
        again(state, new_run)


def test_keys_do_not_meet(state: StateDirectory, new_run: Callable[[], RunDirectory]) -> None:
    keys = ["a", "A", "a/b", "../a", "a\n", "\ud800", "x" * 500]
    runs = [first(state, new_run, started(), key=key) for key in keys]
    assert len(set(runs)) == len(keys)
    assert [again(state, new_run, key) for key in keys] == [Existing(run=run) for run in runs]
    assert {path.parent for path in state.path.rglob("*.json")} == {state.keys}


@pytest.mark.parametrize("key", ["", " ", "\t\n"])
def test_an_empty_key_is_a_variable_that_is_not_set(
    state: StateDirectory, new_run: Callable[[], RunDirectory], key: str
) -> None:
    with pytest.raises(UserError, match="empty") as caught:
        again(state, new_run, key)
    assert "variable" in (caught.value.hint or "")
    assert not state.path.exists()


def test_a_key_has_an_end(state: StateDirectory, new_run: Callable[[], RunDirectory]) -> None:
    with pytest.raises(UserError, match="more than 500"):
        again(state, new_run, "x" * 501)


POISON = [
    pytest.param(b"", id="empty"),
    pytest.param(b"{", id="torn"),
    pytest.param(b"[" * 10_000, id="deep"),
    pytest.param(b"null", id="null"),
    pytest.param(json.dumps({"key": "another", "run_id": RUN_ID}).encode(), id="of another key"),
    pytest.param(json.dumps({"key": KEY, "run_id": "../../../etc"}).encode(), id="a path"),
    pytest.param(json.dumps({"key": KEY, "run_id": 7}).encode(), id="a number"),
    pytest.param(json.dumps({"key": KEY}).encode(), id="no run"),
]


@pytest.mark.parametrize("content", POISON)
def test_a_key_file_that_we_did_not_write_is_refused(
    state: StateDirectory, new_run: Callable[[], RunDirectory], content: bytes
) -> None:
    state.prepare()
    (state.keys / f"{safe_name(KEY)}.json").write_bytes(content)
    with pytest.raises(StateError) as caught:
        again(state, new_run)
    assert "remove the file" in (caught.value.hint or "")
    assert state.runs() == []


def test_a_key_file_elsewhere_is_not_followed(
    state: StateDirectory, new_run: Callable[[], RunDirectory], tmp_path: Path
) -> None:
    state.prepare()
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text(json.dumps({"key": KEY, "run_id": RUN_ID}))
    (state.keys / f"{safe_name(KEY)}.json").symlink_to(elsewhere)
    with pytest.raises(StateError, match="cannot be read"):
        again(state, new_run)


def test_a_key_that_cannot_be_written_gives_no_run(state: StateDirectory, new_run: Callable[[], RunDirectory]) -> None:
    state.prepare()
    (state.keys / f".{safe_name(KEY)}.json.{os.getpid()}").mkdir()
    with pytest.raises(StateError, match="cannot be written"):
        again(state, new_run)
    (run,) = state.runs()
    lock_run(state.locks, run.run_id, process=ME, clock=Clock()).release()  # it is let go


def test_a_process_that_was_stopped_in_the_middle_is_not_waited_for_for_ever(
    state: StateDirectory, new_run: Callable[[], RunDirectory]
) -> None:
    state.prepare()
    stuck = try_lock(state.locks / f"key-{safe_name(KEY)}.lock", ME.holding("-", Clock()))
    assert stuck is not None
    with pytest.raises(ConflictError, match=r"process 4711 on ci-7\.example\.com has held the run key"):
        again(state, new_run)
    stuck.release()
    assert isinstance(again(state, new_run), NewRun)


_CLAIMS = """
import os, secrets, sys
from pathlib import Path
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.errors import ConflictError
from spectrum_pipelines.store.holder import Who
from spectrum_pipelines.store.folder.run_keys import NewRun, claim
from spectrum_pipelines.store.folder.state_directory import StateDirectory
state, clock = StateDirectory(Path(sys.argv[1])), SystemClock()
print("ready", flush=True)
sys.stdin.readline()
try:
    new_run = lambda: state.new_run(clock.now(), lambda: secrets.token_hex(2))
    claimed = claim(state, sys.argv[2], new_run, process=Who(pid=os.getpid(), host="ci"), clock=clock)
except ConflictError as error:
    print("conflict", error, flush=True)
else:
    print("new" if isinstance(claimed, NewRun) else "existing", claimed.run.run_id, flush=True)
sys.stdin.readline()
"""


def test_of_many_processes_at_once_exactly_one_wins_and_its_death_frees_the_key(state: StateDirectory) -> None:
    with others(*[(_CLAIMS, state.path, KEY)] * 4) as racing:
        assert [other.hear() for other in racing] == ["ready"] * 4
        for other in racing:
            other.say()
        answers = {other: other.hear() for other in racing}
        (winner,) = [other for other, answer in answers.items() if answer.startswith("new ")]
        run_id = answers[winner].removeprefix("new ")
        assert [run.run_id for run in state.runs()] == [run_id]
        losers = [answer for other, answer in answers.items() if other is not winner]
        assert all(f"run {run_id} is already being worked on by process {winner.pid} on ci" in it for it in losers)
        winner.kill()
        claimed = claim(
            state, KEY, lambda: state.new_run(MOMENT, lambda: "7f3a"), process=ME, clock=Clock()
        )  # it never had a journal
        assert isinstance(claimed, NewRun)
        claimed.lock.release()


UNFILLED = [
    "",
    " ",
    "$ARGOCD_APP_REVISION",
    "${REVISION}",
    "$(JOB)-1",
    "{{workflow.uid}}-load",
    "<no value>",
    "null",
    "x-${A:-}-y",
]


@pytest.mark.parametrize("key", UNFILLED)
def test_a_key_that_nobody_has_filled_in_is_refused(key: str) -> None:
    with pytest.raises(UserError, match="run key"):
        check_key(key)


@pytest.mark.parametrize(
    "key", ["4711", "gitlab-17-load eu", "nullable", "cost $5", "a{b}c", "2026-11-22 (again)", "50%"]
)
def test_a_key_of_any_other_characters_is_one(key: str) -> None:
    check_key(key)
