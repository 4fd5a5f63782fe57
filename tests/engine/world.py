"""A tiny world for the real runner: calls that arrive in virtual time, a disk, crashes, and a story of what happened.

Every request is handled when its answer arrives; a `Fault` hands out another outcome, after the server has handled the request or
instead. The world watches over its inhabitants: who waits for nothing, or turns without end, has failed.
"""

import heapq
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.engine.requests import (
    Outcome,
    PostSequence,
    PostTrigger,
    Request,
)
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.errors import ClientError, StateError
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.pipeline import Pipeline
from spectrum_pipelines.runner.loop import Heard, Interrupted, Observer, RunClock, Runner, resume_at
from spectrum_pipelines.runner.perform import perform
from tests.engine.forgotten import forgotten, overdue
from tests.engine.made import RUN_ID, STARTED, fold
from tests.engine.tiny import Clock, File, TinySpectrum

#: Whether a run is left as it is, given its state and the run clock.
Until = Callable[[RunState, float], bool]

_LATENCY = 0.01
_ENOUGH = 20_000  # rounds: a run that needs more does not wait, it spins


@dataclass(kw_only=True)
class Fault:
    """Another outcome for the next `times` requests of a kind. `handled`: the server does its part, at once."""

    on: type | tuple[type, ...]
    outcome: Outcome
    handled: bool = False
    times: float = 1
    delay: float = _LATENCY
    where: Callable[[Any], bool] = lambda _: True

    def strikes(self, request: Request) -> bool:
        return self.times > 0 and isinstance(request, self.on) and self.where(request)


class Crash(BaseException):
    """The process is gone."""


