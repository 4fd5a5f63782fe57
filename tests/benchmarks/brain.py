"""The engine alone: ten thousand jobs through `decide`, `apply` and `interpret` with a Spectrum that answers out of a dictionary.

What is timed is the engine's own work, by event that it folds; then the journal of that run is read and folded again.
"""

import tempfile
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from spectrum_pipelines.engine.apply import apply
from spectrum_pipelines.engine.decide import decide
from spectrum_pipelines.engine.facts import Fact, RunStarted, Stamped
from spectrum_pipelines.engine.interpret import interpret
from spectrum_pipelines.engine.requests import (
    AskAllRunning,
    AskDetails,
    AskStatus,
    AskTarget,
    Outcome,
    PostTrigger,
    Request,
)
from spectrum_pipelines.engine.sightings import Issued
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.pipeline.model.action import JobId, Trigger
from spectrum_pipelines.pipeline.model.pipeline import Concurrency, Job, Pipeline, Poll
from spectrum_pipelines.spectrum import (
    ActiveJob,
    ConfigurationId,
    ExecutionId,
    FileId,
    JobDetails,
    StatusAnswer,
    TriggerAnswer,
)
from spectrum_pipelines.store.folder.journal import JournalFile, read_journal, replay
from tests.benchmarks.row import Row

_LATENCY = 0.002
_DURATION = 5.0
_BEGAN = datetime(2026, 11, 24, tzinfo=UTC)


class Answers:
    """A Spectrum that runs everything at once, in virtual time."""

    def __init__(self) -> None:
        self.latest: dict[str, int] = {}
        self.ends: dict[int, float] = {}
        self.active: dict[int, ActiveJob] = {}

    def __call__(self, request: Request, now: float) -> Outcome:
        match request:
            case AskTarget(target=target) | AskStatus(target=target):
                number = self.latest.get(target)
                if number is None:
                    return StatusAnswer(job_status="_NONE")
                return StatusAnswer(job_status=self._word(number, now), execution_id=ExecutionId(number))
            case PostTrigger(target=target):
                number = 1000 + len(self.ends)
                self.latest[target], self.ends[number] = number, now + _DURATION
                entry = ActiveJob(execution_id=ExecutionId(number), job_status="RUNNING", file_id=FileId(int(target)))
                self.active[number] = entry
                return TriggerAnswer(execution_id=ExecutionId(number))
            case AskAllRunning():
                self.active = {number: one for number, one in self.active.items() if self.ends[number] > now}
                return tuple(self.active.values())
            case AskDetails(execution_id=number):
                word = self._word(number, now)
                return JobDetails(
                    job_status=word, configuration_id=ConfigurationId(4), success_count=7, failure_count=0
                )
            case _:
                raise AssertionError(request)

    def _word(self, number: int, now: float) -> str:
        return "RUNNING" if self.ends[number] > now else "COMPLETED"


def pipeline(jobs: int, parallel: int) -> Pipeline:
    made = {JobId(f"j{n}"): Job(id=JobId(f"j{n}"), action=Trigger(target=str(n)), line=n) for n in range(1, jobs + 1)}
    return Pipeline(name="many", jobs=made, concurrency=Concurrency(max_parallel=parallel), poll=Poll())


class Drive:
    """Runs it, and keeps the seconds and the number of events for each tenth of the jobs."""

    def __init__(self, what: Pipeline) -> None:
        self.state = RunState(what, "20261124T000000Z-0000")
        self.facts: list[Stamped] = []
        self.events = 0
        self.seconds = 0.0
        self.marks: list[tuple[int, float]] = []

    def run(self) -> None:
        answers, out = Answers(), deque[tuple[float, Request]]()
        state, now = self.state, 0.0
        started = RunStarted(
            run_id=state.run_id, pipeline="many", file="many.yaml", digest="sha256:1", plan_digest="sha256:2",
            server="http://it", tool_version="0",
        )  # fmt: skip
        self._fold([started], now)
        step = max(1, len(state.jobs) // 10)
        while state.ended is None:
            began = time.perf_counter()
            decisions = decide(state, now)
            self.seconds += time.perf_counter() - began
            requests = [one for one in decisions if isinstance(one, Request)]
            self._fold([one for one in decisions if not isinstance(one, Request)], now)
            self._fold([Issued(request=one) for one in requests], now)
            out.extend((now + _LATENCY, one) for one in requests)
            if not decisions:
                at = min(
                    [it for it in (state.list_poll.due_at, state.polls.next_at(), out[0][0] if out else None) if it]
                )
                now = max(now, at)
                while out and out[0][0] <= now:
                    request = out.popleft()[1]
                    outcome = answers(request, now)
                    began = time.perf_counter()
                    events = interpret(state, request, outcome, now)
                    self.seconds += time.perf_counter() - began
                    self._fold(events, now)
            while state.left <= len(state.jobs) - step * (len(self.marks) + 1):
                self.marks.append((self.events, self.seconds))

    def _fold(self, events: list, now: float) -> None:  # type: ignore[type-arg]
        began = time.perf_counter()
        for event in events:
            apply(self.state, event, now)
        self.seconds += time.perf_counter() - began
        self.events += len(events)
        self.facts += [
            Stamped(at=now, time=_BEGAN + timedelta(seconds=now), event=one)  # type: ignore[arg-type]
            for one in events
            if isinstance(one, Fact)
        ]


def rows(*, jobs: int = 10_000, parallel: int = 500) -> Iterator[Row]:
    what = pipeline(jobs, parallel)
    drive = Drive(what)
    drive.run()
    assert drive.state.left == 0
    section = f"Engine, {jobs:,} jobs"
    figure = "microseconds per event"
    yield Row(
        section=section,
        what="decide, interpret and apply",
        figure=figure,
        value=1e6 * drive.seconds / drive.events,
        goal=50.0,
    )
    first = _between(drive.marks[0], drive.marks[2])
    last = _between(drive.marks[-3], drive.marks[-1])
    yield Row(
        section=section,
        what="an event when most jobs have ended",
        figure="x one at the beginning",
        value=last / first,
        goal=1.25,
    )
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        path = Path(name) / "journal.jsonl"
        with JournalFile.create(path) as journal:
            journal.append(drive.facts)
        began = time.perf_counter()
        state = replay(what, drive.state.run_id, read_journal(path))
        seconds = (time.perf_counter() - began) * 100_000 / len(drive.facts)
    assert state.ended == drive.state.ended
    yield Row(
        section=section, what="reading and folding a journal", figure="s per 100,000 facts", value=seconds, goal=3.0
    )


def _between(earlier: tuple[int, float], later: tuple[int, float]) -> float:
    return (later[1] - earlier[1]) / (later[0] - earlier[0])
