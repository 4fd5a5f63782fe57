"""Executions under way: limits, stops and their confirmation, retries, sequences."""

from typing import Any

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.interpret import interpret
from spectrum_pipelines.engine.outcome import Cause, JobStatus
from spectrum_pipelines.engine.requests import (
    AskAllRunning,
    AskDetails,
    AskRunning,
    AskStatus,
    AskTarget,
    PostStop,
    PostTrigger,
    Purpose,
)
from spectrum_pipelines.engine.sightings import Answered
from spectrum_pipelines.engine.timing.patience import Patience
from spectrum_pipelines.errors import ClientError, Refused, Unanswered, Unauthorized, Unexplained, Unsent
from spectrum_pipelines.pipeline.model.action import JobId, Sequence, Stop, WaitFor
from spectrum_pipelines.pipeline.model.pipeline import Poll
from spectrum_pipelines.pipeline.model.policy import Bound, Expect, OnRunning, OnTimeout, Retry, RetryReason, Warnings
from spectrum_pipelines.spectrum import ExecutionId, FileId, StatusAnswer
from tests.engine.made import finished, fold, fresh, job, of, pipeline, settle, the_job, triggered
from tests.engine.tiny import File
from tests.engine.world import Fault, World


def _world(file: File, *faults: Fault, **policy: Any) -> World:
    return World(pipeline(job("a", **policy)), file, faults=faults)


def _file(**how: Any) -> File:
    return File(path="/a", id=6, **{"duration": 9e9, **how})


@pytest.mark.parametrize(
    ("file", "policy", "cause", "reason"),
    [
        pytest.param(
            _file(),
            {"timeout": 90.0},
            Cause.TIMEOUT,
            "timeout of 1m 30s; execution 11 stopped and confirmed",
            id="timeout: stopped and confirmed",
        ),
        pytest.param(
            _file(),
            {"timeout": 90.0, "on_timeout": OnTimeout.LEAVE},
            Cause.TIMEOUT,
            "timeout of 1m 30s; execution 11 was left running",
            id="timeout: left running",
        ),
        pytest.param(
            _file(queue=9e9),
            {"timeout": 9000.0, "queue_timeout": 90.0},
            Cause.QUEUE_TIMEOUT,
            "queue_timeout of 1m 30s; execution 11 stopped and confirmed",
            id="queue_timeout: it never began",
        ),
        pytest.param(
            _file(),
            {"retry": Retry(max_duration=90.0)},
            Cause.TIMEOUT,
            "retry.max_duration of 1m 30s; execution 11 stopped and confirmed",
            id="max_duration: all attempts together",
        ),
        pytest.param(
            _file(deaf=True),
            {"timeout": 90.0},
            Cause.STOP_UNCONFIRMED,
            "timeout of 1m 30s; the stop was not confirmed: execution 11 may still run",
            id="the stop has no effect",
        ),
    ],
)
def test_a_limit_that_is_reached(file: File, policy: dict[str, Any], cause: Cause, reason: str) -> None:
    world = _world(file, **policy)
    state = world.run()
    one = the_job(state)
    assert (one.status, one.cause, one.reason) == (JobStatus.TIMED_OUT, cause, reason)
    assert 90 <= world.clock.seconds < 135
    assert bool(world.asked(PostStop)) is (policy.get("on_timeout") is not OnTimeout.LEAVE)
    assert state.ended is not None
    assert state.ended.exit_code == 4


def test_a_queue_timeout_is_nothing_to_one_that_runs() -> None:
    assert the_job(_world(_file(duration=300.0), queue_timeout=60.0).run()).status is JobStatus.SUCCEEDED


def test_one_that_ends_well_while_it_is_being_stopped_has_ended_well() -> None:
    assert the_job(_world(_file(duration=61.0, deaf=True), timeout=60.0).run()).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("on", "error", "status"),
    [
        pytest.param(PostStop, Unsent("refused"), JobStatus.TIMED_OUT, id="the stop did not get out at first"),
        pytest.param(PostStop, Unanswered("reset"), JobStatus.TIMED_OUT, id="nobody knows whether it was handled"),
        pytest.param(PostStop, Refused("no"), JobStatus.TIMED_OUT, id="refused at first"),
        pytest.param(AskStatus, Unanswered("reset"), JobStatus.TIMED_OUT, id="the look before it was lost"),
    ],
)
def test_a_stop_is_tried_again(on: type, error: ClientError, status: JobStatus) -> None:
    fault = Fault(on=on, outcome=error, times=2, where=lambda ask: on is PostStop or ask.purpose is Purpose.VERIFY_STOP)
    one = the_job(_world(_file(), fault, timeout=60.0).run())
    assert (one.status, one.cause) == (status, Cause.TIMEOUT)
    assert "stopped and confirmed" in str(one.reason)


