"""Whose fault is it? The tree of everything that this package raises, and the exit codes that it ends with.

::

    SpectrumPipelinesError
    ├── UserError                 the user's file, option or environment                exit 2
    │   └── UnreadableFile        a file that cannot be read or decoded                 exit 2
    ├── Interruption              a signal before anything was triggered            exit 130, 143
    ├── ConflictError             a job, a group or a run key is busy                   exit 6
    ├── StateError                the state directory or a report path fails us         exit 2
    │   ├── StoreUnreachable      the shared store does not answer                      exit 3
    │   ├── StoreLoginRefused     the shared store refuses the login or we its certificate  exit 7
    │   └── Fenced                another process has taken over the run                exit 6
    └── ClientError               a call to Spectrum that gave no usable answer
        ├── Unsent                provably never reached the server                     exit 3
        │   ├── HeldBack          not sent by ourselves: what it rests on is too old    exit 3
        │   └── TlsFailure        a certificate is refused, ours or the server's         exit 7
        ├── Unanswered            sent, and nobody knows whether it was handled         exit 3
        │   ├── AnswerTimeout     no complete answer within the time of the call        exit 3
        │   ├── ServerFault       any 5xx answer                                        exit 3
        │   ├── Undecodable       an answer that is cut, too large or not JSON          exit 3
        │   └── NotSpectrum       HTML, a redirect, a shape that Spectrum never sends   exit 3
        ├── Throttled             429: refused before it was handled, come again        exit 3
        ├── Unauthorized          401: the login is refused                             exit 7
        └── Refused               Spectrum's own no, with its reason                    exit 1
            ├── Unexplained       a 4xx answer that is not in Spectrum's words          exit 1
            └── Forbidden         403: this user may not do that                        exit 7

`InvalidFile`, a UserError that carries the faults of a file, stands in `document.diagnostic`, beside what a fault is. What is not
in this tree is our bug: exit 70. The library raises, only `cli` prints and exits.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """The process's answer to CI. With several outcomes the gravest wins: 5, 4, 1."""

    SUCCEEDED = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    TIMED_OUT = 4
    UNKNOWN = 5
    CONFLICT = 6
    LOGIN_REFUSED = 7
    BUG = 70
    INTERRUPTED = 130
    TERMINATED = 143


class SpectrumPipelinesError(Exception):
    """A failure that has been thought of: one message, a hint that says what to do, and lines of evidence between them."""

    exit_code: ExitCode = ExitCode.BUG

    def __init__(self, message: str, *, hint: str | None = None, details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def __str__(self) -> str:
        return self.message


class UserError(SpectrumPipelinesError):
    """The user's file, option or environment cannot be used as it is."""

    exit_code = ExitCode.USAGE


class UnreadableFile(UserError):
    """A file that is missing, a directory, forbidden, too large or not text."""


class Interruption(SpectrumPipelinesError):
    """A signal came before anything was triggered. `exit_code` is the signal's."""

    def __init__(self, message: str, *, exit_code: ExitCode) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class ConflictError(SpectrumPipelinesError):
    """Somebody else holds the job, the group or the run key; nothing was triggered."""

    exit_code = ExitCode.CONFLICT


class StateError(UserError):
    """The state directory or a report path cannot be written, or holds what we did not write."""


class StoreUnreachable(StateError):
    """The shared store does not answer, or not in time: the same again may succeed later."""

    exit_code = ExitCode.UNREACHABLE


class StoreLoginRefused(StateError):
    """The shared store refuses the login, or its certificate is not trusted: the same again would fail again."""

    exit_code = ExitCode.LOGIN_REFUSED


class Fenced(StateError):
    """Another process has taken over the run: this one must write, trigger, stop and delete nothing more."""

    exit_code = ExitCode.CONFLICT


class ClientError(SpectrumPipelinesError):
    """A call to Spectrum that gave no usable answer. `http_status` is None where no answer came."""

    exit_code = ExitCode.UNREACHABLE

    def __init__(self, message: str, *, hint: str | None = None, http_status: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.http_status = http_status


class Unsent(ClientError):
    """Name look-up, connect or TLS failed: the server provably saw nothing of the request."""


class HeldBack(Unsent):
    """We did not send it ourselves: what was known before it is too old by now, and has to be looked at again."""


class TlsFailure(Unsent):
    """Certificate or handshake: the same again would fail again, so nothing retries it."""

    exit_code = ExitCode.LOGIN_REFUSED


class Unanswered(ClientError):
    """The request left us and no usable answer came back: it may or may not have been handled."""


class AnswerTimeout(Unanswered):
    """No complete answer came within the time that the call had."""


class ServerFault(Unanswered):
    """Any 5xx answer. `reason` is the server's own text where it sent Spectrum's failure body."""

    def __init__(self, message: str, *, http_status: int, reason: str | None = None) -> None:
        super().__init__(message, http_status=http_status)
        self.reason = reason


class Undecodable(Unanswered):
    """An answer that is cut off, beyond the size or depth caps, or not the JSON it claims to be."""


class NotSpectrum(Unanswered):
    """Something else answers at this address: a login page, a redirect, a foreign JSON shape."""


class Throttled(ClientError):
    """HTTP 429. `retry_after` is in seconds, already clamped to a sane range; None if none was told."""

    def __init__(self, message: str, *, retry_after: float | None) -> None:
        super().__init__(message, http_status=429)
        self.retry_after = retry_after


class Unauthorized(ClientError):
    """HTTP 401: the server refuses the login. A repetition may lock the account, so nothing retries it."""

    exit_code = ExitCode.LOGIN_REFUSED


class Refused(ClientError):
    """Spectrum understood the request and said no; `message` is its reason as it came."""

    exit_code = ExitCode.FAILED


class Unexplained(Refused):
    """A 4xx answer without Spectrum's own words: perhaps of a proxy, or of a server on which Spectrum is not up yet."""


class Forbidden(Refused):
    """HTTP 403: the login is accepted, and its user may not do this."""

    exit_code = ExitCode.LOGIN_REFUSED
