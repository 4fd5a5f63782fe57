"""A bounded pool of threads that perform requests; what comes back, and signals, arrive in one queue.

Daemon threads of our own rather than an executor: an aborted run must be able to leave while a call still hangs, and an executor
joins its threads at exit. `SimpleQueue.put` is reentrant, so a signal handler may use it.

Requests wait in the order of their urgency: a trigger is sent right behind its baseline, however many other baselines wait. A
trigger that has had to wait all the same, because every connection hung, is held back: its baseline is old, and is read again.
"""

import itertools
import queue
import threading
from collections.abc import Callable
from typing import NamedTuple

from spectrum_pipelines.clock import Clock, SystemClock
from spectrum_pipelines.engine.requests import Outcome, PostSequence, PostTrigger, Request, queue_handicap
from spectrum_pipelines.errors import HeldBack
from spectrum_pipelines.runner.loop import Heard, Interrupted

Perform = Callable[[Request], Outcome]

#: Seconds that a trigger may wait for a connection: somebody else may start the same file meanwhile.
TRIGGER_IS_FRESH = 2.5


class _Waiting(NamedTuple):
    """A request in the queue: the smallest comes first."""

    rank: float
    number: int
    since: float
    request: Request


class Workers:
    """`Calls` over threads. `connections` bounds what is in flight."""

    def __init__(self, perform: Perform, *, connections: int, clock: Clock | None = None) -> None:
        self._perform = perform
        self._connections = connections
        self._clock = clock or SystemClock()
        self._numbers = itertools.count()
        self._waiting: queue.PriorityQueue[_Waiting] = queue.PriorityQueue()
        self._arrived: queue.SimpleQueue[Heard | Interrupted | BaseException] = queue.SimpleQueue()
        self._threads = 0
        self._outstanding = 0

    def submit(self, request: Request) -> None:
        """Queue it; a thread is started when all are busy and more are allowed."""
        self._outstanding += 1
        now = self._clock.monotonic()
        self._waiting.put(_Waiting(now + queue_handicap(request), next(self._numbers), now, request))
        if self._outstanding > self._threads and self._threads < self._connections:
            self._start_thread()

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._work, name=f"spectrum-{self._threads + 1}", daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError):
            # The system gives no more threads: those that there are do the work, and without any `collect` does.
            self._connections = self._threads
        else:
            self._threads += 1

    def interrupt(self, wish: Interrupted) -> None:
        """Tell the loop; safe to call from a signal handler."""
        self._arrived.put(wish)

    def collect(self, timeout: float | None) -> list[Heard | Interrupted]:
        """Return what has come in, after waiting for the first. Raises what a worker could not explain: that is our bug."""
        arrived: list[Heard | Interrupted] = []
        if not self._threads and not self._waiting.empty():
            self._work_once()
        try:
            item = self._arrived.get(timeout=timeout)
            while True:
                if isinstance(item, BaseException):
                    raise item
                self._outstanding -= isinstance(item, Heard)
                arrived.append(item)
                item = self._arrived.get_nowait()
        except queue.Empty:
            return arrived

    def _work(self) -> None:
        while True:
            self._work_once()

    def _work_once(self) -> None:
        waiting = self._waiting.get()
        try:
            outcome = self._held_back(waiting) or self._perform(waiting.request)
            self._arrived.put(Heard(request=waiting.request, outcome=outcome))
        except BaseException as bug:  # noqa: BLE001 - carried to the loop, which must not wait for an outcome for ever
            self._arrived.put(bug)

    def _held_back(self, waiting: _Waiting) -> HeldBack | None:
        if not isinstance(waiting.request, PostTrigger | PostSequence):
            return None
        waited = self._clock.monotonic() - waiting.since
        if waited <= TRIGGER_IS_FRESH:
            return None
        return HeldBack(
            f"all connections were busy for {waited:.0f}s, so the trigger was not sent: looking at its file again"
        )
