"""Absence, ownership and verdicts only from evidence that shows them; each case is a small world that once went wrong."""

from collections.abc import Sequence
from typing import Any

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine import sightings as si
from spectrum_pipelines.engine.decide import next_wake_up
from spectrum_pipelines.engine.interpret import interpret
from spectrum_pipelines.engine.outcome import AdoptedBy, Cause, JobStatus, RunStatus
from spectrum_pipelines.engine.requests import (
    AskAllRunning,
    AskDetails,
    AskHistory,
    AskRunning,
    AskStatus,
    AskTarget,
    PostSequence,
    PostStop,
    PostTrigger,
    Purpose,
    Request,
)
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.engine.triggering.claims import rivals
from spectrum_pipelines.errors import ExitCode, Refused, Unanswered
from spectrum_pipelines.pipeline.model.action import JobId, Stop, Trigger
from spectrum_pipelines.pipeline.model.action import Sequence as SequenceAction
from spectrum_pipelines.pipeline.model.policy import OnAmbiguous, Retry
from spectrum_pipelines.spectrum import (
    ActiveJob,
    ConfigurationId,
    ExecutionId,
    FileId,
    HistoryEntry,
    JobDetails,
    StatusAnswer,
    TriggerAnswer,
)
from tests.engine.made import execution, finished, fold, fresh, intended, job, of, pipeline, settle, the_job, triggered
from tests.engine.tiny import File
from tests.engine.world import Crash, Fault, World

A = JobId("a")
_LOST = Unanswered("the connection was reset")
_UUID = "f8d450cd-f065-4abb-a232-000000000006"
_NO_HISTORY = Fault(on=AskHistory, outcome=Refused("no such configuration"), times=9e9)


def _dead_sender(*files: File, faults: Sequence[Fault] = (), **more: Any) -> World:
    """The file has run once before. The process dies with its trigger under way, which is handled."""
    world = World(pipeline(job("a", action=Trigger(target="/f"), ambiguous_grace=3.0, **more)), *files, faults=faults)
    world.spectrum.start("/f")
    world.clock.seconds = 60.0
    world.crash_at = 4  # started, pre-flight, attempt, intent
    with pytest.raises(Crash):
        world.run()
    return world


def _f(**more: Any) -> File:
    return File(path="/f", id=6, duration=1.0, **more)


def test_a_lost_trigger_that_a_strangers_run_hides_is_not_sent_again() -> None:
    """The latest execution was the stranger's, so ours did not exist: the job was triggered a second time."""
    world = _dead_sender(_f(), faults=[_NO_HISTORY])
    world.at(60.3, lambda: _start(world, "/f"))
    one = the_job(world.resume(later=1.0))
    assert len(world.asked(PostTrigger)) == 1
    assert (one.status, one.cause) == (JobStatus.UNKNOWN, Cause.AMBIGUOUS)


def test_a_history_that_reaches_down_to_the_baseline_shows_both() -> None:
    world = _dead_sender(_f())
    world.at(60.3, lambda: _start(world, "/f"))
    one = the_job(world.resume(later=1.0))
    assert (one.status, one.attempt.candidates) == (JobStatus.UNKNOWN, (12, 13))
    assert len(world.asked(PostTrigger)) == 1


@pytest.mark.parametrize(
    ("handled", "stranger", "status", "candidates"),
    [
        pytest.param(True, False, JobStatus.SUCCEEDED, (12,), id="the status and the history show one: it is ours"),
        pytest.param(True, True, JobStatus.UNKNOWN, (12, 13), id="they show two: nobody can tell"),
        pytest.param(
            False, False, JobStatus.UNKNOWN, (), id="they show none: one that waits would only be in the list"
        ),
    ],
)
def test_a_search_ends_where_the_list_alone_is_never_answered(
    handled: bool, stranger: bool, status: JobStatus, candidates: tuple[int, ...]
) -> None:
    """It went on for the longest silence, half an hour, whatever the grace."""
    dead = Fault(on=AskRunning, outcome=Unanswered("HTTP 500"), times=9e9)
    lost = Fault(on=PostTrigger, outcome=_LOST, handled=handled)
    world = World(pipeline(job("a", action=Trigger(target="/f"), ambiguous_grace=3.0)), _f(), faults=[dead, lost])
    world.spectrum.start("/f")
    world.clock.seconds = 60.0
    if stranger:
        world.at(62.0, lambda: _start(world, "/f"))
    one = the_job(world.run())
    assert (one.status, one.attempt.candidates) == (status, candidates)
    assert len(world.asked(PostTrigger)) == 1
    assert world.clock.seconds < 200.0


