"""The loop: decide -> write down -> do -> hear -> interpret -> write down -> apply, until the run has ended.

The only bookkeeping is the journal: what was decided is written before it is applied, and whatever happened is on disk (with fsync
if it is a promise) before anything that follows from it is done or shown. The facts of one round share one fsync.

The outer parts satisfy the protocols below, so the same loop runs against a real server, in the simulator's virtual time, and in
somebody else's scheduler: it knows of no terminal, argument or signal.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct

from spectrum_pipelines.clock import Clock
from spectrum_pipelines.engine.apply import apply
from spectrum_pipelines.engine.decide import decide, next_wake_up
from spectrum_pipelines.engine.facts import AbortRequested, Event, Fact, Stamped, TriggerIntended
from spectrum_pipelines.engine.interpret import interpret
from spectrum_pipelines.engine.job.looking import Decision
from spectrum_pipelines.engine.requests import Outcome, PostSequence, PostTrigger, Request
from spectrum_pipelines.engine.sightings import Issued, Sighting
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.runner.guard import CHANGES, left


class Heard(Struct, frozen=True, kw_only=True):
    """The outcome of a request."""

    request: Request
    outcome: Outcome


class Interrupted(Struct, frozen=True, kw_only=True):
    """Somebody wants the run to end. `signal` is its name (`SIGTERM`); `detach` leaves everything running."""

    signal: str
    detach: bool = False


class Calls(Protocol):
    """Performs requests elsewhere and brings the outcomes back."""

    def submit(self, request: Request) -> None:
        """Send it when there is a free connection; must not block."""
        ...

    def collect(self, timeout: float | None) -> list[Heard | Interrupted]:
        """Return what has come in, after waiting for the first, at most `timeout` seconds (None: as long as it takes)."""
        ...


class Journal(Protocol):
    """The journal, where facts are kept."""

    def append(self, facts: Sequence[Stamped]) -> None:
        """Write in order; return when every promise among them is on disk.

        Raises OSError; a shared store raises StateError, and Fenced if somebody else works on the run.
        """
        ...


_SHORTEST_WAIT = 0.001  # seconds

#: Told of every fact after it is on disk and applied; must not raise and not take long.
Observer = Callable[[Stamped, RunState], None]


class RunClock:
    """Seconds since the run began, monotonic; a resumed run goes on where the wall clock says it should be."""

    def __init__(self, clock: Clock, *, start_at: float = 0.0) -> None:
        self._clock = clock
        self._offset = start_at - clock.monotonic()

    def at(self) -> float:
        """The run clock."""
        return self._clock.monotonic() + self._offset

    def time(self) -> datetime:
        """The wall clock, for people; to the millisecond, as the journal keeps it: a report made from the journal is the same."""
        now = self._clock.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


def resume_at(last: Stamped, now: datetime) -> float:
    """The run clock of a process that takes over: executions went on meanwhile. A wall clock set back counts as no time."""
    return last.at + max(timedelta(0), now - last.time).total_seconds()


def _patience(seconds: float) -> float:
    """A wait that is too short to move a clock would be waited for over and over again."""
    return 0.0 if seconds <= 0.0 else max(seconds, _SHORTEST_WAIT)


class Runner:
    """One run in this process. `broken` says why the journal could not be written, if so."""

    def __init__(
        self,
        state: RunState,
        *,
        calls: Calls,
        journal: Journal,
        clock: RunClock,
        observers: Sequence[Observer] = (),
    ) -> None:
        self.state = state
        self.broken: OSError | StateError | None = None
        self._calls = calls
        self._journal = journal
        self._clock = clock
        self._observers = observers

    def run(self, *first: Event, until: Callable[[RunState, float], bool] | None = None) -> RunState:
        """Record `first` (`RunStarted` or `Resumed`), then go on until the run has ended.

        `until` is asked whenever there is nothing left to decide (with the state and the run clock); where it says so, the run is
        left as it is: `Resumed` goes on with its journal. `run.advance.is_settled` is one.
        """
        self._record(first)
        while self.state.ended is None:
            now = self._clock.at()
            decisions = decide(self.state, now)
            if decisions:
                self._carry_out(decisions)
            elif until is not None and until(self.state, now):
                return self.state
            else:
                self._listen(now)
        return self.state

    def _carry_out(self, decisions: Iterable[Decision]) -> None:
        requests: list[Request] = []
        events: list[Event | Sighting] = []
        for decision in decisions:
            if isinstance(decision, Request):
                requests.append(decision)
            else:
                events.append(decision)
        self._record(events)
        if self.broken is not None:
            dropped = CHANGES if left(self.broken).detach else (PostTrigger, PostSequence)
            requests = [request for request in requests if not isinstance(request, dropped)]
        for request in requests:
            apply(self.state, Issued(request=request), self._clock.at())
            self._calls.submit(request)

    def _listen(self, decided_at: float) -> None:
        wake_up = next_wake_up(self.state, decided_at)
        arrivals = self._calls.collect(None if wake_up is None else _patience(wake_up - self._clock.at()))
        # What came in together goes to disk together. Until it is there nothing is sent and nothing shown that follows from it.
        self._keep([fact for arrival in arrivals for fact in self._take_in(arrival)])

    def _take_in(self, arrival: Heard | Interrupted) -> list[Stamped]:
        """Interpret an arrival and apply what it means, so that the next one is read in its light."""
        now, time = self._clock.at(), self._clock.time()
        events: Sequence[Event | Sighting] = []
        match arrival:
            case Heard(request=request, outcome=outcome):
                events = interpret(self.state, request, outcome, now)
            case Interrupted(signal=signal, detach=detach):
                if self.state.abort is None:
                    events = [AbortRequested(signal=signal, detach=detach)]
        for event in events:
            apply(self.state, event, now)
        return [Stamped(at=now, time=time, event=event) for event in events if isinstance(event, Fact)]

    def _record(self, events: Iterable[Event | Sighting]) -> None:
        """Decisions to disk first, then into the state: an intent that cannot be written was never had."""
        now, time = self._clock.at(), self._clock.time()
        listed = list(events)
        facts = [Stamped(at=now, time=time, event=event) for event in listed if isinstance(event, Fact)]
        breaks = not self._is_written(facts)
        if self.broken is not None:
            listed = [event for event in listed if not isinstance(event, TriggerIntended)]
            facts = [fact for fact in facts if not isinstance(fact.event, TriggerIntended)]
        for event in listed:
            apply(self.state, event, now)
        self._tell(facts, breaks=breaks)

    def _keep(self, facts: Sequence[Stamped]) -> None:
        """Facts that are in the state already, because the world has made them."""
        self._tell(facts, breaks=not self._is_written(facts))

    def _tell(self, facts: Iterable[Stamped], *, breaks: bool) -> None:
        for fact in facts:
            for observer in self._observers:
                observer(fact, self.state)
        if breaks and self.broken is not None and self.state.ended is None:
            # Only now: `Resumed`, say, lifts every abort that stands before it. A stop that cannot be written down looks to the
            # process that resumes like somebody else's: a job that was canceled.
            leaving = left(self.broken)
            if self.state.abort is None or leaving.detach:
                self._record([AbortRequested(signal=leaving.signal, detach=leaving.detach)])

    def _is_written(self, facts: Sequence[Stamped]) -> bool:
        """False just when the journal breaks: afterwards nothing is written any more, and nobody is told again."""
        if self.broken is not None:
            return True
        try:
            if facts:
                self._journal.append(facts)
        except (OSError, StateError) as error:
            self.broken = error
        return self.broken is None
