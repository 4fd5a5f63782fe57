"""Who may start: the truth table of `run_if`, fail-fast, places, `finally`, and the pipeline's own timeout."""

import itertools

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import Cause, JobStatus, RunStatus
from spectrum_pipelines.engine.requests import PostTrigger
from spectrum_pipelines.engine.state.run import RunState, Step
from spectrum_pipelines.pipeline.model.action import DeleteData, JobId
from spectrum_pipelines.pipeline.model.pipeline import Concurrency, Job, RunIf
from spectrum_pipelines.spectrum import ExecutionId, TriggerAnswer
from tests.engine.made import fold, fresh, job, of, pipeline, settle, the_job
from tests.engine.tiny import File
from tests.engine.world import Fault, World

_DONE = [JobStatus.SUCCEEDED, JobStatus.WARNED]
_FAILED = [JobStatus.FAILED, JobStatus.TIMED_OUT, JobStatus.CANCELED, JobStatus.UNKNOWN]


def _end(state: RunState, name: str, status: JobStatus, *, tainted: bool = False) -> None:
    if status is JobStatus.SKIPPED:
        skipped = ev.JobSkipped(job=JobId(name), cause=Cause.UPSTREAM, reason="", tainted=tainted)
        fold(state, skipped)
    else:
        fold(state, ev.JobEnded(job=JobId(name), status=status, cause=Cause.SPECTRUM, reason=None))


def _starts(state: RunState, name: str = "z") -> bool:
    settle(state, 0.0)
    return the_job(state, name).step not in {Step.DONE, Step.WAITING}


# What one need has come to -> does the job start? One row per end, one column per `run_if`.
_ONE_NEED = [
    # end, allow_failure, tainted, all_success, all_done, any_failed, none_failed
    *((end, allow, False, True, True, False, True) for end in _DONE for allow in (False, True)),
    *((end, False, False, False, True, True, False) for end in _FAILED),
    *((end, True, False, True, True, True, True) for end in _FAILED),
    (JobStatus.SKIPPED, False, False, False, True, False, True),
    (JobStatus.SKIPPED, False, True, False, True, True, False),
    (JobStatus.SKIPPED, True, True, False, True, True, False),
]


@pytest.mark.parametrize(
    ("end", "allow_failure", "tainted", "expected"),
    [
        pytest.param(end, allow, tainted, expected, id=f"{end.value}{'-allowed' * allow}{'-tainted' * tainted}")
        for end, allow, tainted, *expected in _ONE_NEED
    ],
)
def test_run_if_after_one_need(end: JobStatus, allow_failure: bool, tainted: bool, expected: list[bool]) -> None:
    found = []
    for run_if in (RunIf.ALL_SUCCESS, RunIf.ALL_DONE, RunIf.ANY_FAILED, RunIf.NONE_FAILED):
        state = fresh(job("a", allow_failure=allow_failure), job("z", "a", run_if=run_if), fail_fast=False)
        _end(state, "a", end, tainted=tainted)
        found.append(_starts(state))
    assert found == expected


@pytest.mark.parametrize("run_if", list(RunIf), ids=lambda one: one.value)
def test_two_needs_decide_like_the_worse_of_them(run_if: RunIf) -> None:
    """`all_*` and `none_*` want it of both, `any_failed` of one."""
    for one, other in itertools.product([*_DONE, *_FAILED, JobStatus.SKIPPED], repeat=2):
        alone = []
        for end in (one, other):
            state = fresh(job("a"), job("z", "a", run_if=run_if), fail_fast=False)
            _end(state, "a", end)
            alone.append(_starts(state))
        both = fresh(job("a"), job("b"), job("z", "a", "b", run_if=run_if), fail_fast=False)
        _end(both, "a", one)
        assert not _starts(both), "it waits for all of its needs"
        _end(both, "b", other)
        assert _starts(both) is (any(alone) if run_if is RunIf.ANY_FAILED else all(alone))


def test_a_failure_taints_all_that_is_skipped_because_of_it_and_any_failed_hears_of_it() -> None:
    state = fresh(job("a"), job("b", "a"), job("c", "b"), job("alert", "c", run_if=RunIf.ANY_FAILED))
    _end(state, "a", JobStatus.FAILED)
    assert _starts(state, "alert")
    assert [the_job(state, name).tainted for name in "bc"] == [True, True]
    assert the_job(state, "b").reason == "a failed"


def test_a_skip_without_a_failure_taints_nothing() -> None:
    state = fresh(
        job("a"), job("b", "a", run_if=RunIf.ANY_FAILED), job("c", "b"), job("d", "c", run_if=RunIf.ANY_FAILED)
    )
    _end(state, "a", JobStatus.SUCCEEDED)
    assert not _starts(state, "d")
    assert the_job(state, "b").reason == "run_if: any_failed, and nothing failed"
    assert (the_job(state, "c").cause, the_job(state, "c").reason) == (Cause.UPSTREAM, "b skipped")
    assert not any(the_job(state, name).tainted for name in "bcd")


