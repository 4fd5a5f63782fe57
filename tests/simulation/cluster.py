"""Several processes on one store, in virtual time: machines freeze, die and come back, and the store is away or loses its answers.

The engine, the runner, the guard, leases and journals are the real ones; the store is the one in memory. What a process sends is on
its way whether or not the process lives on: it reaches Spectrum before its deadline, or never. What nobody can promise is left out:
a process does not freeze between its look at the lease and the kernel's send.
"""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from greenlet import GreenletExit, getcurrent, greenlet

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import RunStatus
from spectrum_pipelines.engine.requests import Outcome, PostTrigger, Request
from spectrum_pipelines.engine.run.reopen import is_resumable
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.errors import StateError, StoreUnreachable, Unanswered
from spectrum_pipelines.pipeline.model.pipeline import Pipeline
from spectrum_pipelines.runner.guard import CHANGES, guarded
from spectrum_pipelines.runner.loop import Heard, Interrupted, RunClock, Runner, resume_at
from spectrum_pipelines.runner.perform import perform
from spectrum_pipelines.store.guarding import connect_timeout_under, may_change
from spectrum_pipelines.store.history import replay
from spectrum_pipelines.store.holder import Who
from spectrum_pipelines.store.interface import Busy, run_lease
from spectrum_pipelines.store.leasing import take_run
from spectrum_pipelines.store.memory import Memory, MemoryJournal, MemoryLease, MemoryStore
from tests.engine.made import RUN_ID, STARTED, job, pipeline
from tests.engine.tiny import Clock, File, TinySpectrum
from tests.promises import Promise
from tests.simulation.kernel import EPOCH, SHORTEST, Kernel
from tests.simulation.ledger import BrokenPromise

LEASE = 30.0
CONNECT, READ = 10.0, 60.0
#: For so long what a process has sent may still arrive.
CALLS_LEFT = CONNECT + READ
_ENOUGH = 20_000.0  # seconds: far more than any of these runs needs
_BEATS = 4


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What happens to one process: after so many steps it freezes, or dies; a signal comes."""

    freezes_at_step: int | None = None
    frozen_for: float = 0.0
    dies_at_step: int | None = None
    signal_at: float | None = None


@dataclass(frozen=True, kw_only=True)
class Script:
    """One simulation, drawn from its seed."""

    seed: int
    pipeline: Pipeline
    files: tuple[File, ...]
    fates: tuple[Fate, ...]
    outages: tuple[tuple[float, float], ...]
    lost_answers: float  # the part of the store's changes whose answer is lost
    lost_calls: float  # the same for Spectrum's triggers


def drawn(seed: int) -> Script:
    """The simulation of this seed."""
    dice = random.Random(f"cluster/{seed}")
    names = [f"j{n}" for n in range(dice.randint(1, 4))]
    jobs = [job(name, *([names[at - 1]] if at and dice.random() < 0.5 else [])) for at, name in enumerate(names)]
    files = tuple(
        File(path=f"/{name}", id=100 + at, duration=dice.choice([1.0, 20.0, 200.0])) for at, name in enumerate(names)
    )
    fates = tuple(_fate(dice) for _ in range(dice.randint(1, 4)))
    outages = tuple((dice.uniform(0, 300), dice.choice([2.0, 20.0, 90.0])) for _ in range(dice.randint(0, 2)))
    return Script(
        seed=seed,
        pipeline=pipeline(*jobs),
        files=files,
        fates=fates,
        outages=outages,
        lost_answers=dice.choice([0.0, 0.0, 0.1, 0.4]),
        lost_calls=dice.choice([0.0, 0.3, 1.0]),
    )


def _fate(dice: random.Random) -> Fate:
    step = dice.randint(1, 40)
    match dice.randrange(4):
        case 0:
            return Fate(dies_at_step=step)
        case 1:
            return Fate(signal_at=dice.uniform(1, 200))
        case _:
            signal = dice.uniform(20, 300) if dice.random() < 0.5 else None
            return Fate(freezes_at_step=step, frozen_for=dice.choice([5.0, 40.0, 120.0]), signal_at=signal)


class _StoreClock:
    """The clock of the database."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def monotonic(self) -> float:
        return self._kernel.now

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._kernel.now)

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"a database does not sleep {seconds} s")


class _Store(MemoryStore):
    """The store as one process reaches it: it may be away, and an answer may be lost."""

    def __init__(self, cluster: "Cluster", process: "Process") -> None:
        super().__init__(cluster.memory, process)
        self._cluster = cluster
        self._process = process

    def reach(self) -> Memory:
        now = self._cluster.kernel.now
        if any(since <= now < since + length for since, length in self._cluster.script.outages):
            raise StoreUnreachable("the store does not answer")
        return self.memory

    def answered(self) -> None:
        if self._cluster.dice.random() < self._cluster.script.lost_answers:
            raise StoreUnreachable("the answer of the store was lost")


