import os
import stat
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import RunStatus
from spectrum_pipelines.errors import StateError, UserError
from spectrum_pipelines.files import replace_file, safe_name
from spectrum_pipelines.pipeline.build import digest
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.store.folder.run_lock import lock_run
from spectrum_pipelines.store.folder.state_directory import StateDirectory
from spectrum_pipelines.store.folder.store import FolderStore
from spectrum_pipelines.store.heads import is_run_id
from spectrum_pipelines.store.leasing import named_run
from tests.store.histories import ME, MOMENT, RUN_ID, Clock, begin, started, tokens, write
from tests.store.processes import no_file_above

SUCCEEDED = ev.RunEnded(status=RunStatus.SUCCEEDED, exit_code=0)
INTERRUPTED = ev.RunEnded(status=RunStatus.INTERRUPTED, exit_code=143)


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory(tmp_path / "deep" / ".spectrum-pipelines")


def entries(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()}


# --- the directory -----------------------------------------------------------------------------------------------------------


def test_only_looking_creates_nothing(state: StateDirectory) -> None:
    assert state.runs() == []
    assert state.find(RUN_ID) is None
    assert not state.path.exists()


def test_a_probe_prepares_a_directory_that_is_private_and_not_committed(state: StateDirectory) -> None:
    state.probe()
    state.probe()
    assert entries(state.path) == {".gitignore", "runs", "locks", "keys"}
    assert (state.path / ".gitignore").read_text() == "*\n"
    for folder in (state.path, state.runs_folder, state.locks, state.keys):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert entries(state.runs_folder) == set()


