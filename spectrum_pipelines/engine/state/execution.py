"""An execution that we follow, as far as the journal knows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from spectrum_pipelines.engine.outcome import AdoptedBy
from spectrum_pipelines.spectrum import ConfigurationId, ExecutionId, FileId, Phase, phase_of


@dataclass(slots=True, kw_only=True)
class Execution:
    """An execution of one attempt of one job. Only folds write it."""

    execution_id: ExecutionId
    attempt: int  # of the job, from 1
    accepted_at: float  # run clock, seconds: when its trigger was answered, or when it was adopted
    job_status: str = "QUEUED"  # the last status word, as the server spells it
    changes: int = 0  # of the status word, as far as they are recorded
    adopted: AdoptedBy | None = None  # how we came to follow it; None: a trigger's answer named it
    name: str | None = None  # as the execution plan names it
    configuration_id: ConfigurationId | None = None
    file_id: FileId | None = None  # of its target, as the target's status, the plan or the end has told it
    listed_configuration_id: ConfigurationId | None = None  # as list-running has named it to this process
    listed_uuid: str | None = None  # of its file, as list-running has named it to this process
    shown_file_id: FileId | None = None  # as the first answer about it has named it, perhaps another's by a mix-up
    running_at: float | None = None  # run clock, seconds: when it was first seen running
    ended_at: float | None = None  # run clock, seconds: when its end was seen under its own id
    start_time: str | None = None  # the server's own text
    stop_time: str | None = None  # the server's own text
    success_count: int | None = None  # records
    failure_count: int | None = None  # records
    run_seconds: float | None = None  # between the server's start and stop, where both can be read
    stop_age: float | None = None  # seconds between the server's stop and our look
    counters: Mapping[str, int] = field(default_factory=dict)  # by the server's names

    @property
    def phase(self) -> Phase:
        """The meaning of the status word."""
        return phase_of(self.job_status)

    @property
    def is_final(self) -> bool:
        """The end was seen under the execution's own id."""
        return self.ended_at is not None

    @property
    def is_ours(self) -> bool:
        """Our run has started it, so our run may stop it."""
        return self.adopted is None or self.adopted.is_ours
