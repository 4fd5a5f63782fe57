"""`Calls` in virtual time: what `workers` does with threads, done with greenlets."""

from collections import deque
from collections.abc import Callable
from functools import partial

from greenlet import greenlet

from spectrum_pipelines.engine.requests import Outcome, Request
from spectrum_pipelines.runner.loop import Heard, Interrupted
from tests.simulation.kernel import SHORTEST, Kernel, Spins

#: Times that the loop may wake up in a row for nothing: no outcome, no request, no fact.
_IDLE = 1_000


class Worker(greenlet):  # type: ignore[misc]
    """The thread that performs one request; the network asks it which."""

    request: Request


class Pool:
    """At most `connections` requests are in flight, the rest waits in order. `step` is told of every move of the main loop."""

    def __init__(
        self,
        kernel: Kernel,
        perform: Callable[[Request], Outcome],
        *,
        connections: int,
        step: Callable[[str], None],
    ) -> None:
        self.on_waiting: Callable[[list[Request]], None] = lambda _: None
        self.on_move: Callable[[], None] = lambda: None
        self.on_submitted: Callable[[Request], None] = lambda _: None
        self.on_collected: Callable[[list[Heard | Interrupted]], None] = lambda _: None
        self._kernel = kernel
        self._perform = perform
        self._connections = connections
        self._step = step
        self._waiting: deque[Request] = deque()
        self._working: list[Worker] = []
        self._arrived: list[Heard | Interrupted] = []
        self._idle = 0

    def stir(self) -> None:
        """Something has changed: waking up was not for nothing."""
        self._idle = 0

    def submit(self, request: Request) -> None:
        """Perform it when there is a free connection."""
        self._step("submit")
        self.stir()
        self.on_move()
        self.on_submitted(request)
        self._waiting.append(request)
        self._fill()
        self._step("submitted")

    def interrupt(self, signal: str, *, detach: bool) -> None:
        """What a signal handler does."""
        self._arrived.append(Interrupted(signal=signal, detach=detach))

    def collect(self, timeout: float | None) -> list[Heard | Interrupted]:
        """What has come in by the time that something has, or the time is over."""
        self._step("collect")
        self.on_move()
        self.on_waiting(self._under_way())
        until = None if timeout is None else self._kernel.now + (max(timeout, SHORTEST) if timeout else 0.0)
        self._kernel.advance(until, lambda: bool(self._arrived))
        arrived, self._arrived = self._arrived, []
        self._idle = 0 if arrived else self._idle + 1
        if self._idle > _IDLE:
            raise Spins(f"at {self._kernel.now:.3f}s the process has woken up {_IDLE:,} times for nothing")
        self._step("collected")
        self.on_collected(arrived)
        return arrived

    def _under_way(self) -> list[Request]:
        heard = [one.request for one in self._arrived if isinstance(one, Heard)]
        return [*self._waiting, *(worker.request for worker in self._working), *heard]

    def kill(self) -> None:
        """The process is gone, and its threads with it."""
        self._waiting.clear()
        for worker in self._working:
            worker.throw()
        self._working.clear()

    def _fill(self) -> None:
        while self._waiting and len(self._working) < self._connections:
            worker = Worker(self._work)
            worker.request = self._waiting.popleft()
            self._working.append(worker)
            self._kernel.after(0.0, partial(_begin, worker))

    def _work(self, worker: Worker) -> None:
        outcome = self._perform(worker.request)
        self._arrived.append(Heard(request=worker.request, outcome=outcome))
        self._working.remove(worker)
        self._fill()


def _begin(worker: Worker) -> None:
    if not worker.dead:
        worker.switch(worker)
