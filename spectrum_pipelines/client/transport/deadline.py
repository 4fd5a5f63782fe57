"""The wall clock of one call, enforced where the bytes come in.

A read timeout starts anew with every byte, so a server that drips one byte at a time holds a call for ever. Therefore each single
read and write of a socket is given only what is left of its call. That bounds header lines, bodies and a proxy's answer to CONNECT
alike, encrypted or not; the TLS handshake is one blocking call that keeps the timeout of the connect.

What is not bounded here: the system's resolver, which cannot be interrupted and ends by its own settings.
"""

import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

from spectrum_pipelines.clock import Clock

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


Options = Sequence[tuple[int, int, int | bytes]]


@dataclass(frozen=True, slots=True)
class Deadline:
    """`ends_at` is on the clock's monotonic scale.

    In seconds: `connect` for one address or one TLS handshake, `silence` for one read or write.
    """

    clock: Clock
    ends_at: float
    _: KW_ONLY
    connect: float
    silence: float

    def left(self, *, at_most: float) -> float:
        """Seconds that the next step may take, always above zero. Raises TimeoutError."""
        left = self.ends_at - self.clock.monotonic()
        if left <= 0:
            raise TimeoutError("the call has used up its time")
        return min(left, at_most)


# A call runs in one thread from its first byte to its last, while a pooled connection serves many calls: so the deadline belongs
# to the thread's context and not to the socket.
_current: ContextVar[Deadline | None] = ContextVar("deadline of the call", default=None)


@contextmanager
def applies(deadline: Deadline) -> Iterator[None]:
    """Hold every socket used in this thread to the deadline."""
    token = _current.set(deadline)
    try:
        yield
    finally:
        _current.reset(token)


def _limit(sock: socket.socket) -> None:
    """Give the next read or write of the socket what is left of the call."""
    if (deadline := _current.get()) is not None:
        sock.settimeout(deadline.left(at_most=deadline.silence))


def _limit_connect(sock: socket.socket) -> None:
    if (deadline := _current.get()) is not None:
        sock.settimeout(deadline.left(at_most=deadline.connect))


class TimedSocket(socket.socket):
    """A TCP socket whose every wait is cut to the call's time."""

    def settimeout(self, value: float | None, /) -> None:
        """Spare the system a call, and this thread its turn, where nothing changes: nearly always."""
        if value != self.gettimeout():
            super().settimeout(value)

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int = 0, flags: int = 0) -> int:
        """Read: what `makefile()` and thereby http.client uses."""
        _limit(self)
        return super().recv_into(buffer, nbytes, flags)

    def sendall(self, data: "ReadableBuffer", flags: int = 0, /) -> None:
        """Write; the timeout covers the whole of the data."""
        _limit(self)
        super().sendall(data, flags)


class TimedTlsSocket(ssl.SSLSocket):
    """A TLS socket whose every wait is cut to the call's time: `ssl.SSLContext.sslsocket_class`."""

    def settimeout(self, value: float | None, /) -> None:
        """Ask the system only where the timeout changes."""
        if value != self.gettimeout():
            super().settimeout(value)

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Read, for a TLS that is carried inside this one (an encrypted proxy)."""
        _limit(self)
        return super().recv(buflen, flags)

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0) -> int:
        """Read: one TLS read has one timeout, however many packets it takes."""
        _limit(self)
        return super().recv_into(buffer, nbytes, flags)

    def send(self, data: "ReadableBuffer", flags: int = 0) -> int:
        """Write; `sendall()` of an SSLSocket comes here piece by piece."""
        _limit(self)
        return super().send(data, flags)


def connect(host: str, port: int, *, options: Options) -> TimedSocket:
    """A TCP connection to the first address of the host that answers. Raises OSError, or UnicodeError for an impossible name.

    Every address gets the deadline's `connect` seconds, all together what is left of the call.
    """
    failure = OSError("the name has no address")
    for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        try:
            return _connected(family, address, options)
        except OSError as error:  # also a machine that speaks no IPv6
            failure = error
    raise failure


def _connected(family: int, address: Any, options: Options) -> TimedSocket:
    sock = TimedSocket(family, socket.SOCK_STREAM)
    try:
        for option in options:
            sock.setsockopt(*option)
        _limit_connect(sock)
        sock.connect(address)
        _limit_connect(sock)  # for the TLS handshake that may follow
    except OSError:
        sock.close()
        raise
    return sock
