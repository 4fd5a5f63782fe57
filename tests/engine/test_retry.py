"""Going on from what failed: what gets a new attempt, what keeps what it did, and what a retry is refused for."""

from collections import Counter
from typing import Any

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import Cause, JobStatus, RunStatus
from spectrum_pipelines.engine.requests import PostTrigger
from spectrum_pipelines.engine.run.retry import Refusal, RetryPlan, RetryRefused, plan_retry, retried
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.errors import Unanswered
from spectrum_pipelines.pipeline.model.action import JobId, JobOutput, Sequence, Template, Trigger
from spectrum_pipelines.pipeline.model.pipeline import Job, Pipeline, RunIf
from spectrum_pipelines.pipeline.model.policy import Bound, Expect, Retry
from spectrum_pipelines.runner.loop import resume_at
from tests.engine.made import RUN_ID, job, pipeline, the_job
from tests.engine.tiny import File
from tests.engine.world import Crash, Fault, World

_PLAN = "sha256:new"


def _retry(world: World, changed: Pipeline | None = None, *, digest: str = _PLAN) -> RunState:
    """A person mends what failed and retries, a minute later, in a new process that knows the journal only."""
    world.clock.seconds += 60.0
    state = world.replayed()
    plan = plan_retry(state, changed)
    assert isinstance(plan, RetryPlan), plan
    if changed is not None:
        world.later = {**world.later, digest: changed}
    return _go(
        world, retried(plan, tool_version="0", changed=None if changed is None else ev.Changed(plan_digest=digest))
    )


def _go(world: World, *first: ev.Event) -> RunState:
    return world.go(world.replayed(), resume_at(world.facts[-1], world.clock.now()), *first)


def _again(plan: RetryPlan | RetryRefused) -> dict[str, str]:
    assert isinstance(plan, RetryPlan)
    return {str(one.job): one.reason for one in plan.choices if one.again}


def _posts(world: World) -> list[tuple[str, int]]:
    return [(post.job, post.attempt) for post in world.asked(PostTrigger)]


def _failing(path: str, *then: str) -> File:
    return File(path=path, id=5, words=("ERROR", *(then or ("COMPLETED",))))


def test_what_failed_and_what_was_skipped_for_it_runs_again_and_nothing_else() -> None:
    world = World(
        pipeline(job("a"), job("b"), job("c", "b"), job("d", is_finally=True, run_if=RunIf.ALL_DONE)), _failing("/b")
    )
    first = world.run()
    assert first.ended is not None
    assert first.ended.status is RunStatus.FAILED
    assert _again(plan_retry(first)) == {
        "b": "failed",
        "c": "was skipped, and b runs again",
        "d": "`finally` runs in each round",
    }
    state = _retry(world)
    assert state.ended is not None
    assert (state.ended.status, state.ended.exit_code) == (RunStatus.SUCCEEDED, 0)
    assert Counter(_posts(world)) == {("a", 1): 1, ("b", 1): 1, ("d", 1): 1, ("b", 2): 1, ("c", 1): 1, ("d", 2): 1}
    assert [(one.attempt, one.status) for one in the_job(state, "b").attempts] == [
        (1, JobStatus.FAILED),
        (2, JobStatus.SUCCEEDED),
    ]
    assert len(state.rounds) == 1


def test_the_journal_alone_gives_the_state_of_all_rounds() -> None:
    world = World(pipeline(job("a"), job("b", "a")), _failing("/a"))
    world.run()
    state = _retry(world)
    again = world.replayed()
    for name in ("a", "b"):
        assert the_job(again, name).status is the_job(state, name).status
        assert the_job(again, name).attempts == the_job(state, name).attempts
    assert (again.left, again.unmet, again.ended) == (state.left, state.unmet, state.ended)


def test_a_round_may_fail_and_be_followed_by_another() -> None:
    world = World(pipeline(job("a")), _failing("/a", "ERROR", "COMPLETED"))
    world.run()
    assert _retry(world).rounds[-1].number == 2
    state = _retry(world)
    assert state.rounds[-1].number == 3
    assert _posts(world) == [("a", 1), ("a", 2), ("a", 3)]
    assert the_job(state).status is JobStatus.SUCCEEDED


