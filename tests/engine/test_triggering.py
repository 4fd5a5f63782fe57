"""From a written intent to an execution id, whatever becomes of the answer: at most one POST for each attempt."""

from typing import Any

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import AdoptedBy, Cause, JobStatus, RunStatus
from spectrum_pipelines.engine.requests import (
    AskHistory,
    AskRunning,
    AskStatus,
    PostSequence,
    PostTrigger,
    Purpose,
)
from spectrum_pipelines.errors import (
    ClientError,
    Forbidden,
    Refused,
    ServerFault,
    Throttled,
    Unanswered,
    Unauthorized,
    Undecodable,
    Unexplained,
    Unsent,
)
from spectrum_pipelines.pipeline.model.action import JobId, Sequence, Trigger
from spectrum_pipelines.pipeline.model.policy import OnAmbiguous, OnRunning, Retry
from spectrum_pipelines.spectrum import ActiveJob, ExecutionId, FileId, StatusAnswer
from tests.engine.made import job, pipeline, the_job
from tests.engine.tiny import File
from tests.engine.world import Fault, World

_LOST = Unanswered("connection reset")


def _world(*faults: Fault, file: File | None = None, **more: Any) -> World:
    return World(pipeline(job("a", **more)), file or File(path="/a", id=6, duration=20.0), faults=faults)


def _lost(*, handled: bool, error: ClientError = _LOST, times: int = 1) -> Fault:
    return Fault(on=(PostTrigger, PostSequence), outcome=error, handled=handled, times=times)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(_LOST, id="reset"),
        pytest.param(ServerFault("502", http_status=502), id="502"),
        pytest.param(Undecodable("cut off"), id="a cut answer"),
    ],
)
def test_a_lost_answer_is_found_again_and_adopted(error: ClientError) -> None:
    world = _world(_lost(handled=True, error=error))
    one = the_job(world.run())
    assert one.status is JobStatus.SUCCEEDED
    assert [execution.adopted for execution in one.executions] == [AdoptedBy.RECONCILED]
    assert len(world.asked(PostTrigger)) == 1
    assert world.said(ev.CandidatesFound)[0].execution_ids == (11,)


def test_a_lost_answer_of_a_run_that_is_over_before_anybody_looks() -> None:
    world = _world(_lost(handled=True), file=File(path="/a", id=6, duration=0.0, words=("ERROR",)))
    one = the_job(world.run())
    assert (one.status, [execution.execution_id for execution in one.executions]) == (JobStatus.FAILED, [11])


def test_one_that_came_and_went_shows_in_the_history_and_makes_it_two() -> None:
    """Somebody else's run is the latest; ours ended before it: the history shows both, and nobody can tell which is ours."""
    world = _world(_lost(handled=True), file=File(path="/a", id=6, duration=0.0))
    world.at(0.015, lambda: _stranger(world))
    state = world.run()
    assert len(world.asked(AskHistory)) == 1
    assert (the_job(state).status, the_job(state).attempt.candidates) == (JobStatus.UNKNOWN, (11, 12))


def _stranger(world: World) -> None:
    world.spectrum.start("/a")


def test_several_candidates_are_unknown_and_named_for_adopt() -> None:
    world = _world(_lost(handled=True), retry=Retry(limit=5))
    world.at(0.015, lambda: _stranger(world))
    state = world.run()
    one = the_job(state)
    assert (one.status, one.cause) == (JobStatus.UNKNOWN, Cause.AMBIGUOUS)
    assert one.reason == "no usable answer to the trigger: connection reset; executions 11, 12 may be ours"
    assert len(world.asked(PostTrigger)) == 1
    assert state.ended is not None
    assert (state.ended.status, state.ended.exit_code) == (RunStatus.UNKNOWN, 5)


