"""A job's turn has come: each action's good and bad ends, and what a file that already runs means."""

from collections.abc import Callable
from typing import Any

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.interpret import interpret
from spectrum_pipelines.engine.outcome import AdoptedBy, Cause, JobStatus
from spectrum_pipelines.engine.requests import AskStatus, PostStop, PostTrigger, Purpose, SendDelete
from spectrum_pipelines.engine.sightings import Answered
from spectrum_pipelines.errors import ClientError, Refused, Unanswered, Unauthorized, Unexplained, Unsent
from spectrum_pipelines.pipeline.model.action import (
    Action,
    Check,
    DeleteData,
    IfMissing,
    JobOutput,
    Sequence,
    Stop,
    Template,
    Trigger,
    WaitFor,
)
from spectrum_pipelines.pipeline.model.pipeline import RunIf
from spectrum_pipelines.pipeline.model.policy import Bound, Expect, OnRunning
from spectrum_pipelines.spectrum import DataId, Deletion, FileId
from tests.engine.made import fold, fresh, job, of, pipeline, settle, the_job
from tests.engine.tiny import File
from tests.engine.world import Fault, World

_F = File
_RUNNING, _ENDED, _NEVER = "runs", "has run", "never ran"


def _world(action: Action, before: str, file: File | None = None, **policy: Any) -> World:
    """One job over the file /f (7), which runs, has run, or has not."""
    world = World(pipeline(job("a", action=action, **policy)), file or File(path="/f", id=7))
    if before != _NEVER:
        world.spectrum.start("/f")
    if before == _ENDED:
        world.clock.seconds = 1000.0
    return world


_MISSING = "nothing is running (set `if_missing: ok` if that is good enough)"


@pytest.mark.parametrize(
    ("action", "before", "status", "cause", "reason", "by"),
    [
        pytest.param(Trigger(target="/f"), _NEVER, "SUCCEEDED", "SPECTRUM", None, None, id="trigger"),
        pytest.param(Trigger(target="7"), _ENDED, "SUCCEEDED", "SPECTRUM", None, None, id="trigger by id, ran before"),
        pytest.param(Sequence(file_ids=(7,)), _NEVER, "SUCCEEDED", "SPECTRUM", None, None, id="sequence"),
        pytest.param(
            WaitFor(target="/f"), _RUNNING, "SUCCEEDED", "SPECTRUM", None, AdoptedBy.WAITED_FOR, id="wait for what runs"
        ),
        pytest.param(WaitFor(target="/f"), _ENDED, "FAILED", "MISSING", _MISSING, None, id="nothing to wait for"),
        pytest.param(
            WaitFor(target="/f", if_missing=IfMissing.OK),
            _NEVER,
            "SUCCEEDED",
            "MISSING",
            "nothing is running",
            None,
            id="nothing to wait for, and that is fine",
        ),
        pytest.param(Check(target="/f"), _ENDED, "SUCCEEDED", "SPECTRUM", None, AdoptedBy.CHECKED, id="check the last"),
        pytest.param(Check(target="/f"), _NEVER, "FAILED", "MISSING", "/f has never run", None, id="nothing to check"),
        pytest.param(
            Check(target="/f"),
            _RUNNING,
            "FAILED",
            "SPECTRUM",
            "/f has not ended: execution 11 is RUNNING; put a `wait_for` before",
            None,
            id="a check does not wait",
        ),
        pytest.param(
            Stop(target="/f"), _RUNNING, "SUCCEEDED", "ACTION", "execution 11 stopped", AdoptedBy.STOPPED, id="stop"
        ),
        pytest.param(
            Stop(target="/f"), _ENDED, "SUCCEEDED", "MISSING", "nothing is running", None, id="nothing to stop"
        ),
        pytest.param(
            Stop(target="/f", if_missing=IfMissing.FAIL),
            _NEVER,
            "FAILED",
            "MISSING",
            _MISSING,
            None,
            id="nothing to stop, and that is not fine",
        ),
    ],
)
def test_how_an_action_ends(
    *, action: Action, before: str, status: str, cause: str, reason: str | None, by: AdoptedBy | None
) -> None:
    world = _world(action, before)
    one = the_job(world.run())
    assert (one.status, one.cause, one.reason) == (JobStatus[status], Cause[cause], reason)
    assert [adopted.by for adopted in world.said(ev.Adopted)] == ([by] if by else [])
    starts = isinstance(action, Trigger | Sequence)
    assert len(world.spectrum.executions) == starts + (before != _NEVER), "only a trigger starts anything"


