"""Jobs of one run on the same file never run at once, whatever the file is called."""

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import AdoptedBy, Cause, JobStatus
from spectrum_pipelines.engine.requests import AskStatus, PostTrigger
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.engine.targets import sharing
from spectrum_pipelines.pipeline.model.action import Sequence, Trigger
from spectrum_pipelines.pipeline.model.policy import OnRunning, Retry
from spectrum_pipelines.spectrum import FileId, FileReference
from tests.engine.made import job, pipeline, the_job
from tests.engine.tiny import File
from tests.engine.world import World


def _twins(on_running: OnRunning, *, second: str = "/f", duration: float = 3.0, **more: float) -> World:
    jobs = [
        job(name, action=Trigger(target=target), on_running=on_running, **more)
        for name, target in (("x", "/f"), ("y", second))
    ]
    return World(pipeline(*jobs, fail_fast=False), File(path="/f", id=6, duration=duration))


def _most_at_once(world: World) -> int:
    """Executions of the file that waited or ran at the same time."""
    times = [one.times() for one in world.spectrum.executions]
    spans = [(one.accepted, end) for one, (_, end, _) in zip(world.spectrum.executions, times, strict=True)]
    return max(sum(begin <= at < end for begin, end in spans) for at, _ in spans)


@pytest.mark.parametrize("second", ["/f", "6"], ids=["the same name", "its id"])
def test_wait_lets_them_follow_each_other_and_no_timeout_counts_the_other_one(second: str) -> None:
    world = _twins(OnRunning.WAIT, second=second, timeout=5.0)
    if second == "6":
        world.spectrum.start("/f")  # so that the pre-flight tells the file's id
        world.clock.seconds = 10.0
    state = world.run()
    assert [the_job(state, name).status for name in "xy"] == [JobStatus.SUCCEEDED, JobStatus.SUCCEEDED]
    assert _most_at_once(world) == 1


def test_three_of_them_start_in_the_order_of_the_pipeline() -> None:
    """The third one started before the second, which still had the word that it waited for the first."""
    jobs = [job(name, action=Trigger(target="/f"), on_running=OnRunning.WAIT) for name in ("x", "y", "z")]
    world = World(pipeline(*jobs, fail_fast=False), File(path="/f", id=6, duration=3.0))
    world.run()
    assert [one.job for one in world.handled] == ["x", "y", "z"]


def test_the_second_one_starts_as_soon_as_the_first_one_has_ended() -> None:
    world = _twins(OnRunning.WAIT)
    world.run()
    ended = next(fact.at for fact in world.facts if isinstance(fact.event, ev.JobEnded))
    posted = [at for at, ask in world.sent if isinstance(ask, PostTrigger)]
    assert posted[1] - ended < 0.1
    asked = [at for at, ask in world.sent if isinstance(ask, AskStatus) and ask.job == "y" and at < ended]
    assert asked == [], "nobody has to ask the server what this run knows"


def test_attach_shares_the_execution() -> None:
    world = _twins(OnRunning.ATTACH)
    state = world.run()
    assert len(world.spectrum.executions) == 1
    assert [the_job(state, name).status for name in "xy"] == [JobStatus.SUCCEEDED, JobStatus.SUCCEEDED]
    assert the_job(state, "y").executions[0].adopted is AdoptedBy.ATTACHED


def test_fail_finds_the_file_busy_and_starts_nothing() -> None:
    world = _twins(OnRunning.FAIL)
    state = world.run()
    assert len(world.spectrum.executions) == 1
    assert (the_job(state, "x").status, the_job(state, "y").cause) == (JobStatus.SUCCEEDED, Cause.BUSY)


def test_who_waits_too_long_for_another_job_is_told_for_which() -> None:
    world = _twins(OnRunning.WAIT, duration=60.0, timeout=100.0, queue_timeout=5.0)
    one = the_job(world.run(), "y")
    assert (one.status, one.cause) == (JobStatus.TIMED_OUT, Cause.QUEUE_TIMEOUT)
    assert one.reason == "waited 5s for job x, which has the same file, to end"


def test_a_retry_of_the_first_one_takes_its_turn_like_everybody() -> None:
    retry = Retry(limit=1, interval=1.0, jitter=0.0)
    jobs = [job(name, action=Trigger(target="/f"), on_running=OnRunning.WAIT, retry=retry) for name in "xy"]
    file = File(path="/f", id=6, duration=3.0, words=("ERROR", "COMPLETED"))
    world = World(pipeline(*jobs, fail_fast=False), file)
    state = world.run()
    assert [the_job(state, name).status for name in "xy"] == [JobStatus.SUCCEEDED, JobStatus.SUCCEEDED]
    assert _most_at_once(world) == 1


def test_a_run_that_is_taken_up_keeps_them_apart() -> None:
    world = _twins(OnRunning.WAIT)
    world.interrupt(1.0, detach=True)
    world.run()
    state: RunState = world.resume(later=1.0)
    assert [the_job(state, name).status for name in "xy"] == [JobStatus.SUCCEEDED, JobStatus.SUCCEEDED]
    assert _most_at_once(world) == 1


def test_who_shares_a_file_with_whom() -> None:
    jobs = (
        job("a", action=Trigger(target="/f")),
        job("b", action=Sequence(file_ids=(7, 6))),
        job("c", action=Trigger(target="/g")),
        job("d", action=Trigger(target="7")),
    )
    what = pipeline(*jobs)
    assert sharing(what) == {"b": ("b", "d"), "d": ("b", "d")}
    assert sharing(what, {FileReference("/f"): FileId(6)}) == {
        "a": ("a", "b"),
        "b": ("a", "b", "d"),
        "d": ("b", "d"),
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("f8d450cd-f065-4abb-a232-27cd20c48c2b", "F8D450CD-F065-4ABB-A232-27CD20C48C2B", id="a uuid"),
        pytest.param("/Data/orders.imp", "Data/orders.imp", id="a path"),
    ],
)
def test_two_spellings_of_one_name_are_one_file(one: str, other: str) -> None:
    what = pipeline(job("a", action=Trigger(target=one)), job("b", action=Trigger(target=other)))
    assert sharing(what) == {"a": ("a", "b"), "b": ("a", "b")}
