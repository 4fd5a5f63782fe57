"""The meaning of a trigger's outcome: the one table on which "never twice" rests.

=============================================  ==============  =====================================
outcome                                        class           then
=============================================  ==============  =====================================
ids                                            answered        follow them
`{"status": "failure"}`                        refused         the attempt failed, with the reason
DNS, refused, connect timeout                  unsent          the same intent again, after a rest
TLS                                            unsent          the attempt failed: it will not heal
429                                            not handled     again, when the server says
401 (after reading the secret again)           not handled     the attempt failed
read timeout, reset, cut or foreign answer,    ambiguous       never again: look for it
any 5xx, an id that is none
any other 4xx                                  ambiguous       the same; the attempt failed if there is provably none
=============================================  ==============  =====================================
"""

from spectrum_pipelines.engine.facts import (
    AttemptEnded,
    CandidatesFound,
    Event,
    StartedExecution,
    TriggerAmbiguous,
    Triggered,
    TriggerNotHandled,
)
from spectrum_pipelines.engine.job.looking import ended
from spectrum_pipelines.engine.outcome import Cause, JobStatus
from spectrum_pipelines.engine.requests import (
    AskDetails,
    AskHistory,
    AskRunning,
    AskStatus,
    JobRequest,
    Outcome,
    PostSequence,
    PostTrigger,
)
from spectrum_pipelines.engine.sightings import LookupSeen, Sighting
from spectrum_pipelines.engine.state.run import JobState, RunState
from spectrum_pipelines.engine.timing.waits import backoff
from spectrum_pipelines.engine.triggering.claims import is_taken
from spectrum_pipelines.engine.triggering.lookup import LookAtHistory
from spectrum_pipelines.errors import (
    ClientError,
    Forbidden,
    HeldBack,
    Refused,
    Throttled,
    TlsFailure,
    Unauthorized,
    Unexplained,
    Unsent,
)
from spectrum_pipelines.pipeline.secrets import masked, secrets_of
from spectrum_pipelines.spectrum import (
    ActiveJob,
    ExecutionId,
    ExecutionPlan,
    HistoryEntry,
    JobDetails,
    StatusAnswer,
    TriggerAnswer,
)


def interpret_post(state: RunState, request: PostTrigger | PostSequence, outcome: Outcome) -> list[Event | Sighting]:
    """Read the outcome of the one POST of an attempt."""
    job = state.jobs[request.job]
    match outcome:
        case TriggerAnswer() if is_taken(state, job, outcome.execution_id):
            told = f"execution {outcome.execution_id} was there before, or is another job's"
            return [*_kept(request, (outcome.execution_id,)), _ambiguous(request, told)]
        case TriggerAnswer():
            file_id = job.attempt.baselines[0].file_id if job.attempt.baselines else None
            started = StartedExecution(execution_id=outcome.execution_id, file_id=file_id)
            return [_triggered(request, (started,), _named(state, outcome.user))]
        case ExecutionPlan():
            return _planned(state, job, request, outcome)
        case ClientError():
            return [_failed(state, job, request, outcome)]
        case _:
            return [_ambiguous(request, "an answer that is none of a trigger's")]


def _triggered(
    request: PostTrigger | PostSequence,
    executions: tuple[StartedExecution, ...],
    user: str | None,
    *,
    complete: bool = True,
) -> Triggered:
    return Triggered(job=request.job, attempt=request.attempt, executions=executions, user=user, complete=complete)


def _named(state: RunState, name: str | None) -> str | None:
    """A name as the server gives it, without our secrets: a job may be named after the variables that it was given."""
    return None if name is None else masked(name, secrets_of(state.pipeline))


def _kept(request: PostTrigger | PostSequence, ids: tuple[ExecutionId, ...]) -> list[Event]:
    """Ids that an answer has named and that cannot be believed: a person is shown them, and none of them is taken for absent.

    The baseline's own id may be an old answer, or a new execution of a server that has lost its counter.
    """
    return [CandidatesFound(job=request.job, attempt=request.attempt, execution_ids=ids)] if ids else []


def _planned(
    state: RunState, job: JobState, request: PostTrigger | PostSequence, plan: ExecutionPlan
) -> list[Event | Sighting]:
    """A plan that leaves out a file, or names what it did not start, is not the whole of what we asked for.

    What is downstream of two of the files may stand in it twice.
    """
    promised = [one for one in plan.executions if one.triggered]
    started = {
        one.execution_id: StartedExecution(
            execution_id=one.execution_id,
            configuration_id=one.configuration_id,
            name=_named(state, one.name),
        )
        for one in promised
        if one.execution_id is not None and not is_taken(state, job, one.execution_id)
    }
    executions = tuple(started.values())
    named = [one.execution_id for one in plan.executions if one.execution_id is not None]
    kept = _kept(request, tuple(one for one in named if is_taken(state, job, one)))
    if not executions:
        return [*kept, _ambiguous(request, "an execution plan without any execution that it has started")]
    nameless = sum(one.execution_id is None for one in promised)
    wanted = nameless + len({one.execution_id for one in promised} - {None})
    complete = len(executions) >= max(wanted, len(set(job.attempt.baselines)))
    return [*kept, _triggered(request, executions, None, complete=complete)]


