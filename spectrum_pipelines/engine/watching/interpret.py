"""The meaning of looks at executions. Only an execution's own id counts; what else runs in its file is somebody else's."""

from collections.abc import Iterator

from spectrum_pipelines.engine.facts import AttemptEnded, Event, ExecutionChanged, ExecutionEnded, Warned
from spectrum_pipelines.engine.job.identity import has_unknown_file, other_file
from spectrum_pipelines.engine.job.looking import ended
from spectrum_pipelines.engine.outcome import Cause, JobStatus
from spectrum_pipelines.engine.requests import AskDetails, AskStatus, Outcome
from spectrum_pipelines.engine.sightings import (
    ExecutionDoubted,
    ExecutionSeen,
    FileUnknown,
    ListMissed,
    ListSeen,
    PollMissed,
    Sighting,
)
from spectrum_pipelines.engine.state.execution import Execution
from spectrum_pipelines.engine.state.run import JobState, RunState
from spectrum_pipelines.engine.state.watch import Watch
from spectrum_pipelines.engine.watching.decide import list_unusable
from spectrum_pipelines.errors import (
    ClientError,
    NotSpectrum,
    Refused,
    ServerFault,
    Unanswered,
    Unauthorized,
    Undecodable,
    Unexplained,
)
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.spectrum import ActiveJob, ExecutionId, FileId, JobDetails, Phase, StatusAnswer, phase_of

Events = list[Event | Sighting]

#: Questions about one execution that may be refused before the run believes that the server does not know it any more.
_REFUSALS = 5
#: And before an end that another answer has shown under its own id is believed without them.
_BELIEVED_AFTER = 2
#: And details of another file before nothing is expected of the id any more.
_MIX_UPS = 2
#: Changes of an execution's status word that are recorded. Two or three are usual; a journal must not grow with every look.
_MOST_CHANGES = 20


def interpret_list(state: RunState, outcome: Outcome, now: float) -> Events:
    """The shared poll: who is in the list goes on; who has left it is asked for."""
    if isinstance(outcome, ClientError):
        return _list_failed(state, outcome)
    assert isinstance(outcome, tuple)
    entries = {e.execution_id: e for e in outcome if isinstance(e, ActiveJob)}
    for followed, watch in state.following.items():
        entry = entries.get(followed[1])
        if entry is None or (entry.file_id is not None and entry.file_id == watch.file_id):
            continue  # nearly all: a comparison each, however many there are
        if other_file(state.jobs[followed[0]], state.execution(followed), entry) is not None:
            del entries[followed[1]]  # the id is another file's by now
    asked_at = now if state.list_poll.asked_at is None else state.list_poll.asked_at
    events: Events = []
    for followed, watch in state.following.items():
        entry = entries.get(followed[1])
        if watch.doubted:
            continue  # its details are asked for already
        if entry is None:
            # The list may be older than the execution: then that it is missing says nothing.
            if not watch.unlisted and state.execution(followed).accepted_at < asked_at:
                events.append(ExecutionDoubted(job=followed[0], execution_id=followed[1], unlisted=True))
        elif watch.word is None or entry.job_status.upper() != watch.word.upper():
            events += _shown(state, followed[0], state.execution(followed), entry.job_status, entry.file_id)
    events.append(ListSeen(entries=entries))
    return list(_each_warning_once(events))


def _each_warning_once(events: Events) -> Iterator[Event | Sighting]:
    """Several executions of one job may give reason for the same one."""
    told: set[tuple[str, JobId | None]] = set()
    for event in events:
        if isinstance(event, Warned):
            if (event.code, event.job) in told:
                continue
            told.add((event.code, event.job))
        yield event


def _list_failed(state: RunState, error: ClientError) -> Events:
    if isinstance(error, Unauthorized):
        return [e for job_id in {j: None for j, _ in state.following} for e in locked_out(state.jobs[job_id], error)]
    # Unsent says nothing about this call: the server is away. What hangs or breaks after several tries may work one by one.
    unusable = isinstance(error, Refused | Unanswered)
    events: Events = [ListMissed(unusable=unusable, message=error.message)]
    answers = isinstance(error, Refused | NotSpectrum | Undecodable | ServerFault)
    return [*events, *list_unusable(state, error.message)] if answers else events