@pytest.mark.parametrize(
    ("file", "expect", "status"),
    [
        pytest.param(_F(path="/f", id=7, words=("ERROR",)), None, JobStatus.FAILED, id="the last run failed"),
        pytest.param(_F(path="/f", id=7, words=("CANCELED",)), None, JobStatus.CANCELED, id="it was canceled"),
        pytest.param(
            _F(path="/f", id=7, details={"stop_age": 7200.0}),
            Expect(age=Bound(max=3600)),
            JobStatus.FAILED,
            id="it is too old",
        ),
        pytest.param(
            _F(path="/f", id=7, details={"stop_age": 60.0, "counters": {"R": 3}}),
            Expect(age=Bound(max=3600), counters={"R": Bound(min=1)}),
            JobStatus.SUCCEEDED,
            id="fresh and full",
        ),
    ],
)
def test_a_check_judges_the_last_run(file: File, expect: Expect | None, status: JobStatus) -> None:
    world = World(pipeline(job("a", action=Check(target="/f"), expect=expect)), file)
    world.spectrum.start("/f")
    world.clock.seconds = 1000.0
    assert the_job(world.run()).status is status


def _refusals_after_the_preflight() -> Fault:
    return Fault(on=AskStatus, outcome=Refused("no right to see it"), where=lambda r: r.purpose is Purpose.BASELINE)


@pytest.mark.parametrize(
    ("action", "status", "cause"),
    [
        pytest.param(Trigger(target="/f"), JobStatus.FAILED, Cause.REFUSED, id="trigger"),
        pytest.param(Check(target="/f"), JobStatus.FAILED, Cause.REFUSED, id="check"),
        pytest.param(WaitFor(target="/f"), JobStatus.FAILED, Cause.MISSING, id="wait_for"),
        pytest.param(Stop(target="/f"), JobStatus.SUCCEEDED, Cause.MISSING, id="stop"),
    ],
)
def test_a_target_that_is_refused_once_the_run_is_under_way(action: Action, status: JobStatus, cause: Cause) -> None:
    world = World(
        pipeline(job("first"), job("a", "first", action=action)),
        File(path="/f", id=7),
        faults=[_refusals_after_the_preflight()],
    )
    one = the_job(world.run())
    assert (one.status, one.cause) == (status, cause)
    assert "no right to see it" in str(one.reason)


@pytest.mark.parametrize("before", [_RUNNING, "queued"])
def test_on_running_fail(before: str) -> None:
    file = File(path="/f", id=7, queue=60 if before == "queued" else 0, duration=60)
    world = World(pipeline(job("first"), job("a", "first", action=Trigger(target="/f"))), file)
    world.at(1.0, lambda: _start(world))
    one = the_job(world.run())
    word = "QUEUED" if before == "queued" else "RUNNING"
    assert (one.status, one.cause) == (JobStatus.FAILED, Cause.BUSY)
    assert one.reason == f"/f already runs as execution 12 ({word})"
    assert len(world.spectrum.of("/f")) == 1


def _start(world: World) -> None:
    world.spectrum.start("/f")


def test_on_running_wait_starts_its_own_when_the_other_has_ended() -> None:
    world = _world(Trigger(target="/f"), _RUNNING, File(path="/f", id=7, duration=50), on_running=OnRunning.WAIT)
    one = the_job(world.run())
    assert one.status is JobStatus.SUCCEEDED
    assert [one.execution_id for one in one.executions] == [12]
    begins = world.spectrum.executions[1].accepted
    assert 50 <= begins < 55, "soon after the other's end"
    (intent,) = world.said(ev.TriggerIntended)
    assert intent.baselines[0].execution_id == 11, "the other one is the baseline, so it can not be adopted"


def test_on_running_wait_ends() -> None:
    world = _world(
        Trigger(target="/f"),
        _RUNNING,
        File(path="/f", id=7, duration=9e9),
        on_running=OnRunning.WAIT,
        queue_timeout=90.0,
    )
    one = the_job(world.run())
    assert (one.status, one.cause) == (JobStatus.TIMED_OUT, Cause.QUEUE_TIMEOUT)
    assert one.reason == "waited 1m 30s for somebody else's run to end"
    assert 90 <= world.clock.seconds < 125
    assert len(world.spectrum.executions) == 1


