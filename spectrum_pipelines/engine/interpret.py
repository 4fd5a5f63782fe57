"""`interpret(state, request, outcome, now) -> events`: what an answer, or the lack of one, means.

The outcome of a POST is never stale: whatever it tells is written down. Everything else that a job asked for counts only while it
is the job's latest question.
"""

from spectrum_pipelines.engine.facts import AttemptEnded, DataDeleted, Event, PreflightFailed
from spectrum_pipelines.engine.job.identity import names_other_file, other_file
from spectrum_pipelines.engine.job.looking import ended
from spectrum_pipelines.engine.outcome import Cause, JobStatus
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
from spectrum_pipelines.engine.sightings import (
    Answered,
    CallFailed,
    ExecutionDoubted,
    LookupSeen,
    Sighting,
    StatusSeen,
    StopCleared,
    StopSent,
    StopWithheld,
)
from spectrum_pipelines.engine.state.run import JobState, RunState
from spectrum_pipelines.engine.stopping.decide import target_execution
from spectrum_pipelines.engine.triggering.interpret import interpret_post
from spectrum_pipelines.engine.triggering.lookup import LookAtHistory
from spectrum_pipelines.engine.watching.interpret import interpret_details, interpret_list, interpret_status, locked_out
from spectrum_pipelines.engine.watching.lessons import interpret_lesson
from spectrum_pipelines.errors import ClientError, Refused, Unauthorized, Unsent
from spectrum_pipelines.spectrum import ActiveJob, Deletion, HistoryEntry, JobDetails, Phase, StatusAnswer

Events = list[Event | Sighting]


def interpret(state: RunState, request: Request, outcome: Outcome, now: float) -> Events:
    """Read one outcome. The first event always closes the question."""
    closed: Events = [Answered(request=request)]
    match request:
        case AskTarget():
            seen = interpret_target(request, outcome)
            stale = state.preflight.value != "asking" and isinstance(seen, PreflightFailed)
            return closed if stale else [*closed, seen]
        case AskAllRunning():
            return [*interpret_list(state, outcome, now), *closed]
        case AskDetails(purpose=Purpose.LESSON) | AskHistory(purpose=Purpose.LESSON):
            return [*closed, interpret_lesson(state, request, outcome)]
        case AskStatus(purpose=Purpose.POLL):
            return [*closed, *interpret_status(state, request, outcome)]
        case AskDetails(purpose=Purpose.POLL):
            return [*closed, *interpret_details(state, request, outcome)]
        case PostTrigger() | PostSequence():
            return [*closed, *interpret_post(state, request, outcome)]
        case _:
            job = state.jobs[request.job]
            if request.turn != job.turn or not job.attempt.busy:
                return closed
            return [*closed, *_of_a_job(job, request, outcome)]


def _of_a_job(job: JobState, request: JobRequest, outcome: Outcome) -> Events:
    match request:
        case AskStatus(purpose=Purpose.BASELINE):
            return _baseline(job, request, outcome)
        case AskStatus(purpose=Purpose.VERIFY_STOP) | AskRunning(purpose=Purpose.VERIFY_STOP):
            return _stop_verified(job, outcome)
        case PostStop():
            return _stop_answered(job, outcome)
        case SendDelete():
            return _deletion(job, request, outcome)
        case _:
            return [_lookup(job, request, outcome)]


def _baseline(job: JobState, request: AskStatus, outcome: Outcome) -> Events:
    if isinstance(outcome, StatusAnswer) and names_other_file(request.target, outcome):
        told = f"the answer about file {request.target} is about file {outcome.file_id}"
        return [CallFailed(job=job.job.id, message=told)]
    if isinstance(outcome, StatusAnswer):
        return [StatusSeen(job=job.job.id, target=request.target, answer=outcome)]
    if isinstance(outcome, Refused):
        return [StatusSeen(job=job.job.id, target=request.target, answer=outcome.message)]
    return [_failed(job, outcome)]


def _failed(job: JobState, outcome: Outcome) -> CallFailed | AttemptEnded:
    """To be asked again after a rest, but not with a refused login: a server may lock the account after some of those."""
    assert isinstance(outcome, ClientError)
    if isinstance(outcome, Unauthorized):
        return ended(job, JobStatus.FAILED, Cause.UNAUTHORIZED, outcome.message)
    return CallFailed(job=job.job.id, message=outcome.message)


