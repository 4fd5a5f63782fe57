"""The time of a call, where the sockets see it."""

import socket
from collections.abc import Iterator

import pytest

from spectrum_pipelines.client.transport import deadline
from spectrum_pipelines.client.transport.deadline import Deadline, TimedSocket
from tests.client.conftest import VirtualClock


@pytest.fixture
def pair() -> Iterator[tuple[TimedSocket, socket.socket]]:
    near, far = socket.socketpair()
    timed = TimedSocket(fileno=near.detach())
    with timed, far:
        yield timed, far


def test_what_is_left_shrinks_and_ends() -> None:
    clock = VirtualClock()
    limits = Deadline(clock, 100.0, connect=10, silence=60)
    assert limits.left(at_most=60) == 60
    clock.sleep(95)
    assert limits.left(at_most=60) == 5
    clock.sleep(5)
    with pytest.raises(TimeoutError):
        limits.left(at_most=60)


def test_every_read_and_write_gets_what_is_left(pair: tuple[TimedSocket, socket.socket]) -> None:
    near, far = pair
    clock = VirtualClock()
    with deadline.applies(Deadline(clock, 100.0, connect=10, silence=60)):
        near.sendall(b"x")
        assert near.gettimeout() == 60
        clock.sleep(70)
        far.sendall(b"y")
        near.recv_into(bytearray(1))
        assert near.gettimeout() == 30
        clock.sleep(30)
        with pytest.raises(TimeoutError):
            near.sendall(b"too late")


def test_outside_of_a_call_a_socket_is_a_socket(pair: tuple[TimedSocket, socket.socket]) -> None:
    near, far = pair
    near.sendall(b"x")
    assert far.recv(1) == b"x"
    assert near.gettimeout() is None


def test_the_first_address_that_answers_is_taken(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    """A host with an IPv6 and an IPv4 address, of which only one has a server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))
            for port in (closed_port, listener.getsockname()[1])
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        deadline.connect("two.example", 80, options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]).close()
        found.pop()
        with pytest.raises(ConnectionRefusedError):
            deadline.connect("one.example", 80, options=())
        found.pop()
        with pytest.raises(OSError, match="no address"):
            deadline.connect("none.example", 80, options=())