def test_each_round_has_all_its_retries() -> None:
    retry = Retry(limit=1, interval=1.0, jitter=0.0)
    world = World(pipeline(job("a", retry=retry)), _failing("/a", "ERROR", "ERROR", "COMPLETED"))
    world.run()
    assert the_job(_retry(world)).status is JobStatus.SUCCEEDED
    assert [attempt for _, attempt in _posts(world)] == [1, 2, 3, 4]


_USES_A = Sequence(file_ids=(5,), variables={"of": Template((JobOutput(job=JobId("a")),))})


@pytest.mark.parametrize(
    ("old", "new", "again", "removed"),
    [
        pytest.param({}, {"timeout": 7.0}, {"b"}, (), id="another policy"),
        pytest.param({}, {"action": Trigger(target="/x")}, {"a", "b"}, (), id="another target"),
        pytest.param({}, {"expect": Expect(success_count=Bound(min=0))}, {"a", "b"}, (), id="another gate"),
        pytest.param({}, {"description": "x"}, {"b"}, (), id="another description"),
    ],
)
def test_what_succeeded_stays_if_what_it_did_is_the_same(
    old: dict[str, Any], new: dict[str, Any], again: set[str], removed: tuple[str, ...]
) -> None:
    files = (_failing("/b"), File(path="/x", id=9, details={"success_count": 1}))
    world = World(pipeline(job("a", **old), job("b")), *files)
    world.spectrum.files[2].details = {"success_count": 1}
    world.run()
    changed = pipeline(job("a", **new), job("b"))
    plan = plan_retry(world.replayed(), changed)
    assert set(_again(plan)) == again
    assert isinstance(plan, RetryPlan)
    assert plan.removed == removed
    state = _retry(world, changed)
    assert state.ended is not None
    assert state.ended.status is RunStatus.SUCCEEDED


def test_a_job_that_uses_an_output_of_one_that_runs_again_runs_again() -> None:
    jobs = (job("a"), job("b", "a", action=_USES_A), job("c"))
    world = World(pipeline(*jobs, fail_fast=False), File(path="/five", id=5), _failing("/c"))
    first = world.run()
    assert the_job(first, "b").status is JobStatus.SUCCEEDED
    changed = pipeline(job("a", action=Trigger(target="/c")), *jobs[1:], fail_fast=False)
    assert _again(plan_retry(first, changed)) == {
        "a": "its target has changed",
        "b": "uses an output of a, which runs again",
        "c": "failed",
    }


def test_a_job_may_be_added_and_one_may_be_gone() -> None:
    world = World(pipeline(job("a"), job("b", "a")), _failing("/b", "ERROR"))
    world.run()
    changed = pipeline(job("a"), job("new", "a", action=Trigger(target="/a")))
    state = _retry(world, changed)
    assert list(state.jobs) == ["a", "new"]
    assert state.ended is not None
    assert state.ended.status is RunStatus.SUCCEEDED
    assert state.rounds[0].removed == {"b": JobStatus.FAILED}
    assert _posts(world) == [("a", 1), ("b", 1), ("new", 1)]


@pytest.mark.parametrize(
    ("words", "posts"),
    [
        pytest.param((), [("a", 3)], id="what succeeded stays"),
        pytest.param(("ERROR",), [("b", 2), ("a", 3)], id="what failed gets its next attempt"),
    ],
)
def test_a_job_that_a_round_removed_comes_back_as_the_same_job(
    words: tuple[str, ...], posts: list[tuple[str, int]]
) -> None:
    """A switch was off in the second round: in the third one the job began at attempt 1 again, though it had succeeded."""
    files = _failing("/a", "ERROR"), File(path="/b", id=6, words=(*words, "COMPLETED"))
    world = World(pipeline(job("b"), job("a"), fail_fast=False), *files)
    world.run()
    _retry(world, pipeline(job("a")))
    state = _retry(world, pipeline(job("b"), job("a")), digest="sha256:third")
    assert state.ended is not None
    assert _posts(world) == [("b", 1), ("a", 1), ("a", 2), *posts]
    assert len(the_job(state, "b").executions) == 1 + len(words)