def test_a_stop_that_is_always_refused_says_so() -> None:
    one = the_job(_world(_file(), Fault(on=PostStop, outcome=Refused("no right"), times=9e9), timeout=60.0).run())
    assert one.cause is Cause.STOP_UNCONFIRMED
    assert one.reason == "timeout of 1m; the server refused the stop: no right: execution 11 may still run"


def test_a_stranger_s_execution_is_never_stopped() -> None:
    """At the timeout the file runs somebody else's execution: ours is queued behind it."""
    world = World(pipeline(job("first"), job("a", "first", timeout=60.0)), File(path="/a", id=6, duration=9e9))
    world.faults.append(_idle("/a"))
    world.at(2.0, lambda: _start(world, "/a"))
    one = the_job(world.run())
    assert world.asked(PostStop) == []
    assert one.cause is Cause.STOP_UNCONFIRMED
    assert one.reason == "timeout of 1m; execution 12, which is not ours, runs there now: execution 13 may still run"
    assert world.spectrum.executions[1].status(world.clock.seconds) == "RUNNING"


def _idle(target: str) -> Fault:
    """The baseline does not show the stranger, who starts a moment later."""
    answer = StatusAnswer(job_status="_NONE")
    return Fault(
        on=AskStatus, outcome=answer, where=lambda ask: ask.purpose is Purpose.BASELINE and ask.target == target
    )


def _start(world: World, ref: str) -> None:
    world.spectrum.start(ref)


def test_our_own_is_stopped_though_a_stranger_waits_behind_it() -> None:
    world = _world(_file(), timeout=60.0)
    world.at(5.0, lambda: _start(world, "/a"))
    one = the_job(world.run())
    assert one.cause is Cause.TIMEOUT
    stranger = world.spectrum.executions[1]
    assert stranger.status(world.clock.seconds) == "RUNNING"


def test_our_own_that_ended_before_the_stop_is_judged_though_a_stranger_runs_there_now() -> None:
    world = _slow_poll()
    one = the_job(world.run())
    assert world.asked(PostStop) == []
    assert (one.status, [execution.job_status for execution in one.executions]) == (JobStatus.SUCCEEDED, ["COMPLETED"])


def _slow_poll() -> World:
    """Polled so seldom that only the look before the stop can show its end."""
    poll = Poll(min=3000.0, max=3000.0, factor=1.0)
    world = World(pipeline(job("a", timeout=60.0), poll=poll), File(path="/a", id=6, duration=50.0))
    world.at(55.0, lambda: _start(world, "/a"))
    return world


def test_an_attached_execution_is_left_alone() -> None:
    world = World(pipeline(job("a", action=WaitFor(target="/a"), timeout=60.0)), _file())
    world.spectrum.start("/a")
    one = the_job(world.run())
    assert one.reason == "timeout of 1m; execution 11 was left running"
    assert world.asked(PostStop) == []


def test_a_stop_action_stops_whoever_s_it_is_and_is_never_repeated() -> None:
    world = World(pipeline(job("a", action=Stop(target="/a"), retry=Retry(limit=3, interval=1.0))), _file(deaf=True))
    world.spectrum.start("/a")
    one = the_job(world.run())
    assert (one.status, one.cause, len(one.attempts)) == (JobStatus.TIMED_OUT, Cause.STOP_UNCONFIRMED, 1)


_ALL = frozenset(RetryReason)