@pytest.mark.parametrize(
    ("run_if", "starts"),
    [
        pytest.param(RunIf.ALL_SUCCESS, False, id="all_success is skipped"),
        pytest.param(RunIf.NONE_FAILED, False, id="none_failed is skipped"),
        pytest.param(RunIf.ALL_DONE, True, id="all_done is what fail-fast hurries to"),
    ],
)
@pytest.mark.parametrize("fail_fast", [True, False])
def test_fail_fast_skips_what_has_nothing_to_do_with_the_failure(run_if: RunIf, starts: bool, fail_fast: bool) -> None:
    state = fresh(job("bad"), job("good"), job("z", "good", run_if=run_if), fail_fast=fail_fast)
    _end(state, "bad", JobStatus.FAILED)
    _end(state, "good", JobStatus.SUCCEEDED)
    assert _starts(state) is (starts or not fail_fast)
    if not _starts(state):
        assert (the_job(state, "z").cause, the_job(state, "z").tainted) == (Cause.FAIL_FAST, True)
        assert the_job(state, "z").reason == "fail_fast: bad failed"


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(job("bad", allow_failure=True), id="an allowed failure"),
        pytest.param(job("bad", is_finally=True), id="a failure while cleaning up"),
    ],
)
def test_what_does_not_trip_fail_fast(bad: Job) -> None:
    state = fresh(bad, job("good"), job("z", "good"))
    _end(state, "bad", JobStatus.FAILED)
    assert state.failed_first is None
    _end(state, "good", JobStatus.SUCCEEDED)
    assert _starts(state)


def test_fail_fast_lets_finish_what_runs() -> None:
    world = World(
        pipeline(job("bad"), job("long"), job("z", "long")),
        File(path="/bad", id=1, words=("ERROR",), duration=1),
        File(path="/long", id=2, duration=60),
    )
    state = world.run()
    assert {name: one.status.value for name, one in state.jobs.items()} == {
        "bad": "failed",
        "long": "succeeded",
        "z": "skipped",
    }


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_max_parallel_holds_at_every_moment_and_every_place_is_used(limit: int) -> None:
    names = "abcdefgh"
    world = World(pipeline(*(job(name) for name in names), concurrency=Concurrency(max_parallel=limit)))
    state = world.run()
    underway, most = 0, 0
    for fact in world.facts:
        underway += isinstance(fact.event, ev.AttemptStarted) - isinstance(fact.event, ev.JobEnded)
        most = max(most, underway)
    assert most == limit
    assert all(one.status is JobStatus.SUCCEEDED for one in state.jobs.values())


def test_places_are_given_in_the_order_in_which_jobs_became_ready() -> None:
    world = World(pipeline(*(job(name) for name in "cab"), concurrency=Concurrency(max_parallel=1)))
    world.run()
    assert [event.job for event in world.said(ev.AttemptStarted)] == ["c", "a", "b"]


def test_a_job_that_waits_for_a_place_may_still_be_skipped() -> None:
    world = World(
        pipeline(job("bad"), job("z"), concurrency=Concurrency(max_parallel=1)),
        File(path="/bad", id=1, words=("ERROR",)),
    )
    assert the_job(world.run(), "z").cause is Cause.FAIL_FAST


@pytest.mark.parametrize(
    ("word", "alert", "status"),
    [
        pytest.param("ERROR", "succeeded", RunStatus.FAILED, id="something failed: it alerts, without any needs"),
        pytest.param("COMPLETED", "skipped", RunStatus.SUCCEEDED, id="nothing failed"),
    ],
)
def test_finally_looks_at_the_whole_pipeline(word: str, alert: str, status: RunStatus) -> None:
    world = World(
        pipeline(
            job("a"),
            job("b", "a"),
            job("alert", is_finally=True, run_if=RunIf.ANY_FAILED),
            job("always", is_finally=True, run_if=RunIf.ALL_DONE, action=DeleteData(data_ids=(1,))),
        ),
        File(path="/a", id=1, words=(word,)),
    )
    state = world.run()
    assert (the_job(state, "alert").status.value, the_job(state, "always").status.value) == (alert, "succeeded")
    assert state.ended is not None
    assert state.ended.status is status
    started = [event.job for event in world.said(ev.AttemptStarted)]
    assert started.index(JobId("always")) == len(started) - 1 - (alert == "succeeded") * (started[-1] == "alert")


def test_finally_jobs_wait_for_each_other_where_they_say_so() -> None:
    world = World(
        pipeline(
            job("a"),
            job("first", is_finally=True, run_if=RunIf.ALL_DONE),
            job("second", "first", is_finally=True, run_if=RunIf.ALL_DONE),
        )
    )
    world.run()
    assert [event.job for event in world.said(ev.JobEnded)] == ["a", "first", "second"]


