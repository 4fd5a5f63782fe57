"""A workspace of any shape is an error of its file, and a request of any shape has an answer: never our fault, never a hang.

`pytest tests/local --local-fuzz 20000` is the long form, with the seeds from `--local-fuzz-first` on; `--local-fuzz-seed N` tries
one alone.
"""

import http.client
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from spectrum_pipelines.document.parse import parse
from spectrum_pipelines.document.source import read_source
from spectrum_pipelines.local.serving import RunningServer
from spectrum_pipelines.local.workspace import build_workspace
from tests.cli.command_line import call
from tests.local import fuzz
from tests.local.conftest import ANALYST, Caller

_PATIENCE = 10.0  # seconds, on a busy machine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data.csv").write_text("a,b\n1,2\nx,3\n")
    (tmp_path / "data.json").write_text('[{"a": 1}]')
    (tmp_path / "link.csv").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def test_no_workspace_is_our_fault(fuzz_seeds: range, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = folder / "workspace.yaml"
    served = 0
    for seed in fuzz_seeds:
        text = fuzz.workspace(seed)
        path.write_bytes(text)
        ended = call("validate", "workspace.yaml", cwd=folder)
        told = f"--local-fuzz-seed {seed}\n{text!r}\n{ended.stderr}"
        assert ended.code in {0, 1, 2}, told  # 2: no text at all
        if ended.code == 0:
            served += 1
            try:
                run_all(path)
            except BaseException as error:
                raise AssertionError(told) from error
    assert served > len(fuzz_seeds) // 20 or len(fuzz_seeds) < 100
    assert [one.getMessage() for one in caplog.records] == []


def run_all(path: Path) -> None:
    """Serve a workspace and ask it everything about each of its files."""
    document, _ = parse(read_source(str(path)))
    assert document is not None
    workspace = build_workspace(document.data, path.parent)
    server = RunningServer.start(workspace, state=None)
    user = workspace.users[0]
    login = f"{user.name}:{user.password}"
    caller = Caller(server.url)
    try:
        for file in workspace.files:
            for method, target in (
                ("POST", f"/api/job-execution/{file.id}/trigger"),
                ("POST", f"/api/job-execution/{file.id}/trigger"),
                ("GET", f"/api/job-execution/{file.id}/status"),
                ("GET", f"/rest/job-configuration/job-history/{file.configuration_id}"),
                ("POST", f"/api/job-execution/{file.id}/stop"),
            ):
                assert caller.call(method, target, user=login).code in {200, 404, 409}
        body = json.dumps({"fileIds": [one.id for one in workspace.files]})
        assert caller.call("POST", "/api/job-execution/trigger", body, user=login).code in {200, 400, 404}
        for execution in server.executions():
            assert caller.call("GET", f"/rest/job-execution/job-details/{execution.id}", user=login).code in {200, 404}
        assert caller.call("GET", "/api/job-execution/list-running", user=login).code == 200
    finally:
        caller.line.close()
        server.close()
    assert server.wait(0)


def test_no_state_is_our_fault(fuzz_seeds: range, folder: Path, tmp_path: Path) -> None:
    data = {"version": 1, "users": [ANALYST], "files": [{"id": 1, "path": "/a.wbk", "simulate": {"records": 7}}]}
    workspace, state = build_workspace(data, folder), tmp_path / "state"
    with RunningServer.start(workspace, state=state) as server:
        caller = Caller(server.url)
        for _ in range(40):
            caller.trigger(1)
        caller.line.close()
    good = (state / "executions.sqlite").read_bytes()
    taken = 0
    for seed in fuzz_seeds:
        for file in state.iterdir():
            file.unlink()
        name, content = fuzz.damaged(good, seed)
        (state / "executions.sqlite").write_bytes(good)
        (state / name).write_bytes(content)
        try:
            server = RunningServer.start(workspace, state=state)
        except OSError:
            continue
        except BaseException as error:
            raise AssertionError(f"--local-fuzz-seed {seed}: {name}") from error
        taken += 1
        with server:
            look_around(server)
    assert taken or len(fuzz_seeds) < 20


def look_around(server: RunningServer) -> None:
    caller = Caller(server.url)
    assert caller.call("GET", "/api/job-execution/1/status").code == 200
    assert caller.call("GET", "/rest/job-configuration/job-history/1001?length=100").code == 200
    for execution in server.executions():
        assert caller.call("GET", f"/rest/job-execution/job-details/{execution.id}").code in {200, 404}
    answer = caller.call("POST", "/api/job-execution/1/trigger")
    assert answer.code == 200 or answer.data["reason"].startswith("The server cannot keep its state: ")
    caller.line.close()


@pytest.fixture
def server(folder: Path) -> Iterator[RunningServer]:
    with RunningServer.start(build_workspace(fuzz.SEEDS[0], folder), state=None) as running:
        yield running


def test_every_request_has_an_answer(
    fuzz_seeds: range, server: RunningServer, caplog: pytest.LogCaptureFixture
) -> None:
    for seed in fuzz_seeds:
        text = fuzz.request(seed)
        told = f"--local-fuzz-seed {seed}\n{text[:2000]!r}"
        code, body = answer_to(server.url, text)
        assert code is None or code in {200, 400, 401, 403, 404, 405, 409, 413, 431}, f"{code} {body!r} {told}"
        if body and body != b"Invalid HTTP request received.":
            json.loads(body)
    caller = Caller(server.url)
    assert caller.call("GET", "/api/job-execution/list-running").code == 200
    caller.line.close()
    assert [one.name for one in threading.enumerate() if one.name == "spectrum-local"] == ["spectrum-local"]
    assert [one.getMessage() for one in caplog.records] == []


def answer_to(url: str, text: bytes) -> tuple[int | None, bytes]:
    """Send bytes, and read the answer to its end; None when the server hung up instead."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=_PATIENCE) as line:
        try:
            line.sendall(text)
            line.shutdown(socket.SHUT_WR)
            response = http.client.HTTPResponse(line, method=text.split(b" ", 1)[0].decode("latin-1"))
            response.begin()
            with response:
                return response.status, response.read()
        except (ConnectionError, http.client.HTTPException):
            return None, b""