def test_nothing_found_is_unknown_after_the_grace_and_never_posted_again() -> None:
    world = _world(_lost(handled=False), ambiguous_grace=40.0, retry=Retry(limit=5))
    one = the_job(world.run())
    assert (one.status, one.cause) == (JobStatus.UNKNOWN, Cause.AMBIGUOUS)
    assert "no execution of it showed up in" in str(one.reason)
    assert len(world.asked(PostTrigger)) == 1
    assert 40 <= world.clock.seconds < 46


def test_a_short_grace_still_takes_three_full_rounds() -> None:
    world = _world(_lost(handled=False), ambiguous_grace=0.0)
    the_job(world.run())
    assert len([ask for ask in world.asked(AskRunning) if ask.purpose is Purpose.LOOKUP]) == 3


@pytest.mark.parametrize("posts", [1, 2])
def test_on_ambiguous_retry_posts_once_more_as_a_new_attempt_after_the_grace(posts: int) -> None:
    world = _world(_lost(handled=False, times=posts), on_ambiguous=OnAmbiguous.RETRY, retry=Retry(interval=5.0))
    one = the_job(world.run())
    assert one.status is (JobStatus.SUCCEEDED if posts == 1 else JobStatus.UNKNOWN)
    assert [post.attempt for post in world.asked(PostTrigger)] == [1, 2]
    assert world.clock.seconds > 15


def _candidates_by_a_stranger(world: World) -> None:
    world.at(0.015, lambda: _stranger(world))


def _candidates_at_the_last_moment(world: World) -> None:
    world.at(14.0, lambda: _stranger(world))
    world.at(14.1, lambda: _stranger(world))


def _search_refused(world: World) -> None:
    world.faults.append(Fault(on=AskRunning, outcome=Unauthorized("401"), times=9e9))


def _search_unanswered(world: World) -> None:
    world.faults.append(Fault(on=AskRunning, outcome=_LOST, times=9e9))
    world.faults.append(
        Fault(on=AskStatus, outcome=_LOST, times=9e9, where=lambda request: request.purpose is Purpose.LOOKUP)
    )


@pytest.mark.parametrize(
    ("trouble", "handled"),
    [
        pytest.param(_candidates_by_a_stranger, True, id="several candidates: one of them is ours"),
        pytest.param(_candidates_at_the_last_moment, False, id="several candidates, when the grace was all but over"),
        pytest.param(_search_refused, False, id="the search was refused: it found nothing out"),
        pytest.param(_search_unanswered, False, id="the search was never answered in full"),
    ],
)
def test_on_ambiguous_retry_needs_empty_look_ups(trouble: Any, handled: bool) -> None:
    world = _world(_lost(handled=handled), on_ambiguous=OnAmbiguous.RETRY, retry=Retry(limit=3, interval=5.0))
    trouble(world)
    assert the_job(world.run()).status is JobStatus.UNKNOWN
    assert len(world.asked(PostTrigger)) == 1, "what may run already must not be started again"


def test_a_search_that_is_never_answered_ends_unknown() -> None:
    world = _world(_lost(handled=True))
    _search_unanswered(world)
    one = the_job(world.run())
    assert (one.status, one.cause) == (JobStatus.UNKNOWN, Cause.AMBIGUOUS)
    assert "the server gave no full answer for 30m" in str(one.reason)
    assert 1800 <= world.clock.seconds < 1810


def test_a_search_that_is_refused_leaves_the_trigger_in_doubt() -> None:
    """No id is known that `resume` could follow: it is for `adopt`."""
    world = _world(_lost(handled=True))
    _search_refused(world)
    one = the_job(world.run())
    assert (one.status, one.cause) == (JobStatus.UNKNOWN, Cause.AMBIGUOUS)
    assert one.reason == "no usable answer to the trigger: connection reset; the search for it ended: 401"
    assert len(world.asked(AskRunning)) == 1