def test_the_pipeline_timeout_skips_what_waits_stops_what_runs_and_still_cleans_up() -> None:
    world = World(
        pipeline(
            job("long"),
            job("next", "long"),
            job("clean", is_finally=True, run_if=RunIf.ALL_DONE),
            timeout=30.0,
        ),
        File(path="/long", id=1, duration=3600),
        File(path="/clean", id=2, duration=20),
    )
    state = world.run()
    assert (the_job(state, "long").status, the_job(state, "long").cause) == (
        JobStatus.TIMED_OUT,
        Cause.PIPELINE_TIMEOUT,
    )
    assert (the_job(state, "next").cause, the_job(state, "next").tainted) == (Cause.PIPELINE_TIMEOUT, True)
    assert the_job(state, "clean").status is JobStatus.SUCCEEDED
    assert state.ended is not None
    assert (state.ended.status, state.ended.exit_code) == (RunStatus.TIMED_OUT, 4)
    assert 30 < world.clock.seconds < 60


def test_the_timeout_of_finally_ends_even_that() -> None:
    world = World(
        pipeline(
            job("a"),
            job("clean", is_finally=True, run_if=RunIf.ALL_DONE),
            job("after", "clean", is_finally=True, run_if=RunIf.ALL_DONE),
            finally_timeout=10.0,
        ),
        File(path="/clean", id=2, duration=3600),
    )
    state = world.run()
    assert the_job(state, "clean").cause is Cause.PIPELINE_TIMEOUT
    assert (the_job(state, "after").status, the_job(state, "after").reason) == (
        JobStatus.SKIPPED,
        "timeouts.finally is over",
    )
    assert state.ended is not None
    assert state.ended.exit_code == 4


@pytest.mark.parametrize("step", [Step.LOOKING, Step.DELETING, Step.RESTING], ids=lambda one: one.value)
def test_the_pipeline_timeout_ends_a_job_that_only_waits(step: Step) -> None:
    action = DeleteData(data_ids=(1,)) if step is Step.DELETING else None
    state = fresh(job("a", action=action), timeout=30.0)
    fold(state, ev.AttemptStarted(job=JobId("a"), attempt=1))
    if step is Step.RESTING:
        ended = ev.AttemptEnded(job=JobId("a"), attempt=1, status=JobStatus.FAILED, cause=Cause.SPECTRUM, reason=None)
        fold(state, ended, ev.RetryScheduled(job=JobId("a"), attempt=2, wait=3600))
    assert the_job(state).step is step
    decisions = settle(state, 30.0)
    assert of(ev.PipelineTimedOut, decisions)
    assert (the_job(state).status, the_job(state).cause) == (JobStatus.TIMED_OUT, Cause.PIPELINE_TIMEOUT)


def test_a_job_that_waits_for_a_place_when_the_pipeline_s_time_is_over_is_skipped() -> None:
    world = World(
        pipeline(job("a"), job("b"), timeout=30.0, concurrency=Concurrency(max_parallel=1)),
        File(path="/a", id=1, duration=3600),
    )
    assert (the_job(world.run(), "b").cause, len(world.spectrum.executions)) == (Cause.PIPELINE_TIMEOUT, 1)


def test_a_pipeline_of_clean_ups_only_has_their_timeout() -> None:
    clean = job("clean", is_finally=True, run_if=RunIf.ALL_DONE)
    world = World(pipeline(clean, finally_timeout=30.0), File(path="/clean", id=1, duration=3600))
    assert the_job(world.run(), "clean").cause is Cause.PIPELINE_TIMEOUT
    assert world.clock.seconds < 60


def test_a_trigger_that_is_out_when_the_pipeline_s_time_is_over_is_waited_for_and_stopped() -> None:
    world = World(pipeline(job("a"), timeout=30.0), File(path="/a", id=1, duration=3600))
    answer = TriggerAnswer(execution_id=ExecutionId(11))
    world.faults.append(Fault(on=PostTrigger, outcome=answer, handled=True, delay=40.0))
    one = the_job(world.run())
    assert (one.status, one.executions[0].job_status) == (JobStatus.TIMED_OUT, "CANCELED")
    assert len(world.asked(PostTrigger)) == 1


@pytest.mark.parametrize("allowed", [False, True])
def test_any_failed_sees_a_failure_behind_a_job_that_succeeded(allowed: bool) -> None:
    state = fresh(
        job("a", allow_failure=allowed),
        job("b", "a", run_if=RunIf.ALL_DONE),
        job("c", "b", run_if=RunIf.ANY_FAILED),
    )
    _end(state, "a", JobStatus.FAILED)
    _end(state, "b", JobStatus.SUCCEEDED)
    assert _starts(state, "c")


def test_try_this_else_that_stays_green() -> None:
    jobs = (job("a", allow_failure=True), job("b", "a"), job("c", "a", run_if=RunIf.ANY_FAILED))
    world = World(pipeline(*jobs), File(path="/a", id=1, words=("ERROR",)))
    state = world.run()
    assert state.ended is not None
    assert state.ended.status is RunStatus.SUCCEEDED
    assert [the_job(state, name).status for name in "bc"] == [JobStatus.SUCCEEDED, JobStatus.SUCCEEDED]


def test_a_long_chain_is_looked_through() -> None:
    names = [f"j{number}" for number in range(2000)]
    chain = [job(name, *([names[n - 1]] if n else [])) for n, name in enumerate(names)]
    state = fresh(*chain, job("z", names[-1], run_if=RunIf.ANY_FAILED))
    for name in names:
        _end(state, name, JobStatus.SUCCEEDED)
    assert not _starts(state)
