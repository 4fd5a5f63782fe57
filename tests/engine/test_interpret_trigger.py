"""One row for each line of the table that "never twice" rests on, for both kinds of trigger."""

from collections.abc import Iterator

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.interpret import interpret
from spectrum_pipelines.engine.outcome import Cause, JobStatus
from spectrum_pipelines.engine.requests import Outcome, PostSequence, PostTrigger
from spectrum_pipelines.engine.sightings import Answered
from spectrum_pipelines.engine.state.run import RunState, Step
from spectrum_pipelines.errors import (
    AnswerTimeout,
    ClientError,
    Forbidden,
    HeldBack,
    NotSpectrum,
    Refused,
    ServerFault,
    Throttled,
    TlsFailure,
    Unanswered,
    Unauthorized,
    Undecodable,
    Unexplained,
    Unsent,
)
from spectrum_pipelines.pipeline.model.action import JobId, Sequence
from spectrum_pipelines.spectrum import (
    ConfigurationId,
    ExecutionId,
    ExecutionPlan,
    FileId,
    FileReference,
    PlannedExecution,
    StatusAnswer,
    TriggerAnswer,
)
from tests.engine.made import execution, fold, fresh, intended, job, of, settle, the_job

_A = JobId("a")
_ACTIONS = {"trigger": None, "sequence": Sequence(file_ids=(6,))}
_REQUESTS: dict[str, PostTrigger | PostSequence] = {
    "trigger": PostTrigger(job=_A, turn=1, attempt=1, target=FileReference("/a")),
    "sequence": PostSequence(job=_A, turn=1, attempt=1, file_ids=(FileId(6),)),
}
_EITHER = pytest.mark.parametrize("kind", ["trigger", "sequence"])

_NOT_HANDLED, _AMBIGUOUS = ev.TriggerNotHandled, ev.TriggerAmbiguous

#: What each failure comes to: the class of the fact, and the cause of a failed attempt.
_TABLE = [
    pytest.param(ClientError("odd"), _AMBIGUOUS, None, id="a failure without a class of its own is ambiguous"),
    pytest.param(Refused("no such job"), ev.AttemptEnded, Cause.REFUSED, id="Spectrum's own no"),
    pytest.param(Refused("no", http_status=404), ev.AttemptEnded, Cause.REFUSED, id="the same with a 4xx"),
    pytest.param(Unsent("refused"), _NOT_HANDLED, None, id="never left us"),
    pytest.param(HeldBack("late"), _NOT_HANDLED, None, id="held back: its baseline is old"),
    pytest.param(TlsFailure("expired"), ev.AttemptEnded, Cause.UNAUTHORIZED, id="TLS will not heal"),
    pytest.param(Throttled("slow", retry_after=7.0), _NOT_HANDLED, None, id="429 with a time"),
    pytest.param(Throttled("slow", retry_after=None), _NOT_HANDLED, None, id="429 without one"),
    pytest.param(Unauthorized("401"), ev.AttemptEnded, Cause.UNAUTHORIZED, id="401, after reading the secret again"),
    pytest.param(Forbidden("403"), _AMBIGUOUS, None, id="403 by whom?"),
    pytest.param(Unexplained("404"), _AMBIGUOUS, None, id="a 4xx page that is not Spectrum's"),
    pytest.param(Unanswered("reset"), _AMBIGUOUS, None, id="a reset"),
    pytest.param(AnswerTimeout("timeout"), _AMBIGUOUS, None, id="read timeout"),
    pytest.param(ServerFault("500", http_status=500), _AMBIGUOUS, None, id="500"),
    pytest.param(ServerFault("503", http_status=503, reason="busy"), _AMBIGUOUS, None, id="503: not provable"),
    pytest.param(Undecodable("cut"), _AMBIGUOUS, None, id="an answer that is cut"),
    pytest.param(NotSpectrum("HTML"), _AMBIGUOUS, None, id="a login page, a redirect"),
    pytest.param(None, _AMBIGUOUS, None, id="no answer at all where one must be"),
    pytest.param(StatusAnswer(job_status="RUNNING"), _AMBIGUOUS, None, id="an answer to another question"),
]


def _posted(kind: str) -> RunState:
    """The intent is on disk and the POST is out."""
    state = fresh(job("a", action=_ACTIONS[kind]))
    fold(state, ev.AttemptStarted(job=_A, attempt=1), intended("a", target="6" if kind == "sequence" else "/a"))
    assert of((PostTrigger, PostSequence), settle(state, 0.0))
    return state


def _outcome(state: RunState, kind: str, outcome: Outcome) -> ev.Event:
    events = interpret(state, _REQUESTS[kind], outcome, 1.0)
    assert isinstance(events[0], Answered)
    (event,) = [event for event in events if isinstance(event, ev.Fact)]
    return event


@_EITHER
@pytest.mark.parametrize(("outcome", "fact", "cause"), _TABLE)
def test_what_a_failure_comes_to(kind: str, outcome: Outcome, fact: type, cause: Cause | None) -> None:
    event = _outcome(_posted(kind), kind, outcome)
    assert type(event) is fact
    if isinstance(event, ev.AttemptEnded):
        assert (event.status, event.cause) == (JobStatus.FAILED, cause)