def test_a_round_that_was_not_answered_in_full_is_not_judged() -> None:
    """The status shows one candidate, but the list, which may show a second one, is not to be had: wait for it."""
    world = _world(_lost(handled=True), file=File(path="/a", id=6, duration=100.0))
    world.faults.append(Fault(on=AskRunning, outcome=_LOST, times=5))
    one = the_job(world.run())
    assert one.status is JobStatus.SUCCEEDED
    (adopted,) = [fact for fact in world.facts if isinstance(fact.event, ev.Adopted)]
    asked = [at for at, request in world.sent if isinstance(request, AskRunning)]
    assert adopted.at > asked[5]


def test_a_refused_look_is_an_answer() -> None:
    world = _world(_lost(handled=True))
    world.faults.append(Fault(on=AskRunning, outcome=Refused("no such call"), times=9e9))
    assert the_job(world.run()).status is JobStatus.SUCCEEDED


def test_executions_of_other_jobs_are_no_candidates() -> None:
    """Two jobs over one file: the first one's execution is above the second one's baseline, and not its own."""
    both = [job(name, action=job("f").action, on_running=OnRunning.WAIT) for name in "ab"]
    world = World(pipeline(*both), File(path="/f", id=6, duration=60.0))
    world.faults.append(Fault(on=PostTrigger, outcome=_LOST, handled=True, where=lambda post: post.job == "b"))
    state = world.run()
    found = {name: [one.execution_id for one in state.jobs[JobId(name)].executions] for name in "ab"}
    assert sorted(found["a"] + found["b"]) == [11, 12]
    assert the_job(state, "b").status is JobStatus.SUCCEEDED


def test_one_that_only_the_list_shows_is_adopted() -> None:
    """Behind somebody else's run ours waits: the status shows that of the other."""
    world = _world(_lost(handled=False))
    waiting = ActiveJob(execution_id=ExecutionId(11), job_status="QUEUED", file_id=FileId(6))
    never = StatusAnswer(job_status="_NONE")
    world.faults.append(Fault(on=AskStatus, outcome=never, where=lambda ask: ask.purpose is Purpose.LOOKUP))
    world.at(0.015, lambda: _stranger(world))
    world.faults.append(Fault(on=AskRunning, outcome=(waiting,), times=1))
    assert [one.execution_id for one in the_job(world.run()).executions] == [11]


@pytest.mark.parametrize("error", [Unexplained("HTTP 404: a page"), Forbidden("HTTP 403: a page")])
@pytest.mark.parametrize("handled", [True, False])
def test_a_no_that_is_not_in_spectrums_words_is_searched_for(error: ClientError, handled: bool) -> None:
    """A proxy's page came although Spectrum had started the job, and the next attempt started it again."""
    world = _world(_lost(handled=handled, error=error), retry=Retry(limit=1, interval=0.0), ambiguous_grace=2.0)
    one = the_job(world.run())
    if handled:
        assert (one.status, len(world.asked(PostTrigger))) == (JobStatus.SUCCEEDED, 1)
        return
    assert len(world.handled) <= 1
    cause = Cause.UNAUTHORIZED if isinstance(error, Forbidden) else Cause.REFUSED
    (first, *_) = one.attempts
    assert (first.status, first.cause) == (JobStatus.FAILED, cause)
    assert f"{error.message}; no execution of it exists" in str(first.reason)


def test_a_list_that_is_not_there_is_an_answer_to_the_search_whatever_its_page() -> None:
    """With a server that has no such call each lost trigger ended unknown."""
    world = _world(_lost(handled=False), ambiguous_grace=2.0, on_ambiguous=OnAmbiguous.RETRY)
    world.faults.append(Fault(on=AskRunning, outcome=Unexplained("HTTP 404"), times=9e9))
    assert the_job(world.run()).status is JobStatus.SUCCEEDED
    assert world.clock.seconds < 60


