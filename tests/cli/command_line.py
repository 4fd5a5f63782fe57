"""The real command line, called in this process for speed or as a process of its own, and servers for it to talk to."""

import io
import os
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir, closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from spectrum_pipelines.app.embedded import load_workspace
from spectrum_pipelines.cli.main import run
from spectrum_pipelines.local.serving import RunningServer
from tests.aftermath import Called, assert_in_order

ROOT = Path(__file__).parents[2]
PIPELINES = ROOT / "pipelines"
LOGIN = {"SPECTRUM_USERNAME": "analyst", "SPECTRUM_PASSWORD": "analyst"}
PROGRAM = str(Path(sys.executable).with_name("spectrum-pipelines"))
PATIENCE = 20.0  # seconds until a test gives up on a process


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str


def plain_environment(**more: str) -> dict[str, str]:
    """No settings of whoever runs the tests."""
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", "XDG_STATE_HOME") if name in os.environ
    }
    return {**kept, "COLUMNS": "100", "PYTHONUTF8": "1", **more}


def call(*args: str, cwd: Path, env: Mapping[str, str] | None = None) -> Ended:
    """The command in this process, with UTF-8 streams that are no terminal."""
    wanted = plain_environment(**(env or {}))
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    began = time.time_ns()
    with pytest.MonkeyPatch.context() as patch, chdir(cwd), redirect_stdout(out), redirect_stderr(err):
        for name in set(os.environ):
            patch.delenv(name)
        for name, value in wanted.items():
            patch.setenv(name, value)
        code = run(list(args))
        ended = Ended(code, _text(out), _text(err))
    assert_in_order(_called(args, ended, cwd, wanted, began))
    return ended


def _called(args: Sequence[str], ended: Ended, cwd: Path, env: Mapping[str, str], began: int) -> Called:
    return Called(
        args=args, code=ended.code, stdout=ended.stdout, stderr=ended.stderr, folder=cwd, env=env, began=began
    )


def _text(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode("utf-8")


def start(*args: str, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """The command as a process of its own."""
    return subprocess.Popen(
        [PROGRAM, *args],
        cwd=cwd,
        env=plain_environment(**(env or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def process(*args: str, cwd: Path, env: Mapping[str, str] | None = None) -> Ended:
    """The command as a process of its own, to its end."""
    began = time.time_ns()
    with start(*args, cwd=cwd, env=env) as running:
        stdout, stderr = running.communicate(timeout=PATIENCE)
    ended = Ended(running.returncode, stdout, stderr)
    assert_in_order(_called(args, ended, cwd, plain_environment(**(env or {})), began))
    return ended


def pasted(script: str, *, cwd: Path, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Lines that somebody pastes into a shell in which the program is installed; a line that fails ends them."""
    told = plain_environment(**env)
    told["PATH"] = f"{Path(PROGRAM).parent}:{told['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=cwd, env=told, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def parsed(line: str) -> tuple[list[str], dict[str, str]]:
    """A line as a shell would read it: assignments, the program, its arguments."""
    words = shlex.split(line)
    env = {}
    while words and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        env[name] = value
    assert words[0] == "spectrum-pipelines", line
    return words[1:], env


def dead_port() -> str:
    """An address at which nobody listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def embedded(workspace: Path, *, state: Path | None = None) -> Iterator[RunningServer]:
    """The embedded server on a workspace file."""
    with RunningServer.start(load_workspace(workspace), state=state) as server:
        yield server


@dataclass(slots=True)
class Stranger:
    """A web server that is no Spectrum. `seen` lists what it was asked."""

    url: str
    seen: list[str] = field(default_factory=list)


Answering = Callable[[BaseHTTPRequestHandler], None]


def login_page(handler: BaseHTTPRequestHandler) -> None:
    """What a proxy or a single sign-on shows."""
    body = b"<!doctype html><html><title>Sign in</title><body>Please sign in</body></html>"
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """The request arrived, the answer does not."""
    handler.close_connection = True


@contextmanager
def stranger(answer: Answering) -> Iterator[Stranger]:
    """A web server that answers everything in the same way."""

    class Handler(BaseHTTPRequestHandler):
        def _take(self) -> None:
            found.seen.append(f"{self.command} {self.path}")
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            answer(self)

        do_GET = do_POST = do_DELETE = _take  # noqa: N815 - the names that http.server looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's signature
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Stranger(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield found
        server.shutdown()
        thread.join(PATIENCE)