def test_a_lost_trigger_behind_a_downstream_member_of_another_job_is_found() -> None:
    """Another job's sequence runs the same file behind ours; what is its own is no candidate, and hid ours."""
    files = (_f(), File(path="/up", id=7, duration=0.5, feeds=("/f",)))
    jobs = (
        job("a", action=Trigger(target="/f"), ambiguous_grace=3.0),
        job("b", action=SequenceAction(file_ids=(7,)), ambiguous_grace=3.0),
    )
    world = World(pipeline(*jobs, fail_fast=False), *files)
    world.spectrum.start("/f")
    world.clock.seconds = 60.0
    # Ours is handled and its answer is lost with the process; b's answer has come.
    world.faults.append(Fault(on=PostTrigger, outcome=_LOST, handled=True, delay=50.0))
    world.faults.append(Fault(on=PostSequence, outcome=_LOST, handled=False, delay=50.0, times=0))
    world.interrupt(60.5, detach=True)
    world.run()
    state = world.resume(later=1.0)
    assert len(world.asked(PostTrigger)) == 1
    assert [e.execution_id for e in the_job(state).executions] == [12]
    assert state.ended is not None
    assert state.ended.status is RunStatus.SUCCEEDED


def test_a_candidate_of_an_earlier_process_is_not_forgotten() -> None:
    """It stood in the journal; the next process's looks showed another execution, and the job was triggered again."""
    state = fresh(job("a", ambiguous_grace=2.0))
    fold(state, ev.AttemptStarted(job=A, attempt=1), intended("a"), ev.Resumed())
    fold(state, ev.CandidatesFound(job=A, attempt=1, execution_ids=(ExecutionId(12),)), ev.Resumed())
    state.owners[ExecutionId(27)] = JobId("b")
    now = 0.0
    for _ in range(40):
        now += 1.0
        for ask in settle(state, now):
            if isinstance(ask, AskStatus):
                _answer(state, ask, StatusAnswer(job_status="COMPLETED", execution_id=ExecutionId(27)), now)
            elif isinstance(ask, Request):
                _answer(state, ask, Refused("not allowed"), now)
    assert 12 in the_job(state).attempt.candidates
    assert not state.triggers - 1, "no second intent"
    assert the_job(state).status is JobStatus.UNKNOWN


def _answer(state: RunState, ask: Request, outcome: Any, now: float) -> None:
    fold(state, *interpret(state, ask, outcome, now), at=now)


def test_a_trigger_that_never_came_is_sent_when_the_latest_execution_is_the_baseline() -> None:
    world = World(pipeline(job("a", action=Trigger(target="/f"), ambiguous_grace=3.0)), _f())
    world.spectrum.start("/f")
    world.clock.seconds = 60.0
    world.crash_at = 4
    with pytest.raises(Crash):
        world.run()
    state = world.resume(later=1.0, delivered=False)
    assert the_job(state).status is JobStatus.SUCCEEDED
    assert len(world.handled) == 1


@pytest.mark.parametrize("answers", [True, False], ids=["the answer comes", "the answer is lost"])
def test_an_id_below_the_baseline_is_shown_and_never_adopted(answers: bool) -> None:
    """The server has lost its counter. `on_ambiguous: retry` triggered again; an answer with such an id was thrown away."""
    world = World(pipeline(job("a", on_ambiguous=OnAmbiguous.RETRY, ambiguous_grace=3.0)), faults=[])
    five = ExecutionId(5)
    before = StatusAnswer(job_status="COMPLETED", execution_id=ExecutionId(500), file_id=FileId(100))
    world.faults += [
        Fault(on=AskTarget, outcome=before),
        Fault(on=PostTrigger, outcome=TriggerAnswer(execution_id=five) if answers else _LOST),
        Fault(
            on=AskStatus,
            outcome=StatusAnswer(job_status="RUNNING", execution_id=five, file_id=FileId(100)),
            times=9e9,
        ),
    ]
    state = world.run()
    one = the_job(state)
    assert (one.status, one.attempt.candidates) == (JobStatus.UNKNOWN, (5,))
    assert "lost its counter" in str(one.reason)
    assert len(world.asked(PostTrigger)) == 1
    assert state.ended is not None
    assert state.ended.exit_code == ExitCode.UNKNOWN


