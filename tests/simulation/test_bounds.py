"""What `plan` says a run does at most holds: random pipelines on the simulated server never start more, and never take longer.

The server answers questions, as the bounds assume, and does its worst otherwise: answers to triggers and stops are lost, nobody
hears a stop, strangers start and stop the same files. Nobody interrupts or retries.
"""

import random
from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from spectrum_pipelines.engine.facts import JobEnded, JobSkipped, Stamped
from spectrum_pipelines.engine.requests import PostSequence, PostTrigger
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.pipeline.model.pipeline import Job, Pipeline
from spectrum_pipelines.plan.waves import plan
from tests.simulation.answers import Manners
from tests.simulation.network import Passage
from tests.simulation.pipelines import Drawing, draw_pipeline
from tests.simulation.scenario import Mood, Scenario, Stranger
from tests.simulation.spectrum import Habits
from tests.simulation.weather import Fate, Weather
from tests.simulation.world import World

_RUNS, _RUNS_IF_THOROUGH = 160, 4_000
_CHUNKS = 8
_LATENCY = 0.01
#: Seconds that the questions of one attempt may take.
_ASKING = 3.0

#: What may become of the answer to a POST, except that something on the way sends it twice.
_LOST = {
    Fate.UNSENT: 2, Fate.LOST: 3, Fate.DROPPED: 3, Fate.THROTTLED: 1, Fate.GATEWAY: 2, Fate.RESET: 4, Fate.SILENT: 4,
    Fate.TRUNCATED: 2, Fate.BAD_GATEWAY: 2, Fate.GARBLED: 1,
}  # fmt: skip


def draw_bounded(seed: int) -> Scenario:
    """A pipeline whose every file has one name, on a server that answers."""
    rng = random.Random(f"bounds/{seed}")
    pipeline, files = draw_pipeline(Drawing(random=rng, calm=False, crowded=rng.random() < 0.4, largest=12))
    # A call that hangs takes a connection, and must not keep the questions of others waiting.
    pipeline = replace(pipeline, http=replace(pipeline.http, max_connections=64))
    acting = rng.choice((0.0, 0.3, 0.8))
    return Scenario(
        seed=seed,
        mood=Mood.FAIR,
        pipeline=pipeline,
        files=tuple(files),
        habits=Habits(
            slots=rng.choice((1, 4, 20)),
            past=rng.choice((0, 1)),
            first_id=100,
            stop_is_heard=rng.random() < 0.7,
            leaves_behind=rng.random() < 0.4,
        ),
        manners=Manners(),
        weather=_LosingPosts(acting=acting, latency=_LATENCY, odds=dict(_LOST)),
        strangers=tuple(
            Stranger(at=rng.uniform(0, 60), verb=rng.choice(("trigger", "stop")), file_id=rng.choice(files).id)
            for _ in range(rng.choice((0, 0, 4, 12)))
        ),
    )


class _LosingPosts(Weather):
    """Weather in which the answers to triggers and stops are lost, and all questions are answered."""

    def fate_of(self, method: str, now: float, random: random.Random) -> Fate:
        return super().fate_of(method, now, random) if method == "POST" else Fate.ANSWERED


class Watcher:
    """Counts triggers and times jobs while a scenario is lived."""

    def __init__(self, world: World) -> None:
        self.triggers: Counter[str] = Counter()
        self.took: dict[str, float] = {}
        self._world = world
        world.network.on_sent = self._sent
        world.also_observe(self._observe)

    def _sent(self, passage: Passage) -> None:
        self._world.promises.sent(passage)
        if isinstance(passage.request, PostTrigger | PostSequence) and passage.fate.reaches_spectrum:
            self.triggers[passage.request.job] += 1

    def _observe(self, fact: Stamped, state: RunState) -> None:
        if isinstance(fact.event, JobEnded | JobSkipped):
            job = state.jobs[fact.event.job]
            began = fact.at if job.started_at is None else job.started_at
            self.took.setdefault(
                job.job.id, fact.at - began
            )  # a stop that nobody confirmed is resumed: that comes on top


def _asking(job: Job) -> float:
    return (job.policy.retry.limit + 2) * _ASKING


def exceeded(scenario: Scenario, folder: Path) -> list[str]:
    """What a run does beyond the bounds of its plan, in words."""
    pipeline: Pipeline = scenario.pipeline
    told, world = plan(pipeline), World(scenario, folder)
    watcher = Watcher(world)
    end = world.live()
    found = []
    for name, job in pipeline.jobs.items():
        bound = told.jobs[name]
        if watcher.triggers[name] > bound.max_triggers:
            found.append(
                f"{name} was triggered {watcher.triggers[name]} times, at most {bound.max_triggers} were planned"
            )
        if watcher.took[name] > bound.worst_case + _asking(job):
            found.append(f"{name} took {watcher.took[name]:.1f}s, {bound.worst_case:.1f}s at the longest were planned")
    asking = sum(map(_asking, pipeline.jobs.values()))
    if end.processes == 1 and end.seconds > told.worst_case + asking:
        found.append(f"the run took {end.seconds:.1f}s, {told.worst_case:.1f}s at the longest were planned")
    started = sum(watcher.triggers.values())
    if told.max_executions is not None and started > told.max_executions:
        found.append(f"{started} executions, at most {told.max_executions} were planned")
    return found


@pytest.mark.parametrize("chunk", range(_CHUNKS))
def test_a_run_stays_within_the_bounds_of_its_plan(chunk: int, folder: Path, stride: int) -> None:
    seeds = range(chunk, _RUNS if stride > 1 else _RUNS_IF_THOROUGH, _CHUNKS)
    beyond = {seed: exceeded(draw_bounded(seed), folder) for seed in seeds}
    assert {seed: found for seed, found in beyond.items() if found} == {}
