"""The seam between what a call means and how its bytes travel: values on both sides, one method between.

Everything that decides (classification, retries, `Retry-After`) stands above it, so that a simulator can put its own `Transport`
and clock underneath.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from msgspec import Struct

from spectrum_pipelines.client.paths import shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request. `deadline` is in seconds, for the whole of it: connect, send and the last byte of the answer.

    `fresh_connection` asks for a connection that never carried anything: on a reused one a reset may mean "closed while idle" as
    well as "died at work", and for a trigger that difference is everything.
    """

    method: str
    url: str
    body: bytes | None = field(default=None, repr=False)  # may hold a secret variable
    fresh_connection: bool = False
    deadline: float

    @property
    def path(self) -> str:
        """The path, percent-encoded as it goes out, without the query."""
        return urlsplit(self.url).path

    @property
    def where(self) -> str:
        """Method, host and path for a message: no user, no password, no query."""
        return f"{self.method} {shown(self.url)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, complete and decompressed; whether it means anything is for `judgement` to say."""

    http_status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def header(self, name: str) -> str:
        """A header's value whatever the case of its name; empty where it is missing."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A reply that was accepted: its JSON value (None also for an empty body), and whence it came, for later messages."""

    value: object = field(repr=False)
    where: str
    http_status: int


class Exchange(Struct, frozen=True, kw_only=True):
    """One request as it went: for `--trace`. `http_status` is None where no complete answer came; `seconds` is the whole of it."""

    method: str
    path: str
    http_status: int | None
    seconds: float


class Transport(Protocol):
    """Performs a call, once. Called from many threads at a time."""

    def send(self, call: Call) -> Reply:
        """Any HTTP answer is a Reply, whatever its code; redirects are not followed.

        Raises Unsent or TlsFailure where the request provably never left, Undecodable for an answer that is cut or too large,
        Unanswered for everything else that yields no complete reply.
        """
        ...
