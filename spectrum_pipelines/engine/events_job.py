"""Facts about jobs, attempts and executions once they are under way."""

from collections.abc import Mapping

from msgspec import field

from spectrum_pipelines.engine.fact import Fact
from spectrum_pipelines.engine.outcome import Cause, JobStatus
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.spectrum import ConfigurationId, DataId, Deletion, ExecutionId, FileId


class AttemptStarted(Fact, frozen=True, kw_only=True):
    """The job has its turn; attempt 1 is the first."""

    job: JobId
    attempt: int


class JobSkipped(Fact, frozen=True, kw_only=True):
    """The job will not run. `tainted`: because something before it failed, which `any_failed` wants to know."""

    job: JobId
    cause: Cause
    reason: str
    tainted: bool


class ExecutionChanged(Fact, frozen=True, kw_only=True):
    """Spectrum's status word changed, and is not final."""

    job: JobId
    execution_id: ExecutionId
    job_status: str


class ExecutionEnded(Fact, frozen=True, kw_only=True):
    """Seen in a final status under its own id. Times are the server's own strings."""

    is_promise = True
    job: JobId
    execution_id: ExecutionId
    job_status: str
    configuration_id: ConfigurationId | None = None
    file_id: FileId | None = None
    start_time: str | None = None
    stop_time: str | None = None
    success_count: int | None = None
    failure_count: int | None = None
    run_seconds: float | None = None
    stop_age: float | None = None
    counters: Mapping[str, int] = field(default_factory=dict)


class StopRequested(Fact, frozen=True, kw_only=True):
    """The job's execution is to be stopped, and why."""

    job: JobId
    cause: Cause
    reason: str


class DataDeleted(Fact, frozen=True, kw_only=True):
    """One data id of a `delete_data` has been answered for."""

    job: JobId
    data_id: DataId
    deletion: Deletion


class AttemptEnded(Fact, frozen=True, kw_only=True):
    """One attempt is over."""

    job: JobId
    attempt: int
    status: JobStatus
    cause: Cause
    reason: str | None


class RetryScheduled(Fact, frozen=True, kw_only=True):
    """The job rests for `wait` seconds and then starts `attempt`."""

    job: JobId
    attempt: int
    wait: float


class JobEnded(Fact, frozen=True, kw_only=True):
    """The job's final word."""

    is_promise = True
    job: JobId
    status: JobStatus
    cause: Cause
    reason: str | None