@pytest.mark.parametrize(
    ("word", "policy", "attempts", "status"),
    [
        pytest.param("ERROR", {}, 3, JobStatus.FAILED, id="failed: by default"),
        pytest.param("ERROR", {"when": frozenset({RetryReason.CANCELED})}, 1, JobStatus.FAILED, id="not this"),
        pytest.param("CANCELED", {}, 1, JobStatus.CANCELED, id="canceled: somebody meant it"),
        pytest.param("CANCELED", {"when": _ALL}, 3, JobStatus.CANCELED, id="canceled: if told"),
        pytest.param("COMPLETED_WITH_WARNINGS", {}, 1, JobStatus.FAILED, id="warnings are no failure to retry"),
        pytest.param("COMPLETED_WITH_WARNINGS", {"when": _ALL}, 3, JobStatus.FAILED, id="warnings: if told"),
        pytest.param("COMPLETED", {"when": _ALL}, 1, JobStatus.SUCCEEDED, id="nothing to retry"),
    ],
)
def test_what_a_job_is_run_again_for(word: str, policy: dict[str, Any], attempts: int, status: JobStatus) -> None:
    retry = Retry(limit=2, interval=10.0, jitter=0.0, **policy)
    world = _world(_file(duration=2.0, words=(word,)), retry=retry, warnings=Warnings.FAIL)
    one = the_job(world.run())
    assert (len(one.attempts), one.status) == (attempts, status)
    assert [post.attempt for post in world.asked(PostTrigger)] == list(range(1, attempts + 1))
    assert [fact.wait for fact in world.said(ev.RetryScheduled)] == [10.0, 20.0][: attempts - 1]


def test_a_timeout_is_a_reason_and_the_second_try_may_do_it() -> None:
    world = _world(_file(duration=9e9), timeout=60.0, retry=Retry(limit=2, interval=10.0))
    world.at(65.0, lambda: setattr(world.spectrum.files[0], "duration", 5.0))
    one = the_job(world.run())
    assert (one.status, [attempt.status.value for attempt in one.attempts]) == (
        JobStatus.SUCCEEDED,
        ["timed_out", "succeeded"],
    )


def test_what_was_left_running_is_not_started_again() -> None:
    world = _world(_file(), timeout=60.0, retry=Retry(limit=2, interval=10.0), on_timeout=OnTimeout.LEAVE)
    one = the_job(world.run())
    assert len(one.attempts) == 1
    assert one.reason == "timeout of 1m; execution 11 was left running"


def test_what_was_left_running_is_waited_for_where_the_policy_says_so() -> None:
    """A second timeout's worth of patience, and then a run of its own."""
    retry = Retry(limit=2, interval=10.0, jitter=0.0)
    policy: dict[str, Any] = {"on_timeout": OnTimeout.LEAVE, "on_running": OnRunning.WAIT}
    world = _world(_file(duration=80.0), timeout=60.0, retry=retry, **policy)
    world.at(70.0, lambda: world.spectrum.files.__setitem__(0, File(path="/a", id=6, duration=5.0)))
    one = the_job(world.run())
    assert [attempt.status.value for attempt in one.attempts] == ["timed_out", "succeeded"]


def test_what_could_not_be_stopped_is_not_started_again() -> None:
    one = the_job(_world(_file(deaf=True), timeout=60.0, retry=Retry(limit=2, interval=10.0)).run())
    assert (len(one.attempts), one.cause) == (1, Cause.STOP_UNCONFIRMED)


def test_a_broken_gate_is_a_failure_to_retry() -> None:
    file = _file(duration=2.0, details={"counters": {"IMPORT_RECORDS": 0}})
    expect = Expect(counters={"IMPORT_RECORDS": Bound(min=1)})
    world = World(pipeline(job("a", retry=Retry(limit=1, interval=1.0), expect=expect)), file)
    one = the_job(world.run())
    assert (len(one.attempts), one.cause) == (2, Cause.GATE)


def test_retries_end_where_max_duration_leaves_no_time() -> None:
    retry = Retry(limit=100, interval=10.0, factor=1.0, jitter=0.0, max_duration=60.0)
    world = _world(_file(duration=2.0, words=("ERROR",)), retry=retry)
    one = the_job(world.run())
    assert one.status is JobStatus.FAILED
    assert 3 <= len(one.attempts) <= 5
    assert world.clock.seconds < 61


