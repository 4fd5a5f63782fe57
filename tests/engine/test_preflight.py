import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.decide import next_wake_up
from spectrum_pipelines.engine.interpret import interpret
from spectrum_pipelines.engine.outcome import Cause, JobStatus, RunStatus
from spectrum_pipelines.engine.requests import AskTarget, PostTrigger
from spectrum_pipelines.engine.state.run import Preflight, RunState
from spectrum_pipelines.errors import (
    ClientError,
    ExitCode,
    Forbidden,
    Refused,
    ServerFault,
    TlsFailure,
    Unauthorized,
    Unsent,
)
from spectrum_pipelines.pipeline.model.action import (
    Action,
    Check,
    DeleteData,
    IfMissing,
    JobId,
    JobOutput,
    Sequence,
    Stop,
    Template,
    Trigger,
    WaitFor,
)
from spectrum_pipelines.pipeline.model.policy import OnRunning
from spectrum_pipelines.spectrum import FileReference, StatusAnswer
from tests.engine.made import RUN_ID, STARTED, fold, job, pipeline, settle, the_job
from tests.engine.tiny import File
from tests.engine.world import Fault, World

_GONE = File(path="/elsewhere", id=1)


def test_the_first_target_is_asked_alone_and_then_all_others_once() -> None:
    state = fold(
        RunState(pipeline(*(job(name) for name in "abc"), job("d", action=Check(target="/a"))), RUN_ID), STARTED
    )
    assert settle(state, 0.0) == [AskTarget(target=FileReference("/a"))]
    assert next_wake_up(state, 0.0) is None
    for event in interpret(state, AskTarget(target=FileReference("/a")), Refused("no"), 0.1):
        fold(state, event, at=0.1)
    assert settle(state, 0.1) == [AskTarget(target=FileReference("/b")), AskTarget(target=FileReference("/c"))]


def test_what_waits_for_another_job_or_names_no_file_is_not_asked_for() -> None:
    later = Template((JobOutput(job=JobId("a")),))
    world = World(
        pipeline(
            job("a"),
            job("b", "a", action=Check(target=later)),
            job("c", "a", action=DeleteData(data_ids=(1, later))),
        ),
        File(path="/x", id=11),
    )
    world.run()
    assert world.asked(AskTarget) == [AskTarget(target=FileReference("/a"))]


def test_a_pipeline_without_targets_needs_no_preflight() -> None:
    world = World(pipeline(job("a", action=DeleteData(data_ids=(272,)))))
    state = world.run()
    assert world.asked(AskTarget) == []
    assert state.preflight is Preflight.PASSED
    assert state.ended is not None
    assert state.ended.status is RunStatus.SUCCEEDED


def _preflight_only(*files: File, faults: tuple[Fault, ...] = (), running: str | None = None) -> World:
    """Two jobs: `a` triggers /a, `b` is harmless. `running` runs before anybody asks."""
    world = World(pipeline(job("a"), job("b")), *files, faults=faults)
    world.spectrum.files = [file for file in world.spectrum.files if file is not _GONE and file.path != "/missing"]
    if running is not None:
        world.spectrum.start(running)
    return world


@pytest.mark.parametrize(
    ("error", "cause", "code"),
    [
        pytest.param(Unsent("refused"), Cause.UNREACHABLE, ExitCode.UNREACHABLE, id="nobody answers"),
        pytest.param(ServerFault("502", http_status=502), Cause.UNREACHABLE, ExitCode.UNREACHABLE, id="proxy alone"),
        pytest.param(TlsFailure("expired"), Cause.UNAUTHORIZED, ExitCode.LOGIN_REFUSED, id="certificate refused"),
        pytest.param(Unauthorized("401"), Cause.UNAUTHORIZED, ExitCode.LOGIN_REFUSED, id="login refused"),
        pytest.param(Forbidden("403"), Cause.UNAUTHORIZED, ExitCode.LOGIN_REFUSED, id="no permission"),
    ],
)
def test_a_server_that_cannot_be_used_ends_the_run_after_one_question(
    error: ClientError, cause: Cause, code: ExitCode
) -> None:
    world = _preflight_only(faults=(Fault(on=AskTarget, outcome=error, times=99),))
    state = world.run()
    assert state.ended is not None
    assert (state.ended.status, state.ended.exit_code) == (RunStatus.FAILED, code)
    assert error.message in str(state.ended.reason)
    assert [finding.cause for finding in state.findings] == [cause]
    assert len(world.sent) == 1
    assert all(one.status is JobStatus.SKIPPED and one.cause is Cause.PREFLIGHT for one in state.jobs.values())


