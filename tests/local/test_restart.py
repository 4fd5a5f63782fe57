"""What survives: an orderly end, and a kill."""

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.local.conftest import ANALYST, PATIENCE, Caller, Open

CHILD = """
import json, sys
from pathlib import Path
from spectrum_pipelines.local.serving import RunningServer
from spectrum_pipelines.local.workspace import build_workspace
folder = Path(sys.argv[1])
server = RunningServer.start(build_workspace(json.loads(sys.argv[2]), folder), state=folder / "state")
print(server.url, flush=True)
server.wait()
"""


def file(number: int, **simulate: Any) -> dict[str, Any]:
    return {"id": number, "path": f"/file {number}.wbk", "simulate": simulate}


def test_an_orderly_restart_loses_nothing(tmp_path: Path, site: Open) -> None:
    (tmp_path / "data.csv").write_text("a\n1\n")
    files = [
        {"id": 1, "path": "/data.imp", "import": {"source": "data.csv", "table": "data"}},
        {"id": 2, "path": "/data.exp", "export": {"sql": "SELECT * FROM data", "to": "data.json"}},
        file(3, outcomes=["ERROR", "COMPLETED"]),
        file(4, duration="1h"),
    ]
    before = site(*files, state=tmp_path / "state")
    loaded = before.details(before.until(before.trigger(1)).id)
    assert before.until(before.trigger(3)).status == "ERROR"
    running, queued = before.trigger(4), before.trigger(4)
    before.close()
    assert before.run(running).status == "CANCELED"

    after = site(*files, state=tmp_path / "state")
    assert after.details(1) == loaded
    assert after.run(running).status == "CANCELED"
    assert after.run(queued).status == "RUNNING"  # it was queued still, and its turn has come
    assert after.until(after.trigger(3)).status == "COMPLETED"  # the second outcome
    assert after.until(after.trigger(2)).id == 6  # ids go on
    assert (tmp_path / "data.json").read_text() != ""
    assert (tmp_path / "state/.gitignore").read_text() == "*\n"


@contextmanager
def child(folder: Path, data: dict[str, Any]) -> Iterator[tuple[Caller, subprocess.Popen[str]]]:
    """A server in a process of its own, seen through a caller."""
    command = [sys.executable, "-c", CHILD, str(folder), json.dumps(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        caller = Caller(process.stdout.readline().strip())
        try:
            yield caller, process
        finally:
            caller.line.close()
            process.kill()


def test_a_kill_loses_no_run_and_no_table(tmp_path: Path, site: Open) -> None:
    (tmp_path / "data.csv").write_text("a\n1\n")
    files: list[dict[str, Any]] = [
        {"id": 1, "path": "/data.imp", "import": {"source": "data.csv", "table": "data"}},
        {"id": 2, "path": "/data.exp", "export": {"sql": "SELECT * FROM data", "to": "data.csv.out", "format": "csv"}},
        file(3, duration="1h"),
        file(4, duration="1h", queue="1h"),
        {"id": 5, "path": "/after.wbk", "data_driven": [3], "simulate": {}},
    ]
    data = {"version": 1, "users": [ANALYST], "files": files, "slots": 4}
    with child(tmp_path, data) as (remote, process):
        remote.trigger(1)
        patience = time.monotonic() + PATIENCE
        while remote.status(1)["job-status"] != "COMPLETED":
            assert time.monotonic() < patience
        plan = remote.sequence(3).data["execution-plan"]
        queued = remote.trigger(4)
        process.send_signal(signal.SIGKILL)
        assert process.wait(PATIENCE) == -signal.SIGKILL

    again = site(*files, state=tmp_path / "state", slots=4)
    assert again.run(1).status == "COMPLETED"
    cut, downstream = (again.details(one["job-execution-id"]) for one in plan)
    assert (cut["jobStatus"], cut["failureCount"], bool(cut["stopTime"])) == ("ERROR", 1, True)
    assert (downstream["jobStatus"], downstream["startTime"]) == ("CANCELED", None)
    assert again.run(queued).status == "RUNNING"
    again.until(again.trigger(2), "COMPLETED")
    assert (tmp_path / "data.csv.out").read_text() == "a\n1\n"


def test_a_kill_amid_writing_corrupts_nothing(tmp_path: Path) -> None:
    data = {"version": 1, "users": [ANALYST], "files": [file(1)]}
    known = 0
    for _ in range(3):
        with child(tmp_path, data) as (remote, process):
            timer = threading.Timer(0.1, os.kill, (process.pid, signal.SIGKILL))
            timer.start()
            try:
                while True:
                    fresh = remote.trigger(1)
                    assert fresh > known  # an id that was answered is never given again
                    known = fresh
            except (OSError, http.client.HTTPException, ValueError):
                pass  # an answer that never came, or was cut off
            timer.join()
        with sqlite3.connect(tmp_path / "state/executions.sqlite") as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        database.close()


def test_two_servers_do_not_share_a_state(tmp_path: Path, site: Open) -> None:
    first = site(file(1), state=tmp_path / "state")
    with pytest.raises(OSError, match="does another server use it"):
        site(file(1), state=tmp_path / "state")
    first.close()
    assert site(file(1), state=tmp_path / "state").status(1)["job-status"] == "_NONE"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("executions.sqlite", b"no database, but long enough to be taken for a header" * 20, id="history"),
        pytest.param("tables.duckdb", b"no database either" * 1000, id="tables"),
    ],
)
def test_a_state_that_is_no_state_is_refused(name: str, content: bytes, tmp_path: Path, site: Open) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / name).write_bytes(content)
    real = {"id": 1, "path": "/a.exp", "export": {"sql": "SELECT 1", "to": "a.csv"}}
    with pytest.raises(OSError, match="cannot open the server's"):
        site(real, state=state)
    assert (state / name).read_bytes() == content