def test_max_duration_counts_the_time_in_which_a_process_worked() -> None:
    """The next process began an attempt and stopped it at once: the limit had passed while nobody was there."""
    retry = Retry(limit=9, interval=30.0, factor=1.0, jitter=0.0, max_duration=60.0)
    world = _world(_file(duration=2.0, words=("ERROR", "COMPLETED")), retry=retry)
    world.interrupt(10.0)
    world.run()
    one = the_job(world.resume(later=3600.0))
    assert (one.status, len(one.attempts)) == (JobStatus.SUCCEEDED, 2)
    assert world.asked(PostStop) == []


def test_max_duration_does_not_count_the_time_away_of_a_job_that_nobody_could_see() -> None:
    """Its end was unknown, for the login was refused: the next process stopped what ran well."""
    world = _world(_file(duration=400.0), retry=Retry(max_duration=600.0))
    locked = Fault(on=(AskStatus, AskDetails, AskAllRunning), outcome=Unauthorized("401"), times=0)
    world.faults.append(locked)
    world.at(10.0, lambda: setattr(locked, "times", 9e9))
    assert the_job(world.run()).status is JobStatus.UNKNOWN
    locked.times = 0
    one = the_job(world.resume(later=3600.0))
    assert one.status is JobStatus.SUCCEEDED
    assert world.asked(PostStop) == []


@pytest.mark.parametrize(
    ("seconds", "status"),
    [
        pytest.param(60.0, JobStatus.SUCCEEDED, id="a restart"),
        pytest.param(9e9, JobStatus.UNKNOWN, id="for good"),
    ],
)
def test_pages_of_a_server_on_which_spectrum_is_not_up_yet_say_nothing_of_an_execution(
    seconds: float, status: JobStatus
) -> None:
    """A container answers 404 for everything as long as Spectrum is being deployed: the execution was given up after seconds."""
    world = _world(_file(duration=100.0))
    page = Fault(on=(AskStatus, AskDetails, AskAllRunning), outcome=Unexplained("HTTP 404"), times=0)
    world.faults.append(page)
    world.at(10.0, lambda: setattr(page, "times", 9e9))
    world.at(10.0 + seconds, lambda: setattr(page, "times", 0))
    one = the_job(world.run())
    assert one.status is status
    assert world.clock.seconds < 400


def test_an_execution_of_which_spectrum_knows_nothing_is_given_up_soon_whatever_the_page() -> None:
    """The status of its file is answered: the server is up."""
    world = _world(_file(duration=9e9))
    world.at(10.0, lambda: _start(world, "/a"))
    world.faults.append(Fault(on=AskDetails, outcome=Unexplained("HTTP 404"), times=9e9))
    latest = StatusAnswer(job_status="RUNNING", execution_id=ExecutionId(12), file_id=FileId(6))
    other = Fault(on=AskStatus, outcome=latest, times=0)
    world.faults.append(other)
    world.at(20.0, lambda: setattr(other, "times", 9e9))
    one = the_job(world.run())
    assert (one.status, one.cause) == (JobStatus.UNKNOWN, Cause.REFUSED)
    assert world.clock.seconds < 100


def _sequence(**more: Any) -> Any:
    return job("a", action=Sequence(file_ids=(6,)), **more)


def _files(*, upstream: str = "COMPLETED", cancels: bool = False, duration: float = 5.0) -> list[File]:
    return [
        File(path="/up", id=6, words=(upstream,), duration=duration, feeds=("/down", "/aside")),
        File(path="/down", id=7, cancels=cancels),
        File(path="/aside", id=8, cancels=cancels),
    ]


def test_a_sequence_is_done_when_all_of_its_plan_is() -> None:
    world = World(pipeline(_sequence()), *_files())
    one = the_job(world.run())
    assert (one.status, [execution.job_status for execution in one.executions]) == (
        JobStatus.SUCCEEDED,
        ["COMPLETED"] * 3,
    )


def test_a_sequence_whose_downstream_is_canceled_names_the_culprit() -> None:
    world = World(pipeline(_sequence()), *_files(upstream="ERROR", cancels=True))
    one = the_job(world.run())
    assert (one.status, one.reason) == (JobStatus.FAILED, "execution 11 ended ERROR")