def locked_out(job: JobState, error: ClientError) -> Events:
    """Refused credentials end what can only be seen with them; the ids are told, and `resume` goes on with them."""
    ids = ", ".join(str(e.execution_id) for e in job.open_executions)
    reason = f"{error.message}; execution {ids} may still run"
    return [ended(job, JobStatus.UNKNOWN, Cause.UNAUTHORIZED, reason)]


def _shown(state: RunState, job_id: JobId, execution: Execution, word: str, file_id: FileId | None) -> Events:
    """The meaning of a status word. A word that nobody knows is no end, and never success."""
    phase = phase_of(word)
    if phase.is_final:
        return [ExecutionDoubted(job=job_id, execution_id=execution.execution_id, final_word=word)]
    events: Events = []
    begins = execution.running_at is None and phase is Phase.RUNNING
    if begins or (word.upper() != execution.job_status.upper() and execution.changes < _MOST_CHANGES):
        first = file_id if execution.shown_file_id is None else None
        events.append(ExecutionChanged(job=job_id, execution_id=execution.execution_id, job_status=word, file_id=first))
        if execution.changes + 1 == _MOST_CHANGES and ("restless-status", job_id) not in state.warned:
            told = f"the status of execution {execution.execution_id} has changed {_MOST_CHANGES} times: only its end is told now"
            events.append(Warned(code="restless-status", message=told, job=job_id))
    if phase is Phase.UNRECOGNIZED and ("unrecognized-status", job_id) not in state.warned:
        told = f"execution {execution.execution_id} has the status {word!r}, which nobody knows; it counts as running"
        events.append(Warned(code="unrecognized-status", message=told, job=job_id))
    return events


def interpret_status(state: RunState, request: AskStatus, outcome: Outcome) -> Events:
    """One execution, by its file: an answer about another execution says nothing about ours."""
    execution_id = request.execution_id
    if execution_id is None or (request.job, execution_id) not in state.following:
        return []
    if isinstance(outcome, Refused):
        # The file may be gone, or hidden from us; the execution goes on, and its details are another question.
        return [ExecutionDoubted(job=request.job, execution_id=execution_id, overtaken=True)]
    if isinstance(outcome, ClientError):
        return _missed(state, request.job, execution_id, outcome)
    assert isinstance(outcome, StatusAnswer)
    ours = state.execution((request.job, execution_id))
    if other_file(state.jobs[request.job], ours, outcome) is not None:
        return [ExecutionDoubted(job=request.job, execution_id=execution_id, overtaken=True)]
    if outcome.execution_id != execution_id:
        return [
            ExecutionDoubted(
                job=request.job,
                execution_id=execution_id,
                overtaken=True,
                never_ran=outcome.phase is Phase.NEVER_RUN,
                file_id=outcome.file_id,
                file_shown=True,
            )
        ]
    word, file_id = outcome.job_status, outcome.file_id
    if outcome.phase.is_final:
        return [ExecutionDoubted(job=request.job, execution_id=execution_id, final_word=word, file_id=file_id)]
    seen = ExecutionSeen(
        job=request.job,
        execution_id=execution_id,
        job_status=word,
        progress=outcome.progress,
        estimate_seconds=outcome.estimate_seconds,
        file_id=file_id,
    )
    return [*_shown(state, request.job, ours, word, file_id), seen]


def _missed(state: RunState, job_id: JobId, execution_id: ExecutionId, error: ClientError) -> Events:
    if isinstance(error, Unauthorized):
        return locked_out(state.jobs[job_id], error)
    return [
        PollMissed(
            job=job_id,
            execution_id=execution_id,
            message=error.message,
            refused=isinstance(error, Refused),
            unexplained=isinstance(error, Unexplained),
        )
    ]