def _lookup(job: JobState, request: JobRequest, outcome: Outcome) -> LookupSeen | AttemptEnded:
    """A refusal is an answer, too: that place shows nothing, here."""
    if isinstance(outcome, Unauthorized):
        reason = f"{job.reason}; the search for it ended: {outcome.message}"
        # What is in doubt is the trigger: with no id to go on with, only a person can settle it.
        return ended(job, JobStatus.UNKNOWN, Cause.AMBIGUOUS, reason)
    if isinstance(outcome, ClientError):
        return LookupSeen(job=job.job.id, succeeded=isinstance(outcome, Refused))
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


def _stop_verified(job: JobState, outcome: Outcome) -> Events:
    ours = target_execution(job)
    if isinstance(outcome, Unauthorized):
        return locked_out(job, outcome)
    if isinstance(outcome, ClientError):
        return [_failed(job, outcome)]
    if ours is None or job.attempt.stop is None:
        return []
    execution = next((e for e in job.open_executions if e.execution_id == ours), None)
    if isinstance(outcome, StatusAnswer) and execution is not None and (told := other_file(job, execution, outcome)):
        return [CallFailed(job=job.job.id, message=f"the answer about the file is about {told}")]
    if isinstance(outcome, StatusAnswer):
        if outcome.execution_id == ours and outcome.phase is Phase.RUNNING:
            return [StopCleared(job=job.job.id, execution_id=ours)]
        cleared = StopCleared(job=job.job.id, execution_id=ours, need_list=True, file_id=outcome.file_id)
        if outcome.execution_id == ours and outcome.phase.is_active:
            return [cleared]
        # Another execution came after it, or this one has ended: perhaps there is nothing left to be stopped.
        return [cleared, ExecutionDoubted(job=job.job.id, execution_id=ours)]
    assert isinstance(outcome, tuple)
    return _listed_for_stop(job, [e for e in outcome if isinstance(e, ActiveJob)])


def _listed_for_stop(job: JobState, entries: list[ActiveJob]) -> Events:
    """The list shows what runs in the file: clear the stop only if that is ours, or nothing of anybody else's runs.

    Servers may leave waiting executions out. But while one of ours waits something runs somewhere: an empty list shows nothing. Nor
    does any list as long as nobody has told which file id a path means.
    """
    ours = target_execution(job)
    assert ours is not None
    entries = [e for e in entries if not _is_namesake(job, e)]
    if any(e.execution_id == ours and e.phase is Phase.RUNNING for e in entries):
        return [StopCleared(job=job.job.id, execution_id=ours)]
    own = {e.execution_id for e in job.open_executions}
    files = {str(e.file_id) for e in job.open_executions if e.file_id is not None} | {
        b.target for b in job.attempt.baselines
    }
    others = [e for e in entries if e.execution_id not in own and _may_run(e) and _may_be_of(e, files)]
    if others:
        reason = f"execution {others[0].execution_id}, which is not ours, runs there now"
        return [StopWithheld(job=job.job.id, reason=reason)]
    if not entries or not any(name.isdigit() for name in files):
        reason = "list-running does not show what a stop would hit"
        return [StopWithheld(job=job.job.id, reason=reason), *_doubt(job)]
    return [StopCleared(job=job.job.id, execution_id=ours)]


def _is_namesake(job: JobState, entry: ActiveJob) -> bool:
    """It has the id of one of ours, and is another file's."""
    return any(
        one.execution_id == entry.execution_id and other_file(job, one, entry) is not None
        for one in job.open_executions
    )


def _may_run(entry: ActiveJob) -> bool:
    """A word that nobody knows may mean so."""
    return entry.phase.is_active and entry.phase is not Phase.WAITING


def _stop_answered(job: JobState, outcome: Outcome) -> Events:
    if isinstance(outcome, Refused):
        return [StopWithheld(job=job.job.id, reason=f"the server refused the stop: {outcome.message}"), *_doubt(job)]
    if isinstance(outcome, Unsent):
        return [_failed(job, outcome)]
    return [StopSent(job=job.job.id)]


def _may_be_of(entry: ActiveJob, files: set[str]) -> bool:
    """An entry that names no file may be of any."""
    return (entry.file_id is None and entry.uuid is None) or bool({str(entry.file_id), str(entry.uuid)} & files)


def _doubt(job: JobState) -> Events:
    return [ExecutionDoubted(job=job.job.id, execution_id=e.execution_id) for e in job.open_executions]


def _deletion(job: JobState, request: SendDelete, outcome: Outcome) -> Events:
    if isinstance(outcome, Deletion):
        return [DataDeleted(job=job.job.id, data_id=request.data_id, deletion=outcome)]
    if isinstance(outcome, Refused):
        return [ended(job, JobStatus.FAILED, Cause.REFUSED, f"data {request.data_id}: {outcome.message}")]
    return [_failed(job, outcome)]