def test_a_sequence_whose_downstream_is_left_behind_does_not_wait_for_its_timeout() -> None:
    world = World(pipeline(_sequence()), *_files(upstream="ERROR"))
    one = the_job(world.run())
    assert (one.status, one.cause) == (JobStatus.FAILED, Cause.LEFT_BEHIND)
    assert one.reason == (
        "execution 11 ended ERROR; left behind: 12 (WAITING_FOR_OTHER_JOB), 13 (WAITING_FOR_OTHER_JOB)"
    )
    assert 15 < world.clock.seconds < 60


def test_a_sequence_that_outlives_its_timeout_is_stopped_member_by_member() -> None:
    world = World(pipeline(_sequence(timeout=60.0)), *_files(duration=9e9))
    one = the_job(world.run())
    assert (one.status, one.cause) == (JobStatus.TIMED_OUT, Cause.TIMEOUT)
    assert {stop.execution_id for stop in world.asked(PostStop)} == {11, 12, 13}
    assert all(not execution.is_active(world.clock.seconds) for execution in world.spectrum.executions)


def test_a_sequence_of_which_not_all_is_known_is_never_green_even_when_it_is_stopped() -> None:
    """Its own file had ended well by the time of the stop; what it had started downstream nobody knows."""
    poll = Poll(min=3000.0, max=3000.0, factor=1.0)
    lost = Fault(
        on=object, outcome=Unanswered("reset"), handled=True, where=lambda ask: "PostSeq" in type(ask).__name__
    )
    world = World(pipeline(_sequence(timeout=60.0), poll=poll), File(path="/up", id=6, duration=50.0), faults=[lost])
    assert the_job(world.run()).status is JobStatus.UNKNOWN


def test_a_silence_ends_with_the_id_of_what_may_still_run() -> None:
    looks, lost = (AskStatus, AskDetails, AskAllRunning, AskRunning), Unanswered("timeout")
    world = _world(_file())
    world.at(1.0, lambda: world.faults.append(Fault(on=looks, outcome=lost, times=9e9)))
    state = world.run()
    one = the_job(state)
    assert (one.status, one.cause) == (JobStatus.TIMED_OUT, Cause.SILENCE)
    assert one.reason == "no usable answer about execution 11 for 30m; it may still run"
    assert 1800 <= world.clock.seconds < 1860
    assert state.ended is not None
    assert state.ended.exit_code == 4


def test_ten_minutes_without_a_server_do_no_harm_and_cost_few_questions() -> None:
    undisturbed, disturbed = _world(_file(duration=1000.0)), _world(_file(duration=1000.0))
    away = Fault(on=(AskStatus, AskDetails, AskAllRunning), outcome=Unsent("refused"), times=0)
    disturbed.faults.append(away)
    disturbed.at(100.0, lambda: setattr(away, "times", 9e9))
    disturbed.at(700.0, lambda: setattr(away, "times", 0))
    assert the_job(undisturbed.run()).status is JobStatus.SUCCEEDED
    assert the_job(disturbed.run()).status is JobStatus.SUCCEEDED
    assert len(disturbed.sent) <= 2 * len(undisturbed.sent)


def test_a_sequence_that_is_stopped_before_anything_is_known_of_its_files_asks_first() -> None:
    """A plan names executions, not files, and a stop needs a file."""
    world = World(pipeline(_sequence(timeout=0.005)), *_files(duration=9e9))
    one = the_job(world.run())
    assert (one.status, one.cause) == (JobStatus.TIMED_OUT, Cause.TIMEOUT)
    assert {stop.execution_id for stop in world.asked(PostStop)} == {11, 12, 13}


def test_a_stop_names_its_target_where_the_server_tells_no_file_id() -> None:
    world = World(pipeline(job("a", action=Stop(target="/a"))), _file())
    world.spectrum.start("/a")
    nameless = StatusAnswer(job_status="RUNNING", execution_id=ExecutionId(11))
    world.faults.append(Fault(on=(AskTarget, AskStatus), outcome=nameless, times=2))
    the_job(world.run())
    assert [stop.target for stop in world.asked(PostStop)] == ["/a"]


def test_refused_credentials_before_a_stop_end_it_with_the_id() -> None:
    locked = Fault(on=AskStatus, outcome=Unauthorized("401"), where=lambda ask: ask.purpose is Purpose.VERIFY_STOP)
    one = the_job(_world(_file(), locked, timeout=60.0).run())
    assert (one.status, one.cause) == (JobStatus.UNKNOWN, Cause.UNAUTHORIZED)
    assert one.reason == "401; execution 11 may still run"


