"""The only place that reads a clock or sleeps.

Durations and deadlines come from the monotonic clock, so a wall clock that jumps changes nothing that is decided; the wall
clock only labels events for people.
"""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the runner needs to know of time; tests and the simulator bring their own."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment; never goes back."""
        ...

    def now(self) -> datetime:
        """The wall clock, aware, in UTC. For display and for bridging a restart; decides nothing else."""
        ...

    def sleep(self, seconds: float) -> None:
        """Block the calling thread."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment; never goes back."""
        return time.monotonic()

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Block the calling thread."""
        time.sleep(seconds)


def rfc3339(moment: datetime) -> str:
    """Write a UTC moment as `2026-11-23T15:04:05.123Z` (milliseconds)."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return f"{moment.isoformat(timespec='milliseconds')[:-6]}Z"


def parse_rfc3339(text: str) -> datetime:
    """Read back what `rfc3339` wrote. Raises ValueError."""
    return datetime.fromisoformat(text)