def _classes(top: type[ClientError]) -> Iterator[type[ClientError]]:
    yield top
    for below in top.__subclasses__():
        yield from _classes(below)


def test_every_failure_that_a_call_can_have_has_its_row() -> None:
    rows = {type(row.values[0]) for row in _TABLE}
    # What other modules derive from these (and may have been imported by now) is decided like its parent.
    assert {kind for kind in _classes(ClientError) if kind.__module__ == ClientError.__module__} <= rows


@_EITHER
@pytest.mark.parametrize(("outcome", "fact", "cause"), _TABLE)
def test_after_an_ambiguous_outcome_nothing_is_posted_any_more(
    kind: str, outcome: Outcome, fact: type, cause: Cause | None
) -> None:
    state = _posted(kind)
    for event in interpret(state, _REQUESTS[kind], outcome, 1.0):
        fold(state, event, at=1.0)
    posts = of((PostTrigger, PostSequence), settle(state, 1.0))
    assert posts == [], "at once nothing is ever sent again"
    if fact is _AMBIGUOUS:
        assert the_job(state).step is Step.RECONCILING
    elif fact is _NOT_HANDLED:
        assert the_job(state).step is Step.LOOKING, "a fresh baseline comes first"
        assert state.triggers == 0
    else:
        assert the_job(state).is_done


def test_ids_are_followed() -> None:
    outcome = TriggerAnswer(execution_id=ExecutionId(11), user="admin")
    expected = ev.Triggered(job=_A, attempt=1, executions=(execution(11, 6),), user="admin")
    assert _outcome(_posted("trigger"), "trigger", outcome) == expected


def test_a_plan_is_followed_in_its_order_without_what_was_not_started() -> None:
    def entry(number: int | None, name: str) -> PlannedExecution:
        id_ = None if number is None else ExecutionId(number)
        return PlannedExecution(execution_id=id_, configuration_id=ConfigurationId(3), name=name)

    plan = ExecutionPlan(executions=(entry(17, "b"), entry(None, "off"), entry(16, "a")))
    event = _outcome(_posted("sequence"), "sequence", plan)
    assert isinstance(event, ev.Triggered)
    assert [(one.execution_id, one.name, one.configuration_id) for one in event.executions] == [
        (17, "b", 3),
        (16, "a", 3),
    ]


def test_an_execution_that_stands_in_a_plan_twice_is_followed_once() -> None:
    """It is downstream of two of the files. The second entry was never followed, and the job waited for it until its timeout."""
    entries = tuple(PlannedExecution(execution_id=ExecutionId(one)) for one in (16, 18, 17, 18))
    event = _outcome(_posted("sequence"), "sequence", ExecutionPlan(executions=entries))
    assert isinstance(event, ev.Triggered)
    assert [one.execution_id for one in event.executions] == [16, 18, 17]
    assert event.complete


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(ExecutionPlan(executions=()), id="an empty plan"),
        pytest.param(ExecutionPlan(executions=(PlannedExecution(execution_id=None),)), id="a plan without an id"),
    ],
)
def test_a_plan_that_names_no_execution_is_ambiguous(plan: ExecutionPlan) -> None:
    event = _outcome(_posted("sequence"), "sequence", plan)
    assert isinstance(event, ev.TriggerAmbiguous)
    assert "without any execution that it has started" in event.reason


@pytest.mark.parametrize(
    ("outcome", "before", "wait"),
    [
        pytest.param(Throttled("slow", retry_after=7.0), 0, 7.0, id="as the server says"),
        pytest.param(Throttled("slow", retry_after=None), 0, 1.0, id="it did not say"),
        pytest.param(Unsent("refused"), 0, 1.0, id="the interval"),
        pytest.param(Unsent("refused"), 3, 8.0, id="longer each time"),
    ],
)
def test_what_was_not_handled_rests_before_it_is_sent_again(outcome: ClientError, before: int, wait: float) -> None:
    state = _posted("trigger")
    for _ in range(before):
        fold(state, ev.TriggerNotHandled(job=_A, attempt=1, reason="", wait=0), intended("a"))
    event = _outcome(state, "trigger", outcome)
    assert isinstance(event, ev.TriggerNotHandled)
    assert event.wait == wait


def test_the_hint_of_a_failure_is_part_of_the_reason() -> None:
    event = _outcome(_posted("trigger"), "trigger", TlsFailure("expired", hint="try --ca-bundle"))
    assert isinstance(event, ev.AttemptEnded)
    assert event.reason == "expired (try --ca-bundle)"


def test_the_outcome_of_a_post_is_written_down_whatever_the_job_has_turned_to() -> None:
    state = _posted("trigger")
    fold(state, ev.AbortRequested(signal="SIGTERM", detach=False))
    late = PostTrigger(job=_A, turn=-5, attempt=1, target=FileReference("/a"))
    events = interpret(state, late, TriggerAnswer(execution_id=ExecutionId(11)), 9.0)
    assert of(ev.Triggered, events)
