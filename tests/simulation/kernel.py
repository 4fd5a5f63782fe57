"""Virtual time: one heap of events, one greenlet for each thread that the real program would have.

Everything that happens in a simulation happens in the order of this heap, and nothing else ever waits. So a run of hours takes
milliseconds, and the same seed gives the same run to the last event.
"""

import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from greenlet import getcurrent

#: What a simulated run begins at on the wall clock.
EPOCH = datetime(2026, 11, 23, 15, 4, 5, tzinfo=UTC)

#: No wait takes less; also what a float can still tell apart after weeks.
SHORTEST = 1e-6

#: More than any simulated run needs; a run that has done so much will never be done.
_EVENTS = 500_000

#: Readings of the clock without time going on: a loop that spins this often will spin for ever.
_SPINS = 20_000


class WaitsForEver(AssertionError):
    """The process waits, and nothing that could still happen would wake it."""


class Spins(AssertionError):
    """The process works without end while no time goes by."""


class Kernel:
    """The only clock and the only scheduler. Times are seconds since the simulation began."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._events = 0

    def at(self, when: float, act: Callable[[], object]) -> None:
        """Do it then; what is due at the same moment is done in the order of these calls."""
        heapq.heappush(self._heap, (max(when, self.now), next(self._order), act))

    def after(self, seconds: float, act: Callable[[], object]) -> None:
        """Do it in so many seconds."""
        self.at(self.now + seconds, act)

    def advance(self, until: float | None, is_enough: Callable[[], bool]) -> None:
        """Let things happen until it is enough, or until that moment (None: for as long as it takes)."""
        while not is_enough():
            if not self._heap and until is None:
                raise WaitsForEver(f"at {self.now:.3f}s nothing is left that could end this wait")
            if not self._heap or (until is not None and self._heap[0][0] > until):
                assert until is not None
                self.now = max(self.now, until)
                return
            when, _, act = heapq.heappop(self._heap)
            self.now = when
            self._events += 1
            if self._events > _EVENTS:
                raise Spins(f"at {self.now:.3f}s {_EVENTS:,} things have happened and the run has not ended")
            act()

    def pass_time(self, seconds: float) -> None:
        """Let the world go on while nobody of ours looks."""
        self.advance(self.now + seconds, lambda: False)

    def sleep(self, seconds: float) -> None:
        """Suspend the greenlet that calls this."""
        me = getcurrent()
        assert me.parent is not None, "the main loop must not sleep"
        # A real clock moves on while somebody sleeps; a float may not, if the nap is short enough.
        self.after(max(seconds, SHORTEST), lambda: None if me.dead else me.switch())
        me.parent.switch()


class VirtualClock:
    """One process's clocks. `jumps`: at which moments the wall clock is set by how many seconds; nothing else may notice.

    `skew`: the seconds by which the wall clock of this machine is wrong.
    """

    def __init__(self, kernel: Kernel, *, jumps: tuple[tuple[float, float], ...] = (), skew: float = 0.0) -> None:
        self._kernel = kernel
        self._jumps = jumps
        self._skew = skew
        self._booted_at = kernel.now
        self._spun_at = -1.0
        self._spins = 0

    def monotonic(self) -> float:
        """Seconds since this process began, and a notice to whoever spins."""
        now = self._kernel.now
        self._spins = self._spins + 1 if now == self._spun_at else 0
        self._spun_at = now
        if self._spins > _SPINS:
            raise Spins(f"at {now:.3f}s the loop goes round without end")
        return now - self._booted_at

    def now(self) -> datetime:
        """The wall clock, as it was set last."""
        now = self._kernel.now
        set_by = sum(seconds for when, seconds in self._jumps if when <= now)
        return EPOCH + timedelta(seconds=now + set_by + self._skew)

    def sleep(self, seconds: float) -> None:
        """Suspend the calling greenlet."""
        self._kernel.sleep(seconds)
