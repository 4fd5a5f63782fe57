"""Servers that misbehave to order, and a transport and a clock that exist only in memory."""

import json
import random
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import pytest

from spectrum_pipelines.client.api import SpectrumApi
from spectrum_pipelines.client.retry import RetrySettings
from spectrum_pipelines.client.transport.exchange import Call, Reply
from spectrum_pipelines.client.transport.http import HttpTransport
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.errors import ClientError

PATIENCE = 10.0  # seconds until a test gives up waiting for an event
USER, PASSWORD = "analyst", "s3cr&t Pässwort"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request as it came over the wire, and over which connection, counted from 1."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


class Line:
    """The server's end of one connection."""

    def __init__(self, server: "ScriptedServer", sock: socket.socket, number: int) -> None:
        self.server = server
        self.sock = sock
        self.number = number
        self._file = sock.makefile("rb")

    def request(self) -> Seen | None:
        start = self._file.readline().decode("latin-1").split()
        if len(start) < 2:
            return None
        headers: dict[str, str] = {}
        while (line := self._file.readline().strip()) != b"":
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = self._file.read(int(headers.get("content-length", "0")))
        return Seen(method=start[0], target=start[1], headers=headers, body=body, connection=self.number)

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def until_the_client_leaves(self) -> None:
        self._file.read()

    def close(self) -> None:
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self._file.close()
        self.sock.close()


#: One answer. True keeps the connection for the next request.
Step = Callable[[Line, Seen], bool]


class ScriptedServer:
    """Answers each request with the next step; the last step is repeated. Steps go over all connections in the order of arrival."""

    def __init__(self, *steps: Step, tls: ssl.SSLContext | None = None, host: str = "localhost") -> None:
        self.seen: list[Seen] = []
        self.connections = 0
        self.steps = list(steps)
        self.tls = tls
        self._lock = threading.Lock()
        self.closing = threading.Event()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}"
        self._start(self._accept)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                sock.settimeout(PATIENCE)
                self._sockets.append(sock)
                self.connections += 1
                self._start(self._serve, sock, self.connections)

    def _serve(self, sock: socket.socket, number: int) -> None:
        # The client under test hangs up in the middle of things, by design.
        with suppress(OSError, ValueError):
            if self.tls is not None:
                sock = self.tls.wrap_socket(sock, server_side=True)
                self._sockets.append(sock)
            with closing(Line(self, sock, number)) as line:
                while (request := line.request()) is not None and self._next(request)(line, request):
                    pass

    def _next(self, request: Seen) -> Step:
        with self._lock:
            self.seen.append(request)
            return self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]

    def relay(self, line: Line, target: str) -> None:
        """Carry bytes both ways, as a proxy does after CONNECT. In one thread: two must not use a TLS socket at once."""
        host, _, port = target.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as far:
            ways = {line.sock: far, far: line.sock}
            while not self.closing.is_set():
                ready = select.select(list(ways), [], [], 0.1)[0]
                if isinstance(line.sock, ssl.SSLSocket) and line.sock.pending() and line.sock not in ready:
                    ready.append(line.sock)
                for source in ready:
                    if not (data := source.recv(65536)):
                        return
                    ways[source].sendall(data)

    def close(self) -> None:
        self.closing.set()
        # Closing a listener does not wake the thread that accepts on it.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def head(code: int = 200, *lines: str, length: int | None = None) -> bytes:
    framing = [] if length is None else [f"Content-Length: {length}"]
    return "\r\n".join([f"HTTP/1.1 {code} Any", *framing, *lines, "", ""]).encode("latin-1")


def answer(body: object = None, *lines: str, code: int = 200) -> Step:
    """A whole answer: bytes as they are, anything else as JSON, None as no body at all."""
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return raw(head(code, *lines, length=len(data)) + data, keep=True)


def raw(data: bytes, *, keep: bool = False) -> Step:
    def step(line: Line, _: Seen) -> bool:
        line.say(data)
        return keep

    return step


def hang_up(line: Line, _: Seen) -> bool:
    return False


def reset(line: Line, _: Seen) -> bool:
    line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.sock.close()
    return False


def silence(line: Line, _: Seen) -> bool:
    line.until_the_client_leaves()
    return False


def drip(data: bytes, *, first: bytes = b"", gap: float = 0.02) -> Step:
    """Some bytes at once, the rest one at a time until the client has had enough."""

    def step(line: Line, _: Seen) -> bool:
        line.say(first)
        for byte in data:
            line.say(bytes([byte]))
            if line.server.closing.wait(gap):
                break
        return False

    return step


RUNNING = {"status": "success", "file-id": 48, "job-execution-id": 3, "job-status": "RUNNING"}
STARTED = {
    "status": "success",
    "job-execution-id": 11,
    "job-execution-user": "admin",
    "job-execution-trigger": "RESTAPI",
}


class VirtualClock:
    """Time that passes only in sleep."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._elapsed = 0.0

    def monotonic(self) -> float:
        return self._elapsed

    def now(self) -> datetime:
        return datetime(2026, 11, 23, 15, 0, tzinfo=UTC) + timedelta(seconds=self._elapsed)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._elapsed += seconds


@dataclass
class ScriptedTransport:
    """Answers each call with the next reply, or raises it; the last one is repeated."""

    script: list[Reply | ClientError]
    calls: list[Call] = field(default_factory=list)

    def send(self, call: Call) -> Reply:
        self.calls.append(call)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, ClientError):
            raise step
        return step


def reply(body: object = None, code: int = 200, **headers: str) -> Reply:
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(http_status=code, headers={"Content-Type": "application/json"} | named, body=data)


@dataclass
class Bench:
    """An API over a scripted transport, with everything that can be looked at afterwards."""

    api: SpectrumApi
    transport: ScriptedTransport
    clock: VirtualClock
    lines: list[str]


def bench(*script: Reply | ClientError, retry: RetrySettings | None = None, **more: Any) -> Bench:
    clock, transport, lines = VirtualClock(), ScriptedTransport(list(script)), []  # type: ignore[var-annotated]
    settings: dict[str, Any] = {"server": "https://spectrum.example.com", "on_retry": lines.append} | more
    api = SpectrumApi(
        transport=transport, retry=retry or RetrySettings(), clock=clock, random=random.Random(7), **settings
    )
    return Bench(api=api, transport=transport, clock=clock, lines=lines)


Transports = Callable[..., HttpTransport]


@pytest.fixture
def transport(monkeypatch: pytest.MonkeyPatch) -> Iterator[Transports]:
    """Build transports on the real clock, with a login and short timeouts, and no proxy of the machine in between."""
    for name in (
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    opened: list[HttpTransport] = []

    def build(**more: Any) -> HttpTransport:
        settings: dict[str, Any] = {
            "clock": SystemClock(),
            "auth": (USER, PASSWORD),
            "environ": {},
            "connect_timeout": 5,
            "read_timeout": 5,
        }
        opened.append(HttpTransport(**(settings | more)))
        return opened[-1]

    yield build
    for one in opened:
        one.close()


def get(server: ScriptedServer, target: str = "/x", *, deadline: float = PATIENCE) -> Call:
    return Call(method="GET", url=server.url + target, deadline=deadline)


def post(server: ScriptedServer, target: str = "/x", *, deadline: float = PATIENCE, body: bytes | None = None) -> Call:
    return Call(method="POST", url=server.url + target, deadline=deadline, fresh_connection=True, body=body)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is ours and that nobody listens on."""
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]