_OURS = JobDetails(job_status="COMPLETED", file_id=FileId(100), configuration_id=ConfigurationId(1100))


@pytest.mark.parametrize(
    ("target", "details"),
    [
        pytest.param("100", {"file_id": FileId(77)}, id="a file named by its id"),
        pytest.param("/a", {"file_id": FileId(77)}, id="a file named by its path"),
        pytest.param(
            "f8d450cd-f065-4abb-a232-000000000100", {"uuid": "f8d450cd-f065-4abb-a232-000000000077"}, id="by its uuid"
        ),
    ],
)
def test_details_of_another_file_are_no_verdict(target: str, details: dict[str, Any]) -> None:
    """The server was restored, and our id is another file's by now: the run was green."""
    file = File(path=target if not target.isdigit() else "/a", id=100, details={})
    world = World(pipeline(job("a", action=Trigger(target=target))), file)
    told = {"job_status": "COMPLETED", "file_id": FileId(100), **details}
    world.faults.append(Fault(on=AskDetails, outcome=JobDetails(**told), times=9e9))
    state = world.run()
    one = the_job(state)
    assert (one.status, one.cause) == (JobStatus.UNKNOWN, Cause.AMBIGUOUS)
    assert "77" in str(one.reason)
    assert [e.execution_id for e in one.executions] == [11], "the id that we were given is shown"


def test_details_of_another_configuration_than_the_plans_are_no_verdict() -> None:
    state = fresh(job("a", action=SequenceAction(file_ids=(51,))))
    started = ev.StartedExecution(execution_id=ExecutionId(11), configuration_id=ConfigurationId(4))
    fold(state, ev.AttemptStarted(job=A, attempt=1), intended("a", target="51"))
    fold(state, ev.Triggered(job=A, attempt=1, executions=(started,)))
    for now in (1.0, 10.0, 20.0):
        for ask in of(AskDetails, settle(state, now)):
            _answer(state, ask, JobDetails(job_status="COMPLETED", configuration_id=ConfigurationId(5)), now)
    (ended,) = the_job(state).attempts
    assert ended.status is JobStatus.UNKNOWN


@pytest.mark.parametrize(
    ("details", "is_ours"),
    [
        pytest.param({"configuration_id": ConfigurationId(5)}, False, id="another configuration"),
        pytest.param({"uuid": "f8d450cd-f065-4abb-a232-000000000077"}, False, id="another uuid"),
        pytest.param({"configuration_id": ConfigurationId(4), "uuid": _UUID.upper()}, True, id="the same"),
        pytest.param({}, True, id="details that name nothing"),
        pytest.param(
            {"configuration_id": ConfigurationId(5), "file_id": FileId(6)}, True, id="our file, by its number"
        ),
    ],
)
def test_what_the_list_has_named_is_held_against_details(details: dict[str, Any], is_ours: bool) -> None:
    """The details named no file by its number: the end of another configuration's execution was taken for ours."""
    state = fold(fresh(job("a")), *triggered("a", 11))
    entry = ActiveJob(
        execution_id=ExecutionId(11), job_status="RUNNING", configuration_id=ConfigurationId(4), uuid=_UUID
    )
    fold(state, *interpret(state, AskAllRunning(), (entry,), 5.0), at=5.0)
    turn = the_job(state).turn + 1
    ask = AskDetails(job=A, turn=turn, execution_id=ExecutionId(11), purpose=Purpose.POLL)
    events = interpret(fold(state, si.Issued(request=ask)), ask, JobDetails(job_status="COMPLETED", **details), 6.0)
    assert bool(of(ev.ExecutionEnded, events)) is is_ours


