"""No execution is taken for ours on the word of an answer alone: it must be new, and nobody else's."""

from typing import Any

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import JobStatus
from spectrum_pipelines.engine.requests import AskStatus, AskTarget, PostSequence, PostTrigger
from spectrum_pipelines.errors import Unanswered
from spectrum_pipelines.pipeline.model.action import Sequence, Trigger
from spectrum_pipelines.pipeline.model.policy import OnAmbiguous, OnRunning, Retry
from spectrum_pipelines.spectrum import (
    ExecutionId,
    ExecutionPlan,
    FileId,
    PlannedExecution,
    StatusAnswer,
    TriggerAnswer,
)
from tests.engine.made import job, pipeline
from tests.engine.tiny import File
from tests.engine.world import Crash, Fault, World

_LOST = Unanswered("the connection was closed")
_POLICY: dict[str, Any] = {"ambiguous_grace": 3.0, "on_running": OnRunning.WAIT}


def _twins(*faults: Fault) -> World:
    """Two jobs that trigger one file at once."""
    jobs = [job(name, action=Trigger(target="/f"), **_POLICY) for name in ("a", "b")]
    return World(pipeline(*jobs, fail_fast=False), File(path="/f", id=6, duration=9.0), faults=faults)


def _green_ids(world: World) -> list[int]:
    return [
        one.execution_id
        for state in world.run().jobs.values()
        if state.status is JobStatus.SUCCEEDED
        for one in state.executions
    ]


@pytest.mark.parametrize("first", [True, False], ids=["the first was handled", "the second was handled"])
def test_two_lost_answers_and_one_execution_make_only_its_own_job_green(first: bool) -> None:
    world = _twins(
        Fault(on=PostTrigger, outcome=_LOST, handled=first), Fault(on=PostTrigger, outcome=_LOST, handled=not first)
    )
    assert _green_ids(world) in ([], [11])
    (handled,) = world.handled
    assert [one.job for one in world.said(ev.Adopted)] in ([], [handled.job])


def test_a_late_answer_takes_its_own_and_leaves_the_other_unknown() -> None:
    """One POST is lost, the other's answer comes after the lost one was looked for."""
    world = _twins(
        Fault(on=PostTrigger, outcome=_LOST, handled=False),
        Fault(on=PostTrigger, outcome=TriggerAnswer(execution_id=ExecutionId(1)), handled=True, delay=2.0),
    )
    ids = _green_ids(world)
    assert len(ids) == len(set(ids)) <= 1


def test_the_search_of_a_trigger_waits_for_the_answer_of_a_rival() -> None:
    """An id and a path may name one file: the answer to the other trigger, slower than the grace, shows that they do not."""
    jobs = [job(name, action=Trigger(target=target), **_POLICY) for name, target in (("a", "6"), ("b", "/g"))]
    late = TriggerAnswer(execution_id=ExecutionId(12))
    world = World(
        pipeline(*jobs, fail_fast=False),
        File(path="/f", id=6, duration=9.0),
        File(path="/g", id=7, duration=9.0),
        faults=(
            Fault(on=PostTrigger, outcome=_LOST, handled=True),
            Fault(on=PostTrigger, outcome=late, handled=True, delay=9.0),
        ),
    )
    assert [state.status for state in world.run().jobs.values()] == [JobStatus.SUCCEEDED, JobStatus.SUCCEEDED]


def test_the_id_that_was_there_before_is_no_answer() -> None:
    file = File(path="/a", id=6, duration=1.0)
    world = World(pipeline(job("a", **_POLICY)), file)
    before = StatusAnswer(job_status="COMPLETED", execution_id=ExecutionId(101))
    world.faults += [
        Fault(on=(AskTarget, AskStatus), outcome=before, times=9e9),
        Fault(on=PostTrigger, outcome=TriggerAnswer(execution_id=ExecutionId(101))),
    ]
    (one,) = world.run().jobs.values()
    assert (one.status, one.attempt.candidates) == (JobStatus.UNKNOWN, (101,))


def test_an_answer_with_the_id_that_was_there_before_is_never_sent_again() -> None:
    """The server had lost its counter and gave the id once more: the look-ups saw the baseline, and the job was triggered twice."""
    file = File(path="/a", id=6, duration=1.0)
    world = World(pipeline(job("a", **_POLICY, on_ambiguous=OnAmbiguous.RETRY, retry=Retry(limit=2))), file)
    before = StatusAnswer(job_status="COMPLETED", execution_id=ExecutionId(101))
    world.faults += [
        Fault(on=(AskTarget, AskStatus), outcome=before, times=9e9),
        Fault(on=PostTrigger, outcome=TriggerAnswer(execution_id=ExecutionId(101))),
    ]
    (one,) = world.run().jobs.values()
    assert one.status is JobStatus.UNKNOWN
    assert len(world.asked(PostTrigger)) == 1


def test_a_process_that_dies_as_it_writes_down_such_an_answer_leaves_no_trigger_to_be_sent_again() -> None:
    """The answer shows that the trigger was handled, whatever the searches of the next process find."""
    world = World(pipeline(job("a", **_POLICY)), File(path="/a", id=6, duration=1.0))
    before = StatusAnswer(job_status="COMPLETED", execution_id=ExecutionId(101), file_id=FileId(6))
    world.faults += [
        Fault(on=(AskTarget, AskStatus), outcome=before, times=9e9),
        Fault(on=PostTrigger, outcome=TriggerAnswer(execution_id=ExecutionId(101))),
    ]
    world.crash_after = 5  # started, pre-flight, attempt, intent, what the answer has named
    with pytest.raises(Crash):
        world.run()
    assert world.said(ev.CandidatesFound)
    (one,) = world.resume(delivered=False).jobs.values()
    assert (one.status, one.attempt.candidates) == (JobStatus.UNKNOWN, (101,))
    assert len(world.asked(PostTrigger)) == 1


def test_a_file_that_ran_under_no_name_before_makes_every_candidate_doubtful() -> None:
    world = World(pipeline(job("a", **_POLICY)), File(path="/a", id=6, duration=1.0))
    nameless = StatusAnswer(job_status="COMPLETED")
    old = StatusAnswer(job_status="COMPLETED", execution_id=ExecutionId(101))
    world.faults += [
        Fault(on=AskTarget, outcome=nameless),
        Fault(on=PostTrigger, outcome=_LOST),
        Fault(on=AskStatus, outcome=old, times=9e9),
    ]
    assert world.run().jobs[next(iter(world.pipeline.jobs))].status is JobStatus.UNKNOWN


@pytest.mark.parametrize(
    "second",
    [
        pytest.param((), id="left out"),
        pytest.param((PlannedExecution(execution_id=None),), id="without an id"),
        pytest.param((PlannedExecution(execution_id=None, triggered=False),), id="not started"),
    ],
)
def test_a_plan_that_leaves_out_a_file_is_never_green(second: tuple[PlannedExecution, ...]) -> None:
    action = Sequence(file_ids=(6, 7))
    world = World(
        pipeline(job("a", action=action, **_POLICY)),
        File(path="/f", id=6, duration=0.0),
        File(path="/g", id=7, duration=0.0),
    )
    plan = ExecutionPlan(executions=(PlannedExecution(execution_id=ExecutionId(1)), *second))
    world.faults.append(Fault(on=PostSequence, outcome=plan, handled=True))
    assert world.run().jobs[next(iter(world.pipeline.jobs))].status is JobStatus.UNKNOWN