def test_on_running_attach_follows_the_other_and_never_stops_it() -> None:
    world = _world(
        Trigger(target="/f"), _RUNNING, File(path="/f", id=7, duration=900), on_running=OnRunning.ATTACH, timeout=60.0
    )
    one = the_job(world.run())
    assert world.said(ev.Adopted)[0].by is AdoptedBy.ATTACHED
    assert (one.status, one.reason) == (JobStatus.TIMED_OUT, "timeout of 1m; execution 11 was left running")
    assert world.asked((PostStop, PostTrigger)) == []


def test_a_sequence_of_which_only_some_files_run_is_not_attached_to() -> None:
    """To follow what runs would end in a success, and the other file would never have run."""
    action = Sequence(file_ids=(FileId(7), FileId(8)))
    one_job = pipeline(job("a", action=action, on_running=OnRunning.ATTACH))
    world = World(one_job, File(path="/f", id=7), File(path="/g", id=8))
    world.spectrum.start("/f")
    one = the_job(world.run())
    assert one.status is JobStatus.SUCCEEDED
    assert [execution.execution_id for execution in one.executions] == [12, 13]
    assert world.said(ev.Adopted) == []


def test_a_sequence_all_of_whose_files_run_is_attached_to() -> None:
    action = Sequence(file_ids=(FileId(7), FileId(8)))
    one_job = pipeline(job("a", action=action, on_running=OnRunning.ATTACH))
    world = World(one_job, File(path="/f", id=7), File(path="/g", id=8))
    world.spectrum.start("/f")
    world.spectrum.start("/g")
    one = the_job(world.run())
    assert [execution.execution_id for execution in one.executions] == [11, 12]
    assert world.handled == []


def test_on_running_attach_judges_the_other_as_its_own() -> None:
    world = _world(Trigger(target="/f"), _RUNNING, File(path="/f", id=7, words=("ERROR",)), on_running=OnRunning.ATTACH)
    assert the_job(world.run()).status is JobStatus.FAILED
    assert len(world.spectrum.executions) == 1


def test_on_running_stop_makes_way_and_runs() -> None:
    world = _world(Trigger(target="/f"), _RUNNING, File(path="/f", id=7, duration=900), on_running=OnRunning.STOP)
    world.spectrum.file("/f").duration = 20
    one = the_job(world.run())
    assert one.status is JobStatus.SUCCEEDED
    assert [execution.execution_id for execution in one.executions] == [12]
    assert len(world.asked(PostStop)) == 1


@pytest.mark.parametrize(
    ("answer", "status", "cause"),
    [
        pytest.param(Refused("no right"), JobStatus.TIMED_OUT, Cause.QUEUE_TIMEOUT, id="refused"),
        pytest.param(Unanswered("no answer"), JobStatus.TIMED_OUT, Cause.QUEUE_TIMEOUT, id="unanswered"),
        pytest.param(Unsent("connection refused"), JobStatus.FAILED, Cause.UNREACHABLE, id="unsent"),
    ],
)
def test_on_running_stop_goes_on_looking_when_the_stop_does_not_work(
    answer: ClientError, status: JobStatus, cause: Cause
) -> None:
    world = _world(
        Trigger(target="/f"), _RUNNING, File(path="/f", id=7, duration=9e9), on_running=OnRunning.STOP, timeout=30.0
    )
    world.faults.append(Fault(on=PostStop, outcome=answer, times=9e9))
    one = the_job(world.run())
    assert (one.status, one.cause) == (status, cause)
    assert len(world.spectrum.executions) == 1
    assert len(world.asked(PostStop)) <= 31, "about one stop a second, not a storm"


def test_a_page_instead_of_the_status_is_believed_when_a_restart_would_be_over() -> None:
    """A job whose file is not there said so at once, and after that change only half an hour later."""
    world = World(pipeline(job("a", action=Stop(target="/a", if_missing=IfMissing.OK))))
    page = Fault(on=AskStatus, outcome=Unexplained("HTTP 404"), times=9e9)
    world.faults.append(page)
    one = the_job(world.run())
    assert (one.status, one.cause) == (JobStatus.SUCCEEDED, Cause.MISSING)
    assert 120 <= world.clock.seconds < 130