@pytest.mark.parametrize(
    ("files", "status"),
    [
        pytest.param((51, 52), JobStatus.SUCCEEDED, id="each file"),
        pytest.param((51, 77), JobStatus.UNKNOWN, id="one is left out"),
        pytest.param((51, 51), JobStatus.UNKNOWN, id="one stands twice"),
        pytest.param((51, None), JobStatus.SUCCEEDED, id="one that does not tell its file"),
    ],
)
def test_a_sequence_has_succeeded_when_each_of_its_files_has(files: tuple[int | None, ...], status: JobStatus) -> None:
    """The plan left out a file that was asked for, and what it named had all succeeded."""
    state = fresh(job("a", action=SequenceAction(file_ids=(51, 52))))
    baselines = tuple(ev.Baseline(target=str(one), execution_id=None, file_id=None) for one in (51, 52))
    started = tuple(ev.StartedExecution(execution_id=ExecutionId(11 + place)) for place in range(2))
    fold(state, ev.AttemptStarted(job=A, attempt=1), ev.TriggerIntended(job=A, attempt=1, baselines=baselines))
    fold(state, ev.Triggered(job=A, attempt=1, executions=started))
    for place, file_id in enumerate(files):
        fold(state, finished("a", 11 + place, file_id=None if file_id is None else FileId(file_id)), at=1.0)
    (ended,) = of(ev.AttemptEnded, settle(state, 1.0))
    assert ended.status is status
    assert (ended.reason is None) is (status is JobStatus.SUCCEEDED)


def test_a_person_may_say_that_a_sequence_without_a_file_is_whole() -> None:
    """Nothing could be adopted that would have ended it: unknown for good."""
    state = fresh(job("a", action=SequenceAction(file_ids=(51, 52))))
    baselines = tuple(ev.Baseline(target=str(one), execution_id=None, file_id=None) for one in (51, 52))
    started = tuple(ev.StartedExecution(execution_id=ExecutionId(one)) for one in (11, 12))
    fold(state, ev.AttemptStarted(job=A, attempt=1), ev.TriggerIntended(job=A, attempt=1, baselines=baselines))
    fold(state, ev.Triggered(job=A, attempt=1, executions=started))
    fold(state, finished("a", 11, file_id=FileId(51)), finished("a", 12, file_id=FileId(77)), at=1.0)
    fold(state, *of((ev.AttemptEnded, ev.JobEnded, ev.RunEnded), settle(state, 1.0)))
    assert the_job(state).status is JobStatus.UNKNOWN
    fold(state, ev.Settled(job=A, execution_id=ExecutionId(11)), ev.Resumed(), at=2.0)
    (ended,) = of(ev.AttemptEnded, settle(state, 3.0))
    assert ended.status is JobStatus.SUCCEEDED


def test_details_of_some_file_are_no_verdict_about_one_that_has_never_run() -> None:
    """The server was restored: it knew our file by its path only, without any execution, and our id was another file's by now."""
    world = World(
        pipeline(job("a")),
        faults=[
            Fault(on=AskDetails, outcome=JobDetails(job_status="COMPLETED", file_id=FileId(77)), times=9e9),
            Fault(on=AskStatus, outcome=StatusAnswer(job_status="_NONE"), times=9e9),
        ],
    )
    one = the_job(world.run())
    assert (one.status, one.cause) == (JobStatus.UNKNOWN, Cause.AMBIGUOUS)
    assert "has never run" in str(one.reason)


def test_a_status_that_is_behind_its_details_is_asked_again() -> None:
    """The file's first execution had ended before its status knew of any."""
    world = World(
        pipeline(job("a")),
        File(path="/a", id=100, duration=0.1),
        faults=[Fault(on=AskStatus, outcome=StatusAnswer(job_status="_NONE"), times=2)],
    )
    assert the_job(world.run()).status is JobStatus.SUCCEEDED


def test_one_mix_up_on_the_way_is_not_the_end() -> None:
    world = World(
        pipeline(job("a")), faults=[Fault(on=AskDetails, outcome=JobDetails(job_status="ERROR", file_id=FileId(77)))]
    )
    assert the_job(world.run()).status is JobStatus.SUCCEEDED


def test_the_list_shows_another_file_under_our_id() -> None:
    """Its end was awaited where it no longer was."""
    state = fold(fresh(job("a")), *triggered("a", 11))
    entry = ActiveJob(execution_id=ExecutionId(11), job_status="RUNNING", file_id=FileId(77))
    events = interpret(state, AskAllRunning(), (entry,), 5.0)
    assert of(si.ExecutionDoubted, events)