def test_a_directory_that_holds_other_files_is_not_hidden_from_git(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").touch()
    StateDirectory(tmp_path).prepare()
    assert ".gitignore" not in entries(tmp_path)


def test_a_gitignore_of_the_user_stays(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("build/\n")
    StateDirectory(tmp_path).prepare()
    assert (tmp_path / ".gitignore").read_text() == "build/\n"


def test_a_file_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    for path in (tmp_path / "state", tmp_path / "state" / "deeper"):
        with pytest.raises(StateError, match=r"cannot be used: .*(file exists|not a directory)") as caught:
            StateDirectory(path).probe()
        assert "--state-dir" in (caught.value.hint or "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_may_not_be_written_is_found_before_the_run(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    state.prepare()
    state.runs_folder.chmod(0o500)
    with pytest.raises(StateError, match="permission denied"):
        state.probe()


def test_a_file_system_that_takes_no_files_is_found_before_the_run() -> None:
    with pytest.raises(StateError, match=r"cannot be used|nothing can be written") as caught:
        StateDirectory(Path("/proc/state")).probe()
    assert "--state-dir" in (caught.value.hint or "")


def test_a_full_disk_is_found_before_the_run(state: StateDirectory) -> None:
    state.prepare()
    with no_file_above(10_000), pytest.raises(StateError, match="nothing can be written") as caught:
        state.probe()
    assert "make room" in (caught.value.hint or "")
    assert entries(state.runs_folder) == set()


@pytest.mark.parametrize("name", ["runs", "locks", "keys"])
def test_folders_elsewhere_are_not_used(tmp_path: Path, name: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StateError, match="symbolic link"):
        StateDirectory(tmp_path / "state").prepare()
    assert entries(tmp_path / "elsewhere") == set()


def test_the_directory_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    (tmp_path / "state").symlink_to(tmp_path / "volume")
    StateDirectory(tmp_path / "state").probe()
    assert "runs" in entries(tmp_path / "volume")


# --- a run -------------------------------------------------------------------------------------------------------------------


def test_a_run_id_is_a_time_and_four_digits(state: StateDirectory) -> None:
    run = state.new_run(MOMENT, tokens("7f3a"))
    assert run.run_id == RUN_ID
    assert run.path == state.runs_folder / RUN_ID
    assert stat.S_IMODE(run.path.stat().st_mode) == 0o700
    assert state.find(RUN_ID) == run


def test_a_run_id_is_never_given_twice(state: StateDirectory) -> None:
    state.new_run(MOMENT, tokens("7f3a"))
    assert state.new_run(MOMENT, tokens("7f3a", "7f3a", "0001")).run_id.endswith("-0001")


def test_a_second_in_which_nothing_is_free_is_said(state: StateDirectory) -> None:
    state.new_run(MOMENT, lambda: "7f3a")
    with pytest.raises(StateError, match="no free run id"):
        state.new_run(MOMENT, lambda: "7f3a")


def test_what_is_run_is_kept_and_must_be_the_same_later(state: StateDirectory) -> None:
    run = state.new_run(MOMENT, tokens("7f3a"))
    text = "name: nächtlich\r\n# \ufeff\n"
    run.keep(pipeline_text=text, plan="{}")
    assert run.pipeline_text(digest(text)) == text
    assert entries(run.path) == {"pipeline.yaml", "plan.json"}
    run.pipeline.write_text("name: another\n")
    with pytest.raises(StateError, match="is not the pipeline that run") as caught:
        run.pipeline_text(digest(text))
    assert caught.value.hint


@pytest.mark.parametrize("content", [None, b"\xff\xfe", "link"], ids=["missing", "not UTF-8", "a link"])
def test_a_copy_that_cannot_be_read_is_said(state: StateDirectory, content: bytes | str | None) -> None:
    run = state.new_run(MOMENT, tokens("7f3a"))
    if isinstance(content, bytes):
        run.pipeline.write_bytes(content)
    elif content:
        run.pipeline.symlink_to("/etc/hostname")
    with pytest.raises(StateError, match="cannot be read") as caught:
        run.pipeline_text("sha256:0")
    assert caught.value.hint


def test_a_folder_that_is_gone_cannot_be_written(state: StateDirectory) -> None:
    run = state.new_run(MOMENT, tokens("7f3a"))
    run.path.rmdir()
    with pytest.raises(StateError, match="cannot be written: no such file"):
        run.keep(pipeline_text="", plan="")


FOREIGN = [
    "../../etc",
    "/etc/passwd",
    ".",
    "",
    f"{RUN_ID}/../{RUN_ID}",
    f"{RUN_ID}\n",
    RUN_ID + "\0",
    "\u0662\u0660\u0662\u06661123T150405Z-7f3a",
]


@pytest.mark.parametrize("run_id", FOREIGN)
def test_nothing_but_a_run_id_becomes_a_path(state: StateDirectory, run_id: str) -> None:
    state.new_run(MOMENT, tokens("7f3a"))
    assert state.find(run_id) is None
    with pytest.raises(UserError, match="is not a run id") as caught:
        named_run(FolderStore(state.path), run_id)
    assert "spectrum-pipelines runs" in (caught.value.hint or "")


@given(text=st.text())
@example(text=RUN_ID)
def test_a_run_id_is_a_name_in_a_folder(text: str) -> None:
    assert not is_run_id(text) or Path(text).name == text


def test_a_run_that_is_not_there_is_compared_with_those_that_are(state: StateDirectory) -> None:
    state.new_run(MOMENT, tokens("7f3a"))
    for slip in ("20261123T150405Z-7f3b", "20261123T150405-7f3a"):
        with pytest.raises(UserError) as caught:
            named_run(FolderStore(state.path), slip)
        assert f"did you mean `{RUN_ID}`?" in (caught.value.hint or "")


def test_a_link_to_a_run_is_no_run(state: StateDirectory, tmp_path: Path) -> None:
    state.prepare()
    (state.runs_folder / RUN_ID).symlink_to(tmp_path)
    assert state.find(RUN_ID) is None
    assert state.runs() == []


# --- the list ----------------------------------------------------------------------------------------------------------------


def test_runs_are_listed_from_the_newest(state: StateDirectory) -> None:
    begin(state, SUCCEEDED, token="0001")
    begin(state, ev.PreflightPassed(), INTERRUPTED, token="0002")
    begin(state, ev.PreflightPassed(), token="0003")
    begin(state, INTERRUPTED, ev.Resumed(), token="0004")
    (state.runs_folder / "notes.txt").touch()
    (state.runs_folder / "backup").mkdir()
    with lock_run(state.locks, "20261123T150405Z-0004", process=ME, clock=Clock()):
        listed = state.runs()
    assert [(it.run_id[-4:], it.status, it.exit_code, it.resumable) for it in listed] == [
        ("0004", RunStatus.RUNNING, None, False),
        ("0003", RunStatus.INTERRUPTED, None, True),  # killed: it said nothing
        ("0002", RunStatus.INTERRUPTED, 143, True),
        ("0001", RunStatus.SUCCEEDED, 0, False),
    ]
    assert {(it.pipeline, it.started, it.fault) for it in listed} == {("nightly-sales", MOMENT, None)}
    assert [it.ended is not None for it in listed] == [False, False, True, True]


def test_a_broken_run_hides_no_other(state: StateDirectory) -> None:
    begin(state, SUCCEEDED, token="0001")
    begin(state, SUCCEEDED, token="0002").write_bytes(b"oops\n")
    begin(state, SUCCEEDED, token="0003").write_bytes(b"")
    begin(state, SUCCEEDED, token="0004").unlink()
    headless = begin(state, SUCCEEDED, token="0005")
    headless.unlink()
    write(headless, ev.Resumed())
    begin(state, SUCCEEDED, token="0006").chmod(0)
    os.mkfifo(state.new_run(MOMENT, tokens("0007")).journal)
    listed = {it.run_id[-4:]: it for it in state.runs()}
    assert len(listed) == 7
    assert listed["0001"].status is RunStatus.SUCCEEDED
    faults = {name: it.fault or "" for name, it in listed.items()}
    assert "is damaged" in faults["0002"]
    assert faults["0003"] == faults["0004"] == "never began: nothing was triggered"
    assert "does not begin with the start" in faults["0005"]
    assert "not a regular file" in faults["0007"]
    assert not any(it.resumable for name, it in listed.items() if name != "0001")


def test_a_run_between_its_folder_and_its_journal_is_about_to_begin(state: StateDirectory) -> None:
    run = state.new_run(MOMENT, tokens("7f3a"))
    with lock_run(state.locks, run.run_id, process=ME, clock=Clock()):
        assert [it.fault for it in state.runs()] == ["about to begin"]


def test_the_list_looks_at_the_ends_of_a_long_journal_only(state: StateDirectory) -> None:
    lines = [ev.AttemptStarted(job=JobId("j" * 200), attempt=number) for number in range(2000)]
    journal = begin(state, *lines, SUCCEEDED)
    assert journal.stat().st_size > 500_000
    data = journal.read_bytes()
    journal.write_bytes(data.replace(b'"attempt": 1000', b'"attempt" 1000'))  # would be refused if it were read
    assert [it.status for it in state.runs()] == [RunStatus.SUCCEEDED]


def test_a_last_line_longer_than_a_block_is_found(state: StateDirectory) -> None:
    begin(state, ev.RunEnded(status=RunStatus.FAILED, exit_code=1, reason="x" * 200_000))
    assert [it.exit_code for it in state.runs()] == [1]


def test_a_run_key_is_listed(state: StateDirectory) -> None:
    run = state.new_run(MOMENT, tokens("7f3a"))
    write(run.journal, started(run_key="nightly"))
    assert [it.run_key for it in state.runs()] == ["nightly"]


# --- files -------------------------------------------------------------------------------------------------------------------


@given(text=st.text(max_size=200))
@example(text="../../etc/passwd")
@example(text="x" * 5000)
def test_any_text_has_a_name_of_its_own_in_the_folder(text: str) -> None:
    name = safe_name(text)
    assert Path(name).name == name
    assert name.isascii()
    assert len(name) < 64
    assert name != safe_name(text + "x")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    replace_file(path, b"old")
    (tmp_path / f".file.json.{os.getpid()}").mkdir()  # nothing can be drafted
    with pytest.raises(OSError, match=r"file\.json"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_file_may_come_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    chunks = [bytes([65 + number % 26]) * 1_000 for number in range(3_000)]
    replace_file(path, *chunks)
    assert path.read_bytes() == b"".join(chunks)
    replace_file(path)
    assert path.read_bytes() == b""