@pytest.mark.parametrize("deaf", [True, False], ids=["ignored", "refused"])
def test_on_running_stop_is_repeated_less_and_less_often_and_says_what_was_refused(deaf: bool) -> None:
    """A stop and a line of the journal each second, for as long as the timeout: a day, where nothing else is said."""
    world = _world(
        Trigger(target="/f"), _RUNNING, File(path="/f", id=7, duration=9e9, deaf=deaf), on_running=OnRunning.STOP
    )
    if not deaf:
        world.faults.append(Fault(on=PostStop, outcome=Refused("no right"), times=9e9))
    one = the_job(world.run())
    assert (one.status, one.cause) == (JobStatus.TIMED_OUT, Cause.QUEUE_TIMEOUT)
    assert len(world.asked(PostStop)) < 86_400 / 59
    assert ("no right" in str(one.reason)) is not deaf


def test_a_template_is_filled_with_the_last_execution_of_its_job() -> None:
    later = Template(("/out/", JobOutput(job=job("first").id)))
    world = World(pipeline(job("first"), job("a", "first", action=Trigger(target=later))), File(path="/out/11", id=7))
    state = world.run()
    assert the_job(state).status is JobStatus.SUCCEEDED
    assert the_job(state).attempt.baselines[0].target == "/out/11"


@pytest.mark.parametrize(
    "action",
    [
        pytest.param(Trigger(target=Template((JobOutput(job=job("first").id),))), id="a target"),
        pytest.param(Sequence(file_ids=(Template((JobOutput(job=job("first").id),)),)), id="a file id"),
        pytest.param(
            Sequence(file_ids=(7,), variables={"x": Template((JobOutput(job=job("first").id),))}), id="a variable"
        ),
    ],
)
def test_a_job_that_never_ran_has_no_execution_to_name(action: Action) -> None:
    first = job("first", action=Stop(target="/f"))
    world = World(pipeline(first, job("a", "first", action=action, run_if=RunIf.ALL_DONE)), File(path="/f", id=7))
    one = the_job(world.run())
    assert (one.status, one.cause) == (JobStatus.FAILED, Cause.INPUT)
    assert one.reason == "job first has no execution whose id could be used"
    assert world.spectrum.executions == []


@pytest.mark.parametrize(
    ("if_missing", "others", "status", "deleted"),
    [
        pytest.param(IfMissing.OK, (), JobStatus.SUCCEEDED, [], id="good enough"),
        pytest.param(IfMissing.FAIL, (), JobStatus.SKIPPED, [], id="nothing to delete"),
        pytest.param(IfMissing.OK, (7,), JobStatus.SUCCEEDED, [7], id="the others are deleted"),
        pytest.param(IfMissing.FAIL, (7,), JobStatus.SUCCEEDED, [7], id="the others are deleted, wherever"),
    ],
)
def test_data_of_a_job_that_never_ran_is_missing(
    if_missing: IfMissing, others: tuple[int, ...], status: JobStatus, deleted: list[int]
) -> None:
    action = DeleteData(data_ids=(Template((JobOutput(job=job("first").id),)), *others), if_missing=if_missing)
    first = job("first", action=Stop(target="/f"))
    world = World(pipeline(first, job("a", "first", action=action, run_if=RunIf.ALL_DONE)), File(path="/f", id=7))
    state = world.run()
    one = the_job(state)
    assert one.status is status
    assert "job first started nothing, so it has no data" in (one.reason or "")
    assert world.spectrum.deleted == deleted
    assert state.ended is not None
    assert state.ended.exit_code == 0


def test_variables_of_a_sequence_reach_the_server() -> None:
    later = Template((JobOutput(job=job("first").id),))
    action = Sequence(file_ids=(7,), variables={"day": "2026-11-22", "from": later, "full": True})
    world = World(pipeline(job("first"), job("a", "first", action=action)), File(path="/f", id=7))
    world.run()
    assert world.spectrum.variables == {"day": "2026-11-22", "from": 11, "full": True}