def test_a_resumed_stop_looks_before_it_acts() -> None:
    """It was sent at once, and hit a stranger's execution that ran by then."""
    state = fresh(job("a", action=Stop(target="/a")))
    adopted = ev.Adopted(
        job=A,
        attempt=1,
        executions=(ev.StartedExecution(execution_id=ExecutionId(22), file_id=FileId(6)),),
        by=AdoptedBy.STOPPED,
    )
    fold(state, ev.AttemptStarted(job=A, attempt=1), adopted)
    fold(state, ev.StopRequested(job=A, cause=Cause.ACTION, reason="asked for"), ev.Resumed(), at=30.0)
    taken = settle(state, 31.0)
    assert not of(PostStop, taken)
    (look,) = [one for one in of(AskStatus, taken) if one.turn]
    _answer(state, look, StatusAnswer(job_status="RUNNING", execution_id=ExecutionId(22), file_id=FileId(6)), 31.0)
    assert of(PostStop, settle(state, 31.0)), "what runs there is what was meant"


def test_a_stop_whose_outcome_nobody_knows_is_not_repeated_without_a_look() -> None:
    world = World(
        pipeline(job("a", timeout=5.0)),
        File(path="/a", id=100, duration=900.0, deaf=True),
        faults=[Fault(on=PostStop, outcome=_LOST, times=9e9)],
    )
    world.run()
    asked = [thing for what, thing in world.story if what == "asked" and isinstance(thing, AskStatus | PostStop)]
    kinds = [one for one in asked if one.turn]
    stops = [place for place, one in enumerate(kinds) if isinstance(one, PostStop)]
    assert len(stops) > 1
    assert all(isinstance(kinds[place - 1], AskStatus) for place in stops)


@pytest.mark.parametrize("limits", [{"timeout": 5.0}, {"finally_timeout": 5.0}], ids=str)
def test_a_limit_that_is_over_wakes_nobody_in_an_abort(limits: dict[str, float]) -> None:
    """The loop went round without end until the abort was over."""
    jobs = [job("a"), job("z", is_finally=True)] if "timeout" in limits else [job("z", is_finally=True)]
    name = jobs[0].id
    state = fold(fresh(*jobs, **limits), *triggered(name, 11), at=1.0)
    fold(state, ev.AbortRequested(signal="DISK", detach=False), at=20.0)
    settle(state, 20.0)
    wake_up = next_wake_up(state, 20.0)
    assert wake_up is not None
    assert wake_up > 20.0


def test_the_pipelines_timeout_counts_the_time_in_which_a_process_worked() -> None:
    """Interrupted at 2 s and resumed at 11 s, a run of 8 s at most was over for good."""
    state = fold(fresh(job("a"), timeout=8.0), ev.AbortRequested(signal="SIGINT", detach=False), at=2.0)
    fold(state, ev.RunEnded(status=RunStatus.INTERRUPTED, exit_code=130), at=2.0)
    fold(state, ev.Resumed(), at=11.0)
    assert not of(ev.PipelineTimedOut, settle(state, 16.9))
    assert of(ev.PipelineTimedOut, settle(state, 17.1))


def test_the_timeout_of_finally_counts_it_too() -> None:
    state = fold(fresh(job("z", is_finally=True), finally_timeout=8.0), at=2.0)
    fold(
        state,
        ev.AbortRequested(signal="SIGINT", detach=False),
        ev.RunEnded(status=RunStatus.INTERRUPTED, exit_code=130),
        at=2.0,
    )
    fold(state, ev.Resumed(), at=100.0)
    assert not of(ev.PipelineTimedOut, settle(state, 105.0))
    assert of(ev.PipelineTimedOut, settle(state, 106.1))


def _start(world: World, path: str) -> None:
    world.spectrum.start(path)


