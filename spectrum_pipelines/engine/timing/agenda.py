"""Two small clocks of a run, an agenda and a budget. Both are given the time instead of reading it."""

import heapq
import itertools
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Agenda(Generic[Key]):
    """Keys to be looked at: at once (`wake`), or when their time has come (`wake_at`).

    Taking a key removes it. A key that is taken for nothing costs a look and no more, so old times need not be hunted down, but who
    waits for the next one may let them go.
    """

    def __init__(self) -> None:
        self._awake: dict[Key, None] = {}
        self._times: list[tuple[float, int, Key]] = []
        self._order = itertools.count()

    def wake(self, key: Key) -> None:
        """Look at it at the next opportunity."""
        self._awake[key] = None

    def wake_at(self, at: float, key: Key) -> None:
        """Look at it when the run clock has reached `at` seconds."""
        heapq.heappush(self._times, (at, next(self._order), key))

    def take(self, now: float) -> list[Key]:
        """All keys that are awake or due, each once, in the order in which they were woken."""
        while self._times and self._times[0][0] <= now:
            self._awake[heapq.heappop(self._times)[2]] = None
        taken = list(self._awake)
        self._awake.clear()
        return taken

    def next_at(self, is_stale: Callable[[Key], bool] | None = None) -> float | None:
        """The time of the next key; 0.0 if one is awake already, None if there is nothing to wait for.

        Keys that are `is_stale` by then are not waited for, and dropped.
        """
        if self._awake:
            return 0.0
        while is_stale is not None and self._times and is_stale(self._times[0][2]):
            heapq.heappop(self._times)
        return self._times[0][0] if self._times else None


class Budget:
    """A token bucket that holds one second's worth of calls (generic cell rate algorithm)."""

    def __init__(self, *, per_second: float) -> None:
        self._spacing = 1.0 / per_second
        self._tolerance = max(0.0, 1.0 - self._spacing)
        self._paid_until = 0.0

    def free_at(self, now: float) -> float:
        """The earliest run-clock second, `now` or later, at which a call may go out."""
        return max(now, self._paid_until - self._tolerance)

    def spend(self, now: float) -> None:
        """Take one call out of the bucket."""
        self._paid_until = max(self._paid_until, now) + self._spacing
