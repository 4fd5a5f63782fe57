"""Which file an execution is of, as far as Spectrum says: for one that a person names as what a job has started.

Details name the file, and for a running execution they may not: then the list of active jobs does, or the status of the job's own
file shows the execution as its latest, or its job configuration is that of the file's latest execution. Who started an execution
Spectrum says nowhere.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from spectrum_pipelines.engine.job.identity import names_other_file
from spectrum_pipelines.engine.state.run import JobState
from spectrum_pipelines.engine.targets import targets_of
from spectrum_pipelines.errors import ClientError, Refused
from spectrum_pipelines.spectrum import (
    ConfigurationId,
    ExecutionId,
    FileId,
    FileReference,
    JobDetails,
    StatusAnswer,
    is_uuid,
)

if TYPE_CHECKING:
    from spectrum_pipelines.client.api import SpectrumApi


class Owner(Struct, frozen=True, kw_only=True):
    """An execution, and whose it is. `other` names what it is of instead of a file of the job.

    Neither `is_ours` nor `other`: Spectrum does not say.
    """

    details: JobDetails
    is_ours: bool = False
    other: str | None = None


def owner_of(api: "SpectrumApi", job: JobState, execution_id: ExecutionId) -> Owner:
    """Ask for the execution, and for the job's files where it takes them. Raises Refused for one that does not exist."""
    details = _with_file(api, execution_id, api.details(execution_id))
    files = _files(job)
    answers = _statuses(api, files) if details.file_id is None or None in files.values() else {}
    if any(answer.execution_id == execution_id for answer in answers.values()):
        return Owner(details=details, is_ours=True)
    return (
        _by_file(details, {file_id or answers[it].file_id for it, file_id in files.items() if file_id or it in answers})
        or _by_uuid(details, {target.lower() for target in files if is_uuid(target)}, of=len(files))
        or _by_configuration(details, _configurations(api, details, answers.values()), of=len(files))
        or Owner(details=details)
    )


def _with_file(api: "SpectrumApi", execution_id: ExecutionId, details: JobDetails) -> JobDetails:
    if details.file_id is None and details.uuid is None:
        with suppress(ClientError):
            for entry in api.list_running():
                if entry.execution_id == execution_id:
                    return replace(details, file_id=entry.file_id, uuid=entry.uuid)
    return details


def _files(job: JobState) -> Mapping[FileReference, FileId | None]:
    """What the job starts, and the ids of these files as far as they are known."""
    baselines = {FileReference(it.target): it.file_id for it in job.attempt.baselines}
    known = baselines or dict.fromkeys(targets_of(job.job.action))
    return {it: FileId(int(it)) if it.isdigit() else file_id for it, file_id in known.items()}


def _statuses(api: "SpectrumApi", files: Iterable[FileReference]) -> dict[FileReference, StatusAnswer]:
    found = {}
    for target in files:
        with suppress(Refused):
            answer = api.status(target)
            if not names_other_file(target, answer):
                found[target] = answer
    return found


def _by_file(details: JobDetails, ids: Iterable[FileId | None]) -> Owner | None:
    known = {it for it in ids if it is not None}
    if details.file_id is None or not known:
        return None
    is_ours = details.file_id in known
    return Owner(details=details, is_ours=is_ours, other=None if is_ours else f"file {details.file_id}")


def _by_uuid(details: JobDetails, uuids: Iterable[str], *, of: int) -> Owner | None:
    known = set(uuids)
    if details.uuid is None or not known:
        return None
    if details.uuid.lower() in known:
        return Owner(details=details, is_ours=True)
    return Owner(details=details, other=f"file {details.uuid}") if len(known) == of else None


def _configurations(api: "SpectrumApi", details: JobDetails, answers: Iterable[StatusAnswer]) -> set[ConfigurationId]:
    """The job configurations of the files, as their latest executions tell them."""
    found: set[ConfigurationId] = set()
    for answer in answers if details.configuration_id is not None else ():
        with suppress(Refused):
            latest = None if answer.execution_id is None else api.details(answer.execution_id).configuration_id
            found |= set() if latest is None else {latest}
    return found


def _by_configuration(details: JobDetails, known: set[ConfigurationId], *, of: int) -> Owner | None:
    if details.configuration_id in known:
        return Owner(details=details, is_ours=True)
    if len(known) < of:
        return None
    return Owner(details=details, other=f"job configuration {details.configuration_id}")
