"""The truth: files, executions and what becomes of them. Nobody but the checks may look at it directly.

The simulated Spectrum runs one execution of a file at a time, as many at once as it has slots, queues the rest, starts the
downstream files of a sequence when what they wait for has succeeded, and survives a restart. What it says about all this is for
`answers`.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from spectrum_pipelines.spectrum import phase_of
from tests.simulation.kernel import Kernel

_STOPS_WITHIN = 3.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which POST started it: of which process, for which attempt of which job."""

    process: int
    job: str
    attempt: int


@dataclass(slots=True, kw_only=True, eq=False)
class File:
    """A job configuration. `outcomes` and `durations` are taken in turn, the last one for ever: independent of when it runs."""

    id: int
    uuid: str
    path: str
    configuration_id: int
    outcomes: tuple[str, ...]
    durations: tuple[float, ...]
    downstream: tuple["File", ...] = ()
    refuses: bool = False
    executions: list["Execution"] = field(default_factory=list)
    runs: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class Execution:
    """One run of a file. `origin` is None for a stranger's; `repeated`: a proxy sent our request twice.

    `is_lost`: the server was restored from a backup that does not know it; nobody can ever see it again.
    """

    id: int
    file: File
    origin: Origin | None
    queued_at: float
    outcome: str
    duration: float
    waits_for: tuple["Execution", ...] = ()
    repeated: bool = False
    started_at: float | None = None
    ended_at: float | None = None
    final: str | None = None
    is_lost: bool = False

    @property
    def is_active(self) -> bool:
        """It waits or runs."""
        return self.ended_at is None and not self.is_lost

    @property
    def is_running(self) -> bool:
        """It has a slot."""
        return self.started_at is not None and self.ended_at is None

    def word_at(self, when: float) -> str | None:
        """Its status as it was then; None if it was not yet."""
        if self.queued_at > when:
            return None
        if self.ended_at is not None and self.ended_at <= when:
            return self.final
        if self.started_at is not None and self.started_at <= when:
            return "RUNNING"
        return "WAITING_FOR_OTHER_JOB" if self.waits_for else "QUEUED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How this server does things where the vendor's page is silent.

    `first_id`: its first execution here comes after this one. `past`: so many of each file have ended before.
    """

    first_id: int = 10
    past: int = 0
    slots: int = 4
    stop_is_heard: bool = True
    stop_cancels_queued: bool = False
    leaves_behind: bool = False
    restart_ends_with: str | None = "ERROR"


class SimulatedSpectrum:
    """A server that works. `tell` hears of every change."""

    def __init__(
        self,
        kernel: Kernel,
        files: Iterable[File],
        habits: Habits,
        random: random.Random,
        tell: Callable[[str, Callable[[], str]], None],
    ) -> None:
        self.files = {file.id: file for file in files}
        self.executions: dict[int, Execution] = {}
        self._named: dict[int, list[Execution]] = {}
        self.deleted: set[int] = set()
        self.is_down = False
        self._kernel = kernel
        self._habits = habits
        self._random = random
        self._tell = tell
        self._active: list[Execution] = []
        self._next_id = habits.first_id - 3 * habits.past * len(self.files)
        for _ in range(habits.past):
            for file in self.files.values():
                self._remember(file)
        self._next_id = habits.first_id

    def find(self, reference: str) -> File | None:
        """By id, uuid or path, as the API takes them."""
        return next((f for f in self.files.values() if reference in {str(f.id), f.uuid, f.path.strip("/")}), None)

    def named(self, number: int) -> list[Execution]:
        """Every execution that was ever given this id: one, unless the server has lost its counter."""
        return self._named.get(number, [])

    @property
    def active(self) -> list[Execution]:
        """What waits or runs, oldest first."""
        return self._active

    def trigger(
        self, file: File, origin: Origin | None, *, repeated: bool = False, waits_for: tuple[Execution, ...] = ()
    ) -> Execution:
        """Start a file, or queue it behind its running execution."""
        execution = Execution(
            id=self._new_id(),
            file=file,
            origin=origin,
            queued_at=self._kernel.now,
            outcome=file.outcomes[min(file.runs, len(file.outcomes) - 1)],
            duration=file.durations[min(file.runs, len(file.durations) - 1)],
            waits_for=waits_for,
            repeated=repeated,
        )
        file.runs += 1
        self._add(execution)
        self._active.append(execution)
        whose = f"for {origin.job} attempt {origin.attempt}" if origin else "for a stranger"
        self._tell("spectrum", lambda: f"execution {execution.id} of file {file.id} queued {whose}")
        self._go_on()
        return execution

    def _new_id(self) -> int:
        self._next_id += self._random.randint(1, 3)
        while self._next_id in self.executions:
            self._next_id += 1
        return self._next_id

    def _add(self, execution: Execution) -> None:
        execution.file.executions.append(execution)
        self.executions[execution.id] = execution
        self._named.setdefault(execution.id, []).append(execution)

    def _remember(self, file: File) -> None:
        """An execution that was over before anything of this began."""
        long_ago = -600.0
        self._add(
            Execution(
                id=self._new_id(),
                file=file,
                origin=None,
                queued_at=long_ago,
                outcome="COMPLETED",
                duration=1.0,
                started_at=long_ago,
                ended_at=long_ago,
                final="COMPLETED",
            )
        )

    def lose_counter(self) -> None:
        """Ids begin anew, and everything is still there."""
        self._next_id = 0
        self._tell("spectrum", lambda: "loses its counter")

    def restore(self, age: float) -> None:
        """Go back to a backup that is so many seconds old: what began since then is gone, and its ids are given once more."""
        self._tell("spectrum", lambda: f"is restored as it was {age:.1f}s ago")
        for execution in [e for e in self.executions.values() if e.queued_at > self._kernel.now - age]:
            execution.is_lost = True
            execution.file.executions.remove(execution)
            del self.executions[execution.id]
            if execution in self._active:
                self._active.remove(execution)
        self._next_id = max(self.executions, default=self._habits.first_id)
        self._go_on()

    def sequence(self, files: Iterable[File], origin: Origin | None, *, repeated: bool = False) -> list[Execution]:
        """Start these files and everything downstream."""
        started: dict[int, Execution] = {}
        wanted = [(file, ()) for file in files]
        while wanted:
            file, before = wanted.pop(0)
            if file.id not in started:
                started[file.id] = self.trigger(file, origin, repeated=repeated, waits_for=before)
                wanted += [(follower, (started[file.id],)) for follower in file.downstream]  # type: ignore[misc]
        return list(started.values())

    def stop(self, file: File) -> Execution | None:
        """Stop whatever runs there; who is hit is told to the checks, not to the client."""
        running = next((e for e in file.executions if e.is_running), None)
        if running is None and self._habits.stop_cancels_queued:
            running = next((e for e in file.executions if e.is_active), None)
        if running is not None and self._habits.stop_is_heard:
            hit = running
            self._kernel.after(self._random.random() * _STOPS_WITHIN, lambda: self._end(hit, "CANCELED"))
        return running

    def go_down(self) -> None:
        """The server stops answering; what runs ends with it, or does not."""
        self.is_down = True
        self._tell("spectrum", lambda: "goes down")
        word = self._habits.restart_ends_with
        for execution in [e for e in self._active if e.is_running] if word else []:
            self._end(execution, word or "")

    def come_up(self) -> None:
        """The server answers again."""
        self.is_down = False
        self._tell("spectrum", lambda: "is up again")
        self._go_on()

    def _go_on(self) -> None:
        for execution in list(self._active):
            if execution.started_at is None and self._may_start(execution):
                self._start(execution)

    def _may_start(self, execution: Execution) -> bool:
        if self.is_down or any(e.is_running for e in execution.file.executions):
            return False
        if any(e.is_active or not _succeeded(e) for e in execution.waits_for):
            return False
        return sum(e.is_running for e in self._active) < self._habits.slots

    def _start(self, execution: Execution) -> None:
        execution.started_at = self._kernel.now
        self._tell("spectrum", lambda: f"execution {execution.id} runs")
        self._kernel.after(execution.duration, lambda: self._end(execution, execution.outcome))

    def _end(self, execution: Execution, word: str) -> None:
        if not execution.is_active:
            return
        execution.ended_at = self._kernel.now
        execution.final = word
        self._active.remove(execution)
        self._tell("spectrum", lambda: f"execution {execution.id} ends {word}")
        if not _succeeded(execution) and not self._habits.leaves_behind:
            for waiting in [e for e in self._active if execution in e.waits_for]:
                self._end(waiting, "CANCELED")
        self._go_on()


def _succeeded(execution: Execution) -> bool:
    return execution.final is not None and phase_of(execution.final).value in {"succeeded", "warned"}
