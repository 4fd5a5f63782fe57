"""What the outcome of a trigger means: the one table on which "never twice" rests.

=============================================  ==============  =====================================
outcome                                        class           then
=============================================  ==============  =====================================
ids                                            answered        follow them
`{"status": "failure"}`, 4xx                   refused         the attempt failed, with the reason
DNS, refused, connect timeout                  unsent          the same intent again, after a rest
TLS                                            unsent          the attempt failed: it will not heal
429                                            not handled     again, when the server says
401 (after reading the secret again)           not handled     the attempt failed
read timeout, reset, cut or foreign answer,    ambiguous       never again: look for it
any 5xx, an id that is none
=============================================  ==============  =====================================
"""

from spectrum_pipelines.engine.events import AttemptEnded, Event, StartedExecution, TriggerAmbiguous, TriggerNotHandled
from spectrum_pipelines.engine.events import Triggered as TriggeredEvent
from spectrum_pipelines.engine.outcome import Cause, JobStatus
from spectrum_pipelines.engine.requests import Outcome, PostSequence, PostTrigger
from spectrum_pipelines.engine.sightings import Sighting
from spectrum_pipelines.engine.state import JobState, RunState
from spectrum_pipelines.engine.waits import backoff
from spectrum_pipelines.errors import ClientError, Refused, Throttled, TlsFailure, Unauthorized, Unsent
from spectrum_pipelines.pipeline.secrets import masked, secret_texts
from spectrum_pipelines.spectrum import ExecutionPlan, Triggered


def interpret_post(state: RunState, request: PostTrigger | PostSequence, outcome: Outcome) -> list[Event | Sighting]:
    """Read the outcome of the one POST of an attempt."""
    job = state.jobs[request.job]
    match outcome:
        case Triggered():
            file_id = job.baselines[0].file_id if job.baselines else None
            started = StartedExecution(execution_id=outcome.execution_id, file_id=file_id)
            return [_triggered(request, (started,), _named(state, outcome.user))]
        case ExecutionPlan():
            return [_planned(state, request, outcome)]
        case ClientError():
            return [_failed(state, job, request, outcome)]
        case _:
            return [_ambiguous(request, "an answer that is none of a trigger's")]


def _triggered(
    request: PostTrigger | PostSequence, executions: tuple[StartedExecution, ...], user: str | None
) -> TriggeredEvent:
    return TriggeredEvent(job=request.job, attempt=request.attempt, executions=executions, user=user)


def _named(state: RunState, name: str | None) -> str | None:
    """A name as the server gives it, without our secrets: a job may be named after the variables that it was given."""
    return None if name is None else masked(name, secret_texts(state.pipeline.variables.values()))


def _planned(state: RunState, request: PostTrigger | PostSequence, plan: ExecutionPlan) -> Event:
    executions = tuple(
        StartedExecution(
            execution_id=one.execution_id,
            configuration_id=one.configuration_id,
            name=_named(state, one.name),
        )
        for one in plan.executions
        if one.execution_id is not None
    )
    if not executions:
        return _ambiguous(request, "an execution plan without any execution id")
    return _triggered(request, executions, None)


def _failed(state: RunState, job: JobState, request: PostTrigger | PostSequence, error: ClientError) -> Event:
    match error:
        case TlsFailure() | Unauthorized():
            cause = Cause.UNAUTHORIZED if isinstance(error, Unauthorized) else Cause.UNREACHABLE
            return _attempt_failed(request, cause, _told(error))
        case Unsent():
            wait = backoff(state.pipeline.http.retry_interval, job.unsent + 1)
            return TriggerNotHandled(job=request.job, attempt=request.attempt, reason=_told(error), wait=wait)
        case Throttled(retry_after=retry_after):
            wait = backoff(state.pipeline.http.retry_interval, job.unsent + 1) if retry_after is None else retry_after
            return TriggerNotHandled(job=request.job, attempt=request.attempt, reason=_told(error), wait=wait)
        case Refused():
            return _attempt_failed(request, Cause.REFUSED, error.message)
        case _:
            return _ambiguous(request, _told(error))


def _told(error: ClientError) -> str:
    return f"{error.message} ({error.hint})" if error.hint else error.message


def _attempt_failed(request: PostTrigger | PostSequence, cause: Cause, reason: str) -> AttemptEnded:
    return AttemptEnded(job=request.job, attempt=request.attempt, status=JobStatus.FAILED, cause=cause, reason=reason)


def _ambiguous(request: PostTrigger | PostSequence, reason: str) -> TriggerAmbiguous:
    return TriggerAmbiguous(
        job=request.job, attempt=request.attempt, reason=f"no usable answer to the trigger: {reason}"
    )