class Process:
    """One process on a machine of its own: a greenlet for its loop, one for each request. Its clock is part of it."""

    def __init__(self, cluster: "Cluster", number: int, fate: Fate) -> None:
        self.cluster, self.number, self._fate = cluster, number, fate
        self.is_over = False
        self.knows_it_is_fenced = False
        self.lease: MemoryLease | None = None
        self._frozen_until = 0.0
        self._steps = 0
        self._arrived: list[Heard | Interrupted] = []
        self._waits = False
        self._workers: list[greenlet] = []
        self.main = greenlet(self._live)

    # Its clock

    def monotonic(self) -> float:
        return self.cluster.kernel.now + 1000.0 * self.number

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.cluster.kernel.now, hours=self.number)  # clocks of machines differ

    def sleep(self, seconds: float) -> None:
        self._suspend(self.cluster.kernel.now + max(seconds, SHORTEST))

    def _suspend(self, until: float) -> None:
        me = getcurrent()
        assert me.parent is not None
        self.cluster.kernel.at(until, partial(self._wake, me))
        me.parent.switch()

    def _wake(self, sleeper: greenlet) -> None:
        if sleeper.dead or self.is_over:
            return
        if self.cluster.kernel.now < self._frozen_until:
            self.cluster.kernel.at(self._frozen_until, partial(self._wake, sleeper))
        else:
            sleeper.switch()

    def step(self) -> None:
        """A place where the process may freeze or die; its threads with it."""
        self._steps += 1
        if self._steps == self._fate.dies_at_step:
            self.is_over = True
            raise GreenletExit
        if self._steps == self._fate.freezes_at_step:
            self._frozen_until = self.cluster.kernel.now + self._fate.frozen_for
            self._suspend(self._frozen_until)

    # Its life

    def _live(self) -> None:
        try:
            with suppress(Busy, StateError):  # the command line says so and exits; CI comes again
                self._work_on_the_run()
        finally:
            self.is_over = True
            for worker in self._workers:
                if not worker.dead:
                    self.cluster.kernel.after(0.0, worker.throw)

    def _work_on_the_run(self) -> None:
        store = _Store(self.cluster, self)
        who = Who(pid=self.number, host=f"machine-{self.number}")
        lease = take_run(store, RUN_ID, who, clock=self, on_wait=lambda *_: None, stopping=lambda: False)
        assert isinstance(lease, MemoryLease)
        self.lease = lease
        self._beat()
        run = store.find(RUN_ID)
        assert run is not None
        self.step()
        pipeline = self.cluster.script.pipeline
        recorded = run.facts() if store.memory.runs[RUN_ID].lines else None
        state = RunState(pipeline, RUN_ID) if recorded is None else replay(pipeline, RUN_ID, recorded.facts)
        first: ev.Event = STARTED
        at = 0.0
        if recorded is not None:
            if not is_resumable(state):
                lease.release()
                return
            first, at = ev.Resumed(), resume_at(recorded.facts[-1], self.now())
            state.calls_left = CALLS_LEFT
        if self._fate.signal_at is not None:
            self.cluster.kernel.after(self._fate.signal_at, self._hear)
        runner = Runner(
            state, calls=self, journal=_Journal(self, run.journal(lease, recorded)), clock=RunClock(self, start_at=at)
        )
        runner.run(first)
        lease.release()

    def _beat(self) -> None:
        if self.is_over or self.lease is None:
            return
        if self.cluster.kernel.now >= self._frozen_until:
            with suppress(StoreUnreachable):
                self.lease.renew()
        self.cluster.kernel.after(LEASE / _BEATS, self._beat)

    def _hear(self) -> None:
        self._deliver(Interrupted(signal="SIGTERM"))

    def _deliver(self, arrival: Heard | Interrupted) -> None:
        self._arrived.append(arrival)
        if self._waits:
            self._waits = False
            self.cluster.kernel.after(0.0, partial(self._wake, self.main))

    # Its calls

    def submit(self, request: Request) -> None:
        if self.knows_it_is_fenced and isinstance(request, CHANGES):
            raise BrokenPromise(
                Promise.ONE_HOLDER, f"process {self.number} knows that it has lost the run, and submits {request}"
            )
        self.step()
        worker = greenlet(partial(self._perform, request), parent=self.cluster.top)
        self._workers.append(worker)
        self.cluster.kernel.after(0.0, partial(self._wake, worker))

    def collect(self, timeout: float | None) -> list[Heard | Interrupted]:
        self.step()
        until = self.cluster.kernel.now + (_ENOUGH if timeout is None else max(timeout, SHORTEST))
        while not self._arrived and self.cluster.kernel.now < until:
            self._waits = True
            self._suspend_until_arrival(until)
        arrived, self._arrived = self._arrived, []
        self.step()
        return arrived

    def _suspend_until_arrival(self, until: float) -> None:
        self.cluster.kernel.at(until, self._look_up)
        assert self.main.parent is not None
        self.main.parent.switch()

    def _look_up(self) -> None:
        if self._waits:
            self._waits = False
            self._wake(self.main)

    def _perform(self, request: Request) -> None:
        assert self.lease is not None
        send = guarded(self._send, may_change(CONNECT, self.lease, clock=self))
        outcome = send(request)
        if not self.is_over:
            self._deliver(Heard(request=request, outcome=outcome))

    def _send(self, request: Request) -> Outcome:
        """On its way at once; Spectrum handles it when it gets there, whoever still lives."""
        cluster = self.cluster
        if isinstance(request, CHANGES):
            cluster.sent(self, request)
        there = cluster.dice.uniform(0.0, 0.5)
        is_lost = isinstance(request, PostTrigger) and cluster.dice.random() < cluster.script.lost_calls
        if is_lost:
            there = cluster.dice.uniform(0.0, connect_timeout_under(self.lease, CONNECT) + READ) if self.lease else 0.0
        answer: list[Outcome] = []
        cluster.kernel.after(there, lambda: answer.append(cluster.handled(request)))
        self.sleep(READ if is_lost else there + 0.1)
        return Unanswered("no answer in time") if is_lost or not answer else answer[0]


