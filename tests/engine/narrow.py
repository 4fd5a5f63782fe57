"""A tiny world whose server takes its time and has few connections: what waits for one waits as in `runner.workers`."""

import heapq
import math

from spectrum_pipelines.engine.requests import Outcome, PostSequence, PostTrigger, Request, queue_handicap
from spectrum_pipelines.errors import HeldBack
from spectrum_pipelines.pipeline.model.pipeline import Pipeline
from spectrum_pipelines.runner.loop import Heard, Interrupted
from spectrum_pipelines.runner.workers import TRIGGER_IS_FRESH
from tests.engine.tiny import File
from tests.engine.world import World


class Narrow(World):
    """Each answer comes `latency` seconds after its question has left; `connections` are under way at once."""

    def __init__(self, pipeline: Pipeline, *files: File, latency: float, connections: int = 8) -> None:
        super().__init__(pipeline, *files)
        self.latency = latency
        self.heard: list[tuple[float, Request]] = []  # when each question was answered
        self._free = connections
        self._queue: list[tuple[float, int, float, Request]] = []
        self._out: list[tuple[float, int, Request, Outcome]] = []

    def submit(self, request: Request) -> None:
        now = self.clock.seconds
        heapq.heappush(self._queue, (now + queue_handicap(request), next(self._order), now, request))
        self._send()

    def collect(self, timeout: float | None) -> list[Heard | Interrupted]:
        self.rounds += 1
        assert self._out or timeout is not None, "the run waits for nothing"
        until = math.inf if timeout is None else self.clock.seconds + timeout
        self._pass_until(min(until, self._out[0][0] if self._out else math.inf))
        arrived: list[Heard | Interrupted] = []
        while self._out and self._out[0][0] <= self.clock.seconds:
            _, _, request, outcome = heapq.heappop(self._out)
            if not isinstance(outcome, HeldBack):
                self._free += 1
                self.heard.append((self.clock.seconds, request))
                outcome = self._handle(request)
            arrived.append(Heard(request=request, outcome=outcome))
        self._send()
        return arrived

    def _send(self) -> None:
        now = self.clock.seconds
        while self._queue and self._free:
            _, number, since, request = heapq.heappop(self._queue)
            if isinstance(request, PostTrigger | PostSequence) and now - since > TRIGGER_IS_FRESH:
                heapq.heappush(self._out, (now, number, request, HeldBack("all connections were busy")))
                continue
            self._free -= 1
            self.sent.append((now, request))
            heapq.heappush(self._out, (now + self.latency, number, request, None))
