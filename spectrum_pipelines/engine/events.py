"""What happened in a run: the only history there is. State, report, progress and resume are folds of these.

Theory of operation
-------------------
A *fact* is journaled: folding the facts of a journal gives a state from which the run can go on and the report can be written.
A *sighting* is not: it only tells the running process what it has just asked for or seen, and a resumed run asks again.
Facts with `is_promise` are on disk (fsync) before anything that follows from them is done or shown: an intent to trigger before
its POST, an execution id before anything else.

Events bear no time; the runner stamps each with `at`, the run clock: monotonic seconds since the run began, carried on across
restarts by the wall clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from spectrum_pipelines.engine.outcome import AdoptedBy, Cause, JobStatus, RunStatus
from spectrum_pipelines.pipeline.action import JobId, Scalar
from spectrum_pipelines.spectrum import ConfigurationId, DataId, Deletion, ExecutionId, FileId


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What is journaled."""

    is_promise: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Fact):
    """The first line of every journal. Secret variables stand as `***`; `only` is what `--only` selected."""

    is_promise = True
    run_id: str
    pipeline: str
    file: str
    digest: str
    plan_digest: str
    server: str
    tool_version: str
    run_key: str | None = None
    git_commit: str | None = None
    environment: str | None = None
    only: tuple[str, ...] = ()
    variables: Mapping[str, Scalar] = field(default_factory=dict)
    trace_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Fact):
    """A new process took the run over; whatever was asked and not answered is open again."""

    is_promise = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the pre-flight holds against one job. `job` is None when the server itself could not be used."""

    job: JobId | None
    cause: Cause
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightPassed(Fact):
    """Every target exists, is allowed and idle enough; triggering may begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightFailed(Fact):
    """Nothing was triggered and nothing will be."""

    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStarted(Fact):
    """The job has its turn; attempt 1 is the first."""

    job: JobId
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSkipped(Fact):
    """The job will not run. `tainted`: because something before it failed, which `any_failed` wants to know."""

    job: JobId
    cause: Cause
    reason: str
    tainted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The latest execution of a file just before our trigger; None if it never ran."""

    target: str
    execution_id: ExecutionId | None
    file_id: FileId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerIntended(Fact):
    """Written before the POST. A journal that ends here means: it may have been sent."""

    is_promise = True
    job: JobId
    attempt: int
    baselines: tuple[Baseline, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedExecution:
    """An execution that we follow from now on."""

    execution_id: ExecutionId
    configuration_id: ConfigurationId | None = None
    name: str | None = None
    file_id: FileId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggered(Fact):
    """Spectrum accepted the trigger under these ids."""

    is_promise = True
    job: JobId
    attempt: int
    executions: tuple[StartedExecution, ...]
    user: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerNotHandled(Fact):
    """Provably unsent or refused before handling: it may be sent again after `wait` seconds."""

    job: JobId
    attempt: int
    reason: str
    wait: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerAmbiguous(Fact):
    """Sent, and nobody knows: from now on only looking, never another POST for this attempt."""

    is_promise = True
    job: JobId
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidatesFound(Fact):
    """Executions above the baseline that may be ours."""

    job: JobId
    attempt: int
    execution_ids: tuple[ExecutionId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted(Fact):
    """We follow an execution that no trigger answer named. `complete`: no other execution of the attempt can be missing."""

    is_promise = True
    job: JobId
    attempt: int
    executions: tuple[StartedExecution, ...]
    by: AdoptedBy
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled(Fact):
    """A person settled an `unknown`: this execution is the job's."""

    is_promise = True
    job: JobId
    execution_id: ExecutionId


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionChanged(Fact):
    """Spectrum's status word changed, and is not final."""

    job: JobId
    execution_id: ExecutionId
    job_status: str


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRequested(Fact):
    """The job's execution is to be stopped, and why."""

    job: JobId
    cause: Cause
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDeleted(Fact):
    """One data id of a `delete_data` has been answered for."""

    job: JobId
    data_id: DataId
    deletion: Deletion


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnded(Fact):
    """One attempt is over."""

    job: JobId
    attempt: int
    status: JobStatus
    cause: Cause
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryScheduled(Fact):
    """The job rests for `wait` seconds and then starts `attempt`."""

    job: JobId
    attempt: int
    wait: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnded(Fact):
    """The job's final word."""

    is_promise = True
    job: JobId
    status: JobStatus
    cause: Cause
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned(Fact):
    """Something that people should know and that changes no verdict; said once per `code` and subject."""

    code: str
    message: str
    job: JobId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineTimedOut(Fact):
    """`timeouts.pipeline` or `timeouts.finally` is over: nothing more starts, what runs is stopped or left."""

    during_finally: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortRequested(Fact):
    """SIGINT, SIGTERM or SIGHUP, or the state directory failed: nothing more is triggered."""

    is_promise = True
    signal: str
    detach: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded(Fact):
    """The last line of a finished journal, unless somebody resumes."""

    is_promise = True
    status: RunStatus
    exit_code: int
    reason: str | None = None


Event = (
    RunStarted | Resumed | PreflightPassed | PreflightFailed | AttemptStarted | JobSkipped | TriggerIntended | Triggered
    | TriggerNotHandled | TriggerAmbiguous | CandidatesFound | Adopted | Settled | ExecutionChanged | ExecutionEnded
    | StopRequested | DataDeleted | AttemptEnded | RetryScheduled | JobEnded | Warned | PipelineTimedOut | AbortRequested
    | RunEnded
)  # fmt: skip
