"""What befalls a single call between the client and the server."""

import random
from dataclasses import dataclass, field
from enum import Enum


class Fate(Enum):
    """Before the server (it saw nothing), at the server, or on the way back (it was handled)."""

    ANSWERED = "answered"
    UNSENT = "connection refused"
    NO_TLS = "handshake failed"
    LOST = "reset before it was handled"
    DROPPED = "never arrived, no answer"
    THROTTLED = "429"
    LOCKED_OUT = "401"
    GATEWAY = "503 before it was handled"
    LOGIN_PAGE = "a login page instead of Spectrum"
    REDIRECT = "a redirect"
    RESET = "handled, then reset"
    SILENT = "handled, no answer"
    LATE = "handled after nobody waited any more"
    TRUNCATED = "handled, the answer is cut"
    BAD_GATEWAY = "handled, 502"
    CRASHED = "handled, 500 with a failure body"
    LOST_PAGE = "handled, 404 with a page"
    GARBLED = "handled, an id that is none"
    REPEATED = "handled twice"

    @property
    def reaches_spectrum(self) -> bool:
        """The server handles it, now or later."""
        return self in _HANDLED


_HANDLED = frozenset({
    Fate.ANSWERED, Fate.RESET, Fate.SILENT, Fate.LATE, Fate.TRUNCATED, Fate.BAD_GATEWAY, Fate.CRASHED, Fate.GARBLED,
    Fate.LOST_PAGE, Fate.REPEATED,
})  # fmt: skip

#: Ends of a trigger after which it may be sent again: the client can prove that nobody handled it.
PROVABLY_UNHANDLED = frozenset({Fate.UNSENT, Fate.THROTTLED, Fate.LOCKED_OUT, Fate.NO_TLS})

_ODDS = {
    Fate.UNSENT: 4, Fate.NO_TLS: 0.1, Fate.LOST: 3, Fate.DROPPED: 2, Fate.THROTTLED: 3, Fate.LOCKED_OUT: 0.3, Fate.GATEWAY: 3,
    Fate.LOGIN_PAGE: 1, Fate.REDIRECT: 0.3, Fate.RESET: 4, Fate.SILENT: 3, Fate.LATE: 2, Fate.TRUNCATED: 3,
    Fate.BAD_GATEWAY: 3, Fate.CRASHED: 2, Fate.GARBLED: 1, Fate.LOST_PAGE: 1, Fate.REPEATED: 0.5,
}  # fmt: skip

RETRY_AFTER = ("1", "0", "-1", "3", "abc", "999999999", "Mon, 01 Jan 2001 00:00:00 GMT", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """`asking`, `acting`: the share of GETs, and of everything else, that does not simply come through. Seconds elsewhere.

    Outages are (from, to): nobody listens then. `locked_out` is the same for credentials that are refused.
    """

    asking: float = 0.0
    acting: float = 0.0
    latency: float = 0.05
    outages: tuple[tuple[float, float], ...] = ()
    locked_out: tuple[tuple[float, float], ...] = ()
    worst_lateness: float = 60.0
    odds: dict[Fate, float] = field(default_factory=lambda: dict(_ODDS))

    def fate_of(self, method: str, now: float, random: random.Random) -> Fate:
        """Draw one."""
        if any(since <= now < until for since, until in self.locked_out):
            return Fate.LOCKED_OUT
        if random.random() >= (self.asking if method == "GET" else self.acting):
            return Fate.ANSWERED
        return random.choices(list(self.odds), list(self.odds.values()))[0]
