import errno
import json
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.runner.loop import Journal
from spectrum_pipelines.spectrum import ExecutionId
from spectrum_pipelines.store import history
from spectrum_pipelines.store.codec import encode
from spectrum_pipelines.store.folder.glance import glance
from spectrum_pipelines.store.folder.journal import JournalFile, read_journal, replay, scan
from tests.store.histories import RUN_ID, STAMPED, built, stamped, started, write
from tests.store.processes import no_file_above, others

ORDERS = JobId("orders")
PIPELINE = built(
    "version: 1\nname: nightly-sales\njobs: {orders: {trigger: 48}, sales: {needs: [orders], trigger: 49}}\n"
)
EVENTS: tuple[ev.Event, ...] = (
    started(),
    ev.PreflightPassed(),
    ev.AttemptStarted(job=ORDERS, attempt=1),
    ev.TriggerIntended(job=ORDERS, attempt=1, baselines=(ev.Baseline(target="48", execution_id=None),)),
    ev.Triggered(job=ORDERS, attempt=1, executions=(ev.StartedExecution(execution_id=ExecutionId(11)),)),
    ev.ExecutionChanged(job=ORDERS, execution_id=ExecutionId(11), job_status="RUNNING"),
)
FACTS = [stamped(event, float(at)) for at, event in enumerate(EVENTS)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


@pytest.fixture
def recorded(path: Path) -> Path:
    write(path, *EVENTS)
    return path


def lines_of(facts: list[Stamped]) -> list[bytes]:
    return [encode(fact, seq).encode() + b"\n" for seq, fact in enumerate(facts, 1)]


# --- writing -----------------------------------------------------------------------------------------------------------------


def test_what_is_appended_is_read_back(path: Path) -> None:
    with JournalFile.create(path) as journal:
        as_the_runner_sees_it: Journal = journal
        as_the_runner_sees_it.append(FACTS[:2])
        as_the_runner_sees_it.append([])
        as_the_runner_sees_it.append(FACTS[2:])
    assert read_journal(path) == FACTS
    assert [json.loads(line)["seq"] for line in path.read_text().splitlines()] == [1, 2, 3, 4, 5, 6]


def test_a_journal_is_for_its_owner_alone(path: Path) -> None:
    JournalFile.create(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_journal_is_begun_once(recorded: Path) -> None:
    before = recorded.read_bytes()
    with pytest.raises(FileExistsError):
        JournalFile.create(recorded)
    assert recorded.read_bytes() == before


def test_a_closed_journal_takes_nothing(path: Path) -> None:
    journal = JournalFile.create(path)
    journal.close()
    journal.close()
    with pytest.raises(OSError, match="closed"):
        journal.append(FACTS)


def test_a_batch_is_one_write_and_at_most_one_sync(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    with JournalFile.create(path) as journal:
        for name in ("write", "fsync"):
            monkeypatch.setattr(os, name, _recording(name, getattr(os, name), calls))
        journal.append(FACTS[1:3])  # no promise among them
        journal.append(FACTS[2:5])  # two promises
    assert calls == ["write", "write", "fsync"]
    assert len(read_journal(path)) == 5


def _recording(name: str, function: Callable[..., Any], calls: list[str]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        calls.append(name)
        return function(*arguments)

    return call


@pytest.mark.parametrize("room", [0, 1, 100, 300], ids=lambda room: f"{room} bytes left")
def test_a_disk_that_fills_up_leaves_whole_batches_only(path: Path, room: int) -> None:
    journal = JournalFile.create(path)
    journal.append(FACTS[:2])
    before = path.read_bytes()
    with no_file_above(len(before) + room), pytest.raises(OSError) as caught:  # noqa: PT011 - the errno is what matters
        journal.append(FACTS[2:])
    assert caught.value.errno in {errno.EFBIG, errno.ENOSPC}
    assert path.read_bytes() == before
    with pytest.raises(OSError, match="could not be written before"):  # there is room again, and it may not come back
        journal.append(FACTS[2:])
    assert path.read_bytes() == before


def test_a_sync_that_fails_takes_the_batch_back(path: Path) -> None:
    read, write_end = os.pipe()  # a pipe takes the lines and cannot be synced
    journal = JournalFile(write_end)
    journal.append(FACTS[1:3])
    with pytest.raises(OSError, match="Invalid argument"):
        journal.append(FACTS[3:])
    with pytest.raises(OSError, match="could not be written before"):
        journal.append(FACTS[1:2])
    journal.close()
    os.close(read)


def test_nothing_is_written_that_could_not_be_read_again(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with JournalFile(descriptor, limit=500) as journal:
        journal.append(FACTS[:1])
        with pytest.raises(OSError, match="longer than can be read again"):
            journal.append(FACTS[1:])
    assert read_journal(path) == FACTS[:1]


_WRITES = """
import sys
from pathlib import Path
from tests.store.test_journal import FACTS
from spectrum_pipelines.store.folder.journal import JournalFile
journal = JournalFile.create(Path(sys.argv[1]))
for count in range(1, 1_000_000):
    journal.append(FACTS)
    print(count * len(FACTS), flush=True)
"""


def test_what_a_killed_process_has_promised_is_there(path: Path) -> None:
    with others((_WRITES, path)) as (writer,):
        told = [int(writer.hear()) for _ in range(20)]
        writer.kill()
    facts = read_journal(path)
    assert len(facts) >= told[-1] == 20 * len(FACTS)
    assert facts[: len(FACTS)] == FACTS


# --- reading -----------------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_journal_cut_at_any_byte_is_a_shorter_history(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    facts = data.draw(st.lists(STAMPED, max_size=6))
    whole = b"".join(lines_of(facts))
    cut = data.draw(st.integers(0, len(whole)))
    path = tmp_path_factory.mktemp("cut") / "journal.jsonl"
    path.write_bytes(whole[:cut])
    found = scan(path)
    assert found.facts == facts[: len(found.facts)]
    assert len(found.facts) == whole[:cut].count(b"\n")
    assert (found.size, found.length) == (cut, whole.rfind(b"\n", 0, cut) + 1)
    ends = (found.facts[0], found.facts[-1]) if found.facts else None
    assert glance(path) == ends


@pytest.mark.parametrize("cut", [1, 40, 200], ids=lambda cut: f"{cut} bytes lost")
def test_a_resumed_run_goes_on_behind_the_last_whole_line(recorded: Path, cut: int) -> None:
    recorded.write_bytes(recorded.read_bytes()[:-cut])
    found = scan(recorded)
    resumed = stamped(ev.Resumed(), 60.0)
    with JournalFile.reopen(recorded, found) as journal:
        journal.append([resumed])
    assert read_journal(recorded) == [*found.facts, resumed]


def test_a_whole_journal_loses_nothing_when_it_is_reopened(recorded: Path) -> None:
    before = recorded.read_bytes()
    JournalFile.reopen(recorded, scan(recorded)).close()
    assert recorded.read_bytes() == before


def test_a_journal_that_grew_while_it_was_read_is_not_cut(recorded: Path) -> None:
    found = scan(recorded)
    with recorded.open("ab") as file:
        file.write(b"{")
    with pytest.raises(StateError, match="changed while it was read"):
        JournalFile.reopen(recorded, found)
    assert recorded.read_bytes().endswith(b"{")


@pytest.mark.parametrize(
    "tail", [b"\0" * 300, b"\0" * 300 + b"\n", b'{"seq": 7, \0\0\0"}\n'], ids=["zeros", "line", "hole"]
)
def test_blocks_that_never_reached_the_disk_are_a_torn_line(recorded: Path, tail: bytes) -> None:
    length = recorded.stat().st_size
    with recorded.open("ab") as file:
        file.write(tail)
    found = scan(recorded)
    assert (found.facts, found.length) == (FACTS, length)
    assert glance(recorded) == (FACTS[0], FACTS[-1])


LINES = lines_of(FACTS)
DAMAGED = [
    pytest.param(
        [*LINES[:2], b'{"seq": 3, "at"\n', *LINES[3:]], "line 3: not a line of JSON", id="half a line in the middle"
    ),
    pytest.param([*LINES[:5], b"oops\n"], "line 6: not a line of JSON", id="a whole last line that is no JSON"),
    pytest.param([*LINES[:2], b"\n", *LINES[2:]], "line 3: not a line of JSON", id="an empty line"),
    pytest.param([*LINES[:2], b"\0" * 80 + b"\n", *LINES[3:]], "line 3: not a line of JSON", id="a hole in the middle"),
    pytest.param(LINES[:2] + LINES[3:], "line 3: `seq` is 4", id="a line is missing"),
    pytest.param(LINES[1:], "line 1: `seq` is 2", id="the first line is missing"),
    pytest.param([LINES[0], LINES[0]], "line 2: `seq` is 1", id="a line stands twice"),
    pytest.param([LINES[0], LINES[2], LINES[1]], "line 2: `seq` is 3", id="lines are swapped"),
    pytest.param(
        [b"\xef\xbb\xbf" + LINES[0]], "line 1: not a line of JSON", id="saved by an editor with a byte order mark"
    ),
    pytest.param([LINES[0], b"\xff\xfe\n"], "line 2: not a line of JSON", id="not UTF-8"),
    pytest.param(
        [LINES[0], LINES[1].replace(b"passed", b"paused")],
        "line 2: spectrum-pipelines 0.1.0 wrote it",
        id="an unknown last event is not torn",
    ),
    pytest.param([LINES[0], LINES[2].replace(b": 1}", b': "1"}')], "line 2: `attempt`", id="a wrong type"),
]


@pytest.mark.parametrize(("lines", "message"), DAMAGED)
def test_a_damaged_journal_is_refused_at_its_line(path: Path, lines: list[bytes], message: str) -> None:
    path.write_bytes(b"".join(lines))
    with pytest.raises(StateError) as caught:
        read_journal(path)
    assert message in caught.value.message
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_a_missing_journal_is_said_to_be_missing(path: Path) -> None:
    with pytest.raises(StateError, match="is missing") as caught:
        read_journal(path)
    assert "look in Spectrum" in (caught.value.hint or "")
    assert glance(path) is None


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _link(path: Path) -> None:
    target = path.with_name("elsewhere")
    target.write_bytes(b"".join(LINES))
    path.symlink_to(target)


@pytest.mark.parametrize("make", [Path.mkdir, _pipe, _link], ids=["a directory", "a pipe that would block", "a link"])
def test_what_is_not_a_file_is_not_read(path: Path, make: object) -> None:
    assert callable(make)
    make(path)
    for read in (read_journal, glance):
        with pytest.raises(StateError, match="cannot be read"):
            read(path)
    with pytest.raises(OSError, match=r"."):
        JournalFile.create(path)


def test_a_journal_larger_than_memory_is_refused_at_once(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(history.MAX_BYTES + 1)  # a sparse file takes no room
    with pytest.raises(StateError, match="300,000,000"):
        read_journal(path)


def test_a_tail_longer_than_any_line_is_no_torn_line(path: Path) -> None:
    path.write_bytes(LINES[0] + b" " * 40_000_000)
    for read in (read_journal, glance):
        with pytest.raises(StateError, match=r"line 2: not a line of JSON|is damaged"):
            read(path)


# --- replaying ---------------------------------------------------------------------------------------------------------------


def test_a_replay_comes_to_the_state_of_the_run() -> None:
    state = replay(PIPELINE, RUN_ID, FACTS)
    assert [e.execution_id for e in state.jobs[ORDERS].executions] == [ExecutionId(11)]
    assert state.at == 5.0
    assert state.facts == FACTS[0].event


IMPOSSIBLE = [
    pytest.param([], "is empty", id="nothing"),
    pytest.param(FACTS[1:], "does not begin with the start", id="no start"),
    pytest.param([stamped(started("20261123T150405Z-0000"))], "does not begin with the start of run", id="another run"),
    pytest.param([*FACTS, stamped(started())], "line 7 of the journal starts the run a second time", id="two starts"),
    pytest.param(
        [FACTS[0], stamped(ev.AttemptStarted(job=JobId("ordres"), attempt=1))],
        "line 2 of the journal cannot have happened",
        id="a job that the pipeline does not have",
    ),
    pytest.param(
        [FACTS[0], stamped(ev.ExecutionChanged(job=ORDERS, execution_id=ExecutionId(9), job_status="RUNNING"))],
        "line 2 of the journal cannot have happened",
        id="an execution that nobody started",
    ),
]


@pytest.mark.parametrize(("facts", "message"), IMPOSSIBLE)
def test_a_history_that_cannot_be_is_refused(facts: list[Stamped], message: str) -> None:
    with pytest.raises(StateError, match=message) as caught:
        replay(PIPELINE, RUN_ID, facts)
    assert caught.value.hint


@settings(max_examples=100, deadline=None)
@given(
    facts=st.lists(STAMPED, max_size=8),
    jobs=st.lists(st.sampled_from([ORDERS, JobId("sales")]), min_size=8, max_size=8),
)
def test_whatever_a_journal_tells_it_is_folded_or_refused(facts: list[Stamped], jobs: list[JobId]) -> None:
    told = [FACTS[0]]
    for fact, job in zip(facts, jobs, strict=False):
        event: Any = fact.event
        told.append(replace(fact, event=replace(event, job=job) if hasattr(event, "job") else event))
    with suppress(StateError):
        replay(PIPELINE, RUN_ID, told)


def test_ten_thousand_facts_are_read_and_folded_in_a_moment(path: Path) -> None:
    changes = [
        stamped(ev.ExecutionChanged(job=ORDERS, execution_id=ExecutionId(11), job_status=f"S{n}"))
        for n in range(10_000)
    ]
    path.write_bytes(b"".join(lines_of([*FACTS, *changes])))
    began = time.process_time()
    state = replay(PIPELINE, RUN_ID, read_journal(path))
    assert time.process_time() - began < 3  # a tenth of it on an idle machine
    assert state.jobs[ORDERS].executions[0].job_status == "S9999"


def test_a_line_of_a_newer_version_is_told_with_its_version_wherever_it_is_met(path: Path) -> None:
    write(path, started(), ev.Resumed(tool_version="9.1.0"), ev.PreflightPassed())
    newer = path.read_text().replace("preflight_passed", "preflight_postponed")
    path.write_text(newer)
    for read in (read_journal, glance):
        with pytest.raises(StateError, match=r"line 3: spectrum-pipelines 9\.1\.0 wrote it, and this is") as caught:
            read(path)
        assert caught.value.hint == "use the newer version"
