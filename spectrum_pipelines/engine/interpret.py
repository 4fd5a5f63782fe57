"""`interpret(state, request, outcome, now) -> events`: what an answer, or the lack of one, means.

This is the table: which room reads the outcome of which request. The outcome of a POST is never stale: whatever it tells is
written down. Everything else that a job asked for counts only while it is the job's latest question.
"""

from typing import assert_never

from spectrum_pipelines.engine.facts import Event
from spectrum_pipelines.engine.job.interpret import interpret_baseline, interpret_deletion
from spectrum_pipelines.engine.requests import (
    AskAllRunning,
    AskDetails,
    AskHistory,
    AskRunning,
    AskStatus,
    AskTarget,
    JobRequest,
    Outcome,
    PostSequence,
    PostStop,
    PostTrigger,
    Purpose,
    Request,
    SendDelete,
)
from spectrum_pipelines.engine.run.preflight import interpret_target
from spectrum_pipelines.engine.sightings import Answered, Sighting
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.engine.stopping.interpret import interpret_stop, interpret_stop_look
from spectrum_pipelines.engine.triggering.interpret import interpret_look, interpret_post
from spectrum_pipelines.engine.watching.interpret import interpret_details, interpret_list, interpret_status
from spectrum_pipelines.engine.watching.lessons import interpret_lesson

Events = list[Event | Sighting]


def interpret(state: RunState, request: Request, outcome: Outcome, now: float) -> Events:
    """Read one outcome. `Answered` closes the question."""
    closed = Answered(request=request)
    match request:
        case AskTarget():
            return [closed, *interpret_target(state, request, outcome)]
        case AskAllRunning():
            return [*interpret_list(state, outcome, now), closed]
        case PostTrigger() | PostSequence():
            return [closed, *interpret_post(state, request, outcome)]
        case _:
            return [closed, *_of_a_job(state, request, outcome)]


def _of_a_job(state: RunState, request: JobRequest, outcome: Outcome) -> Events:
    match request:
        case PostTrigger() | PostSequence():
            return interpret_post(state, request, outcome)
        case AskStatus() | AskDetails() | AskHistory() | AskRunning():
            return _asked(state, request, outcome)
        case PostStop():
            return interpret_stop(state.jobs[request.job], outcome) if _is_latest(state, request) else []
        case SendDelete():
            return interpret_deletion(state.jobs[request.job], request, outcome) if _is_latest(state, request) else []
        case _:
            assert_never(request)


def _asked(state: RunState, request: AskStatus | AskDetails | AskHistory | AskRunning, outcome: Outcome) -> Events:
    match request.purpose:
        case Purpose.POLL:
            if isinstance(request, AskStatus):
                return interpret_status(state, request, outcome)
            assert isinstance(request, AskDetails)
            return interpret_details(state, request, outcome)
        case Purpose.LESSON:
            assert isinstance(request, AskDetails | AskHistory)
            return [interpret_lesson(state, request, outcome)]
        case Purpose.BASELINE:
            assert isinstance(request, AskStatus)
            return interpret_baseline(state, request, outcome) if _is_latest(state, request) else []
        case Purpose.VERIFY_STOP:
            return interpret_stop_look(state.jobs[request.job], outcome) if _is_latest(state, request) else []
        case Purpose.LOOKUP:
            return [interpret_look(state.jobs[request.job], request, outcome)] if _is_latest(state, request) else []
        case _:
            assert_never(request.purpose)


def _is_latest(state: RunState, request: JobRequest) -> bool:
    """The job still waits for this answer; an answer to an earlier question is stale."""
    job = state.jobs[request.job]
    return request.turn == job.turn and job.attempt.busy
