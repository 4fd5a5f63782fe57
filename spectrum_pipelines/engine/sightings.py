"""Sightings: what the running process has just asked or seen. They are folded like facts, and never journaled.

A resumed run starts without any of these and asks again, so nothing that must survive may stand here.
"""

from collections.abc import Mapping

from msgspec import Struct

from spectrum_pipelines.engine.requests import Request
from spectrum_pipelines.engine.watching.lesson import Lesson
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.spectrum import (
    ActiveJob,
    ConfigurationId,
    ExecutionId,
    FileId,
    FileReference,
    StatusAnswer,
)


class Issued(Struct, frozen=True, kw_only=True):
    """The request is on its way."""

    request: Request


class Answered(Struct, frozen=True, kw_only=True):
    """The request's outcome is in; the job may ask the next thing."""

    request: Request


class TargetSeen(Struct, frozen=True, kw_only=True):
    """The pre-flight's answer for one target, or the server's reason to refuse it."""

    target: FileReference
    answer: StatusAnswer | str


class JobReady(Struct, frozen=True, kw_only=True):
    """The needs of a job are done as `run_if` wants them; the job waits for a place."""

    job: JobId


class StatusSeen(Struct, frozen=True, kw_only=True):
    """A fresh look at a file before acting on it, or the server's reason to refuse the look."""

    job: JobId
    target: FileReference
    answer: StatusAnswer | str


class LookedInVain(Struct, frozen=True, kw_only=True):
    """Another run of the file is in the way; look again after `wait` seconds.

    `behind`: it is that of another job of this run, whose end is known at once.
    """

    job: JobId
    wait: float
    behind: JobId | None = None


class ExecutionSeen(Struct, frozen=True, kw_only=True):
    """A look at one execution has shown it active: progress in percent, estimate in seconds, where the server told.

    `by_details`: they have told it, which give no hints.
    """

    job: JobId
    execution_id: ExecutionId
    job_status: str
    progress: float | None = None
    estimate_seconds: float | None = None
    file_id: FileId | None = None
    by_details: bool = False


class ListSeen(Struct, frozen=True, kw_only=True):
    """The shared poll has shown these, by execution id."""

    entries: Mapping[ExecutionId, ActiveJob]


class ExecutionDoubted(Struct, frozen=True, kw_only=True):
    """The latest look did not show it (or showed it ended, in `final_word`): its details must tell.

    `unlisted`: it was not in the list. `overtaken`: the status of its file showed another execution, or none (`never_ran`), or was
    refused. `file_id`: the file as that status has told it. `file_shown`: the status was answered.
    """

    job: JobId
    execution_id: ExecutionId
    final_word: str | None = None
    unlisted: bool = False
    overtaken: bool = False
    never_ran: bool = False
    file_id: FileId | None = None
    file_shown: bool = False


class FileUnknown(Struct, frozen=True, kw_only=True):
    """The details of an execution show an end and a file, and which file its target means is not known: the status must tell."""

    job: JobId
    execution_id: ExecutionId


class PollMissed(Struct, frozen=True, kw_only=True):
    """A look at one execution gave no usable answer.

    `refused`: the server said no; `unexplained`: and not in Spectrum's own words; `mixed_up`: it spoke of another file.
    """

    job: JobId
    execution_id: ExecutionId
    message: str
    refused: bool = False
    unexplained: bool = False
    mixed_up: bool = False


class ListMissed(Struct, frozen=True, kw_only=True):
    """The shared poll gave no usable answer. `unusable`: the server answers, but this call does not work there.

    `late`: the answer may still come, and is then as good as any.
    """

    unusable: bool
    message: str
    late: bool = False


class LookupBegun(Struct, frozen=True, kw_only=True):
    """A round of the search after an ambiguous trigger starts."""

    job: JobId


class LookupRested(Struct, frozen=True, kw_only=True):
    """The round found too little to judge; the next one comes after a rest."""

    job: JobId


class LookupSeen(Struct, frozen=True, kw_only=True):
    """One look of a round is done. `succeeded`: it was answered, if only by a no.

    `latest` is set by a status answer, `entries` by list-running, `configuration_id` and `file_id` by an execution's details,
    `older` by the history.
    """

    job: JobId
    target: str | None = None
    latest: StatusAnswer | None = None
    entries: tuple[ActiveJob, ...] = ()
    configuration_id: ConfigurationId | None = None
    file_id: FileId | None = None
    older: tuple[ExecutionId, ...] = ()
    succeeded: bool = True


class StopCleared(Struct, frozen=True, kw_only=True):
    """Looked before stopping: what runs there is ours. With `need_list` nothing is cleared yet, the list has to tell.

    `file_id`: the file in which it runs, if the look has told.
    """

    job: JobId
    execution_id: ExecutionId
    need_list: bool = False
    file_id: FileId | None = None


class StopSent(Struct, frozen=True, kw_only=True):
    """The server took the stop, or may have."""

    job: JobId


class StopWithheld(Struct, frozen=True, kw_only=True):
    """Stopping now would hit somebody else's execution, or the server refused it."""

    job: JobId
    reason: str


class LessonSeen(Struct, frozen=True, kw_only=True):
    """An answer has added something to the lesson about a job's past."""

    job: JobId
    lesson: Lesson


class CallFailed(Struct, frozen=True, kw_only=True):
    """A question of a job's own gave no usable answer; it is asked again after a rest."""

    job: JobId
    message: str


Sighting = (
    Issued | Answered | TargetSeen | JobReady | StatusSeen | LookedInVain | ExecutionSeen | ListSeen | ExecutionDoubted
    | FileUnknown | PollMissed | ListMissed | LookupBegun | LookupSeen | LookupRested | StopCleared | StopSent | StopWithheld
    | LessonSeen | CallFailed
)  # fmt: skip
