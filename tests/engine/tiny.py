"""A Spectrum of two lists, in virtual time: what its executions are doing is worked out when somebody asks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from spectrum_pipelines.errors import Refused
from spectrum_pipelines.pipeline.model.action import Scalar
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
    PlannedExecution,
    StatusAnswer,
    TriggerAnswer,
    phase_of,
)

_START = datetime(2026, 11, 23, 15, 4, 5, tzinfo=UTC)


class Clock:
    """Time as the world has it; nobody may sleep in it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return _START + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"somebody sleeps {seconds} s in virtual time")


@dataclass(kw_only=True)
class File:
    """A file and how its executions go: `words` are their ends in order, the last one for all that follow."""

    path: str
    id: int
    words: tuple[str, ...] = ("COMPLETED",)
    duration: float = 2.0
    queue: float = 0.0
    running: str = "RUNNING"
    deaf: bool = False  # to stops
    unlisted: bool = False
    hidden: bool = False  # its details are refused
    feeds: tuple[str, ...] = ()
    cancels: bool = False  # executions of it are canceled, not left waiting, when what feeds them fails
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(eq=False, kw_only=True)
class Execution:
    """One execution; `after` is the one that feeds it."""

    id: ExecutionId
    file: File
    accepted: float
    word: str
    before: "Execution | None"
    after: "Execution | None" = None
    stopped: float = math.inf

    def times(self) -> tuple[float, float, str]:
        """When it begins, when it ends, and how."""
        begins = self.accepted + self.file.queue
        if self.before is not None:
            begins = max(begins, self.before.times()[1])
        if self.after is not None:
            _, fed, how = self.after.times()
            begins = max(begins, fed)
            if how != "COMPLETED" and fed < self.stopped:
                return math.inf, fed if self.file.cancels else self.stopped, "CANCELED"
        if self.stopped < begins + self.file.duration:
            return begins, self.stopped, "CANCELED"
        return begins, begins + self.file.duration, self.word

    def status(self, now: float) -> str:
        begins, ends, word = self.times()
        if now >= ends:
            return word
        return self.file.running if now >= begins else "WAITING_FOR_OTHER_JOB" if self.after else "QUEUED"

    def is_active(self, now: float) -> bool:
        return phase_of(self.status(now)).is_active


class TinySpectrum:
    """Spectrum's job API over two lists; satisfies `perform.Spectrum`."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.files: list[File] = []
        self.executions: list[Execution] = []
        self.deleted: list[DataReference] = []
        self.variables: dict[str, Scalar] = {}

    def file(self, ref: str) -> File:
        for file in self.files:
            if ref in {file.path, str(file.id)}:
                return file
        raise Refused("File doesn't exist or isn't accessible with current permissions")

    def of(self, ref: str) -> list[Execution]:
        file = self.file(ref)
        return [one for one in self.executions if one.file is file]

    def start(self, ref: str, *, after: Execution | None = None) -> Execution:
        file, ran = self.file(ref), self.of(ref)
        started = Execution(
            id=ExecutionId(len(self.executions) + 11),
            file=file,
            accepted=self.clock.seconds,
            word=file.words[min(len(ran), len(file.words) - 1)],
            before=ran[-1] if ran else None,
            after=after,
        )
        self.executions.append(started)
        return started

    def status(self, ref: FileReference) -> StatusAnswer:
        file, ran = self.file(ref), self.of(ref)
        if not ran:
            return StatusAnswer(job_status="_NONE")
        begins, ends, _ = ran[-1].times()
        return StatusAnswer(
            job_status=ran[-1].status(self.clock.seconds),
            file_id=FileId(file.id),
            execution_id=ran[-1].id,
            start_time=f"{begins:.3f}" if begins <= min(self.clock.seconds, ends) else None,
        )

    def history(
        self, configuration_id: ConfigurationId, *, start: int = 0, length: int = 10
    ) -> tuple[HistoryEntry, ...]:
        ran = self.of(str(configuration_id - 1000))[::-1][start : start + length]
        return tuple(HistoryEntry(execution_id=one.id, job_status=one.status(self.clock.seconds)) for one in ran)

    def details(self, execution_id: ExecutionId) -> JobDetails:
        one = next((one for one in self.executions if one.id == execution_id), None)
        if one is None or one.file.hidden:
            raise Refused(f"execution {execution_id} not found")
        return JobDetails(
            job_status=one.status(self.clock.seconds),
            file_id=FileId(one.file.id),
            configuration_id=ConfigurationId(one.file.id + 1000),
            **one.file.details,
        )

    def list_running(self) -> tuple[ActiveJob, ...]:
        now = self.clock.seconds
        active = [one for one in self.executions if one.is_active(now) and not one.file.unlisted]
        return tuple(
            ActiveJob(execution_id=one.id, job_status=one.status(now), file_id=FileId(one.file.id)) for one in active
        )

    def trigger(self, ref: FileReference) -> TriggerAnswer:
        return TriggerAnswer(execution_id=self.start(ref).id, user="admin")

    def trigger_sequence(self, file_ids: Sequence[FileId], variables: Mapping[str, Scalar]) -> ExecutionPlan:
        self.variables = dict(variables)
        started: list[Execution] = []
        for file_id in file_ids:
            started.append(self.start(str(file_id)))
            started += [self.start(path, after=started[-1]) for path in started[-1].file.feeds]
        return ExecutionPlan(executions=tuple(PlannedExecution(execution_id=one.id) for one in started))

    def stop(self, ref: FileReference) -> None:
        active = [one for one in self.of(ref) if one.is_active(self.clock.seconds)]
        if active and not active[0].file.deaf:
            active[0].stopped = self.clock.seconds

    def delete_data(self, data_id: DataReference) -> Deletion:
        if data_id in self.deleted:
            return Deletion.ALREADY_GONE
        self.deleted.append(data_id)
        return Deletion.MARKED
