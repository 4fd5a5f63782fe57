"""Starting and closing: addresses, connections that stay open, queries that run."""

import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from spectrum_pipelines.local.serving import RunningServer
from spectrum_pipelines.local.workspace import Workspace, build_workspace
from tests.local.conftest import ANALYST, Caller, Open

HEAVY = "SELECT count(*) AS n FROM range(100000000000000) AS t(n) WHERE n % 7 = 3"


def workspace(folder: Path) -> Workspace:
    file = {"id": 1, "path": "/a.wbk", "simulate": {}}
    return build_workspace({"version": 1, "users": [ANALYST], "files": [file]}, folder)


def test_a_port_in_use_is_an_os_error(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken, pytest.raises(OSError, match="in use"):
        RunningServer.start(workspace(tmp_path), port=taken.getsockname()[1], state=None)


def test_a_state_folder_that_cannot_be_is_an_os_error_and_frees_the_port(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    with pytest.raises(OSError, match="file"):
        RunningServer.start(workspace(tmp_path), port=port, state=tmp_path / "file" / "state")
    RunningServer.start(workspace(tmp_path), port=port, state=None).close()


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_it_speaks_ipv6(tmp_path: Path) -> None:
    try:
        server = RunningServer.start(workspace(tmp_path), host="::1", state=None)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with server:
        caller = Caller(server.url)
        assert server.url.startswith("http://[::1]:")
        assert caller.status(1)["job-status"] == "_NONE"
        caller.line.close()


def test_close_does_not_wait_for_queries_connections_or_slow_callers(
    site: Open, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    server = site({"id": 1, "path": "/heavy.wbk", "workbook": {"table": "t", "sql": HEAVY}}, state=tmp_path / "state")
    number = server.trigger(1)  # and its connection stays open
    host, port = server.address.split(":")
    with (
        closing(socket.create_connection((host, int(port)))) as slow,
        closing(socket.create_connection((host, int(port)))),
    ):
        login = "Authorization: Basic YW5hbHlzdDphbmFseXN0"
        slow.sendall(f"POST /api/job-execution/trigger HTTP/1.1\r\nHost: localhost\r\n{login}\r\n".encode())
        slow.sendall(b"Content-Length: 100\r\n\r\n{")
        server.status(1)
        started = time.monotonic()
        server.server.close()
        assert time.monotonic() - started < 2
    assert server.run(number).status == "CANCELED"
    server.server.close()  # again does nothing
    assert capfd.readouterr().err == ""


def test_a_log_that_breaks_stops_no_job(tmp_path: Path) -> None:
    def broken(_: str) -> None:
        raise BrokenPipeError

    with RunningServer.start(workspace(tmp_path), state=None, log=broken) as server:
        caller = Caller(server.url)
        number = caller.trigger(1)
        patience = time.monotonic() + 5
        while caller.details(number)["jobStatus"] != "COMPLETED":
            assert time.monotonic() < patience
        caller.line.close()


def test_wait_ends_with_the_server(tmp_path: Path) -> None:
    server = RunningServer.start(workspace(tmp_path), state=None)
    assert not server.wait(0)
    threading.Thread(target=server.close).start()
    assert server.wait(5)


def test_simulated_workspaces_do_not_load_duckdb(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from spectrum_pipelines.local.workspace import *;"
        "from spectrum_pipelines.local.serving import RunningServer;"
        "data = {'users': [], 'files': [{'id': 1, 'path': '/a', 'simulate': {}}]};"
        "RunningServer.start(build_workspace(data, Path()), state=None).close();"
        "sys.exit('duckdb' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=False, timeout=20).returncode == 0


def test_a_body_that_ends_too_early_is_no_fault_of_ours(site: Open, caplog: pytest.LogCaptureFixture) -> None:
    server = site({"id": 1, "path": "/a.wbk", "simulate": {}})
    host, port = server.address.split(":")
    head = "POST /api/job-execution/trigger HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YW5hbHlzdDphbmFseXN0"
    with closing(socket.create_connection((host, int(port)), timeout=5)) as torn:
        torn.sendall(f"{head}\r\nContent-Length: 100\r\n\r\n{{".encode())
        torn.shutdown(socket.SHUT_WR)
        assert torn.recv(100) == b""
    assert server.status(1)["job-status"] == "_NONE"
    assert caplog.records == []