def test_history_rows_before_the_baseline_came_after_it() -> None:
    """Whatever their ids are: the counter may have begun anew."""
    entries = tuple(HistoryEntry(execution_id=ExecutionId(one), job_status="COMPLETED") for one in (3, 500, 499))
    world = World(pipeline(job("a", ambiguous_grace=3.0)))
    latest = StatusAnswer(job_status="COMPLETED", execution_id=ExecutionId(499), file_id=FileId(100))
    before = StatusAnswer(job_status="COMPLETED", execution_id=ExecutionId(500), file_id=FileId(100))
    world.faults += [
        Fault(on=AskTarget, outcome=before),
        Fault(on=PostTrigger, outcome=_LOST),
        Fault(on=AskStatus, outcome=latest, times=9e9),
        Fault(on=AskDetails, outcome=_OURS, times=9e9),
        Fault(on=AskHistory, outcome=entries, times=9e9),
    ]
    one = the_job(world.run())
    assert one.status is JobStatus.UNKNOWN
    assert 3 in one.attempt.candidates


def test_a_file_that_two_jobs_name_differently_is_one() -> None:
    """One named it by its path, the other by its id; what the one's lost trigger had started was taken for the other's."""
    state = fresh(job("a", action=Trigger(target="/f")), job("b", action=Trigger(target="6")))
    for name, target in (("a", "/f"), ("b", "6")):
        fold(state, ev.AttemptStarted(job=JobId(name), attempt=1))
        fold(state, intended(name, target=target, before=None, file_id=None))
        fold(state, ev.TriggerAmbiguous(job=JobId(name), attempt=1, reason="reset"))
    assert list(rivals(state, the_job(state, "b"))) == ["a"]


@pytest.mark.parametrize(
    ("one", "other", "are_rivals"),
    [
        pytest.param("/a", "/b", False, id="two paths"),
        pytest.param("/a", "a", True, id="one path"),
        pytest.param("6", "7", False, id="two ids"),
        pytest.param("/a", "7", True, id="nobody knows which file the path means"),
        pytest.param("/a", "f8d450cd-f065-4abb-a232-27cd20c48c2b", True, id="nor which the uuid means"),
    ],
)
def test_which_names_may_mean_one_file(one: str, other: str, are_rivals: bool) -> None:
    state = fresh(job("a", action=Trigger(target=one)), job("b", action=Trigger(target=other)))
    for name, target in (("a", one), ("b", other)):
        fold(state, ev.AttemptStarted(job=JobId(name), attempt=1))
        fold(state, intended(name, target=target, before=None, file_id=None))
    assert bool(list(rivals(state, the_job(state)))) is are_rivals


def test_what_an_unknown_job_has_in_sight_is_not_taken_by_another() -> None:
    state = fresh(job("a"), job("b"))
    unknown = JobStatus.UNKNOWN
    fold(state, ev.AttemptStarted(job=A, attempt=1), intended("a"))
    fold(state, ev.CandidatesFound(job=A, attempt=1, execution_ids=(ExecutionId(13),)))
    fold(state, ev.AttemptEnded(job=A, attempt=1, status=unknown, cause=Cause.AMBIGUOUS, reason=None))
    fold(state, ev.JobEnded(job=A, status=unknown, cause=Cause.AMBIGUOUS, reason=None))
    fold(state, ev.AttemptStarted(job=JobId("b"), attempt=1), intended("b"))
    assert list(rivals(state, the_job(state, "b"), [ExecutionId(13)])) == ["a"]
    assert not list(rivals(state, the_job(state, "b"), [ExecutionId(14)]))


def test_an_attempt_that_an_interruption_cut_off_does_not_count_against_the_limit() -> None:
    """`retry.limit: 1`, interrupted in the second attempt: the third is owed, and a fourth is not."""
    state = fresh(job("a", retry=Retry(limit=1, interval=0.0)))
    fold(state, *triggered("a", 11), finished("a", 11, "ERROR"))
    settle(state, 1.0)
    fold(state, intended("a", 2), ev.Triggered(job=A, attempt=2, executions=(execution(12, 6),)), at=1.0)
    fold(state, ev.AbortRequested(signal="SIGTERM", detach=False), at=2.0)
    settle(state, 2.0)
    fold(state, finished("a", 12, "CANCELED"), at=3.0)
    settle(state, 3.0)
    fold(state, ev.Resumed(), at=9.0)
    settle(state, 9.0)
    assert [(one.attempt, one.cause) for one in the_job(state).attempts] == [(1, Cause.SPECTRUM), (2, Cause.ABORT)]
    fold(state, intended("a", 3), ev.Triggered(job=A, attempt=3, executions=(execution(13, 6),)), at=9.0)
    fold(state, finished("a", 13, "ERROR"), at=10.0)
    settle(state, 10.0)
    one = the_job(state)
    assert (one.status, len(one.attempts)) == (JobStatus.FAILED, 3)


