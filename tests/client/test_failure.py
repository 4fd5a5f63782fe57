"""Every exception there is becomes one of ours, and only a failure to connect becomes Unsent."""

import http.client
import socket
import ssl
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import requests.exceptions
import urllib3.exceptions

from spectrum_pipelines.client.transport.adapter import FOREIGN
from spectrum_pipelines.client.transport.failure import NotConnected, unanswered, unsent
from spectrum_pipelines.errors import AnswerTimeout, TlsFailure, Unanswered, Undecodable, Unsent
from spectrum_pipelines.redaction import plain

MODULES = [requests.exceptions, urllib3.exceptions, http.client, ssl, socket]


def classes() -> Iterator[type[Exception]]:
    found = {
        thing
        for module in MODULES
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and isinstance(thing, type)
        and issubclass(thing, Exception)
        and not issubclass(thing, Warning)
    }
    yield from sorted(
        found | {zlib.error, TimeoutError, ConnectionResetError, BrokenPipeError},
        key=lambda kind: (kind.__module__, kind.__qualname__),
    )


def instance(kind: type[Exception]) -> Exception:
    """Whatever their constructors want: the mapping may not ask for more than the class."""
    error: Any = kind.__new__(kind)
    error.args = ("text",)
    if issubclass(kind, http.client.IncompleteRead):  # whose text is made of these
        error.partial = 0 if issubclass(kind, urllib3.exceptions.HTTPError) else b""
        error.expected, error.length = 7, b"x"
    return error  # type: ignore[no-any-return]


EVERY = [pytest.param(kind, id=f"{kind.__module__}.{kind.__qualname__}") for kind in classes()]


def test_there_are_many() -> None:
    assert len(EVERY) > 60


@pytest.mark.parametrize("kind", EVERY)
def test_every_exception_of_the_libraries_is_caught(kind: type[Exception]) -> None:
    """Those of zlib are caught where bodies are unpacked."""
    assert issubclass(kind, FOREIGN) or kind is zlib.error


@pytest.mark.parametrize("kind", EVERY)
def test_outside_of_connecting_everything_is_unanswered(kind: type[Exception]) -> None:
    mapped = unanswered(instance(kind), where="POST http://host/x", patience="1 s", redact=plain)
    assert isinstance(mapped, Unanswered)
    assert not isinstance(mapped, Unsent)
    assert "POST http://host/x" in str(mapped)


@pytest.mark.parametrize("kind", EVERY)
def test_while_connecting_everything_is_unsent(kind: type[Exception]) -> None:
    mapped = unsent(NotConnected(instance(kind)), where="POST http://host/x", host="host:1", redact=plain)
    assert isinstance(mapped, Unsent)
    assert "host:1" in str(mapped)


TLS = [
    pytest.param(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), True, id="no-tls-there"),
    pytest.param(urllib3.exceptions.SSLError(ssl.SSLError(1, "bad")), True, id="wrapped"),
    pytest.param(ssl.SSLEOFError(8, "EOF"), False, id="hung-up"),
    pytest.param(ConnectionResetError(104, "reset"), False, id="reset"),
    pytest.param(TimeoutError("handshake"), False, id="slow"),
    pytest.param(OSError("Tunnel connection failed: 407"), False, id="proxy"),
]


@pytest.mark.parametrize(("cause", "hopeless"), TLS)
def test_only_tls_itself_is_hopeless(cause: Exception, hopeless: bool) -> None:
    mapped = unsent(NotConnected(cause), where="w", host="host", redact=plain)
    assert isinstance(mapped, TlsFailure) is hopeless


def wrapped(cause: Exception) -> Exception:
    """The way a reset comes up through the layers."""
    pool: Any = None
    inner = urllib3.exceptions.ProtocolError("Connection aborted.", cause)
    return requests.exceptions.ConnectionError(urllib3.exceptions.MaxRetryError(pool, "http://u:pw@host/?s=1", inner))


def test_the_innermost_cause_gives_the_words() -> None:
    mapped = unanswered(wrapped(ConnectionResetError(104, "reset by peer")), where="w", patience="", redact=plain)
    assert str(mapped).endswith("[Errno 104] reset by peer")
    assert "pw" not in str(mapped)


@pytest.mark.parametrize(
    ("cause", "kind", "match"),
    [
        (TimeoutError("timed out"), AnswerTimeout, r"in time \(5 s\)"),
        (http.client.IncompleteRead(b"", 7), Undecodable, "cut off"),
        (http.client.BadStatusLine("x" * 9000), Unanswered, "x" * 200 + "$"),
        (ValueError(""), Unanswered, "ValueError$"),
    ],
    ids=["timeout", "cut", "long", "wordless"],
)
def test_what_happened_is_said(cause: Exception, kind: type[Unanswered], match: str) -> None:
    mapped = unanswered(wrapped(cause), where="w", patience="5 s", redact=plain)
    assert type(mapped) is kind
    with pytest.raises(kind, match=match):
        raise mapped


def test_what_the_caller_was_handling_does_not_count() -> None:
    """A call made in an `except` block: Python hangs the caller's error on to ours."""
    error = ConnectionResetError(104, "reset by peer")
    error.__context__ = ssl.SSLError(1, "an older trouble")
    assert not isinstance(unsent(NotConnected(error), where="w", host="host", redact=plain), TlsFailure)


def test_a_cause_that_goes_round_in_circles_ends() -> None:
    error = OSError("a")
    error.__cause__ = other = OSError("b")
    other.__cause__ = error
    assert isinstance(unanswered(error, where="w", patience="", redact=plain), Unanswered)