_LOST: Callable[[], Fault] = lambda: Fault(  # noqa: E731 - a fresh one for each row
    on=AskStatus, outcome=Unanswered("read timeout"), times=9e9, where=lambda r: r.purpose is Purpose.BASELINE
)


def test_a_baseline_that_is_never_answered_ends_the_job_after_the_longest_silence() -> None:
    world = World(pipeline(job("first"), job("a", "first")), faults=[_LOST()])
    one = the_job(world.run())
    assert (one.status, one.cause) == (JobStatus.FAILED, Cause.UNREACHABLE)
    assert one.reason == "no usable answer for 30m: read timeout"
    assert len(world.spectrum.executions) == 1
    assert 1800 <= world.clock.seconds < 1810


def test_a_baseline_that_is_lost_for_a_while_does_no_harm() -> None:
    fault = _LOST()
    fault.times = 20
    world = World(pipeline(job("first"), job("a", "first")), faults=[fault])
    assert the_job(world.run()).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("deletion", "if_missing", "status", "cause"),
    [
        pytest.param(Deletion.MARKED, IfMissing.FAIL, JobStatus.SUCCEEDED, Cause.ACTION, id="marked"),
        pytest.param(Deletion.ALREADY_GONE, IfMissing.FAIL, JobStatus.SUCCEEDED, Cause.ACTION, id="already gone"),
        pytest.param(Deletion.NOT_FOUND, IfMissing.FAIL, JobStatus.FAILED, Cause.MISSING, id="not found"),
        pytest.param(Deletion.NOT_FOUND, IfMissing.OK, JobStatus.SUCCEEDED, Cause.ACTION, id="not found, and fine"),
    ],
)
def test_delete_data(deletion: Deletion, if_missing: IfMissing, status: JobStatus, cause: Cause) -> None:
    action = DeleteData(data_ids=(272, 273), if_missing=if_missing)
    fault = Fault(on=SendDelete, outcome=deletion, where=lambda request: request.data_id == 273)
    world = World(pipeline(job("a", action=action)), faults=[fault])
    one = the_job(world.run())
    assert (one.status, one.cause) == (status, cause)
    assert f"data 272: marked; data 273: {deletion.value}" in str(one.reason)
    assert one.attempt.deletions == ((DataId(272), Deletion.MARKED), (DataId(273), deletion))


@pytest.mark.parametrize(
    ("answer", "times", "status", "cause", "asked"),
    [
        pytest.param(Unanswered("reset"), 3, JobStatus.SUCCEEDED, Cause.ACTION, 4, id="asked again: marking is safe"),
        pytest.param(
            Unanswered("reset"), 99, JobStatus.FAILED, Cause.UNREACHABLE, 6, id="as often as the wire's retry"
        ),
        pytest.param(Refused("no right"), 1, JobStatus.FAILED, Cause.REFUSED, 1, id="a no is a no"),
    ],
)
def test_delete_data_without_an_answer(
    answer: ClientError, times: int, status: JobStatus, cause: Cause, asked: int
) -> None:
    world = World(
        pipeline(job("a", action=DeleteData(data_ids=(272,)))),
        faults=[Fault(on=SendDelete, outcome=answer, times=times, handled=True)],
    )
    one = the_job(world.run())
    assert (one.status, one.cause) == (status, cause)
    assert len(world.asked(SendDelete)) == asked


def test_a_login_that_is_refused_before_a_trigger_is_tried_once() -> None:
    refused = Fault(on=AskStatus, outcome=Unauthorized("401"), times=9e9, where=lambda ask: ask.job == "a")
    world = World(pipeline(job("first"), job("a", "first")), faults=[refused])
    one = the_job(world.run())
    assert (one.status, one.cause, one.reason) == (JobStatus.FAILED, Cause.UNAUTHORIZED, "401")
    assert len([ask for ask in world.asked(AskStatus) if ask.job == "a"]) == 1


def test_an_answer_to_an_earlier_question_is_stale() -> None:
    state = fold(fresh(job("a")), ev.AttemptStarted(job=job("a").id, attempt=1))
    (ask,) = of(AskStatus, settle(state, 10.0))
    fold(state, ev.AttemptEnded(job=ask.job, attempt=1, status=JobStatus.FAILED, cause=Cause.INPUT, reason=None))
    assert [type(event) for event in interpret(state, ask, Refused("no"), 11.0)] == [Answered]
