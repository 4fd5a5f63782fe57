"""Requests that the engine may make of Spectrum. They are values: the runner performs them and brings the outcome back.

`turn` ties an outcome to the question: a job asks one thing at a time, and an outcome of an earlier turn is stale news. Polls
(turn 0) are free of that, and the shared poll and the pre-flight belong to no job.
"""

import math
from collections.abc import Mapping
from enum import Enum
from typing import assert_never

from msgspec import Struct, field

from spectrum_pipelines.errors import ClientError
from spectrum_pipelines.pipeline.model.action import JobId, Scalar
from spectrum_pipelines.spectrum import (
    ActiveJob,
    ConfigurationId,
    DataReference,
    Deletion,
    ExecutionId,
    ExecutionPlan,
    FileId,
    FileReference,
    HistoryEntry,
    JobDetails,
    StatusAnswer,
    TriggerAnswer,
)


class Purpose(Enum):
    """The purpose of a question: the same question has different consequences."""

    BASELINE = "baseline"
    POLL = "poll"
    LOOKUP = "lookup"
    VERIFY_STOP = "verify_stop"
    LESSON = "lesson"


class AskTarget(Struct, frozen=True, kw_only=True):
    """Pre-flight: the status of a target, asked once for all jobs that name it."""

    target: FileReference


class AskAllRunning(Struct, frozen=True, kw_only=True):
    """The shared poll: one list-running call for every execution that is due."""


class AskStatus(Struct, frozen=True, kw_only=True):
    """The file's latest execution. A poll says which one it hopes to see."""

    job: JobId
    turn: int
    target: FileReference
    purpose: Purpose
    execution_id: ExecutionId | None = None


class AskDetails(Struct, frozen=True, kw_only=True):
    """The details of one execution, whoever started it."""

    job: JobId
    turn: int
    execution_id: ExecutionId
    purpose: Purpose


class AskHistory(Struct, frozen=True, kw_only=True):
    """The executions of one configuration, newest first."""

    job: JobId
    turn: int
    configuration_id: ConfigurationId
    length: int
    purpose: Purpose = Purpose.LOOKUP


class AskRunning(Struct, frozen=True, kw_only=True):
    """list-running on behalf of one job: to look for its execution, or to see what a stop would hit."""

    job: JobId
    turn: int
    purpose: Purpose


class PostTrigger(Struct, frozen=True, kw_only=True):
    """The one POST of an attempt; only ever made from a written intent."""

    job: JobId
    turn: int
    attempt: int
    target: FileReference


class PostSequence(Struct, frozen=True, kw_only=True):
    """The one POST of an attempt of a sequence."""

    job: JobId
    turn: int
    attempt: int
    file_ids: tuple[FileId, ...]
    variables: Mapping[str, Scalar] = field(default_factory=dict)


class PostStop(Struct, frozen=True, kw_only=True):
    """Stop what runs in this file; `execution_id` is what we believe that to be."""

    job: JobId
    turn: int
    target: FileReference
    execution_id: ExecutionId


class SendDelete(Struct, frozen=True, kw_only=True):
    """Mark the data of one run for deletion; safe to repeat."""

    job: JobId
    turn: int
    data_id: DataReference


JobRequest = AskStatus | AskDetails | AskHistory | AskRunning | PostTrigger | PostSequence | PostStop | SendDelete
Request = AskTarget | AskAllRunning | JobRequest


def queue_handicap(request: Request) -> float:
    """Seconds by which a request may be overtaken by requests that are made after it, where connections are scarce.

    A trigger goes right behind its baseline, a stop right behind the look that cleared it. Looks, which let the run go on, go
    before what begins something. Nothing is overtaken for ever.
    """
    match request:
        case PostTrigger() | PostSequence() | PostStop() | AskAllRunning():
            return -math.inf  # there is never more than one list on its way, and it shows all
        case AskStatus() | AskDetails() | AskHistory() | AskRunning():
            return _HANDICAPS[request.purpose]
        case AskTarget() | SendDelete():
            return _BULK
        case _:
            assert_never(request)


_BULK = 60.0
_HANDICAPS = {
    Purpose.VERIFY_STOP: -_BULK,
    Purpose.LOOKUP: 0.0,
    Purpose.POLL: 0.0,
    Purpose.BASELINE: _BULK,
    Purpose.LESSON: 3 * _BULK,
}

Answer = (
    StatusAnswer
    | JobDetails
    | tuple[HistoryEntry, ...]
    | tuple[ActiveJob, ...]
    | TriggerAnswer
    | ExecutionPlan
    | Deletion
    | None
)
Outcome = Answer | ClientError
