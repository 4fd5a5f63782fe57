"""A bounded pool of threads that perform requests; what comes back, and signals, arrive in one queue.

Daemon threads of our own rather than an executor: an aborted run must be able to leave while a call still hangs, and an executor
joins its threads at exit. `SimpleQueue.put` is reentrant, so a signal handler may use it.
"""

import queue
import threading
from collections.abc import Callable

from spectrum_pipelines.engine.requests import Outcome, Request
from spectrum_pipelines.runner.loop import Heard, Interrupted

Perform = Callable[[Request], Outcome]


class Workers:
    """`Calls` over threads. `connections` bounds what is in flight."""

    def __init__(self, perform: Perform, *, connections: int) -> None:
        self._perform = perform
        self._connections = connections
        self._waiting: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._arrived: queue.SimpleQueue[Heard | Interrupted | BaseException] = queue.SimpleQueue()
        self._threads = 0
        self._outstanding = 0

    def submit(self, request: Request) -> None:
        """Queue it; a thread is started when all are busy and more are allowed."""
        self._outstanding += 1
        self._waiting.put(request)
        if self._outstanding > self._threads and self._threads < self._connections:
            self._threads += 1
            threading.Thread(target=self._work, name=f"spectrum-{self._threads}", daemon=True).start()

    def interrupt(self, wish: Interrupted) -> None:
        """Tell the loop; safe to call from a signal handler."""
        self._arrived.put(wish)

    def collect(self, timeout: float | None) -> list[Heard | Interrupted]:
        """What has come in, after waiting for the first. Raises what a worker could not explain: that is our bug."""
        arrived: list[Heard | Interrupted] = []
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
            request = self._waiting.get()
            try:
                self._arrived.put(Heard(request=request, outcome=self._perform(request)))
            except BaseException as bug:  # noqa: BLE001 - carried to the loop, which must not wait for an outcome for ever
                self._arrived.put(bug)
