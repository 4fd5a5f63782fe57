"""Foreign exceptions to ours, in one place and for every exception there is.

Which of the dozens of classes of requests, urllib3, http.client, ssl and socket arrives decides the words of a message and nothing
else. The class of our error follows from *where* it was raised: what comes out of the making of a connection arrives wrapped as
NotConnected and is Unsent; all else is Unanswered. So an exception that nobody thought of is taken for "may have been handled" and
never for "provably not".
"""

import socket
import ssl
import zlib
from collections.abc import Iterator
from http.client import IncompleteRead

from spectrum_pipelines.errors import AnswerTimeout, TlsFailure, Unanswered, Undecodable, Unsent
from spectrum_pipelines.redaction import Redact

_LONGEST_REASON = 200
_TLS_HINT = (
    "if this certificate is to be trusted, give the CA that signed it with --ca-bundle FILE; "
    "an expired one or one for another host has to be replaced on the server"
)


class NotConnected(Exception):
    """No connection came about: name, TCP, proxy or TLS. Nothing of the request had been written.

    Not an OSError, so that no library on the way up takes it for one of its own and wraps or retries it.
    """

    def __init__(self, cause: Exception) -> None:
        super().__init__(cause)
        self.cause = cause


def unsent(failure: NotConnected, *, where: str, host: str, redact: Redact) -> Unsent:
    """`host` is whom we tried to reach, a proxy included, for the message."""
    chain = list(_chain(failure.cause))
    reason = _reason(chain, redact)
    for error in chain:
        match error:
            case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
                break  # hung up in the handshake: a server that restarts does that, and it passes
            case ssl.SSLCertVerificationError():
                # Where a library checks the host name itself, OpenSSL's own words are missing.
                why = redact(getattr(error, "verify_message", "")) or reason
                return TlsFailure(f"{where}: the certificate of {host} is not accepted: {why}", hint=_TLS_HINT)
            case ssl.SSLError():
                return TlsFailure(f"{where}: no TLS with {host}: {reason}", hint=f"is it https at all? {_TLS_HINT}")
            case socket.gaierror() | UnicodeError():
                return Unsent(
                    f"{where}: the name of {host} cannot be resolved", hint="check the server URL and the DNS"
                )
            case ConnectionRefusedError():
                return Unsent(
                    f"{where}: {host} refuses connections", hint="is the server running, and is the port right?"
                )
            case TimeoutError():
                return Unsent(
                    f"{where}: no connection to {host} in time", hint="check the host, the port and any firewall"
                )
    return Unsent(f"{where}: no connection to {host}: {reason}")


def unanswered(error: Exception, *, where: str, patience: str, redact: Redact) -> Unanswered:
    """The request may have been handled, whatever the exception says. `patience` tells how long was waited."""
    chain = list(_chain(error))
    if any(isinstance(cause, TimeoutError) for cause in chain):
        return AnswerTimeout(f"{where}: no complete answer in time ({patience})")
    if any(isinstance(cause, IncompleteRead | zlib.error) for cause in chain):
        return Undecodable(f"{where}: the answer was cut off")
    return Unanswered(f"{where}: the connection broke before the answer was complete: {_reason(chain, redact)}")


def _chain(error: BaseException, depth: int = 8) -> Iterator[BaseException]:
    """An exception and what it was made from: the libraries wrap by `reason`, by argument and by cause, several layers deep."""
    yield error
    if depth:
        # Not __context__: the caller may itself be handling an error, and that one says nothing about this call.
        for inner in (getattr(error, "reason", None), *error.args, error.__cause__):
            if isinstance(inner, BaseException):
                yield from _chain(inner, depth - 1)


def _reason(chain: list[BaseException], redact: Redact) -> str:
    # The outer layers print URLs, pool objects and memory addresses; the innermost says what happened.
    innermost = chain[-1]
    text = redact(f"{innermost}".strip())[:_LONGEST_REASON]
    return text or type(innermost).__name__
