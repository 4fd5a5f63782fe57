"""Whether an answer is about our file: a verdict about another file is no verdict.

A server that was restored from a backup gives ids once more, and a proxy may mix answers up. What is known of an execution's file
is its id, or that of its target, else that which the first answer about it has named. Its uuid is known if the target is named by
that, or as list-running names it; and its configuration as the plan or list-running has told it.
"""

from spectrum_pipelines.engine.state.execution import Execution
from spectrum_pipelines.engine.state.run import JobState
from spectrum_pipelines.pipeline.model.action import Sequence
from spectrum_pipelines.spectrum import ActiveJob, FileId, JobDetails, StatusAnswer, is_uuid


def other_file(job: JobState, execution: Execution, answer: JobDetails | ActiveJob | StatusAnswer) -> str | None:
    """The other file that the answer names, in words; None if it may be ours."""
    target = _target(job)
    file_id = _known_file(job, execution, target) or execution.shown_file_id
    if answer.file_id is not None and file_id is not None and answer.file_id != file_id:
        return f"file {answer.file_id}, not {file_id}"
    if isinstance(answer, StatusAnswer):
        return None
    # What the list has named counts where the answer does not name its file by the number.
    listed = answer.file_id is None
    uuid = target if target is not None and is_uuid(target) else execution.listed_uuid if listed else None
    if answer.uuid is not None and uuid is not None and answer.uuid.lower() != uuid.lower():
        return f"file {answer.uuid}, not {uuid}"
    ours = execution.configuration_id or (execution.listed_configuration_id if listed else None)
    if answer.configuration_id is not None and ours is not None and answer.configuration_id != ours:
        return f"job configuration {answer.configuration_id}, not {ours}"
    return None


def has_unknown_file(job: JobState, execution: Execution, details: JobDetails) -> bool:
    """Details name a file, and nothing has told yet which one the job's target means. A member of a sequence has no target."""
    target = _target(job)
    return target is not None and details.file_id is not None and _known_file(job, execution, target) is None


def names_other_file(target: str, answer: StatusAnswer) -> bool:
    """The status of a file that was asked for by its number is of another one."""
    return target.isdigit() and answer.file_id is not None and str(answer.file_id) != target


def _target(job: JobState) -> str | None:
    """How the file of the job's only target is named; None for a sequence, whose members have files of their own."""
    if isinstance(job.job.action, Sequence):
        return None
    if job.attempt.baselines:
        return job.attempt.baselines[0].target
    target = getattr(job.job.action, "target", None)
    return target if isinstance(target, str) else None


def _known_file(job: JobState, execution: Execution, target: str | None) -> FileId | None:
    if target is not None and target.isdigit():
        return FileId(int(target))
    if execution.file_id is not None or target is None:
        return execution.file_id
    return job.attempt.baselines[0].file_id if job.attempt.baselines else None
