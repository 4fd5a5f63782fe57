"""The loop: the disk comes first, then the world hears of it, and without a disk nothing is triggered any more."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.engine.outcome import JobStatus, RunStatus
from spectrum_pipelines.engine.requests import PostSequence, PostStop, PostTrigger
from spectrum_pipelines.engine.state.run import RunState, Step
from spectrum_pipelines.errors import Fenced, StateError, StoreUnreachable, Unanswered
from spectrum_pipelines.pipeline.model.action import DeleteData
from spectrum_pipelines.pipeline.model.action import Sequence as SequenceAction
from spectrum_pipelines.pipeline.model.pipeline import Pipeline, RunIf
from spectrum_pipelines.pipeline.model.policy import Retry
from spectrum_pipelines.runner.guard import CHANGES
from spectrum_pipelines.runner.loop import RunClock, Runner, resume_at
from tests.engine.made import RUN_ID, STARTED, job, pipeline, the_job
from tests.engine.tiny import Clock, File
from tests.engine.world import Fault, World

_POSTS = (PostTrigger, PostSequence)


def _busy() -> World:
    """A bit of everything: parallel jobs, a retry, a lost trigger, a sequence, a clean-up."""
    return World(
        pipeline(
            job("a", retry=Retry(limit=1, interval=1.0)),
            job("b"),
            job("c", "b", action=SequenceAction(file_ids=(8,))),
            job("clean", is_finally=True, run_if=RunIf.ALL_DONE, action=DeleteData(data_ids=(1, 2))),
        ),
        File(path="/a", id=6, words=("ERROR", "COMPLETED")),
        File(path="/c", id=8, feeds=("/d",)),
        File(path="/d", id=9),
        faults=[Fault(on=PostTrigger, outcome=Unanswered("reset"), handled=True, where=lambda post: post.job == "b")],
    )


def test_every_fact_is_on_disk_before_anybody_is_shown_it() -> None:
    world = _busy()
    world.run()
    disk = [thing for what, thing in world.story if what == "disk"]
    shown = [thing for what, thing in world.story if what == "shown"]
    assert disk == shown
    written = 0
    seen = 0
    for what, _ in world.story:
        written += what == "disk"
        seen += what == "shown"
        assert seen <= written


def test_every_intent_is_on_disk_before_its_post_and_every_id_before_the_next_question() -> None:
    world = _busy()
    world.run()
    intended = set()
    for what, thing in world.story:
        if what == "disk" and isinstance(thing, ev.TriggerIntended):
            intended.add((thing.job, thing.attempt))
        if what == "asked" and isinstance(thing, _POSTS):
            intended.remove((thing.job, thing.attempt))  # one intent is good for one POST
    assert not intended
    known: set[int] = set()
    for what, thing in world.story:
        if what == "disk" and isinstance(thing, ev.Triggered | ev.Adopted):
            known |= {one.execution_id for one in thing.executions}
        if what == "asked" and getattr(thing, "turn", None) == 0:
            assert thing.execution_id in known


class _Appends:
    """A journal that counts how it is called."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def append(self, facts: Sequence[Stamped]) -> None:
        self.batches.append([type(fact.event).__name__ for fact in facts])


def _run(world: World, what: Pipeline, journal: _Appends) -> RunState:
    state = RunState(what, RUN_ID)
    return Runner(state, calls=world, journal=journal, clock=RunClock(world.clock)).run(STARTED)


def test_the_facts_of_one_round_share_one_append() -> None:
    what = pipeline(*(job(f"j{n}") for n in range(200)))
    world, journal = World(what), _Appends()
    _run(world, what, journal)
    assert ["TriggerIntended"] * 200 in journal.batches
    assert ["AttemptStarted"] * 200 in journal.batches
    assert [] not in journal.batches, "a round without facts leaves the disk alone"


def test_what_is_first_comes_first() -> None:
    world = _busy()
    world.run()
    assert world.facts[0].event == STARTED
    assert isinstance(world.facts[-1].event, ev.RunEnded)


def test_facts_are_stamped_with_both_clocks() -> None:
    world = _busy()
    world.run()
    begin = world.facts[0].time
    for fact in world.facts:
        # The wall clock goes into the journal in milliseconds, so nobody is told more.
        assert timedelta(0) <= timedelta(seconds=fact.at) - (fact.time - begin) < timedelta(milliseconds=1)
    assert [fact.at for fact in world.facts] == sorted(fact.at for fact in world.facts)


def _facts_of_a_whole_run() -> int:
    world = _busy()
    world.run()
    return len(world.facts)


@pytest.mark.parametrize("full_at", range(_facts_of_a_whole_run()))
def test_a_disk_that_is_full_ends_the_run_and_triggers_nothing_more(full_at: int) -> None:
    world = _busy()
    world.full_at = full_at
    state = world.run()
    assert state.ended is not None
    assert len(world.facts) <= full_at
    on_disk = {(one.job, one.attempt) for one in world.said(ev.TriggerIntended)}
    posted = {(one.job, one.attempt) for one in world.asked(_POSTS)}
    assert posted <= on_disk, "no trigger without its intent on disk"
    (full,) = (n for n, (what, _) in enumerate(world.story) if what == "full")
    assert not [thing for what, thing in world.story[full:] if what == "asked" and isinstance(thing, _POSTS)]
    if state.ended.status is not RunStatus.SUCCEEDED:
        assert (state.ended.status, state.ended.reason) == (RunStatus.INTERRUPTED, "interrupted by DISK")