class _Journal:
    """The real one, with places to freeze around it."""

    def __init__(self, process: Process, journal: MemoryJournal) -> None:
        self._process, self._journal = process, journal

    def append(self, facts: Sequence[ev.Stamped]) -> None:
        self._process.step()
        try:
            self._journal.append(facts)
        except StateError:
            self._process.knows_it_is_fenced = True
            raise
        self._process.step()


class Cluster:
    """The world of one script."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.kernel = Kernel()
        self.top = getcurrent()
        self.dice = random.Random(f"events/{script.seed}")
        self.memory = Memory(_StoreClock(self.kernel), lease=LEASE)
        own = MemoryStore(self.memory, _StoreClock(self.kernel))
        assert own.new_run(EPOCH, lambda: RUN_ID[-4:]).run_id == RUN_ID
        self._clock = Clock()
        self._spectrum = TinySpectrum(self._clock)
        self._spectrum.files = list(script.files)
        self._posts: Counter[tuple[str, int]] = Counter()
        self._processes: list[Process] = []

    def live(self) -> RunStatus:
        """Until the run has ended for good. Raises BrokenPromise."""
        for at, fate in enumerate(self.script.fates):
            self.kernel.at(at * self.dice.uniform(0.0, 40.0), partial(self._begin, fate))
        self.kernel.after(50.0, self._again)
        self.kernel.advance(None, self._is_over)
        state = self._recorded()
        for (job_id, attempt), times in self._posts.items():
            if times > 1:
                raise BrokenPromise(Promise.NEVER_TWICE, f"{job_id} was triggered {times} times for attempt {attempt}")
        assert state is not None
        assert state.ended is not None
        return state.ended.status

    def _begin(self, fate: Fate) -> None:
        process = Process(self, len(self._processes) + 1, fate)
        self._processes.append(process)
        process.main.switch()

    def _again(self) -> None:
        """CI comes again as long as the run has not ended, on whatever machine."""
        if self.kernel.now > _ENOUGH:
            raise BrokenPromise(Promise.EVERY_WAIT_ENDS, f"the run has not ended after {self.kernel.now:,.0f} s")
        if all(process.is_over for process in self._processes) or self.dice.random() < 0.2:
            self._begin(Fate())
        self.kernel.after(self.dice.uniform(5.0, 60.0), self._again)

    def _recorded(self) -> RunState | None:
        lines = MemoryStore(self.memory, _StoreClock(self.kernel)).find(RUN_ID)
        if lines is None or not self.memory.runs[RUN_ID].lines:
            return None
        return replay(self.script.pipeline, RUN_ID, lines.facts().facts)

    def _is_over(self) -> bool:
        if not self._processes or not all(process.is_over for process in self._processes):
            return False
        state = self._recorded()
        return state is not None and state.ended is not None and not is_resumable(state)

    def sent(self, process: Process, request: Request) -> None:
        """Something that changes Spectrum leaves a process: the run must be its own."""
        row = self.memory.leases.get(run_lease(RUN_ID))
        lease = process.lease
        assert lease is not None
        if row is None or (row.fence, row.owner) != (lease.fence, lease.owner) or row.until < self.kernel.now:
            raise BrokenPromise(
                Promise.ONE_HOLDER, f"process {process.number} does not hold the run, and sends {request}"
            )

    def handled(self, request: Request) -> Outcome:
        """It has reached Spectrum."""
        self._clock.seconds = self.kernel.now
        if isinstance(request, PostTrigger):
            self._posts[str(request.job), request.attempt] += 1
        return perform(request, self._spectrum)


def outcomes(seeds: Iterable[int]) -> Counter[RunStatus]:
    """How the runs of these seeds end."""
    return Counter(Cluster(drawn(seed)).live() for seed in seeds)
