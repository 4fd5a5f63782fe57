"""How long a job took before: asked once, for what runs long without a hint, and never more than it is worth."""

from typing import Any

import pytest
from msgspec.structs import replace

from spectrum_pipelines.engine.outcome import JobStatus
from spectrum_pipelines.engine.requests import AskDetails, AskHistory, AskStatus, Outcome, Purpose, Request
from spectrum_pipelines.errors import Refused
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.pipeline import Http
from spectrum_pipelines.spectrum import JobDetails
from tests.engine.made import job, pipeline, the_job
from tests.engine.tiny import File
from tests.engine.world import Fault, World

_A = JobId("a")
_LONG = 3600.0


class _Dated(World):
    """Details bear the server's own duration, as the command line reads it from its dates."""

    def _handle(self, request: Request) -> Outcome:
        outcome = super()._handle(request)
        if isinstance(request, AskDetails) and isinstance(outcome, JobDetails) and outcome.phase.is_final:
            return replace(outcome, run_seconds=_LONG)
        return outcome


def _world(*faults: Fault, before: int = 3, world: type[World] = _Dated, **how: Any) -> World:
    made = world(pipeline(job("a")), File(path="/a", id=6, duration=_LONG, **how), faults=faults)
    for _ in range(before):
        made.spectrum.start("/a")
        made.clock.seconds += 2 * _LONG
    return made


def _lessons(world: World) -> list[Request]:
    return [ask for ask in world.asked((AskDetails, AskHistory)) if ask.purpose is Purpose.LESSON]


def _looks(world: World) -> int:
    return sum(ask.purpose is Purpose.POLL for ask in world.asked((AskStatus, AskDetails)))


def test_a_long_job_without_hints_is_looked_at_seldom_once_its_past_is_known() -> None:
    world = _world()
    state = world.run()
    assert the_job(state).status is JobStatus.SUCCEEDED
    assert state.past == {_A: _LONG}
    assert [type(ask) for ask in _lessons(world)] == [AskDetails, AskHistory, AskDetails, AskDetails, AskDetails]
    assert world.facts[-1].at - _LONG < 40
    ignorant = _world(before=0)
    ignorant.run()
    assert _looks(world) + len(_lessons(world)) < 0.6 * _looks(ignorant), "half of those stand before the lesson"


def test_what_earlier_runs_have_told_is_not_asked_again() -> None:
    world = _world()
    world.run(past={_A: _LONG})
    assert _lessons(world) == []


def test_a_short_job_is_worth_no_lesson() -> None:
    world = _Dated(pipeline(job("a")), File(path="/a", id=6, duration=100.0))
    world.run()
    assert _lessons(world) == []


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"before": 0}, id="it never ran before"),
        pytest.param({"words": ("ERROR", "CANCELED", "ERROR", "COMPLETED")}, id="it never succeeded before"),
        pytest.param({"world": World}, id="the server's dates cannot be read"),
    ],
)
def test_without_a_past_everything_is_as_ever(how: dict[str, Any]) -> None:
    world = _world(**how)
    state = world.run()
    assert the_job(state).status is JobStatus.SUCCEEDED
    assert state.past == {}
    assert len(_lessons(world)) <= 5
    assert 180 < _looks(world) < 230


@pytest.mark.parametrize("on", [AskDetails, AskHistory])
def test_a_lesson_that_is_refused_ends_without_a_word(on: type) -> None:
    refusal = Fault(on=on, outcome=Refused("no"), times=9e9, where=lambda ask: ask.purpose is Purpose.LESSON)
    world = _world(refusal)
    state = world.run()
    assert the_job(state).status is JobStatus.SUCCEEDED
    assert state.warnings == []
    assert len(_lessons(world)) <= 2


def test_an_abort_in_the_middle_of_a_lesson_ends_in_time() -> None:
    world = _world()
    began = world.clock.seconds
    world.interrupt(began + 120.15)
    state = world.run()
    assert state.ended is not None
    assert state.ended.exit_code == 143
    assert world.clock.seconds - began < 126


def test_lessons_that_hang_keep_no_look_waiting() -> None:
    names = [f"j{n}" for n in range(12)]
    files = [File(path=f"/{name}", id=n, duration=130.0) for n, name in enumerate(names, 1)]
    hang = Fault(on=AskHistory, outcome=Refused("late"), delay=9e5, times=9e9)
    world = _Dated(pipeline(*(job(name) for name in names)), *files, faults=[hang])
    state = world.run()
    assert all(one.status is JobStatus.SUCCEEDED for one in state.jobs.values())
    assert world.clock.seconds < 140
    assert sum(isinstance(ask, AskHistory) for ask in _lessons(world)) == 1, "one at a time"


def test_a_lesson_never_takes_the_only_connection() -> None:
    world = _Dated(pipeline(job("a"), http=Http(max_connections=1)), File(path="/a", id=6, duration=300.0))
    world.run()
    assert _lessons(world) == []