def interpret_details(state: RunState, request: AskDetails, outcome: Outcome) -> Events:
    """The execution itself: the only place where an end is believed."""
    followed = (request.job, request.execution_id)
    if followed not in state.following:
        return []
    execution, watch = state.execution(followed), state.following[followed]
    if isinstance(outcome, Refused) and watch.final_word is not None and watch.refusals >= _BELIEVED_AFTER:
        # Details are not to be had, not only just now; but its end was shown under its own id.
        return [_ended(followed, JobDetails(job_status=watch.final_word, file_id=execution.file_id))]
    if isinstance(outcome, Refused) and watch.refusals >= _REFUSALS and _is_believed(state, watch, outcome):
        return [_lost(state, followed, outcome)]
    if isinstance(outcome, ClientError):
        return _missed(state, request.job, request.execution_id, outcome)
    assert isinstance(outcome, JobDetails)
    job = state.jobs[request.job]
    if (told := other_file(job, execution, outcome)) is not None:
        return [_foreign(state, followed, watch, told)]
    if outcome.phase.is_final:
        if has_unknown_file(job, execution, outcome):
            if not watch.file_asked:
                return [FileUnknown(job=request.job, execution_id=request.execution_id)]
            if watch.never_ran:
                return [
                    _foreign(state, followed, watch, f"file {outcome.file_id}, and the job's own file has never run")
                ]
        return [*_absurd_times(state, followed, outcome), _ended(followed, outcome)]
    seen = ExecutionSeen(
        job=request.job,
        execution_id=request.execution_id,
        job_status=outcome.job_status,
        file_id=outcome.file_id,
        by_details=True,
    )
    shown = _shown(state, request.job, execution, outcome.job_status, outcome.file_id)
    return [*shown, seen, *_incomplete_list(state, watch)]


def _incomplete_list(state: RunState, watch: Watch) -> Events:
    """Warn once that the list leaves out executions that go on."""
    if not (watch.doubted and watch.unlisted) or ("list-incomplete", None) in state.warned:
        return []
    told = "list-running does not show all that runs or waits here, asking for what it leaves out one by one"
    return [Warned(code="list-incomplete", message=told)]


def _absurd_times(state: RunState, followed: tuple[JobId, ExecutionId], details: JobDetails) -> Events:
    """Times that the server gives and that cannot be: they cost a warning, and durations are measured here."""
    is_given = bool(details.start_time and details.stop_time)
    if not is_given or details.run_seconds is not None or ("server-times", followed[0]) in state.warned:
        return []
    times = f"from {details.start_time!r} to {details.stop_time!r}"
    told = f"the server's own times of execution {followed[1]} cannot be read ({times}): its duration is measured here"
    return [Warned(code="server-times", message=told, job=followed[0])]


def _ended(followed: tuple[JobId, ExecutionId], details: JobDetails) -> ExecutionEnded:
    return ExecutionEnded(
        job=followed[0],
        execution_id=followed[1],
        job_status=details.job_status,
        configuration_id=details.configuration_id,
        file_id=details.file_id,
        start_time=details.start_time,
        stop_time=details.stop_time,
        run_seconds=details.run_seconds,
        stop_age=details.stop_age,
        success_count=details.success_count,
        failure_count=details.failure_count,
        counters=details.counters,
    )


def _foreign(
    state: RunState, followed: tuple[JobId, ExecutionId], watch: Watch, told: str
) -> PollMissed | AttemptEnded:
    """No answer about ours. Once or twice something on the way may have mixed them up."""
    reason = f"the details of execution {followed[1]} are about {told}"
    if watch.refusals < _MIX_UPS:
        return PollMissed(job=followed[0], execution_id=followed[1], message=reason, refused=True, mixed_up=True)
    reason = f"{reason}: the server has given this id to something else, and nothing is known of ours"
    return ended(state.jobs[followed[0]], JobStatus.UNKNOWN, Cause.AMBIGUOUS, reason)


def _is_believed(state: RunState, watch: Watch, error: Refused) -> bool:
    """The server itself does not know the execution: Spectrum says so, or it answers otherwise, or has had time to restart."""
    if not isinstance(error, Unexplained) or watch.refused_at is None or watch.file_shown:
        return True
    return state.list_poll.heard_at > watch.refused_at or state.at >= watch.refused_at + state.patience.restart


def _lost(state: RunState, followed: tuple[JobId, ExecutionId], error: Refused) -> AttemptEnded:
    job = state.jobs[followed[0]]
    reason = f"the server does not know execution {followed[1]} any more: {error.message}"
    return ended(job, JobStatus.UNKNOWN, Cause.REFUSED, reason)