def test_a_job_that_failed_may_be_mended_by_removing_it() -> None:
    """Every job had succeeded, it was said, and the run stayed red for good."""
    world = World(pipeline(job("a"), job("b"), fail_fast=False), _failing("/b", "ERROR"))
    world.run()
    state = _retry(world, pipeline(job("a")))
    assert state.ended is not None
    assert (state.ended.status, state.ended.exit_code) == (RunStatus.SUCCEEDED, 0)
    assert _posts(world) == [("a", 1), ("b", 1)]


def test_a_job_that_reacts_to_failures_does_so_in_each_round() -> None:
    """It had reacted in the first round: what failed in the second one was told to nobody."""
    jobs = (job("load"), job("b", "load"), job("alert", "b", run_if=RunIf.ANY_FAILED))
    world = World(pipeline(*jobs, fail_fast=False), _failing("/load"), File(path="/b", id=6, words=("ERROR",)))
    world.run()
    state = _retry(world)
    assert _posts(world) == [("load", 1), ("alert", 1), ("load", 2), ("b", 1), ("alert", 2)]
    assert the_job(state, "alert").status is JobStatus.SUCCEEDED


def test_a_job_that_reacts_to_failures_keeps_what_it_did_in_a_round_without_any() -> None:
    """It was skipped, and so was what needs it, which had failed and was never run again: a green run without it."""
    jobs = (
        job("primary", allow_failure=True),
        job("fallback", "primary", run_if=RunIf.ANY_FAILED),
        job("uses", "fallback"),
    )
    files = _failing("/primary"), File(path="/uses", id=6, words=("ERROR", "COMPLETED"))
    world = World(pipeline(*jobs, fail_fast=False), *files)
    world.run()
    state = _retry(world)
    assert state.ended is not None
    assert state.ended.status is RunStatus.SUCCEEDED
    assert {name: one.status for name, one in state.jobs.items()} == dict.fromkeys(state.jobs, JobStatus.SUCCEEDED)
    assert _posts(world)[3:] == [("primary", 2), ("uses", 2)]


def test_a_job_that_reacts_to_failures_and_was_changed_keeps_nothing() -> None:
    """It was called succeeded with an execution of the file that it had before."""
    world = World(
        pipeline(job("load"), job("alert", "load", run_if=RunIf.ANY_FAILED), fail_fast=False), _failing("/load")
    )
    world.spectrum.files.append(File(path="/other", id=9))
    world.run()
    other = job("alert", "load", run_if=RunIf.ANY_FAILED, action=Trigger(target="/other"))
    state = _retry(world, pipeline(job("load"), other, fail_fast=False))
    assert the_job(state, "alert").status is JobStatus.SKIPPED
    assert _posts(world) == [("load", 1), ("alert", 1), ("load", 2)]


def test_a_target_that_is_missing_in_the_new_round_is_found_before_anything_is_triggered() -> None:
    world = World(pipeline(job("a"), job("b")), _failing("/b"))
    world.run()
    state = _retry(world, pipeline(job("a"), job("b"), job("c", action=Trigger(target="/nowhere"))))
    assert state.ended is not None
    assert state.ended.exit_code == 2
    assert _posts(world) == [("a", 1), ("b", 1)]
    assert the_job(state, "a").status is JobStatus.SUCCEEDED


def test_the_pipelines_timeout_begins_anew_with_the_round() -> None:
    world = World(pipeline(job("a"), timeout=30.0), _failing("/a"))
    world.run()
    state = _retry(world)
    assert state.ended is not None
    assert state.ended.status is RunStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("jobs", "files", "faults", "why"),
    [
        pytest.param([job("a")], [], [], Refusal.SUCCEEDED, id="it succeeded"),
        pytest.param(
            [job("a", ambiguous_grace=1.0)],
            [],
            [Fault(on=PostTrigger, outcome=Unanswered("reset"))],
            Refusal.UNKNOWN,
            id="nobody knows",
        ),
    ],
)
def test_a_retry_is_refused(jobs: list[Job], files: list[File], faults: list[Fault], why: Refusal) -> None:
    world = World(pipeline(*jobs), *files, faults=faults)
    plan = plan_retry(world.run())
    assert isinstance(plan, RetryRefused)
    assert plan.why is why


def test_an_interrupted_run_is_resumed_first() -> None:
    world = World(pipeline(job("a")))
    world.interrupt(1.0, detach=True)
    plan = plan_retry(world.run())
    assert isinstance(plan, RetryRefused)
    assert plan.why is Refusal.INTERRUPTED


