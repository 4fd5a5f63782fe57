"""A state, a journal and a line to the server become a run that ends, with its report kept current and handed out.

A scheduler may have a run left as soon as all that is under way is a known execution: then it is told what the run waits for.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from spectrum_pipelines.app.connection import Line
from spectrum_pipelines.app.front import Front
from spectrum_pipelines.app.outcome import Report, Waiting, report_of
from spectrum_pipelines.app.prepare import without_secrets
from spectrum_pipelines.engine.facts import Event, Stamped
from spectrum_pipelines.engine.outcome import RunStatus
from spectrum_pipelines.engine.requests import Request
from spectrum_pipelines.engine.run.advance import awaited, wake_at
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.errors import ExitCode
from spectrum_pipelines.pipeline.model.pipeline import Pipeline
from spectrum_pipelines.redaction import Redact
from spectrum_pipelines.report.build import HttpCounts
from spectrum_pipelines.report.file import ReportFile, ReportKeeper
from spectrum_pipelines.runner.guard import guarded, left
from spectrum_pipelines.runner.loop import Calls, Heard, Interrupted, Journal, Observer, RunClock, Runner
from spectrum_pipelines.runner.workers import Workers
from spectrum_pipelines.store.guarding import may_change
from spectrum_pipelines.store.interface import Lease, RunStore, Store
from spectrum_pipelines.store.masking import masked_fact, masking
from spectrum_pipelines.store.past_durations import past_durations

#: Asked when a run has nothing left to decide, with the run clock: whether to leave it.
Until = Callable[[RunState, float], bool]

#: Seconds between two signs of life, and what a progress display may lag behind.
_TICK = 0.5


class _Ticking:
    """Calls that wait in short steps and let others have their say before each."""

    def __init__(self, inner: Calls, tick: Callable[[], None]) -> None:
        self._inner = inner
        self._tick = tick

    def submit(self, request: Request) -> None:
        self._inner.submit(request)

    def collect(self, timeout: float | None) -> list[Heard | Interrupted]:
        self._tick()
        return self._inner.collect(_TICK if timeout is None else min(timeout, _TICK))


class _Guarded:
    """An observer of somebody else: it gets facts without secrets, and what it raises ends its watch and never the run."""

    def __init__(self, observer: Observer, redact: Redact) -> None:
        self._observer: Observer | None = observer
        self._redact = redact
        self.fault: str | None = None

    def __call__(self, fact: Stamped, state: RunState) -> None:
        if self._observer is None:
            return
        try:
            self._observer(masked_fact(fact, self._redact), state)
        except Exception as error:  # noqa: BLE001 - the run is not its observer's
            self._observer = None
            told = self._redact(f"{type(error).__name__}: {error}")
            self.fault = f"an observer was told nothing more after {told}"


class Session(Struct, frozen=True, kw_only=True):
    """Everything one process needs to carry a run to its end. `recorded` facts stand in the journal already.

    `pipeline` is the one that the first fact of this process goes on with.
    """

    state: RunState
    pipeline: Pipeline
    store: Store
    run: RunStore
    journal: Journal
    line: Line
    lease: Lease
    group: Lease | None
    front: Front
    files: Sequence[ReportFile]
    run_clock: RunClock
    started: datetime | None
    recorded: int = 0

    def carry_out(self, first: Iterable[Event], *, until: Until | None = None) -> Report | Waiting:
        """Run to the end: the report is handed out, and returned. Or as long as `until` says, then the run is left as it is."""
        state, api, front = self.state, self.line.api, self.front
        front.delivery.about(self.run, self.store, is_under_way=True)
        state.past.update(past_durations(self.store, self.pipeline, self.line.url))
        counts = lambda: HttpCounts(requests=api.requests, retries=api.retries)  # noqa: E731 - read at every write
        keeper = ReportKeeper(_Kept(self.run), *self.files, clock=front.clock, http=counts, started=self.started)
        progress = front.progress(self.recorded)
        watching = [_Guarded(observer, without_secrets(state.pipeline)) for observer in front.observers]

        def tick() -> None:
            now_at = self.run_clock.at()
            progress.tick(state, now_at)
            keeper.tick(state, now_at)

        http = self.pipeline.http
        # A change that is sent must have left before somebody else may hold the run.
        may = may_change(http.connect_timeout, self.lease, self.group, clock=front.clock)
        perform = guarded(self.line.perform, may)
        workers = Workers(perform, connections=http.max_connections)
        runner = Runner(
            state,
            calls=_Ticking(workers, tick),
            journal=masking(self.journal, self.pipeline),
            clock=self.run_clock,
            observers=[progress, keeper, *watching],
        )
        try:
            with front.abort.heard_by(workers.interrupt):
                runner.run(*first, until=until)
        finally:
            progress.close()
        if state.ended is None:
            keeper.tick(state, math.inf)
            return self._waiting()
        faults = [one.fault for one in watching if one.fault is not None]
        return self._finish(runner, keeper, faults)

    def _waiting(self) -> Waiting:
        """What a run that is left waits for."""
        at = wake_at(self.state)
        now = self.front.clock.now()
        return Waiting(
            execution_ids=tuple(map(int, awaited(self.state))),
            wake_at=None if at is None else now + timedelta(seconds=max(0.0, at - self.run_clock.at())),
            run_id=self.run.run_id,
        )

    def _finish(self, runner: Runner, keeper: ReportKeeper, faults: Iterable[str]) -> Report:
        assert self.state.ended is not None
        report = keeper.build(self.state, self.run_clock.at())
        lost = [*faults]
        code = int(self.state.ended.exit_code)
        if runner.broken is not None:
            leaving = left(runner.broken)
            code = leaving.exit_code
            lost.append(leaving.told)
            if leaving.detach:  # whatever was seen last: others may know more of the run by now
                report = {**report, "status": RunStatus.INTERRUPTED.value, "reason": leaving.told}
        elif keeper.error is not None:
            code = code or ExitCode.FAILED
            lost.append(f"the report could not be written: {keeper.error}")
        return hand_out({**report, "exit_code": int(code)}, self.front, kept=self.run.report_path, lost=lost)


class _Kept:
    """The report in the store."""

    def __init__(self, run: RunStore) -> None:
        self._run = run

    def put(self, *chunks: bytes) -> None:
        self._run.put_report(*chunks)


def hand_out(report: Mapping[str, Any], front: Front, *, kept: str | None, lost: Sequence[str] = ()) -> Report:
    """Deliver the report of a run that has ended, and give it as a value. What is lost on the way costs the green."""
    whole = front.delivery.deliver(report, kept=kept, lost=lost)
    if not whole and not report["exit_code"]:
        report = {**report, "exit_code": int(ExitCode.FAILED)}
    return report_of(report, lost=tuple(lost))