def test_a_target_that_does_not_exist_is_exit_2_and_names_the_job() -> None:
    world = World(pipeline(job("a"), job("b", action=Trigger(target="/nowhere"))))
    state = world.run()
    assert state.ended is not None
    assert (state.ended.status, state.ended.exit_code) == (RunStatus.FAILED, ExitCode.USAGE)
    assert [(finding.job, finding.cause) for finding in state.findings] == [("b", Cause.MISSING)]
    assert "/nowhere: File doesn't exist" in str(the_job(state, "b").reason)
    assert the_job(state, "a").reason == "the pre-flight of other jobs failed; nothing was triggered"
    assert world.asked(PostTrigger) == []


def test_a_file_that_runs_is_exit_6() -> None:
    world = _preflight_only(running="/b")
    state = world.run()
    assert state.ended is not None
    assert (state.ended.status, state.ended.exit_code) == (RunStatus.CONFLICT, ExitCode.CONFLICT)
    assert state.ended.reason == "pre-flight: /b already runs as execution 11 (RUNNING)"
    assert world.asked(PostTrigger) == []


def test_a_status_that_nobody_knows_is_named_and_not_called_busy() -> None:
    world = World(pipeline(job("b")), File(path="/b", id=1, running="PONDERING"))
    world.spectrum.start("/b")
    state = world.run()
    assert state.ended is not None
    assert state.ended.exit_code is ExitCode.CONFLICT
    assert "`PONDERING`, which this version does not know" in str(state.ended.reason)
    assert "already runs" not in str(state.ended.reason)
    assert world.asked(PostTrigger) == []


def test_missing_outweighs_busy_because_waiting_would_not_help() -> None:
    world = World(pipeline(job("a"), job("b", action=Trigger(target="/nowhere"))))
    world.spectrum.start("/a")
    state = world.run()
    assert state.ended is not None
    assert state.ended.exit_code is ExitCode.USAGE
    assert len(state.findings) == 2


@pytest.mark.parametrize(
    ("action", "passes"),
    [
        pytest.param(Trigger(target="/nowhere"), False, id="nothing to trigger"),
        pytest.param(Sequence(file_ids=(999,)), False, id="nothing to trigger in sequence"),
        pytest.param(Check(target="/nowhere"), False, id="nothing to check"),
        pytest.param(WaitFor(target="/nowhere"), False, id="nothing to wait for"),
        pytest.param(WaitFor(target="/nowhere", if_missing=IfMissing.OK), True, id="waiting may be for nothing"),
        pytest.param(Stop(target="/nowhere"), True, id="a stop that finds nothing has nothing to do"),
        pytest.param(Stop(target="/nowhere", if_missing=IfMissing.FAIL), False, id="unless it is told to mind"),
    ],
)
def test_who_minds_a_missing_target(action: Action, passes: bool) -> None:
    state = World(pipeline(job("a", action=action))).run()
    assert state.ended is not None
    assert (state.ended.status is RunStatus.SUCCEEDED) is passes


@pytest.mark.parametrize(
    ("action", "on_running", "passes"),
    [
        pytest.param(Trigger(target="/f"), OnRunning.FAIL, False, id="fail"),
        pytest.param(Trigger(target="/f"), OnRunning.WAIT, True, id="wait"),
        pytest.param(Trigger(target="/f"), OnRunning.ATTACH, True, id="attach"),
        pytest.param(Trigger(target="/f"), OnRunning.STOP, True, id="stop"),
        pytest.param(Sequence(file_ids=(7,)), OnRunning.FAIL, False, id="a sequence, too"),
        pytest.param(WaitFor(target="/f"), OnRunning.FAIL, True, id="who waits for it is glad"),
        pytest.param(Stop(target="/f"), OnRunning.FAIL, True, id="who stops it, too"),
    ],
)
def test_who_minds_a_running_file(action: Action, on_running: OnRunning, passes: bool) -> None:
    world = World(pipeline(job("a", action=action, on_running=on_running)), File(path="/f", id=7))
    world.spectrum.start("/f")
    state = world.run()
    assert (state.preflight is Preflight.PASSED) is passes


def test_an_answer_that_comes_after_the_preflight_has_failed_changes_nothing() -> None:
    state = fold(RunState(pipeline(job("a")), RUN_ID), STARTED, ev.PreflightFailed(findings=()))
    events = interpret(state, AskTarget(target=FileReference("/a")), Unsent("late"), 1.0)
    assert not [event for event in events if isinstance(event, ev.Fact)]


def _order(world: World) -> list[str]:
    return [f"{type(request).__name__} {getattr(request, 'target', '')}" for request in world.asked(object)]


def test_a_fresh_preflight_answer_is_the_baseline() -> None:
    world = World(pipeline(job("a")))
    world.run()
    assert _order(world)[:2] == ["AskTarget /a", "PostTrigger /a"]


def test_a_stale_one_is_not() -> None:
    slow = Fault(on=AskTarget, outcome=StatusAnswer(job_status="_NONE"), delay=5, where=lambda ask: ask.target == "/b")
    world = World(pipeline(job("a"), job("b")), faults=[slow])
    world.run()
    assert _order(world)[:4] == ["AskTarget /a", "AskTarget /b", "AskStatus /a", "PostTrigger /b"]