def test_an_id_that_the_server_gives_once_more_is_not_the_one_that_it_gave_before() -> None:
    """It was restored from a backup. Ours had the id that another job had got, so it was taken for that, and triggered again."""
    state = fresh(job("a", ambiguous_grace=2.0), job("b"))
    fold(state, *triggered("b", 515))
    fold(state, ev.AttemptStarted(job=A, attempt=1), intended("a", before=513), ev.Resumed())
    fold(state, si.LookupBegun(job=A))
    latest = StatusAnswer(job_status="RUNNING", execution_id=ExecutionId(515), file_id=FileId(6))
    fold(state, si.LookupSeen(job=A, target="/a", latest=latest))
    lookup = the_job(state).attempt.lookup
    assert lookup is not None
    assert lookup.all_candidates == (515,)


def test_a_search_waits_for_another_that_may_be_for_the_same_file_and_finds_nothing() -> None:
    """One named its file by a path that had never run: nobody could say that it was another one, and both were unknown."""
    jobs = (
        job("a", action=Trigger(target="6"), ambiguous_grace=3.0),
        job("b", action=Trigger(target="/g"), ambiguous_grace=3.0),
    )
    world = World(pipeline(*jobs, fail_fast=False), _f(), File(path="/g", id=7, duration=1.0))
    world.faults.append(Fault(on=PostTrigger, outcome=_LOST, handled=True, where=lambda it: it.job == "a"))
    world.faults.append(Fault(on=PostTrigger, outcome=_LOST, where=lambda it: it.job == "b"))
    state = world.run()
    assert the_job(state, "a").status is JobStatus.SUCCEEDED
    assert the_job(state, "b").status is JobStatus.UNKNOWN, "its trigger may have been lost, or not"


def _restored() -> RunState:
    """`a`, named by its path, was given 503 and seen running in file 42; the server was then restored, and its file never ran."""
    state = fresh(job("a"))
    fold(state, ev.AttemptStarted(job=A, attempt=1), intended("a", before=None, file_id=None))
    return fold(state, ev.Triggered(job=A, attempt=1, executions=(execution(503),)))


def test_an_id_that_has_moved_to_another_file_is_not_ours_any_more_after_a_resume() -> None:
    """The process that had seen it in its own file died; the next one made the job green by another file's end."""
    state = _restored()
    shown = ev.ExecutionChanged(job=A, execution_id=ExecutionId(503), job_status="RUNNING", file_id=FileId(42))
    fold(state, shown, ev.Resumed())
    assert _ended_by(state, FileId(41)) is JobStatus.UNKNOWN


def test_an_end_is_not_believed_while_the_jobs_own_file_has_never_run() -> None:
    assert _ended_by(_restored(), FileId(41)) is JobStatus.UNKNOWN


def _ended_by(state: RunState, file_id: FileId) -> JobStatus | None:
    for second in range(1, 60):
        for ask in settle(state, float(second)):
            if isinstance(ask, AskStatus):
                _answer(state, ask, StatusAnswer(job_status="_NONE"), float(second))
            elif isinstance(ask, AskDetails):
                _answer(state, ask, JobDetails(job_status="COMPLETED", file_id=file_id), float(second))
    return the_job(state).status


def test_details_do_not_tell_which_file_a_path_means() -> None:
    """The server was restored, our id was another file's, which was taken for ours and made the job green."""
    state = fresh(job("a"))
    fold(state, ev.AttemptStarted(job=A, attempt=1), intended("a", before=None, file_id=None))
    fold(state, ev.Triggered(job=A, attempt=1, executions=(execution(503),)))
    running = si.ExecutionSeen(
        job=A, execution_id=ExecutionId(503), job_status="RUNNING", file_id=FileId(77), by_details=True
    )
    fold(state, running, at=1.0)
    assert the_job(state).executions[0].file_id is None
