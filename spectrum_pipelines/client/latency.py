"""How long answers usually take, so that a request that got lost on the way is noticed long before its deadline."""

import threading
from collections import deque

#: Answers that are remembered, and those that must have come before anything is concluded from them.
_REMEMBERED = 64
_ENOUGH = 8
#: A first try gets this many times what the slowest of the remembered answers took, and never less than the floor, in seconds.
_FACTOR = 4.0
_FLOOR = 5.0


class Latency:
    """Seconds that the latest answers of a server took. Safe to use from many threads."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=_REMEMBERED)
        self._lock = threading.Lock()

    def add(self, seconds: float) -> None:
        """Remember a complete answer."""
        with self._lock:
            self._seconds.append(seconds)

    def first_try(self, deadline: float) -> float:
        """Seconds for the first try of a call that has `deadline` seconds; the same number until enough answers have come."""
        with self._lock:
            return deadline if len(self._seconds) < _ENOUGH else self._bearable(deadline)

    def only_try(self, deadline: float) -> float:
        """Seconds for a call that is not made again, and that keeps others waiting: however few answers have come."""
        with self._lock:
            return self._bearable(deadline)

    def _bearable(self, deadline: float) -> float:
        return min(deadline, max(_FLOOR, _FACTOR * max(self._seconds, default=0.0)))
