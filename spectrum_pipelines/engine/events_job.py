"""Facts about jobs, attempts and executions once they are under way."""

from collections.abc import Mapping
from dataclasses import field

from spectrum_pipelines.engine.fact import Fact
from spectrum_pipelines.engine.outcome import Cause, JobStatus
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.record import record
from spectrum_pipelines.spectrum import ConfigurationId, DataId, Deletion, ExecutionId, FileId


@record
class AttemptStarted(Fact):
    """The job has its turn; attempt 1 is the first."""

    job: JobId
    attempt: int


@record
class JobSkipped(Fact):
    """The job will not run. `tainted`: because something before it failed, which `any_failed` wants to know."""

    job: JobId
    cause: Cause
    reason: str
    tainted: bool


@record
class ExecutionChanged(Fact):
    """Spectrum's status word changed, and is not final."""

    job: JobId
    execution_id: ExecutionId
    job_status: str


@record
class ExecutionEnded(Fact):
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


@record
class StopRequested(Fact):
    """The job's execution is to be stopped, and why."""

    job: JobId
    cause: Cause
    reason: str


@record
class DataDeleted(Fact):
    """One data id of a `delete_data` has been answered for."""

    job: JobId
    data_id: DataId
    deletion: Deletion


@record
class AttemptEnded(Fact):
    """One attempt is over."""

    job: JobId
    attempt: int
    status: JobStatus
    cause: Cause
    reason: str | None


@record
class RetryScheduled(Fact):
    """The job rests for `wait` seconds and then starts `attempt`."""

    job: JobId
    attempt: int
    wait: float


@record
class JobEnded(Fact):
    """The job's final word."""

    is_promise = True
    job: JobId
    status: JobStatus
    cause: Cause
    reason: str | None
