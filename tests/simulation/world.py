"""A whole simulation: server and strangers, the weather between, and our processes one after another until the run is over."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.engine.outcome import Cause, JobStatus, RunStatus
from spectrum_pipelines.engine.run.reopen import is_resumable
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.engine.timing.patience import Patience
from spectrum_pipelines.pipeline.model.pipeline import Pipeline
from spectrum_pipelines.runner.loop import Observer
from spectrum_pipelines.spectrum import ExecutionId
from spectrum_pipelines.store.folder import journal as journal_module
from spectrum_pipelines.store.folder.journal import scan
from tests.promises import Promise
from tests.report.checks import assert_valid_report
from tests.simulation.answers import Answers
from tests.simulation.disk import Disk
from tests.simulation.filed import Filed
from tests.simulation.kernel import Kernel, VirtualClock
from tests.simulation.ledger import BrokenPromise, Ledger
from tests.simulation.network import Network
from tests.simulation.pipelines import SECRET
from tests.simulation.process import Died, Machine, Process, recall, report_of, settle
from tests.simulation.promises import Promises
from tests.simulation.rounds import Drawn
from tests.simulation.scenario import Life, Mood, Scenario
from tests.simulation.spectrum import SimulatedSpectrum
from tests.simulation.stops import Stops
from tests.simulation.story import Story
from tests.simulation.truths import Truths

#: Dead processes' requests reach Spectrum within this share of the grace time, if at all: beyond it nothing is promised.
_BURIED_WITHIN = 0.8
_MOST_PROCESSES = 12

#: Seconds of an attempt in which nobody answers, before, while and after it runs.
_SILENCES = 3 * Patience().longest_silence

#: Seconds of outages and rests, and of a wall clock that was set back or forth.
_OUTSIDE = 6_000.0

#: What a job's entry must say alike, whether the process wrote it or somebody reads it from the journal.
_ESSENTIAL = ("id", "status", "cause", "execution_id", "job_status", "attempts", "candidates", "data")

#: One seed in so many has its reports held against the schema, which would cost as much as everything else together.
_VALIDATED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a simulation ended: the verdicts, and how often each file ran."""

    run: RunStatus
    jobs: dict[str, JobStatus]
    executions: dict[int, int]
    processes: int
    seconds: float
    requests: int


