"""Many jobs on a server that takes its time: the connections are what is scarce, and every question takes its place in a queue."""

from collections import Counter
from statistics import median

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import JobStatus
from spectrum_pipelines.engine.requests import AskStatus, AskTarget, PostTrigger
from tests.engine.made import job, pipeline
from tests.engine.narrow import Narrow
from tests.engine.tiny import File


def _world(jobs: int, seconds: float, latency: float) -> Narrow:
    names = [f"j{number}" for number in range(jobs)]
    files = [File(path=f"/{name}", id=number, duration=seconds) for number, name in enumerate(names, 1)]
    world = Narrow(pipeline(*(job(name) for name in names)), *files, latency=latency)
    state = world.run()
    assert all(one.status is JobStatus.SUCCEEDED for one in state.jobs.values())
    return world


@pytest.mark.parametrize(
    ("jobs", "seconds", "latency", "makespan", "late"),
    [
        # A little more than one look before all, one before each trigger, the trigger, and the job's own time.
        pytest.param(200, 60.0, 1.007, 139.0, 3.0, id="a second an answer"),
        pytest.param(500, 30.0, 0.2, 68.0, 1.0, id="a fifth of a second an answer"),
    ],
)
def test_the_connections_are_left_to_the_jobs_that_are_about_to_start(
    jobs: int, seconds: float, latency: float, makespan: float, late: float
) -> None:
    world = _world(jobs, seconds, latency)
    assert world.clock.seconds <= makespan
    ends = {one.id: one.times()[1] for one in world.spectrum.executions}
    lateness = [it.at - ends[it.event.execution_id] for it in world.facts if isinstance(it.event, ev.ExecutionEnded)]
    assert median(lateness) <= late
    asked = Counter(request.target for _, request in world.sent if isinstance(request, AskTarget))
    assert set(asked.values()) == {1}, "before the first trigger each target is asked for once"


@pytest.mark.parametrize("latency", [1.01, 0.2, 0.01])
def test_no_trigger_is_sent_long_after_its_baseline(latency: float) -> None:
    world = _world(100, 20.0, latency)
    answered: dict[str, float] = {}
    moments = [(at, 0, one) for at, one in world.heard] + [(at, 1, one) for at, one in world.sent]
    for at, _, request in sorted(moments, key=lambda it: it[:2]):
        if isinstance(request, AskTarget | AskStatus) and (at, request) in world.heard:
            answered[request.target] = at
        elif isinstance(request, PostTrigger) and (at, request) in world.sent:
            assert at - answered[request.target] <= 3.0