def _full_at(kind: type[ev.Event]) -> World:
    """The disk is full just when the first fact of this kind wants to be written."""
    whole = _busy()
    whole.run()
    first = next(n for n, fact in enumerate(whole.facts) if isinstance(fact.event, kind))
    world = _busy()
    world.full_at = first
    return world


def test_an_intent_that_cannot_be_written_is_never_had() -> None:
    world = _full_at(ev.TriggerIntended)
    state = world.run()
    assert world.asked(_POSTS) == []
    assert world.spectrum.executions == []
    assert the_job(state).step is Step.LOOKING
    untold = ev.TriggerIntended | ev.TriggerNotHandled  # what was never had need not be taken back
    assert not any(isinstance(thing, untold) for what, thing in world.story if what == "shown")


def test_an_id_that_cannot_be_written_is_still_shown_and_found_again_by_the_next_process() -> None:
    """What runs is stopped as `on_abort` says, and that stop is on no disk: the next process finds a canceled execution."""
    world = _full_at(ev.Triggered)
    state = world.run()
    (execution,) = the_job(state).executions
    assert any(isinstance(thing, ev.Triggered) for what, thing in world.story if what == "shown")
    assert len(world.asked(PostStop)) == 1
    state = world.resume()
    assert the_job(state).executions[0].execution_id == execution.execution_id
    assert Counter((post.job, post.attempt) for post in world.asked(_POSTS))["a", 1] == 1
    assert the_job(state).status is JobStatus.CANCELED


def test_a_resumed_run_whose_disk_is_full_does_nothing() -> None:
    world = World(pipeline(job("a")), File(path="/a", id=6, duration=9e9))
    world.interrupt(5.0, detach=True)
    world.run()
    posts = len(world.asked(_POSTS))
    world.at(0.0, lambda: setattr(world, "full_at", len(world.facts)))
    state = world.resume(later=10.0)
    assert len(world.asked(_POSTS)) == posts
    assert state.ended is not None
    assert state.ended.status is RunStatus.INTERRUPTED


LOST = [
    pytest.param(Fenced("run 1 was taken over by process 7 on ci-8"), "FENCED", id="somebody else works on the run"),
    pytest.param(
        StoreUnreachable("the store does not answer"), "STORE", id="the store is away for longer than the lease"
    ),
]


@pytest.mark.parametrize(("refusal", "signal"), LOST)
@pytest.mark.parametrize("lost_at", range(0, _facts_of_a_whole_run(), 3))
def test_a_runner_that_has_lost_its_run_changes_nothing_more(lost_at: int, refusal: StateError, signal: str) -> None:
    world = _busy()
    world.full_at, world.refusal = lost_at, refusal
    state = world.run()
    assert state.ended is not None
    (lost,) = (n for n, (what, _) in enumerate(world.story) if what == "full")
    assert not [thing for what, thing in world.story[lost:] if what == "asked" and isinstance(thing, CHANGES)]
    if state.ended.status is not RunStatus.SUCCEEDED:
        assert (state.ended.status, state.ended.reason) == (RunStatus.INTERRUPTED, f"interrupted by {signal}")


def test_a_signal_to_a_runner_that_has_lost_its_run_stops_nothing() -> None:
    world = World(
        pipeline(job("a"), job("b")), File(path="/a", id=6, duration=9e9), File(path="/b", id=7, duration=9e9)
    )
    world.refusal = Fenced("run 1 was taken over by process 7 on ci-8")
    world.at(5.0, lambda: setattr(world, "full_at", len(world.facts)))
    world.interrupt(6.0)
    state = world.run()
    assert state.ended is not None
    assert state.ended.status is RunStatus.INTERRUPTED
    assert world.asked(PostStop) == []
    assert the_job(state).status is JobStatus.RUNNING


def test_a_signal_to_a_runner_whose_disk_is_full_stops_what_runs() -> None:
    world = World(pipeline(job("a")), File(path="/a", id=6, duration=9e9))
    world.at(5.0, lambda: setattr(world, "full_at", len(world.facts)))
    world.interrupt(6.0)
    world.run()
    assert len(world.asked(PostStop)) == 1


def test_the_run_clock_goes_on_where_it_is_told_and_never_back() -> None:
    clock = Clock()
    clock.seconds = 1000.0
    run_clock = RunClock(clock, start_at=40.0)
    assert run_clock.at() == 40.0
    clock.seconds += 2.5
    assert run_clock.at() == 42.5
    assert run_clock.time() == clock.now()


_NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("away", "at"),
    [
        pytest.param(3600.0, 3640.0, id="the time away counts: executions went on"),
        pytest.param(0.0, 40.0, id="at once"),
        pytest.param(-3600.0, 40.0, id="a wall clock that was set back counts as no time"),
    ],
)
def test_resume_at(away: float, at: float) -> None:
    last = Stamped(at=40.0, time=_NOON, event=STARTED)
    assert resume_at(last, _NOON + timedelta(seconds=away)) == at


def test_a_wall_clock_that_jumps_decides_nothing() -> None:
    calm, jumpy = _busy(), _busy()
    jumpy.clock.now = _Jumping(jumpy.clock).now  # type: ignore[method-assign]
    calm.run()
    jumpy.run()
    assert [(fact.at, fact.event) for fact in jumpy.facts] == [(fact.at, fact.event) for fact in calm.facts]


class _Jumping:
    """An hour forth, an hour back, at each look."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.hours = 0

    def now(self) -> datetime:
        self.hours = 1 - self.hours
        return _NOON + timedelta(seconds=self.clock.seconds, hours=self.hours)
