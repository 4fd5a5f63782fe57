"""One process of ours: the real engine, runner, journal and client, wired as the command line wires them, until it ends or dies."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spectrum_pipelines.client.api import SpectrumApi
from spectrum_pipelines.client.retry import RetrySettings
from spectrum_pipelines.engine.facts import Event, Settled, Stamped
from spectrum_pipelines.engine.requests import (
    AskDetails,
    AskHistory,
    AskRunning,
    AskStatus,
    PostSequence,
    PostStop,
    PostTrigger,
    Purpose,
    Request,
)
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.pipeline import Pipeline
from spectrum_pipelines.pipeline.secrets import masked, secret_texts
from spectrum_pipelines.report.build import HttpCounts, build_report, started_at
from spectrum_pipelines.runner.loop import Observer, RunClock, Runner, resume_at
from spectrum_pipelines.runner.perform import perform
from spectrum_pipelines.spectrum import ExecutionId
from spectrum_pipelines.store.folder.journal import JournalFile, Recorded, scan
from tests.engine.forgotten import forgotten, overdue
from tests.promises import Promise
from tests.simulation.disk import Disk, DiskFault
from tests.simulation.filed import Filed
from tests.simulation.kernel import Kernel, VirtualClock
from tests.simulation.ledger import BrokenPromise
from tests.simulation.network import Network, Wire
from tests.simulation.pipelines import URL
from tests.simulation.pool import Pool
from tests.simulation.promises import Promises
from tests.simulation.rounds import Drawn
from tests.simulation.scenario import Life, Moment


class Died(BaseException):
    """kill -9, at the step that it names. Not an Exception: nothing of ours gets to clean up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where processes run."""

    kernel: Kernel
    network: Network
    disk: Disk
    promises: Promises
    journal: Path
    pipeline: Pipeline
    source: Drawn | Filed
    jumps: tuple[tuple[float, float], ...]
    seed: int
    observers: list[Observer]


class Process:
    """The process with this number, counted from 1."""

    def __init__(self, machine: Machine, number: int, life: Life) -> None:
        self.is_broken = False
        self._machine = machine
        self._number = number
        self._life = life
        self._steps = 0
        self._is_over = False
        self._signals: list[str] = []
        self._clock = VirtualClock(machine.kernel, jumps=machine.jumps, skew=life.skew)
        self._asked: Counter[str] = Counter()

    def go(self) -> RunState:
        """Begin the run, or go on with it, until it has ended. Raises Died."""
        machine, life = self._machine, self._life
        recorded = recall(machine.journal)
        machine.disk.step = self._step
        machine.disk.take_up(machine.journal, recorded.length if recorded else 0)
        machine.disk.fault = life.disk_fault
        if recorded is None:
            machine.promises.taken_up(None)
            new, started = machine.source.begin(self._clock.now())
            with self._new() as journal:
                return self._run(new, started, journal, RunClock(self._clock))
        state, first = machine.source.next(recorded.facts, self._clock.now())
        machine.promises.taken_up(state)
        if first is None:
            return state
        at = resume_at(recorded.facts[-1], self._clock.now())
        with JournalFile.reopen(machine.journal, recorded) as journal:
            return self._run(state, first, journal, RunClock(self._clock, start_at=at))

    def _new(self) -> JournalFile:
        self._machine.journal.unlink(missing_ok=True)
        return JournalFile.create(self._machine.journal)

    def _run(self, state: RunState, first: Event, journal: JournalFile, run_clock: RunClock) -> RunState:
        machine = self._machine
        pool = self._pool(self._api())
        pool.on_waiting = lambda under_way: _every_wait_ends(state, under_way, run_clock.at())
        self._dates_with_fate(pool)
        observers = (machine.promises.observed, lambda *_: pool.stir(), *machine.observers)
        runner = Runner(state, calls=pool, journal=journal, clock=run_clock, observers=observers)
        try:
            return runner.run(first)
        finally:
            self._is_over = True
            self.is_broken = runner.broken is not None
            pool.kill()

    def _api(self) -> SpectrumApi:
        machine, http = self._machine, self._machine.pipeline.http
        hidden = secret_texts(machine.pipeline.variables.values())
        return SpectrumApi(
            server=URL,
            transport=Wire(network=machine.network, process=self._number, read_timeout=http.read_timeout),
            retry=RetrySettings(limit=http.retry_limit, interval=http.retry_interval),
            clock=self._clock,
            random=random.Random(f"retries/{machine.seed}/{self._number}"),
            redact=lambda text: masked(text, hidden),
            stopping=lambda: bool(self._signals),
        )

    def _pool(self, api: SpectrumApi) -> Pool:
        machine, http = self._machine, self._machine.pipeline.http
        pool = Pool(machine.kernel, lambda it: perform(it, api), connections=http.max_connections, step=self._step)
        pool.on_move = machine.promises.moved
        pool.on_submitted = lambda request: self._submitted(pool, request)
        pool.on_collected = machine.promises.collected
        return pool

    def _dates_with_fate(self, pool: Pool) -> None:
        kernel, life = self._machine.kernel, self._life
        if life.dies_at is not None:
            kernel.after(life.dies_at, self._while_alive(lambda: self._die("now")))
        if life.signal_at is not None:
            kernel.after(life.signal_at, self._while_alive(lambda: self._hear(pool)))

    def _submitted(self, pool: Pool, request: Request) -> None:
        self._machine.promises.submitted(request)
        kind = kind_of(request)
        self._asked[kind] += 1
        life = self._life
        self._on(life.breaks_on, kind, self._break_disk)
        self._on(life.signal_on, kind, lambda: self._hear(pool))
        self._on(life.freezes_on, kind, self._freeze)
        self._on(life.dies_on, kind, lambda: self._die(f"at a {kind}"))

    def _on(self, moment: Moment | None, kind: str, act: Callable[[], None]) -> None:
        if moment is None or moment.kind != kind or moment.nth != self._asked[kind]:
            return
        if moment.after is None:
            act()
        else:
            self._machine.kernel.after(moment.after, self._while_alive(act))

    def _break_disk(self) -> None:
        self._machine.disk.fault = DiskFault(call=0)

    def _freeze(self) -> None:
        """Stand still while the world goes on; answers come in meanwhile, and wait."""
        self._machine.promises.frozen(self._life.frozen_for)
        self._machine.kernel.pass_time(self._life.frozen_for)

    def _while_alive(self, act: Callable[[], None]) -> Callable[[], None]:
        return lambda: None if self._is_over else act()

    def _hear(self, pool: Pool) -> None:
        self._signals.append(self._life.signal)
        pool.interrupt(self._life.signal, detach=self._life.detaches)

    def _step(self, where: str) -> None:
        self._steps += 1
        if self._steps == self._life.dies_at_step:
            self._die(where)

    def _die(self, where: str) -> None:
        raise Died(where)


def kind_of(request: Request) -> str:
    """What a request is for, as `Moment` names it."""
    match request:
        case PostTrigger() | PostSequence():
            return "trigger"
        case PostStop():
            return "stop"
        case AskStatus(purpose=Purpose.VERIFY_STOP) | AskRunning(purpose=Purpose.VERIFY_STOP):
            return "verify"
        case AskStatus(purpose=Purpose.LOOKUP) | AskRunning() | AskHistory() | AskDetails(purpose=Purpose.LOOKUP):
            return "look-up"
        case AskDetails():
            return "details"
        case _:
            return "other"


def _every_wait_ends(state: RunState, under_way: list[Request], now: float) -> None:
    if lost := forgotten(state, under_way):
        raise BrokenPromise(Promise.EVERY_WAIT_ENDS, f"nobody will ever look at {lost} again")
    if over := overdue(state, now):
        raise BrokenPromise(Promise.EVERY_WAIT_ENDS, f"at {now:.3f}s the process waits for {over}, which is over")


def recall(journal: Path) -> Recorded | None:
    """What a new process finds; None if nothing of the run ever reached the disk."""
    recorded = scan(journal) if journal.exists() else None
    return recorded if recorded is not None and recorded.facts else None


def settle(machine: Machine, job: JobId, execution_id: ExecutionId) -> None:
    """What `adopt` does."""
    recorded = scan(machine.journal)
    clock = VirtualClock(machine.kernel, jumps=machine.jumps)
    at = resume_at(recorded.facts[-1], clock.now())
    fact = Stamped(at=at, time=clock.now(), event=Settled(job=job, execution_id=execution_id))
    machine.disk.step = lambda _: None
    machine.disk.take_up(machine.journal, recorded.length)
    with JournalFile.reopen(machine.journal, recorded) as journal:
        journal.append([fact])


def report_of(state: RunState, first: Stamped, *, now_at: float) -> dict[str, Any]:
    """The run report."""
    return build_report(state, started_at=started_at(first), now_at=now_at, http=HttpCounts())
