"""The running server: a thread with an event loop and a listening socket."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import uvicorn

from .deletion import Deletions
from .execution import Execution
from .folder import prepare
from .gate import Gate
from .inside import STATE_FOLDER
from .ledger import Ledger
from .model import Workspace
from .routes import Api
from .scheduler import Scheduler
from .starting import JobStarter
from .store import Store

__all__ = ["STATE_FOLDER", "RunningServer"]

_GRACE: Final = 1.0  # seconds for calls in progress at close; what is left then is cut off
_ANYWHERE: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - to recognise, not to bind


class RunningServer:
    """A server that accepts connections until `close`. `start` raises OSError if the address or the state is in use.

    Without a `state` folder, history and tables are in memory and end with the server. `log` gets one line for each
    change of an execution, on the server's own thread.
    """

    def __init__(
        self, workspace: Workspace, listener: socket.socket, state: Path | None, log: Callable[[str], None]
    ) -> None:
        self._workspace = workspace
        self._listener = listener
        self._state = state
        self._write_log = log
        self._failure: BaseException | None = None
        self._ready = threading.Event()
        self._closed = threading.Event()
        self._uvicorn: _Uvicorn | None = None
        self._ledger: Ledger | None = None
        self.url = _url(listener)
        self._thread = threading.Thread(target=self._run, name="spectrum-local", daemon=True)

    @classmethod
    def start(
        cls,
        workspace: Workspace,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        state: Path | None,
        log: Callable[[str], None] | None = None,
    ) -> Self:
        """Listen, recover the state, and return when the server answers. Port 0 means a free port."""
        listener = _listen(host, port)
        server = cls(workspace, listener, state, log or (lambda _: None))
        server._thread.start()
        server._ready.wait()
        if server._failure is not None:
            server._thread.join()
            raise server._failure
        return server

    def executions(self) -> list[Execution]:
        """List all executions, oldest first."""
        return self._ledger.everything() if self._ledger else []

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the server is closed. Returns False if the timeout (seconds) came first."""
        return self._closed.wait(timeout)

    def close(self) -> None:
        """Stop running jobs and end within two seconds, even with open connections. A second call does nothing."""
        if self._uvicorn is not None:
            self._uvicorn.finish()
        self._thread.join(timeout=2)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - carried over to the thread that called start
            self._failure = error
        finally:
            self._listener.close()
            self._closed.set()
            self._ready.set()

    def _log(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # a log that nobody reads any more must not stop a job
            self._write_log(line)

    async def _serve(self) -> None:
        with contextlib.ExitStack() as stack:
            if self._state is not None:
                prepare(self._state)
            store = Store(self._state)
            stack.callback(store.close)
            starter = JobStarter(self._workspace, self._state)
            stack.callback(starter.close)
            self._ledger = Ledger(store)
            deletions = Deletions(self._ledger, starter.drop)
            for file in self._workspace.files:
                deletions.drop_deleted(file)
            scheduler = Scheduler(self._workspace, self._ledger, starter.start, self._log)
            scheduler.recover()
            app = Api(self._workspace, self._ledger, scheduler, deletions).app()
            gate = Gate(app, self._workspace.users, self._hosts())
            self._uvicorn = _Uvicorn(_config(gate), self._ready)
            try:
                await self._uvicorn.serve(sockets=[self._listener])
            finally:
                await scheduler.close()

    def _hosts(self) -> frozenset[str]:
        bound = self._listener.getsockname()[0]
        return self._workspace.hosts | {bound} | ({"*", socket.gethostname()} if bound in _ANYWHERE else set())


class _Uvicorn(uvicorn.Server):
    """A uvicorn server that reports when it is ready, and ends at once when `finish` is called.

    In a thread of its own, uvicorn leaves the signals to the caller.
    """

    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        super().__init__(config)
        self._is_ready = ready
        self._finish = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def finish(self) -> None:
        """Ask the server to end. Any thread may call this, more than once."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: it has ended already
            self._loop.call_soon_threadsafe(self._finish.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._is_ready.set()

    async def main_loop(self) -> None:
        # The tick keeps the Date header; uvicorn counts in tenths of a second.
        tenths = 0
        while not (self._finish.is_set() or await self.on_tick(tenths)):
            tenths += 10
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._finish.wait(), timeout=1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - uvicorn's signature
        # uvicorn's own sleeps a tenth of a second here even when nothing is left to wait for, and logs in between.
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                while self.server_state.connections:
                    await asyncio.sleep(0.005)


def _config(app: Gate) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="asyncio",
        lifespan="off",
        ws="none",
        access_log=False,
        log_config=None,
        log_level="error",  # a torn request is the caller's affair; only our own faults go to stderr
        server_header=False,
        proxy_headers=False,
    )


def _listen(host: str, port: int) -> socket.socket:
    # The protocol is spelled out because asyncio sets TCP_NODELAY only where it is: with Nagle's algorithm every
    # answer would take 40 ms.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(512)
    except OSError:
        listener.close()
        raise
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - to recognise, not to bind
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