class World:
    """One run after another over the same Spectrum. `story` has what happened in order, as (what, thing) pairs."""

    def __init__(self, pipeline: Pipeline, *files: File, faults: Sequence[Fault] = ()) -> None:
        self.pipeline = pipeline
        self.clock = Clock()
        self.spectrum = TinySpectrum(self.clock)
        paths = {file.path for file in files}
        named = {f"/{name}": number for number, name in enumerate(pipeline.jobs, 100)}
        self.spectrum.files = [*files, *(File(path=p, id=i) for p, i in named.items() if p not in paths)]
        self.faults = list(faults)
        self.facts: list[Stamped] = []
        self.story: list[tuple[str, Any]] = []
        self.sent: list[tuple[float, Request]] = []
        self.handled: list[PostTrigger | PostSequence] = []  # triggers that have started something
        self.full_at = math.inf  # facts that fit on the disk
        self.refusal: OSError | StateError = OSError(28, "No space left on device")  # what a full disk says
        self.crash_at = math.inf  # facts after which the process is gone: as it is about to write the next one
        self.crash_after = math.inf  # the same: as soon as this one is written
        self.events: list[tuple[float, Callable[[], None]]] = []
        self.rounds = 0
        self.observers: list[Observer] = []
        self.later: dict[str, Pipeline] = {}  # with which a run is gone on with, by the digest of their plan
        self._state = RunState(pipeline, RUN_ID)
        self._calls: list[tuple[float, int, Request | Interrupted, Fault | None]] = []
        self._order = itertools.count()
        self._run_clock = RunClock(self.clock)

    # What the runner sees of it

    def submit(self, request: Request) -> None:
        self.story.append(("asked", request))
        self.sent.append((self.clock.seconds, request))
        fault = next((fault for fault in self.faults if fault.strikes(request)), None)
        if fault is not None:
            fault.times -= 1
            if fault.handled:
                self._handle(request)
        delay = _LATENCY if fault is None else fault.delay
        heapq.heappush(self._calls, (self.clock.seconds + delay, next(self._order), request, fault))

    def collect(self, timeout: float | None) -> list[Heard | Interrupted]:
        self.rounds += 1
        under_way = [item for _, _, item, _ in self._calls if not isinstance(item, Interrupted)]
        assert not forgotten(self._state, under_way)
        assert not overdue(self._state, self._run_clock.at()), "the run wakes up for what is over"
        assert self.rounds < _ENOUGH, "the run spins"
        assert self._calls or timeout is not None, "the run waits for nothing"
        first = self._calls[0][0] if self._calls else math.inf
        self._pass_until(min(first, math.inf if timeout is None else self.clock.seconds + timeout))
        arrived: list[Heard | Interrupted] = []
        while self._calls and self._calls[0][0] <= self.clock.seconds:
            _, _, item, fault = heapq.heappop(self._calls)
            if isinstance(item, Interrupted):
                arrived.append(item)
            else:
                outcome = self._handle(item) if fault is None else fault.outcome
                arrived.append(Heard(request=item, outcome=outcome))
        return arrived

    def _handle(self, request: Request) -> Outcome:
        outcome = perform(request, self.spectrum)
        if isinstance(request, PostTrigger | PostSequence) and not isinstance(outcome, ClientError):
            self.handled.append(request)
        return outcome

    def append(self, facts: Sequence[Stamped]) -> None:
        if len(self.facts) + len(facts) > self.full_at:
            self.story.append(("full", facts))
            raise self.refusal
        for fact in facts:
            if len(self.facts) >= self.crash_at:
                raise Crash
            self.facts.append(fact)
            self.story.append(("disk", fact.event))
            if len(self.facts) >= self.crash_after:
                raise Crash

    def observe(self, fact: Stamped, _: RunState) -> None:
        self.story.append(("shown", fact.event))

    # What a test does with it

    def at(self, seconds: float, act: Callable[[], None]) -> None:
        """Have something happen out there."""
        self.events.append((seconds, act))
        self.events.sort(key=lambda event: event[0])

    def interrupt(self, seconds: float, signal: str = "SIGTERM", *, detach: bool = False) -> None:
        heapq.heappush(self._calls, (seconds, next(self._order), Interrupted(signal=signal, detach=detach), None))

    def run(self, *, past: Mapping[JobId, float] | None = None, until: Until | None = None) -> RunState:
        state = RunState(self.pipeline, RUN_ID)
        state.past.update(past or {})
        return self.go(state, 0.0, STARTED, until=until)

    def resume(
        self,
        *first: ev.Event,
        later: float = 0.0,
        delivered: bool = True,
        until: Until | None = None,
        waited: bool = False,
        calls_left: float = 0.0,
        changed: ev.Changed | None = None,
        dies_after: float = math.inf,
    ) -> RunState:
        """A new process, `later` seconds after; what the old one had sent was `delivered` or never was.

        `changed` names a pipeline in `self.later`; the process is gone after so many facts.
        """
        for _, _, item, fault in self._calls:
            if delivered and isinstance(item, PostTrigger | PostSequence) and fault is None:
                self._handle(item)
        self._calls.clear()
        self.crash_at = self.full_at = math.inf
        self.crash_after = len(self.facts) + dies_after
        self._pass_until(self.clock.seconds + later)
        last, now = self.facts[-1], self.clock.now()
        state = self.replayed()
        state.calls_left = calls_left
        resumed = ev.Resumed(tool_version="0", waited=waited, changed=changed)
        return self.go(state, resume_at(last, now), *first, resumed, until=until)

    def replayed(self) -> RunState:
        """The state that the journal alone gives."""
        state = RunState(self.pipeline, RUN_ID, later=self.later)
        for fact in self.facts:
            fold(state, fact.event, at=fact.at)
        return state

    def said(self, kind: type) -> list[Any]:
        return [fact.event for fact in self.facts if isinstance(fact.event, kind)]

    def asked(self, kind: type | tuple[type, ...]) -> list[Any]:
        return [request for _, request in self.sent if isinstance(request, kind)]

    def go(self, state: RunState, start_at: float, *first: ev.Event, until: Until | None = None) -> RunState:
        self._state = state
        self._run_clock = RunClock(self.clock, start_at=start_at)
        runner = Runner(
            state, calls=self, journal=self, clock=self._run_clock, observers=[self.observe, *self.observers]
        )
        return runner.run(*first, until=until)

    def _pass_until(self, seconds: float) -> None:
        while self.events and self.events[0][0] <= seconds:
            at, act = self.events.pop(0)
            self.clock.seconds = max(self.clock.seconds, at)
            act()
        self.clock.seconds = max(self.clock.seconds, seconds)
