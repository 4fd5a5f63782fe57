"""Going on under another policy: what counts as policy, and that a run takes it where it stands, in every later process."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import Cause, JobStatus, RunStatus
from spectrum_pipelines.engine.requests import PostTrigger
from spectrum_pipelines.engine.run.redefine import beyond_policy, changed_work, what_changed
from spectrum_pipelines.engine.run.retry import plan_retry
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.pipeline.model.action import Check, IfMissing, Sequence, Stop, Trigger
from spectrum_pipelines.pipeline.model.pipeline import Concurrency, Pipeline, Poll, RunIf, Server
from spectrum_pipelines.pipeline.model.policy import Bound, Expect, OnAmbiguous, OnRunning, Retry
from tests.engine.made import RUN_ID, STARTED, fold, job, pipeline, the_job
from tests.engine.tiny import File
from tests.engine.world import Crash, World

_CHANGED = ev.Changed(
    file="new.yaml", digest="sha256:3", plan_digest="sha256:new", variables={"limit": 1}, text="", plan="{}"
)
_ONCE = Retry(limit=1, interval=1.0, jitter=0.0)


def _resumed(world: World, new: Pipeline, **more: Any) -> RunState:
    world.later = {"sha256:new": new}
    return world.resume(changed=_CHANGED, **more)


def test_changed_work_names_what_resume_does_not_take() -> None:
    old = pipeline(job("a"), job("b"), job("c"))
    new = pipeline(job("a", timeout=3.0), job("b", action=Trigger(target="/z")), job("d"))
    assert changed_work(old, new) == ("b", "c", "d")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param({}, {"timeout": 3.0, "on_running": OnRunning.WAIT, "retry": _ONCE}, [], id="its policy"),
        pytest.param({}, {"description": "x"}, [], id="its description"),
        pytest.param({}, {"action": Trigger(target="/z")}, ["the target of b"], id="its action"),
        pytest.param({}, {"expect": Expect(failure_count=Bound(max=0))}, ["the gates of b"], id="its gates"),
        pytest.param({}, {"allow_failure": True}, ["the allow_failure of b"], id="allow_failure"),
        pytest.param({}, {"run_if": RunIf.ALL_DONE}, ["the run_if of b"], id="run_if"),
    ],
)
def test_what_of_a_job_is_more_than_policy(old: dict[str, Any], new: dict[str, Any], told: list[str]) -> None:
    before, after = (pipeline(job("a"), job("b", "a", **it)) for it in (old, new))
    assert list(beyond_policy(before, after)) == told


@pytest.mark.parametrize(
    ("new", "told"),
    [
        pytest.param(pipeline(job("b"), job("a")), [], id="another order"),
        pytest.param(
            pipeline(job("a"), job("b"), timeout=3.0, poll=Poll(max=1.0), fail_fast=False),
            [],
            id="limits, polling, fail_fast",
        ),
        pytest.param(
            pipeline(job("a"), job("b"), server=Server(url="http://new")), [], id="an address is looked at elsewhere"
        ),
        pytest.param(
            pipeline(job("a"), job("b"), server=Server(timezone="Asia/Tokyo")),
            ["sequence_path or timezone of `server`"],
            id="the zone of the server's dates",
        ),
        pytest.param(pipeline(job("a"), job("c")), ["b, which is gone", "c, which is new"], id="other jobs"),
        pytest.param(
            pipeline(job("a"), job("b", "a")),
            ["the needs of b"],
            id="another need",
        ),
    ],
)
def test_what_of_a_pipeline_is_more_than_policy(new: Pipeline, told: list[str]) -> None:
    assert list(beyond_policy(pipeline(job("a"), job("b")), new)) == told


def test_a_job_that_runs_is_followed_under_the_new_timeout() -> None:
    world = World(pipeline(job("a", timeout=15.0)), File(path="/a", id=5, duration=30.0))
    world.interrupt(10.0, detach=True)
    world.run()
    state = _resumed(world, pipeline(job("a", timeout=60.0)))
    assert state.ended is not None
    assert state.ended.status is RunStatus.SUCCEEDED
    assert len(world.asked(PostTrigger)) == 1
    assert state.facts is not None
    assert (state.facts.file, state.facts.digest, state.facts.variables) == ("new.yaml", "sha256:3", {"limit": 1})


def test_a_job_that_failed_behind_the_resume_has_the_new_retries() -> None:
    world = World(pipeline(job("a")), File(path="/a", id=5, duration=20.0, words=("ERROR", "COMPLETED")))
    world.interrupt(10.0, detach=True)
    world.run()
    state = _resumed(world, pipeline(job("a", retry=_ONCE)))
    assert [one.status for one in the_job(state).attempts] == [JobStatus.FAILED, JobStatus.SUCCEEDED]


def test_a_limit_that_is_lower_ends_the_pipeline_at_its_time() -> None:
    world = World(pipeline(job("a")), File(path="/a", id=5, duration=100.0))
    world.interrupt(10.0, detach=True)
    world.run()
    state = _resumed(world, pipeline(job("a"), timeout=20.0))
    assert state.ended is not None
    assert state.ended.status is RunStatus.TIMED_OUT


def test_the_next_process_that_is_told_nothing_keeps_the_policy() -> None:
    world = World(pipeline(job("a", timeout=15.0)), File(path="/a", id=5, duration=40.0))
    world.interrupt(5.0, detach=True)
    world.run()
    with pytest.raises(Crash):
        _resumed(world, pipeline(job("a", timeout=60.0)), dies_after=1)
    state = world.resume()
    assert state.ended is not None
    assert state.ended.status is RunStatus.SUCCEEDED
    assert the_job(state).job.policy.timeout == 60.0
    assert len(world.asked(PostTrigger)) == 1


def test_what_fail_fast_had_skipped_runs_where_it_is_off_by_now() -> None:
    jobs = job("bad"), job("slow"), job("next", "slow"), job("last", "next")
    files = File(path="/bad", id=5, words=("ERROR",)), File(path="/slow", id=6, duration=30.0)
    world = World(pipeline(*jobs), *files)
    world.interrupt(10.0, detach=True)
    before = world.run()
    assert the_job(before, "next").cause is Cause.FAIL_FAST or not the_job(before, "next").is_done
    state = _resumed(world, pipeline(*jobs, fail_fast=False))
    assert {name: one.status for name, one in state.jobs.items()} == {
        "bad": JobStatus.FAILED,
        "slow": JobStatus.SUCCEEDED,
        "next": JobStatus.SUCCEEDED,
        "last": JobStatus.SUCCEEDED,
    }


def test_a_narrower_pipeline_begins_nothing_more_than_it_may() -> None:
    jobs = [job(f"j{number}") for number in range(6)]
    files = [File(path=f"/j{number}", id=50 + number, duration=20.0) for number in range(6)]
    world = World(pipeline(*jobs, concurrency=Concurrency(max_parallel=2)), *files)
    world.interrupt(5.0, detach=True)
    world.run()
    state = _resumed(world, pipeline(*jobs, concurrency=Concurrency(max_parallel=1)))
    assert state.ended is not None
    assert state.ended.status is RunStatus.SUCCEEDED
    posts = [at for at, request in world.sent if isinstance(request, PostTrigger)]
    assert len(posts) == 6
    assert all(later - before >= 20.0 for before, later in pairwise(posts[2:]))


@pytest.mark.parametrize(
    ("later", "error"),
    [
        pytest.param({}, LookupError, id="a pipeline that is not at hand"),
        pytest.param({"sha256:new": pipeline(job("a", action=Trigger(target="/z")))}, ValueError, id="other work"),
        pytest.param({"sha256:new": pipeline(job("a"), job("b"))}, ValueError, id="another job"),
    ],
)
def test_a_journal_that_cannot_be_true_is_refused(later: Mapping[str, Pipeline], error: type[Exception]) -> None:
    state = RunState(pipeline(job("a")), RUN_ID, later=later)
    fold(state, STARTED)
    with pytest.raises(error):
        fold(state, ev.Resumed(changed=_CHANGED))


_POLICIES = st.fixed_dictionaries(
    {
        "timeout": st.sampled_from([5.0, 15.0, 600.0]),
        "retry": st.builds(Retry, limit=st.integers(0, 2), interval=st.just(1.0), jitter=st.just(0.0)),
        "on_running": st.sampled_from([OnRunning.FAIL, OnRunning.WAIT, OnRunning.STOP]),
        "on_ambiguous": st.sampled_from(OnAmbiguous),
    }
)


@given(
    policies=st.lists(_POLICIES, min_size=2, max_size=4),
    dies_after=st.integers(1, 20),
    words=st.lists(st.sampled_from(["COMPLETED", "ERROR"]), min_size=1, max_size=3),
)
def test_whatever_the_policies_and_deaths_no_attempt_is_triggered_twice_and_the_journal_tells_it_all(
    policies: list[dict[str, Any]], dies_after: int, words: list[str]
) -> None:
    pipelines = [pipeline(job("a", **it), job("b", "a", **it), fail_fast=False) for it in policies]
    world = World(pipelines[0], File(path="/a", id=5, duration=8.0, words=tuple(words)))
    world.crash_after = dies_after
    world.later = {f"sha256:{number}": one for number, one in enumerate(pipelines)}
    try:
        state = world.run()
    except Crash:
        state = _resumed_with_each(world, dies_after)
    assert state.ended is not None
    attempts = [(post.job, post.attempt) for post in world.asked(PostTrigger)]
    assert len(attempts) == len(set(attempts))
    again = world.replayed()
    assert again.pipeline is state.pipeline
    assert {name: (one.status, one.attempts) for name, one in again.jobs.items()} == {
        name: (one.status, one.attempts) for name, one in state.jobs.items()
    }
    assert plan_retry(again) == plan_retry(state)


def _resumed_with_each(world: World, dies_after: int) -> RunState:
    """A process with the next policy, until one lives long enough; the last one is told nothing and lives."""
    for digest in list(world.later)[1:]:
        try:
            return world.resume(changed=ev.Changed(plan_digest=digest), dies_after=dies_after)
        except Crash:
            continue
    return world.resume()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param({}, {"action": Check(target="/a")}, "action", id="another action"),
        pytest.param({}, {"action": Trigger(target="/z")}, "target", id="another file"),
        pytest.param(
            {"action": Sequence(file_ids=(5,))}, {"action": Sequence(file_ids=(5, 6))}, "target", id="one file more"
        ),
        pytest.param(
            {"action": Sequence(file_ids=(5,))},
            {"action": Sequence(file_ids=(5,), variables={"x": 1})},
            "variables",
            id="a variable",
        ),
        pytest.param(
            {"action": Stop(target="/a", if_missing=IfMissing.OK)},
            {"action": Stop(target="/a", if_missing=IfMissing.FAIL)},
            "if_missing",
            id="if_missing",
        ),
        pytest.param({}, {"expect": Expect(failure_count=Bound(max=0))}, "gates", id="a gate"),
        pytest.param({}, {"is_finally": True}, "section", id="it runs at the end now"),
    ],
)
def test_what_of_its_work_has_changed_is_told_in_a_word(old: dict[str, Any], new: dict[str, Any], told: str) -> None:
    assert what_changed(job("a", **old), job("a", **new)) == told