def test_a_run_that_goes_on_is_not_retried() -> None:
    plan = plan_retry(RunState(pipeline(job("a")), RUN_ID))
    assert isinstance(plan, RetryRefused)
    assert plan.why is Refusal.RUNNING


def test_a_process_that_dies_in_the_second_round_is_followed_by_one_that_knows_it() -> None:
    world = World(pipeline(job("a"), job("b", "a")), _failing("/a"))
    world.run()
    world.crash_after = len(world.facts) + 5
    with pytest.raises(Crash):
        _retry(world)
    state = world.resume()
    assert state.ended is not None
    assert state.ended.status is RunStatus.SUCCEEDED
    assert len(state.rounds) == 1
    assert max(Counter((post.job, post.attempt) for post in world.handled).values()) == 1


def test_an_alert_that_was_rightly_skipped_is_decided_on_again_only_if_something_before_it_runs_again() -> None:
    jobs = (job("a"), job("alert", "a", run_if=RunIf.ANY_FAILED), job("b"))
    world = World(pipeline(*jobs), _failing("/b"))
    first = world.run()
    assert (the_job(first, "alert").status, the_job(first, "alert").cause) == (JobStatus.SKIPPED, Cause.RUN_IF)
    assert set(_again(plan_retry(first))) == {"b"}


def test_an_alert_waits_for_what_runs_again_behind_a_job_that_is_kept() -> None:
    """What it needs had succeeded and was kept, so it was skipped at once: nothing had failed yet."""
    jobs = (job("a"), job("b", "a", run_if=RunIf.ALL_DONE), job("alert", "b", run_if=RunIf.ANY_FAILED))
    world = World(
        pipeline(*jobs, fail_fast=False), _failing("/a", "ERROR"), File(path="/alert", id=9, words=("ERROR",))
    )
    world.run()
    state = _retry(world)
    assert [(post.job, post.attempt) for post in world.handled][-2:] == [("a", 2), ("alert", 2)]
    assert the_job(state, "b").status is JobStatus.SUCCEEDED


def test_an_alert_is_decided_on_again_when_something_far_before_it_runs_again() -> None:
    """`a` had succeeded, was changed and failed; `b` between them was kept, so the alert was, too, and was never sent."""
    jobs = (job("a"), job("b", "a", run_if=RunIf.ALL_DONE), job("alert", "b", run_if=RunIf.ANY_FAILED), job("x"))
    world = World(pipeline(*jobs, fail_fast=False), _failing("/x"), File(path="/other", id=9, words=("ERROR",)))
    first = world.run()
    assert the_job(first, "alert").status is JobStatus.SKIPPED
    changed = pipeline(job("a", action=Trigger(target="/other")), *jobs[1:], fail_fast=False)
    assert _again(plan_retry(first, changed))["alert"] == "was skipped, and a runs again"
    assert the_job(_retry(world, changed), "alert").status is JobStatus.SUCCEEDED


def test_a_job_begins_after_all_that_runs_again_before_it() -> None:
    jobs = (job("a"), job("b", "a"), job("c", "b"))
    world = World(pipeline(*jobs), _failing("/c"), File(path="/other", id=9, duration=30.0))
    world.run()
    changed = pipeline(job("a", action=Trigger(target="/other")), *jobs[1:])
    state = _retry(world, changed)
    ended, triggered = the_job(state, "a").ended_at, the_job(state, "c").executions[-1].accepted_at
    assert ended is not None
    assert triggered >= ended
    assert len(the_job(state, "b").executions) == 1


def test_an_unknown_that_never_started_is_triggered_in_the_same_attempt() -> None:
    fault = Fault(on=PostTrigger, outcome=Unanswered("reset"))
    world = World(pipeline(job("a", ambiguous_grace=1.0), job("b", "a")), faults=[fault])
    assert the_job(world.run()).status is JobStatus.UNKNOWN
    state = world.resume(ev.Settled(job=JobId("a"), execution_id=None))
    assert state.ended is not None
    assert state.ended.status is RunStatus.SUCCEEDED
    assert [(post.job, post.attempt) for post in world.handled] == [("a", 1), ("b", 1)]