def test_a_round_whose_first_answer_is_older_than_ours_is_followed_by_another() -> None:
    """The first round took longer than the grace: its status had been asked before the trigger arrived, its list after that."""
    world = _world(_lost(handled=True), action=Trigger(target="6"), ambiguous_grace=2.0)
    never = StatusAnswer(job_status="_NONE")
    world.faults.append(Fault(on=AskStatus, outcome=never, delay=5.0, where=lambda ask: ask.purpose is Purpose.LOOKUP))
    one = the_job(world.run())
    assert (one.status, [execution.execution_id for execution in one.executions]) == (JobStatus.SUCCEEDED, [11])
    assert len(world.asked(PostTrigger)) == 1


@pytest.mark.parametrize(
    ("error", "times", "status", "cause"),
    [
        pytest.param(Unsent("refused"), 3, JobStatus.SUCCEEDED, Cause.SPECTRUM, id="unsent, then through"),
        pytest.param(Throttled("slow", retry_after=3), 3, JobStatus.SUCCEEDED, Cause.SPECTRUM, id="throttled"),
        pytest.param(Unsent("refused"), 99, JobStatus.FAILED, Cause.UNREACHABLE, id="unsent for good"),
        pytest.param(Unauthorized("401"), 1, JobStatus.FAILED, Cause.UNAUTHORIZED, id="401"),
        pytest.param(Refused("no right"), 1, JobStatus.FAILED, Cause.REFUSED, id="refused"),
    ],
)
def test_what_provably_did_not_happen(error: ClientError, times: int, status: JobStatus, cause: Cause) -> None:
    world = _world(_lost(handled=False, error=error, times=times))
    state = world.run()
    assert (the_job(state).status, the_job(state).cause) == (status, cause)
    assert len(world.spectrum.executions) == (status is JobStatus.SUCCEEDED)
    assert state.ended is not None
    assert state.ended.exit_code == {Cause.UNREACHABLE: 3, Cause.UNAUTHORIZED: 7, Cause.REFUSED: 1}.get(cause, 0)


def test_an_unsent_trigger_is_tried_as_often_as_the_wire_s_retry_with_a_fresh_baseline_each_time() -> None:
    world = _world(_lost(handled=False, error=Unsent("connection refused"), times=99))
    one = the_job(world.run())
    assert len(world.asked(PostTrigger)) == 6
    assert {post.attempt for post in world.asked(PostTrigger)} == {1}
    looks = [type(request) for request in world.asked((AskStatus, PostTrigger))]
    assert looks == [PostTrigger] + [AskStatus, PostTrigger] * 5
    assert one.reason == "the trigger could not be sent, 6 tries: connection refused"


def test_each_file_of_a_sequence_is_found_again_but_what_it_started_is_not_known() -> None:
    """The lost answer was the only one to name what runs downstream, so nobody can say that all of it went well."""
    files = (
        File(path="/x", id=6, duration=5.0, feeds=("/down",)),
        File(path="/y", id=7, duration=5.0),
        File(path="/down", id=8),
    )
    world = World(pipeline(job("a", action=Sequence(file_ids=(6, 7)))), *files, faults=[_lost(handled=True)])
    one = the_job(world.run())
    assert [execution.execution_id for execution in one.executions] == [11, 13]
    assert (one.status, one.cause) == (JobStatus.UNKNOWN, Cause.AMBIGUOUS)
    assert "is not known in full" in str(one.reason)
    assert len(world.asked(PostSequence)) == 1


def test_a_sequence_of_which_only_a_part_shows_up_is_followed_after_the_grace() -> None:
    files = (File(path="/x", id=6, duration=90.0), File(path="/y", id=7))
    world = World(pipeline(job("a", action=Sequence(file_ids=(6, 7)))), *files, faults=[_lost(handled=False)])
    world.at(0.015, lambda: _start_x(world))
    one = the_job(world.run())
    assert [execution.execution_id for execution in one.executions] == [11]
    assert one.status is JobStatus.UNKNOWN
    assert one.attempt.accepted_at is not None
    assert one.attempt.accepted_at > 15


def _start_x(world: World) -> None:
    world.spectrum.start("/x")