def test_a_state_of_another_version_is_refused(tmp_path: Path, site: Open) -> None:
    state = tmp_path / "state"
    site(file(1), state=state).close()
    with sqlite3.connect(state / "executions.sqlite") as database:
        database.execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(OSError, match="another version"):
        site(file(1), state=state)


def test_runs_of_files_that_left_the_workspace_are_out_of_sight(tmp_path: Path, site: Open) -> None:
    state = tmp_path / "state"
    before = site(file(1, duration="1h"), file(2), state=state, slots=1)
    before.trigger(1)
    queued = before.trigger(2)
    before.close()
    after = site(file(1, duration="1h"), state=state, slots=1)
    assert after.run(queued).status == "CANCELED"
    assert after.call("GET", f"/rest/job-execution/job-details/{queued}").code == 404
    assert after.trigger(1) == queued + 1


def link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(path.parent.parent / target)


@pytest.mark.parametrize(
    "name",
    [
        ".gitignore",
        "executions.sqlite",
        "executions.sqlite-wal",
        "executions.sqlite-shm",
        "tables.duckdb",
        "tables.duckdb.wal",
        "tables.duckdb.tmp",
        "tables.mark",
    ],
)
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(link_to("victim"), id="link"),
        pytest.param(link_to("pipe"), id="link-to-a-pipe"),
        pytest.param(link_to("nowhere"), id="link-to-nothing"),
        pytest.param(os.mkfifo, id="pipe"),
    ],
)
def test_nothing_is_kept_through_a_link_or_a_pipe(
    name: str, make: Callable[[Path], None], tmp_path: Path, site: Open
) -> None:
    state, victim = tmp_path / "state", tmp_path / "victim"
    state.mkdir()
    with sqlite3.connect(victim) as database:
        database.execute("CREATE TABLE theirs (a)")
    database.close()
    before = victim.read_bytes()
    os.mkfifo(tmp_path / "pipe")
    make(state / name)
    real = {"id": 1, "path": "/a.exp", "export": {"sql": "SELECT 1", "to": "a.csv"}}
    with pytest.raises(OSError, match=f"{name} is .*, and no server made it: remove it"):
        site(real, state=state)
    assert victim.read_bytes() == before
    assert not (tmp_path / "nowhere").exists()


