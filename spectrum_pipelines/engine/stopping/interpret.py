"""What the looks before a stop have shown, and what the server said to it."""

from spectrum_pipelines.engine.facts import Event
from spectrum_pipelines.engine.job.identity import other_file
from spectrum_pipelines.engine.job.interpret import call_failed
from spectrum_pipelines.engine.requests import Outcome
from spectrum_pipelines.engine.sightings import (
    CallFailed,
    ExecutionDoubted,
    Sighting,
    StopCleared,
    StopSent,
    StopWithheld,
)
from spectrum_pipelines.engine.state.run import JobState
from spectrum_pipelines.engine.stopping.decide import target_execution
from spectrum_pipelines.engine.watching.interpret import locked_out
from spectrum_pipelines.errors import ClientError, Refused, Unauthorized, Unsent
from spectrum_pipelines.spectrum import ActiveJob, Phase, StatusAnswer

Events = list[Event | Sighting]


def interpret_stop_look(job: JobState, outcome: Outcome) -> Events:
    """What a look before a stop has shown: whom the stop would hit."""
    ours = target_execution(job)
    if isinstance(outcome, Unauthorized):
        return locked_out(job, outcome)
    if isinstance(outcome, ClientError):
        return [call_failed(job, outcome)]
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
    """The list shows whom a stop may hit: clear it only if ours runs there, or nothing of anybody else's runs or waits.

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
    others = [e for e in entries if e.execution_id not in own and e.phase.is_active and _may_be_of(e, files)]
    if others:
        word = "waits" if others[0].phase is Phase.WAITING else "runs"
        reason = f"execution {others[0].execution_id}, which is not ours, {word} there now"
        return [StopWithheld(job=job.job.id, reason=reason)]
    if not entries or not any(name.isdigit() for name in files):
        reason = "list-running does not show what a stop would hit"
        return [StopWithheld(job=job.job.id, reason=reason), *_doubt(job)]
    return [StopCleared(job=job.job.id, execution_id=ours)]


def _is_namesake(job: JobState, entry: ActiveJob) -> bool:
    """An execution of another file has the id of one of ours."""
    return any(
        one.execution_id == entry.execution_id and other_file(job, one, entry) is not None
        for one in job.open_executions
    )


def interpret_stop(job: JobState, outcome: Outcome) -> Events:
    """The answer to a stop. A stop without an answer may have been taken."""
    if isinstance(outcome, Refused):
        return [StopWithheld(job=job.job.id, reason=f"the server refused the stop: {outcome.message}"), *_doubt(job)]
    if isinstance(outcome, Unsent):
        return [call_failed(job, outcome)]
    return [StopSent(job=job.job.id)]


def _may_be_of(entry: ActiveJob, files: set[str]) -> bool:
    """An entry that names no file may be of any."""
    return (entry.file_id is None and entry.uuid is None) or bool({str(entry.file_id), str(entry.uuid)} & files)


def _doubt(job: JobState) -> Events:
    return [ExecutionDoubted(job=job.job.id, execution_id=e.execution_id) for e in job.open_executions]