class World:
    """One simulation, good for one `live`. `folder` holds the journal."""

    def __init__(self, scenario: Scenario, folder: Path, *, told: bool = False) -> None:
        self.scenario = scenario
        self._kernel = Kernel()
        self.story = Story(self._kernel, told=told)
        seed = scenario.seed
        self._spectrum = SimulatedSpectrum(
            self._kernel, scenario.files, scenario.habits, random.Random(f"spectrum/{seed}"), self.story.tell
        )
        answers = Answers(self._kernel, self._spectrum, scenario.manners, random.Random(f"answers/{seed}"))
        self.network = Network(self._kernel, answers, scenario.weather, random.Random(f"network/{seed}"), self.story)
        disk = Disk(random.Random(f"disk/{seed}"))
        self.ledger = Ledger()
        self.truths = Truths(self._kernel, self._spectrum, scenario.manners, self.ledger)
        stops = Stops(self._kernel, scenario.pipeline, scenario.manners)
        policies = None if scenario.mood is Mood.CALM else f"policies/{seed}"
        drawn = Drawn(scenario.pipeline, scenario.rounds, policies=policies)
        source = drawn if scenario.written is None else Filed(scenario.written)
        self.promises = Promises(disk, self.ledger, self.truths, stops, source)
        self.network.on_sent = self.promises.sent
        self.network.on_handled = self.promises.handled
        self._random = random.Random(f"people/{seed}")
        self.machine = Machine(
            kernel=self._kernel,
            network=self.network,
            disk=disk,
            promises=self.promises,
            journal=folder / "journal.jsonl",
            pipeline=scenario.pipeline,
            source=source,
            jumps=scenario.jumps,
            seed=seed,
            observers=[self._tell] if told else [],
        )

    def also_observe(self, observer: Observer) -> None:
        """Have each fact shown to somebody else, too."""
        self.machine.observers.append(observer)

    def live(self) -> End:
        """Run it to its end. Raises AssertionError where a promise is broken, and whatever our own bugs raise."""
        self.machine.journal.unlink(missing_ok=True)
        self._plan_deeds()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(journal_module, "os", self.machine.disk)
            for number in itertools.count(1):
                state = self._one_process(number)
                if state is not None and (number > self._most_processes or not self._goes_on(state)):
                    return self._end(state, number)
        raise AssertionError("unreachable")

    @property
    def _pipelines(self) -> list[Pipeline]:
        """Those of all rounds."""
        return self.machine.source.pipelines()

    @property
    def _most_processes(self) -> int:
        return _MOST_PROCESSES + len(self.scenario.rounds)

    def _plan_deeds(self) -> None:
        for deed in self.scenario.strangers:
            file = self._spectrum.files[deed.file_id]
            act = self._spectrum.stop if deed.verb == "stop" else lambda it: self._spectrum.trigger(it, None)
            self._kernel.at(deed.at, partial(act, file))
        for loss in self.scenario.losses:
            lose = self._spectrum.lose_counter if loss.age is None else partial(self._spectrum.restore, loss.age)
            self._kernel.at(loss.at, lose)
        for at, length in self.scenario.restarts:
            self._kernel.at(at, self._spectrum.go_down)
            self._kernel.at(at + length, self._spectrum.come_up)

    def _one_process(self, number: int) -> RunState | None:
        """The state that it ended with, None if it died."""
        lives = self.scenario.lives
        life = lives[number - 1] if number <= len(lives) else Life()
        process = Process(self.machine, number, life)
        try:
            state = process.go()
        except (Died, OSError) as death:
            # An OSError here: the disk failed before the runner had begun, and the command line says so and exits.
            state, where = None, repr(death)
            power = ", and the power fails" if life.cuts_power else ""
            self.story.tell("process", lambda: f"{number} ends: {where}{power}")
        self.truths.put_down()
        self._bury(number)
        if state is None:
            self._look_at_the_remains(life)
        else:
            self._judge(state, is_broken=process.is_broken)
        self._kernel.pass_time(life.rests)
        return None if process.is_broken else state

    def _bury(self, number: int) -> None:
        grace = min(job.policy.ambiguous_grace for one in self._pipelines for job in one.jobs.values())
        self.machine.network.bury(number, within=grace * _BURIED_WITHIN)

    def _look_at_the_remains(self, life: Life) -> None:
        """After a death: what `report` makes of the journal, and what `resume` would."""
        if life.cuts_power and self.machine.journal.exists():
            self.machine.disk.lose_power(self.machine.journal)
        recorded = recall(self.machine.journal)
        if recorded is not None:
            state = self.machine.source.replayed(recorded.facts)
            self._check_report(state, recorded.facts[0])

    def _judge(self, state: RunState, *, is_broken: bool) -> None:
        """After an end: the report, once from the process and once from its journal."""
        facts = scan(self.machine.journal).facts
        if not facts:
            return  # the disk failed at the first line
        report = self._check_report(state, facts[0])
        if not self.machine.disk.failed:
            self.truths.mentioned(report)
        if is_broken:
            return
        again = report_of(self.machine.source.replayed(facts), facts[0], now_at=0.0)
        for field in ("status", "exit_code", "jobs"):
            if _essence(report[field]) != _essence(again[field]):
                raise BrokenPromise(
                    Promise.SAME_STORY, f"the journal tells another {field}: {again[field]}, not {report[field]}"
                )

    def _check_report(self, state: RunState, first: Stamped) -> dict[str, object]:
        report = report_of(state, first, now_at=state.at)
        if self.scenario.seed % _VALIDATED == 0:
            assert_valid_report(report)
        self.promises.kept_secret(SECRET, self.machine.journal.read_bytes(), report)
        return report

    def _goes_on(self, state: RunState) -> bool:
        """What a person does next: resume, settle an unknown, retry, or let it be."""
        if is_resumable(state):
            return True
        for job_id, job in state.jobs.items():
            if job.status is JobStatus.UNKNOWN and self._random.random() < 0.5:
                for passage in self.ledger.posts[job_id, job.attempt.number]:
                    if passage.touched:
                        settle(self.machine, job_id, ExecutionId(passage.touched[0].id))
                        self.truths.vouched_for.add(job_id)
                        return True
        clock = VirtualClock(self._kernel, jumps=self.scenario.jumps)
        return self.machine.source.next(scan(self.machine.journal).facts, clock.now())[1] is not None

    def _end(self, state: RunState, processes: int) -> End:
        assert state.ended is not None
        if processes <= self._most_processes and (left := list(_left_unseen(state))):
            raise BrokenPromise(
                Promise.EVERY_WAIT_ENDS, f"the run has ended, and nobody will ever look again at {left}"
            )
        rests = sum(life.rests for life in self.scenario.lives)
        patience = processes * max(longest(one) for one in self._pipelines) + rests
        if self._kernel.now > patience:
            raise BrokenPromise(
                Promise.EVERY_WAIT_ENDS,
                f"the run took {self._kernel.now:,.0f}s, and {patience:,.0f}s are more than enough",
            )
        return End(
            run=state.ended.status,
            jobs={job_id: job.status for job_id, job in state.jobs.items()},
            executions={file.id: len(file.executions) for file in self.scenario.files},
            processes=processes,
            seconds=self._kernel.now,
            requests=self.machine.network.sent,
        )

    def _tell(self, fact: Stamped, _state: RunState) -> None:
        self.story.tell("fact", lambda: f"{fact.at:.3f} {fact.event}")