def test_a_look_before_a_stop_that_comes_with_the_end_itself_changes_nothing() -> None:
    state = fold(fresh(job("a")), *triggered("a", 11))
    fold(state, ev.StopRequested(job=JobId("a"), cause=Cause.TIMEOUT, reason="late"))
    (look,) = of(AskStatus, settle(state, 1.0))[:1]
    fold(state, finished("a", 11))
    running = StatusAnswer(job_status="RUNNING", execution_id=ExecutionId(11))
    assert [type(event) for event in interpret(state, look, running, 1.1)] == [Answered]


def test_times_that_cannot_be_cost_a_warning_and_nothing_else() -> None:
    absurd = {"start_time": "Jan 1, 0001 0:00:00 AM", "stop_time": "Dec 31, 9999 11:59:59 PM"}
    world = World(pipeline(job("a")), File(path="/a", id=1, details=absurd))
    state = world.run()
    assert the_job(state).status is JobStatus.SUCCEEDED
    assert [one.code for one in state.warnings] == ["server-times"]


def test_a_stop_that_gets_no_answer_holds_nobody_beyond_the_time_to_stop() -> None:
    """The job waited for the answer to its stop, a minute, though nothing could be confirmed any more after half of that."""
    world = World(
        pipeline(job("a", timeout=5.0)),
        File(path="/a", id=6, duration=500.0),
        faults=[Fault(on=PostStop, outcome=Unanswered("no answer within 60s"), delay=60.0)],
    )
    assert the_job(world.run()).cause is Cause.STOP_UNCONFIRMED
    assert world.clock.seconds < 5.0 + Patience().stop_grace + 2.0


def test_a_stop_that_is_on_its_way_holds_the_next_attempt_back() -> None:
    """The end was seen before the stop was answered, and the stop hit the attempt that had begun meanwhile."""
    slow = Fault(on=PostStop, outcome=Unanswered("cut"), handled=True, delay=8.0)
    retry = Retry(limit=1, interval=0.0, when=frozenset({RetryReason.TIMED_OUT}))
    world = World(pipeline(job("a", timeout=5.0, retry=retry)), File(path="/a", id=6, duration=500.0), faults=[slow])
    world.run()
    (stop_sent, *_), (_, triggered_again) = (
        [at for at, one in world.sent if isinstance(one, kind)] for kind in (PostStop, PostTrigger)
    )
    assert triggered_again >= stop_sent + 8.0


def test_a_sequence_goes_on_though_details_of_what_runs_are_refused() -> None:
    """Details were the only question about its members, and five refusals ended the job as unknown: the list shows them."""
    world = World(
        pipeline(job("a", action=Sequence(file_ids=(6,)))),
        File(path="/a", id=6, duration=100.0),
        faults=[
            Fault(on=AskDetails, outcome=Refused("not found"), times=9e9, where=lambda _: world.clock.seconds < 100.0)
        ],
    )
    assert the_job(world.run()).status is JobStatus.SUCCEEDED
    assert len(world.asked(AskDetails)) < 10


def test_a_status_that_is_behind_does_not_make_an_end_unknown() -> None:
    """The file was named by its path and had never run; its status still said so for some seconds after the end."""
    late = StatusAnswer(job_status="_NONE")
    world = World(
        pipeline(job("a")),
        File(path="/a", id=6, duration=1.0),
        faults=[Fault(on=AskStatus, outcome=late, times=9e9, where=lambda _: world.clock.seconds < 6.0)],
    )
    assert the_job(world.run()).status is JobStatus.SUCCEEDED


def test_a_stop_that_is_on_its_way_holds_no_end_back_in_an_abort() -> None:
    """The report of an interrupted run left the job open, though its execution was seen to have ended."""
    slow = Fault(on=PostStop, outcome=Unanswered("cut"), handled=True, delay=60.0)
    world = World(pipeline(job("a", timeout=5.0)), File(path="/a", id=6, duration=500.0), faults=[slow])
    world.interrupt(6.0)
    assert the_job(world.run()).status is JobStatus.TIMED_OUT
