"""A run that is left while its executions go on, and taken up when a scheduler wakes us."""

from collections import Counter

import pytest

from spectrum_pipelines.engine.outcome import JobStatus, RunStatus
from spectrum_pipelines.engine.requests import PostTrigger
from spectrum_pipelines.engine.run.advance import awaited, is_settled, wake_at
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.errors import ServerFault, Unanswered
from spectrum_pipelines.pipeline.model.action import JobId, Trigger
from spectrum_pipelines.pipeline.model.policy import OnRunning, Retry
from spectrum_pipelines.spectrum import ExecutionId
from tests.engine.made import job, pipeline
from tests.engine.tiny import File
from tests.engine.world import Fault, World


def _advance(world: World, most: int = 50) -> tuple[RunState, list[tuple[ExecutionId, ...]]]:
    """As a scheduler does it: sleep until an awaited execution ends or `wake_at`, then go on. What was awaited each time."""
    state = world.run(until=is_settled)
    waits = []
    while state.ended is None:
        waits.append(awaited(state))
        assert len(waits) < most, "it never comes to an end"
        ends = [one.times()[1] for one in world.spectrum.executions if one.id in waits[-1]]
        limit = wake_at(state)
        until = min([*ends, *([] if limit is None else [limit])])
        state = world.resume(later=max(0.0, until - world.clock.seconds) + 0.001, until=is_settled, waited=True)
    return state, waits


def test_a_chain_is_left_once_for_each_execution() -> None:
    world = World(pipeline(job("a"), job("b", "a")))
    state, waits = _advance(world)
    assert state.ended is not None
    assert state.ended.status is RunStatus.SUCCEEDED
    assert waits == [(11,), (12,)]
    assert state.resumptions == 0, "nothing was interrupted"
    assert [post.job for post in world.asked(PostTrigger)] == ["a", "b"]


def test_nobody_stays_while_a_job_rests_before_its_next_attempt() -> None:
    retry = Retry(limit=1, interval=60.0, max_interval=60.0, jitter=0.0)
    world = World(pipeline(job("a", retry=retry)), File(path="/a", id=1, words=("ERROR", "COMPLETED")))
    state, waits = _advance(world)
    assert state.jobs[JobId("a")].status is JobStatus.SUCCEEDED
    assert waits == [(11,), (), (12,)]


def test_a_timeout_wakes_the_run_up() -> None:
    world = World(pipeline(job("a", timeout=30.0)), File(path="/a", id=1, duration=1000.0))
    state, _ = _advance(world)
    assert state.jobs[JobId("a")].status is JobStatus.TIMED_OUT
    assert 30 <= world.clock.seconds < 60


@pytest.mark.parametrize("error", [Unanswered("reset"), ServerFault("502", http_status=502)], ids=["reset", "502"])
def test_a_trigger_in_doubt_is_not_left(error: Unanswered) -> None:
    fault = Fault(on=PostTrigger, outcome=error, handled=True)
    world = World(pipeline(job("a")), File(path="/a", id=1, duration=100.0), faults=[fault])
    state = world.run(until=is_settled)
    assert state.ended is None
    assert awaited(state) == (11,)
    assert _advance_to_the_end(world) is JobStatus.SUCCEEDED
    assert Counter(post.attempt for post in world.asked(PostTrigger)) == {1: 1}


def _advance_to_the_end(world: World) -> JobStatus:
    return world.resume(later=200.0, until=is_settled).jobs[JobId("a")].status


def test_somebody_elses_run_is_waited_for_elsewhere_once_the_looks_are_rare() -> None:
    world = World(pipeline(job("a", on_running=OnRunning.WAIT, timeout=9000.0)), File(path="/a", id=1, duration=3000.0))
    world.spectrum.start("/a")
    state = world.run(until=is_settled)
    assert state.ended is None
    assert awaited(state) == ()
    limit = wake_at(state)
    assert limit is not None
    assert limit > world.clock.seconds


def test_a_job_that_waits_for_another_of_the_run_keeps_nobody() -> None:
    jobs = [job(name, action=Trigger(target="/f"), on_running=OnRunning.WAIT) for name in "ab"]
    world = World(pipeline(*jobs), File(path="/f", id=1, duration=100.0))
    state, waits = _advance(world)
    assert state.ended is not None
    assert state.ended.status is RunStatus.SUCCEEDED
    assert {ids for ids in waits if ids} == {(11,), (12,)}
    assert len(waits) < 6