def _left_unseen(state: RunState) -> Iterator[str]:
    """What may run on, because our watching ended and not because the pipeline said so."""
    for job in state.jobs.values():
        if job.cause in {Cause.SILENCE, Cause.UNAUTHORIZED, Cause.STOP_UNCONFIRMED}:
            yield from (f"execution {one.execution_id} of {job.job.id}" for one in job.open_executions)


def longest(pipeline: Pipeline) -> float:
    """Seconds that one process may need if its jobs run one after another, and all goes as slowly as their policies allow."""
    return _OUTSIDE + sum(
        (job.policy.retry.limit + 2) * (2 * job.policy.timeout + (job.policy.queue_timeout or 0.0) + _SILENCES)
        for job in pipeline.jobs.values()
    )


def _essence(told: object) -> object:
    if not isinstance(told, list):
        return told
    return [tuple(str(entry[word]) for word in _ESSENTIAL) for entry in told]


def simulate(scenario: Scenario, folder: Path) -> End:
    """One simulation; a calm one is held against the same without any death of ours."""
    end = World(scenario, folder).live()
    if scenario.mood is Mood.CALM and scenario.lives:
        undisturbed = World(scenario.without_crashes(), folder).live()
        if differences := list(_differences(end, undisturbed)):
            raise BrokenPromise(
                Promise.SAME_STORY, "resumed, the run does not end like an undisturbed one: " + "; ".join(differences)
            )
    return end


def _differences(end: End, undisturbed: End) -> Iterator[str]:
    if end.run is not undisturbed.run:
        yield f"the run is {end.run.value}, not {undisturbed.run.value}"
    for job_id, status in undisturbed.jobs.items():
        if end.jobs[job_id] is not status:
            yield f"{job_id} is {end.jobs[job_id].value}, not {status.value}"
    for file_id, times in undisturbed.executions.items():
        if end.executions[file_id] != times:
            yield f"file {file_id} ran {end.executions[file_id]} times, not {times}"
