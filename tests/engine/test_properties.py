"""Random pipelines over random servers: the journal alone tells the whole story, and a cut anywhere in it starts nothing twice."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.requests import (
    AskAllRunning,
    AskDetails,
    AskRunning,
    AskStatus,
    PostSequence,
    PostStop,
    PostTrigger,
    SendDelete,
)
from spectrum_pipelines.engine.run.ending import run_outcome
from spectrum_pipelines.engine.run.retry import RetryPlan, plan_retry, retried
from spectrum_pipelines.engine.state.run import JobState, RunState
from spectrum_pipelines.errors import ClientError, Refused, ServerFault, Unanswered, Unsent
from spectrum_pipelines.pipeline.model.action import Check, DeleteData, IfMissing, Sequence, Stop, WaitFor
from spectrum_pipelines.pipeline.model.pipeline import Concurrency, Job, Pipeline, RunIf
from spectrum_pipelines.pipeline.model.policy import OnRunning, OnTimeout, Retry, RetryReason, Warnings
from spectrum_pipelines.report.jobs import job_entry
from spectrum_pipelines.runner.loop import resume_at
from tests.engine.made import job, pipeline
from tests.engine.tiny import File
from tests.engine.world import Crash, Fault, World

_POSTS = (PostTrigger, PostSequence)
_GETS = (AskStatus, AskDetails, AskRunning, AskAllRunning)
_BEGAN = datetime(2026, 11, 23, tzinfo=UTC)
_QUICK = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@st.composite
def _jobs(draw: st.DrawFn) -> list[Job]:
    jobs: list[Job] = []
    for number in range(draw(st.integers(1, 5))):
        name = f"j{number}"
        action = draw(
            st.sampled_from(
                [
                    None,
                    None,
                    Sequence(file_ids=(number + 100,)),
                    Check(target=f"/{name}"),
                    WaitFor(target=f"/{name}", if_missing=IfMissing.OK),
                    Stop(target=f"/{name}"),
                    DeleteData(data_ids=(number, number + 50)),
                ]
            )
        )
        needs = draw(st.lists(st.sampled_from([one.id for one in jobs]), unique=True, max_size=2)) if jobs else []
        jobs.append(
            job(
                name,
                *needs,
                action=action,
                run_if=draw(st.sampled_from(list(RunIf))),
                allow_failure=draw(st.booleans()),
                timeout=draw(st.sampled_from([8.0, 600.0])),
                on_running=draw(st.sampled_from(list(OnRunning))),
                on_timeout=draw(st.sampled_from(list(OnTimeout))),
                warnings=draw(st.sampled_from(list(Warnings))),
                retry=Retry(limit=draw(st.integers(0, 2)), interval=3.0, when=frozenset(RetryReason)),
            )
        )
    return jobs


_files = st.lists(
    st.fixed_dictionaries(
        {
            "words": st.lists(
                st.sampled_from(["COMPLETED", "ERROR", "CANCELED", "COMPLETED_WITH_WARNINGS"]), min_size=1, max_size=3
            ).map(tuple),
            "duration": st.sampled_from([0.0, 1.0, 6.0, 40.0]),
            "queue": st.sampled_from([0.0, 2.0]),
            "unlisted": st.booleans(),
            "deaf": st.booleans(),
        }
    ),
    min_size=5,
    max_size=5,
)


@st.composite
def _faults(draw: st.DrawFn) -> list[dict[str, Any]]:
    return draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "on": st.sampled_from([*_POSTS, *_GETS, _GETS, PostStop, SendDelete]),
                    "outcome": st.sampled_from(
                        [Unsent("refused"), Unanswered("reset"), ServerFault("500", http_status=500), Refused("no")]
                    ),
                    "handled": st.booleans(),
                    "times": st.integers(1, 4),
                    "delay": st.sampled_from([0.01, 0.5]),
                }
            ),
            max_size=4,
        )
    )


@st.composite
def _worlds(draw: st.DrawFn) -> tuple[Pipeline, list[dict[str, Any]], list[dict[str, Any]]]:
    what = pipeline(
        *draw(_jobs()),
        fail_fast=draw(st.booleans()),
        timeout=draw(st.sampled_from([None, 30.0])),
        concurrency=Concurrency(max_parallel=draw(st.sampled_from([None, 1, 2]))),
    )
    return what, draw(_files), draw(_faults())


def _build(drawn: tuple[Pipeline, list[dict[str, Any]], list[dict[str, Any]]], *, faults: bool = True) -> World:
    what, files, errors = drawn
    named = [File(path=f"/j{number}", id=100 + number, **how) for number, how in enumerate(files)]
    return World(what, *named, faults=[_fault(how) for how in errors] if faults else [])


def _fault(how: dict[str, Any]) -> Fault:
    """What says "not handled" was not, and what was refused was not done."""
    never = isinstance(how["outcome"], Unsent | Refused)
    return Fault(**{**how, "handled": how["handled"] and not never})


def _told(one: JobState) -> dict[str, Any]:
    """What a report tells of a job."""
    return {
        "status": one.status,
        "cause": one.cause,
        "reason": one.reason,
        "attempts": one.attempts,
        "candidates": one.attempt.candidates,
        "deletions": one.attempt.deletions,
        "executions": [(e.execution_id, e.attempt, e.job_status, e.adopted, e.ended_at) for e in one.executions],
    }


def _posts_per_attempt(world: World) -> Counter[tuple[str, int]]:
    """Not counting what provably was not handled, and may be sent again."""
    posts = Counter((post.job, post.attempt) for post in world.asked(_POSTS))
    for taken_back in world.said(ev.TriggerNotHandled):
        posts[taken_back.job, taken_back.attempt] -= 1
    return posts


@_QUICK
@given(drawn=_worlds())
def test_the_facts_alone_give_the_state_that_the_process_had(drawn: Any) -> None:
    world = _build(drawn)
    state = world.run()
    again = world.replayed()
    assert {name: _told(one) for name, one in again.jobs.items()} == {
        name: _told(one) for name, one in state.jobs.items()
    }
    assert (again.ended, again.warnings, again.findings) == (state.ended, state.warnings, state.findings)
    assert (again.left, again.left_finally, again.unmet, again.underway) == (
        state.left,
        state.left_finally,
        state.unmet,
        state.underway,
    )
    assert state.ended is not None


@_QUICK
@given(drawn=_worlds())
def test_at_most_one_post_for_each_attempt_and_green_only_for_what_was_seen(drawn: Any) -> None:
    world = _build(drawn)
    state = world.run()
    assert all(posts <= 1 for posts in _posts_per_attempt(world).values())
    for one in state.jobs.values():
        if one.status.is_success and world.pipeline.jobs[one.job.id].action.__class__.__name__ in {
            "Trigger",
            "Sequence",
        }:
            assert one.current
            assert all(
                execution.is_final and execution.phase.value in {"succeeded", "warned"} for execution in one.current
            )
    _outcome_matches(state)


def _outcome_matches(state: RunState) -> None:
    assert state.ended is not None
    if state.findings:
        return
    assert (state.ended.status, state.ended.exit_code) == run_outcome(state)


@_QUICK
@given(drawn=_worlds(), data=st.data())
def test_a_crash_anywhere_is_taken_up_and_starts_nothing_twice(drawn: Any, data: st.DataObject) -> None:
    total = len(_with_run(drawn))
    world = _build(drawn)
    cut = data.draw(st.integers(1, total), label="crash at fact")
    if data.draw(st.booleans(), label="after writing it"):
        world.crash_after = cut
    else:
        world.crash_at = cut
    try:
        world.run()
    except Crash:
        state = world.resume(
            later=data.draw(st.sampled_from([0.0, 5.0, 4000.0]), label="away for"),
            delivered=data.draw(st.booleans(), label="what was under way arrives"),
        )
        assert state.ended is not None
        started = Counter(_starter(world))
        assert all(count <= 1 for count in started.values()), started
        _outcome_matches(state)


def _with_run(drawn: Any) -> list[Any]:
    world = _build(drawn)
    world.run()
    return world.facts


def _starter(world: World) -> list[tuple[str, int]]:
    """The attempt that each execution was started for, as the server could tell if triggers bore a label."""
    return [(post.job, post.attempt) for post in world.handled]


@_QUICK
@given(drawn=_worlds(), data=st.data())
def test_without_faults_a_crash_changes_nothing_of_the_outcome(drawn: Any, data: st.DataObject) -> None:
    """Timeouts apart: those depend on how long nobody looked."""
    what, files, _ = drawn
    calm: Any = what, [{**how, "deaf": False, "duration": min(how["duration"], 6.0)} for how in files], []
    undisturbed = _build(calm, faults=False)
    expected = undisturbed.run()
    world = _build(calm, faults=False)
    world.crash_after = data.draw(st.integers(1, len(undisturbed.facts)), label="crash after fact")
    try:
        state = world.run()
    except Crash:
        state = world.resume()
    if _is_about_time(undisturbed) or _is_about_time(world):
        return
    assert {name: one.status for name, one in state.jobs.items()} == {
        name: one.status for name, one in expected.jobs.items()
    }
    assert len(world.spectrum.executions) == len(undisturbed.spectrum.executions)


def _is_about_time(world: World) -> bool:
    return bool(world.said(ev.PipelineTimedOut) or world.said(ev.StopRequested))


@pytest.mark.parametrize(
    "error", [Unanswered("reset"), Unsent("refused"), Refused("no")], ids=["lost", "unsent", "refused"]
)
@pytest.mark.parametrize("on", [*_POSTS, *_GETS, PostStop, SendDelete], ids=lambda one: one.__name__)
def test_one_lost_question_of_a_kind_never_stops_a_run_from_ending(on: type, error: ClientError) -> None:
    jobs = [
        job("j0", timeout=4.0),
        job("j1", action=Sequence(file_ids=(101,))),
        job("j2", "j1", action=DeleteData(data_ids=(1, 2)), run_if=RunIf.ALL_DONE),
        job("j3", "j0", run_if=RunIf.ALL_DONE),
    ]
    for nth in range(6):
        fault = Fault(on=on, outcome=error, where=_Nth(nth).is_it)
        files = File(path="/j0", id=100, duration=9.0), File(path="/j1", id=101, duration=3.0)
        world = World(pipeline(*jobs, fail_fast=False), *files, faults=[fault])
        state = world.run()
        assert state.ended is not None
        assert all(posts <= 1 for posts in _posts_per_attempt(world).values())


class _Nth:
    """The `nth` request of its kind, from zero."""

    def __init__(self, nth: int) -> None:
        self.left = nth

    def is_it(self, _: object) -> bool:
        self.left -= 1
        return self.left == -1


@_QUICK
@given(drawn=_worlds())
def test_a_job_of_the_same_version_looks_the_same(drawn: Any) -> None:
    world = _build(drawn)
    kept: dict[str, tuple[int, bool, str]] = {}

    def look(_: object, state: RunState) -> None:
        for job_id, one in state.jobs.items():
            is_over = state.ended is not None
            entry = str(job_entry(one, _BEGAN, (), is_over=is_over))
            before = kept.get(job_id)
            assert before is None or before[:2] != (one.version, is_over) or before[2] == entry
            kept[job_id] = (one.version, is_over, entry)

    world.observers.append(look)
    world.run()


@_QUICK
@given(drawn=_worlds(), dies_after=st.integers(1, 30))
def test_rounds_go_on_until_nothing_has_failed_and_no_attempt_is_ever_triggered_twice(
    drawn: Any, dies_after: int
) -> None:
    world = _build(drawn)
    state = world.run()
    for _ in range(4):
        plan = plan_retry(state)
        if not isinstance(plan, RetryPlan):
            break
        before = {name: list(one.attempts) for name, one in state.jobs.items()}
        kept = {one.job for one in plan.choices if not one.again}
        world.clock.seconds += 60.0
        world.crash_after = len(world.facts) + dies_after
        at = resume_at(world.facts[-1], world.clock.now())
        try:
            state = world.go(world.replayed(), at, retried(plan, tool_version="0"))
        except Crash:
            state = world.resume()
        assert all(state.jobs[name].attempts == before[name] for name in kept)
        assert all(state.jobs[name].attempts[: len(ends)] == ends for name, ends in before.items())
    assert max(_posts_per_attempt(world).values(), default=0) <= 1
    again = world.replayed()
    assert {name: _told(one) for name, one in again.jobs.items()} == {
        name: _told(one) for name, one in state.jobs.items()
    }
