"""Follow one execution to its end. Starts nothing and stops nothing."""

from collections.abc import Sequence

from spectrum_pipelines.app.notices import Notices
from spectrum_pipelines.client.api import SpectrumApi
from spectrum_pipelines.clock import Clock
from spectrum_pipelines.errors import ExitCode, Refused, SpectrumPipelinesError
from spectrum_pipelines.spectrum import ConfigurationId, ExecutionId, FileId, JobDetails, is_uuid

_SHORTEST, _LONGEST, _FACTOR = 0.25, 10.0, 0.05
#: An execution may be accepted a moment before its details can be asked for.
_GRACE = 15.0


class AnotherFile(SpectrumPipelinesError):
    """The details are of a file that was not asked for: how the execution ended they do not say."""

    exit_code = ExitCode.UNKNOWN


def follow(
    api: SpectrumApi,
    execution: ExecutionId,
    *,
    file: str | None = None,
    configuration: ConfigurationId | None = None,
    timeout: float | None,
    clock: Clock,
    notices: Notices,
) -> JobDetails | None:
    """The details of the execution at its end; None if `timeout` seconds came first.

    `file` (a path, a uuid or an id) is what was started, `configuration` is what the plan has told; None: not known. Raises
    ClientError, and AnotherFile for details that name another one, or that change the file which they name.
    """
    began = clock.monotonic()
    word = None
    shown: FileId | None = None
    while True:
        answer = _asked(api, execution, patient=clock.monotonic() - began < _GRACE)
        if answer is not None:
            if other := _other(answer, file, configuration, shown):
                raise AnotherFile(f"nobody knows how execution {execution} ended: its details are of {other}")
            shown = answer.file_id or shown
        if answer is not None and answer.job_status != word:
            word = answer.job_status
            notices.note(f"execution {execution}: {word}")
        if answer is not None and answer.phase.is_final:
            return answer
        age = clock.monotonic() - began
        pause = min(_LONGEST, max(_SHORTEST, age * _FACTOR))
        if timeout is not None and age + pause > timeout:
            if age >= timeout:
                return None
            pause = timeout - age
        clock.sleep(pause)


def _other(
    answer: JobDetails, file: str | None, configuration: ConfigurationId | None, shown: FileId | None
) -> str | None:
    """What the details are of instead, in words; None if they may be those that were asked for."""
    wanted = file if file is not None and file.isdecimal() else shown
    if answer.file_id is not None and wanted is not None and str(answer.file_id) != str(wanted):
        return f"file {answer.file_id}, not of {wanted}"
    if answer.uuid is not None and file is not None and is_uuid(file) and answer.uuid.lower() != file.lower():
        return f"file {answer.uuid}, not of {file}"
    if None not in (answer.configuration_id, configuration) and answer.configuration_id != configuration:
        return f"job configuration {answer.configuration_id}, not of {configuration}"
    return None


def left_out(files: Sequence[FileId], ends: Sequence[JobDetails | None]) -> str | None:
    """What a plan has left out of the files that were asked for, in words. Details that tell no file may be of any one file."""
    shown = {one.file_id for one in ends if one is not None}
    untold = sum(one is None or one.file_id is None for one in ends)
    missing = tuple(file for file in dict.fromkeys(files) if file not in shown)
    if len(missing) <= untold:
        return None
    named = ", ".join(map(str, missing))
    return f"no execution of file {named}" if not untold else f"fewer executions than files: {untold} for {named}"


def _asked(api: SpectrumApi, execution: ExecutionId, *, patient: bool) -> JobDetails | None:
    try:
        return api.details(execution)
    except Refused:
        if patient:
            return None
        raise
