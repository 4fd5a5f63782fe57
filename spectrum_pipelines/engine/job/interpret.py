"""The meaning of answers to a job's own questions: looks at its target, deletions, and questions that failed."""

from spectrum_pipelines.engine.facts import AttemptEnded, DataDeleted, Event
from spectrum_pipelines.engine.job.identity import names_other_file
from spectrum_pipelines.engine.job.looking import ended
from spectrum_pipelines.engine.outcome import Cause, JobStatus
from spectrum_pipelines.engine.requests import AskStatus, Outcome, SendDelete
from spectrum_pipelines.engine.sightings import CallFailed, Sighting, StatusSeen
from spectrum_pipelines.engine.state.run import JobState, RunState
from spectrum_pipelines.errors import ClientError, Refused, Unauthorized, Unexplained
from spectrum_pipelines.spectrum import Deletion, StatusAnswer

Events = list[Event | Sighting]


def interpret_baseline(state: RunState, request: AskStatus, outcome: Outcome) -> Events:
    """A look at a file before acting on it; a refusal by Spectrum is an answer, too."""
    job = state.jobs[request.job]
    if isinstance(outcome, StatusAnswer) and names_other_file(request.target, outcome):
        message = f"the answer about file {request.target} is about file {outcome.file_id}"
        return [CallFailed(job=job.job.id, message=message)]
    if isinstance(outcome, StatusAnswer):
        return [StatusSeen(job=job.job.id, target=request.target, answer=outcome)]
    if isinstance(outcome, Refused) and not (isinstance(outcome, Unexplained) and _may_restart(state, job)):
        return [StatusSeen(job=job.job.id, target=request.target, answer=outcome.message)]
    return [call_failed(job, outcome)]


def _may_restart(state: RunState, job: JobState) -> bool:
    """Nothing has been heard of Spectrum since such answers began, and not for long: it may not be up yet."""
    since = job.attempt.missing_since
    if since is None:
        return True
    return state.list_poll.heard_at <= since and state.at < since + state.patience.restart


def call_failed(job: JobState, outcome: Outcome) -> CallFailed | AttemptEnded:
    """To be asked again after a rest, but not with a refused login: a server may lock the account after some of those."""
    assert isinstance(outcome, ClientError)
    if isinstance(outcome, Unauthorized):
        return ended(job, JobStatus.FAILED, Cause.UNAUTHORIZED, outcome.message)
    return CallFailed(job=job.job.id, message=outcome.message)


def interpret_deletion(job: JobState, request: SendDelete, outcome: Outcome) -> Events:
    """The answer to one deletion of `delete_data`."""
    if isinstance(outcome, Deletion):
        return [DataDeleted(job=job.job.id, data_id=request.data_id, deletion=outcome)]
    if isinstance(outcome, Refused):
        return [ended(job, JobStatus.FAILED, Cause.REFUSED, f"data {request.data_id}: {outcome.message}")]
    return [call_failed(job, outcome)]