def _failed(state: RunState, job: JobState, request: PostTrigger | PostSequence, error: ClientError) -> Event:
    match error:
        case TlsFailure() | Unauthorized():
            return _attempt_failed(request, Cause.UNAUTHORIZED, _told(error))
        case HeldBack():
            reason = _told(error)
            return TriggerNotHandled(job=request.job, attempt=request.attempt, reason=reason, wait=0.0, tried=False)
        case Unsent():
            wait = _time_left(state, job, backoff(state.pipeline.http.retry_interval, job.attempt.unsent + 1))
            return TriggerNotHandled(job=request.job, attempt=request.attempt, reason=_told(error), wait=wait)
        case Throttled(retry_after=retry_after):
            # A date in the past or a negative number is no advice.
            told = retry_after or backoff(state.pipeline.http.retry_interval, job.attempt.unsent + 1)
            wait = _time_left(state, job, told)
            return TriggerNotHandled(job=request.job, attempt=request.attempt, reason=_told(error), wait=wait)
        case Forbidden():
            return _ambiguous(request, _told(error), refused=Cause.UNAUTHORIZED)
        case Unexplained():
            return _ambiguous(request, _told(error), refused=Cause.REFUSED)
        case Refused():
            return _attempt_failed(request, Cause.REFUSED, error.message)
        case _:
            return _ambiguous(request, _told(error))


def _time_left(state: RunState, job: JobState, wait: float) -> float:
    """The wait, or what is left of the time in which the job must have begun."""
    limit = job.job.policy.queue_timeout or job.job.policy.timeout
    began = state.at if job.attempt.began_at is None else job.attempt.began_at
    return max(0.0, min(wait, began + limit - state.at))


def _told(error: ClientError) -> str:
    return f"{error.message} ({error.hint})" if error.hint else error.message


def _attempt_failed(request: PostTrigger | PostSequence, cause: Cause, reason: str) -> AttemptEnded:
    return AttemptEnded(job=request.job, attempt=request.attempt, status=JobStatus.FAILED, cause=cause, reason=reason)


def _ambiguous(request: PostTrigger | PostSequence, reason: str, *, refused: Cause | None = None) -> TriggerAmbiguous:
    told = f"no usable answer to the trigger: {reason}"
    return TriggerAmbiguous(job=request.job, attempt=request.attempt, reason=told, refused=refused)


def interpret_look(job: JobState, request: JobRequest, outcome: Outcome) -> LookupSeen | AttemptEnded:
    """One look of the search for a lost trigger. A refusal by Spectrum is an answer, too: that place shows nothing, here."""
    if isinstance(outcome, Unauthorized):
        reason = f"{job.reason}; the search for it ended: {outcome.message}"
        # What is in doubt is the trigger: with no id to go on with, only a person can settle it.
        return ended(job, JobStatus.UNKNOWN, Cause.AMBIGUOUS, reason)
    if isinstance(outcome, ClientError):
        # A page instead of a status may be that of a server which is not up yet; another call may not be there at all.
        is_page = isinstance(outcome, Unexplained) and isinstance(request, AskStatus)
        return LookupSeen(job=job.job.id, succeeded=isinstance(outcome, Refused) and not is_page)
    match request, outcome:
        case AskStatus(target=target), StatusAnswer():
            return LookupSeen(job=job.job.id, target=target, latest=outcome)
        case AskDetails(), JobDetails(configuration_id=configuration_id, file_id=file_id):
            return LookupSeen(job=job.job.id, configuration_id=configuration_id, file_id=file_id)
        case AskHistory(), tuple():
            older = tuple(entry.execution_id for entry in outcome if isinstance(entry, HistoryEntry))
            look = job.attempt.lookup.todo[0] if job.attempt.lookup and job.attempt.lookup.todo else None
            named = look.target if isinstance(look, LookAtHistory) else None
            return LookupSeen(job=job.job.id, target=named, older=older)
        case AskRunning(), tuple():
            return LookupSeen(job=job.job.id, entries=tuple(e for e in outcome if isinstance(e, ActiveJob)))
        case _:
            return LookupSeen(job=job.job.id, succeeded=False)
