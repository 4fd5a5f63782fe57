"""What a server, a gateway or a network in between can do to one exchange. Each is a `Fault` for `SpectrumServer`."""

import gzip
import json
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

from tests.faults.spectrum_server import Exchange, Fault, Reply, honest

LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form>password</form></body></html>"


def close(exchange: Exchange) -> bool:
    """The end of the connection instead of an answer."""
    return False


def reset(exchange: Exchange) -> bool:
    """A reset instead of an answer."""
    exchange.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    exchange.sock.close()
    return False


def silence(exchange: Exchange) -> bool:
    """No answer for as long as the client waits."""
    exchange.sock.recv(1)
    return False


def handled(then: Fault) -> Fault:
    """Do what was asked, and let only the answer meet the fault."""

    def fault(exchange: Exchange) -> bool:
        exchange.handle()
        return then(exchange)

    return fault


def code(number: int, body: bytes = b"", *lines: str) -> Fault:
    """Another status code and body than Spectrum's."""

    def fault(exchange: Exchange) -> bool:
        exchange.say(Reply(code=number, body=body).rendered(*lines))
        return True

    return fault


def raw(data: bytes) -> Fault:
    """Bytes, and the end of the connection."""

    def fault(exchange: Exchange) -> bool:
        exchange.say(data)
        return False

    return fault


def says(value: object, number: int = 200) -> Fault:
    """A JSON answer that has nothing to do with what was asked."""
    return code(number, json.dumps(value).encode())


def login_page(exchange: Exchange) -> bool:
    """What a single sign-on puts before a server: 200, and a form."""
    exchange.say(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(LOGIN_PAGE) + LOGIN_PAGE
    )
    return True


def throttled(retry_after: str | None) -> Fault:
    """429 before anything is done."""

    def fault(exchange: Exchange) -> bool:
        exchange.seen.refused = True
        lines = [] if retry_after is None else [f"Retry-After: {retry_after}"]
        return code(429, b"", *lines)(exchange)

    return fault


def redirect(target: str, number: int = 302) -> Fault:
    """Look elsewhere."""
    return code(number, b"", f"Location: {target}")


def cut(share: float = 0.5) -> Fault:
    """The true answer, of which only a part arrives."""

    def fault(exchange: Exchange) -> bool:
        data = exchange.handle().rendered()
        head = data.index(b"\r\n\r\n") + 4
        exchange.say(data[: head + int((len(data) - head) * share)])
        return False

    return fault


def edited(change: Callable[[Any], Any]) -> Fault:
    """The true answer, with something changed in its JSON."""

    def fault(exchange: Exchange) -> bool:
        true = exchange.handle()
        exchange.say(Reply.of(change(json.loads(true.body)), true.code).rendered())
        return True

    return fault


def with_(**changes: object) -> Fault:
    """The true answer with these keys (`_` for `-`) set to something else."""
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    return edited(lambda answer: {**answer, **named})


def drips(gap: float = 0.03) -> Fault:
    """The true answer, one byte at a time."""

    def fault(exchange: Exchange) -> bool:
        for byte in exchange.handle().rendered():
            exchange.say(bytes([byte]))
            if exchange.server.closing.wait(gap):
                break
        return False

    return fault


def late(seconds: float) -> Fault:
    """The true answer, after a while."""

    def fault(exchange: Exchange) -> bool:
        exchange.server.closing.wait(seconds)
        return honest(exchange)

    return fault


def when(opened: threading.Event) -> Fault:
    """The true answer, once the test says so."""

    def fault(exchange: Exchange) -> bool:
        assert opened.wait(10)
        return honest(exchange)

    return fault


def handled_at_once_answered_when(opened: threading.Event) -> Fault:
    """Handled now, answered once the test says so."""

    def fault(exchange: Exchange) -> bool:
        reply = exchange.handle()
        assert opened.wait(10)
        exchange.say(reply.rendered())
        return True

    return fault


def gzip_bomb(exchange: Exchange) -> bool:
    """A hundred megabytes that arrive as a hundred kilobytes."""
    packed = gzip.compress(b" " * 100_000_000, compresslevel=6)
    exchange.say(Reply(code=200, body=packed).rendered("Content-Encoding: gzip"))
    return True


def endless(exchange: Exchange) -> bool:
    """A body that does not end before the client leaves."""
    exchange.say(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
    try:
        while not exchange.server.closing.is_set():
            exchange.say(b" " * 1_000_000)
    except OSError:
        return False
    return False


def deep(exchange: Exchange) -> bool:
    """JSON of a hundred thousand levels."""
    exchange.say(Reply(code=200, body=b"[" * 100_000 + b"]" * 100_000).rendered())
    return True


def echo(exchange: Exchange) -> bool:
    """A debug page that shows the whole request, credentials included."""
    shown = dict(exchange.seen.headers)
    told = {"status": "failure", "reason": f"debug: {shown} {exchange.seen.body.decode()}"}
    exchange.say(Reply.of(told, 400).rendered())
    return True