def test_a_state_folder_that_is_a_link_is_refused(tmp_path: Path, site: Open) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "state").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="is a link"):
        site(file(1), state=tmp_path / "state")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    "poison",
    [
        pytest.param("status = 'DONE'", id="status"),
        pytest.param('"trigger" = NULL', id="trigger"),
        pytest.param("id = 9223372036854775807", id="largest-id"),
        pytest.param("id = -1", id="negative-id"),
        pytest.param("id = 'one'", id="text-id"),
        pytest.param("file_id = 1.5", id="broken-id"),
        pytest.param("file_id = 9e999", id="infinite-id"),
        pytest.param("user = x'ff'", id="bytes"),
        pytest.param("user = cast(x'ff' AS TEXT)", id="not-utf-8"),
        pytest.param("created = 1e300", id="time-as-a-float"),
        pytest.param("start = 9223372036854775807", id="far-future"),
        pytest.param("stop = -9223372036854775808", id="far-past"),
        pytest.param("\"after\" = '{}'", id="after-mapping"),
        pytest.param('"after" = \'["x"]\'', id="after-texts"),
        pytest.param("variables = '[]'", id="variables-list"),
        pytest.param("variables = '{\"a\": {}}'", id="deep-variable"),
        pytest.param("counters = '{\"a\": 1e999}'", id="infinite-counter"),
        pytest.param("counters = '{'", id="torn"),
        pytest.param("counters = printf('%.*c', 100000, '[')", id="deep"),
        pytest.param("counters = NULL", id="nothing"),
        pytest.param("success_count = 'many'", id="count"),
        pytest.param("data_deleted = '[]'", id="deleted"),
        pytest.param("reason = 7", id="reason"),
    ],
)
def test_a_poisoned_row_is_an_error_of_its_file(poison: str, tmp_path: Path, site: Open) -> None:
    state = tmp_path / "state"
    before = site(file(1), state=state)
    before.until(before.trigger(1))
    before.close()
    with sqlite3.connect(state / "executions.sqlite") as database:
        database.execute(f"UPDATE executions SET {poison}")
    database.close()
    with pytest.raises(OSError, match=r"cannot open the server's state .*executions\.sqlite: "):
        site(file(1), state=state)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE other (a)",
        "DROP TABLE executions; CREATE TABLE executions (id)",
        "ALTER TABLE executions RENAME TO e; CREATE VIEW executions AS SELECT * FROM e",
        "CREATE TRIGGER t AFTER INSERT ON executions BEGIN DELETE FROM executions; END",
    ],
)
def test_a_history_of_another_layout_is_refused(sql: str, tmp_path: Path, site: Open) -> None:
    state = tmp_path / "state"
    site(file(1), state=state).close()
    with sqlite3.connect(state / "executions.sqlite") as database:
        database.executescript(sql)
    database.close()
    with pytest.raises(OSError, match="no server of this kind laid it out"):
        site(file(1), state=state)


def test_the_command_tells_a_state_that_it_cannot_use(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace.yaml"
    workspace.write_text("version: 1\nusers: [{name: a, password: b}]\nfiles: []\n")
    (tmp_path / ".spectrum-local").mkdir()
    os.mkfifo(tmp_path / ".spectrum-local/executions.sqlite")
    command = [sys.executable, "-m", "spectrum_pipelines", "local", "serve", str(workspace)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    told = f"{tmp_path}/.spectrum-local/executions.sqlite is no regular file, and no server made it: remove it"
    assert ended.stderr == f"error: the embedded server cannot start: {told}\n"


def test_a_disk_that_takes_no_more_is_told_and_stops_no_job(
    tmp_path: Path, site: Open, caplog: pytest.LogCaptureFixture
) -> None:
    server = site(file(1, duration="200ms"), file(2), state=tmp_path / "state")
    number = server.trigger(1)
    inner: Any = server.server
    inner._uvicorn._loop.call_soon_threadsafe(inner._ledger._store.close)
    assert server.until(number).status == "COMPLETED"
    answer = server.call("POST", "/api/job-execution/2/trigger")
    assert (answer.code, answer.data["status"]) == (500, "failure")
    assert answer.data["reason"].startswith("The server cannot keep its state: ")
    assert server.status(2) == {"status": "success", "job-status": "_NONE"}
    assert any("the server cannot keep its state" in line for line in server.lines)
    assert caplog.records == []
