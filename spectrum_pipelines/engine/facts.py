"""Facts: what happened in a run, the only history there is. State, report, progress and resume are folds of them.

Theory of operation
-------------------
A *fact* is journaled: folding the facts of a journal gives a state from which the run can go on and the report can be written.
A *sighting* is not journaled: it tells the running process what was just asked or seen, and a resumed run asks again.
Facts with `is_promise` are on disk (fsync) before anything that follows from them is done or shown: an intent to trigger before
its POST, an execution id before anything else.

Facts bear no time. The runner stamps each with `at`, the run clock: monotonic seconds since the run began, carried on across
restarts by the wall clock.

A new fact is a class here and a member of `Event`; a field that is added to a fact must have a default, so that old journals stay
readable. `apply` (its fold), `schemas/event.schema.json` and `progress/lines.py` (its words) are held to `Event` by tests.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from msgspec import Struct, field

from spectrum_pipelines.engine.outcome import AdoptedBy, Cause, JobStatus, RunStatus
from spectrum_pipelines.pipeline.model.action import JobId, Scalar
from spectrum_pipelines.spectrum import ConfigurationId, DataReference, Deletion, ExecutionId, FileId


def word_of(name: str) -> str:
    """The name of a fact's class as the journal has it: `TriggerIntended` is `trigger_intended`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


class Fact(Struct, frozen=True, kw_only=True, tag_field="event", tag=word_of, forbid_unknown_fields=True):
    """A fact is journaled. One with `is_promise` is on disk before anything that follows from it is done or shown."""

    is_promise: ClassVar[bool] = False


# The run as a whole


class RunStarted(Fact, frozen=True, kw_only=True):
    """The first line of every journal. Secret variables stand as `***`; `only` is what `--only` selected.

    `state_dir` (where it is not the usual one) and `workspace` (of `--local`) are what a command about this run must be given.
    `variables` stand in the form in which they were given: lists as text, and numbers that Python spells differently. `date` is the
    day of the run in the pipeline's time zone, where the file has dates. `origin` says what began it: a DAG, its run, task and try.
    """

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
    state_dir: str | None = None
    workspace: str | None = None
    variables: Mapping[str, Scalar] = field(default_factory=dict)
    date: str | None = None
    trace_id: str | None = None
    origin: Mapping[str, str] = field(default_factory=dict)


class Changed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What differs in a run's source from what the process before had; None where nothing does.

    A `plan_digest` names another pipeline: then `text`, `fragments` and `plan` (as JSON) are those of that pipeline, so that the
    journal alone can be folded.
    """

    file: str | None = None
    digest: str | None = None
    plan_digest: str | None = None
    git_commit: str | None = None
    variables: Mapping[str, Scalar] | None = None
    text: str | None = None
    fragments: Mapping[str, str] | None = None
    plan: str | None = None


class Resumed(Fact, frozen=True, kw_only=True):
    """A new process took the run over; whatever was asked and not answered is open again.

    `waited`: the run was left on purpose while its executions went on, so nothing was interrupted, and the time in between counts
    for the pipeline's own timeouts. `origin` says what began the process. `changed` tells of a pipeline whose policy alone is
    another one.
    """

    is_promise = True
    tool_version: str | None = None
    waited: bool = False
    origin: Mapping[str, str] = field(default_factory=dict)
    changed: Changed | None = None


class Again(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job that gets new attempts in a round, and why."""

    job: JobId
    reason: str


class Retried(Fact, frozen=True, kw_only=True):
    """A person or a scheduler goes on from what failed: the run is open again, for another round.

    `round` 2 is the first. `kept`: jobs that keep what they did. `removed`: jobs that the pipeline of this round does not have.
    The fields after `tool_version` are those of `Changed`. `origin` says what began the process.
    """

    is_promise = True
    round: int
    again: tuple[Again, ...]
    kept: tuple[JobId, ...]
    removed: tuple[JobId, ...] = ()
    tool_version: str
    file: str | None = None
    digest: str | None = None
    plan_digest: str | None = None
    git_commit: str | None = None
    variables: Mapping[str, Scalar] | None = None
    text: str | None = None
    fragments: Mapping[str, str] | None = None
    plan: str | None = None
    origin: Mapping[str, str] = field(default_factory=dict)

    @property
    def changed(self) -> Changed | None:
        """What the fields after `tool_version` tell; None: the pipeline is that of the round before."""
        if self.plan_digest is None:
            return None
        return Changed(**{name: getattr(self, name) for name in Changed.__struct_fields__})


class Finding(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The pre-flight holds something against one job, or against the server: then `job` is None."""

    job: JobId | None
    cause: Cause
    message: str


class PreflightPassed(Fact, frozen=True, kw_only=True):
    """Every target exists, is allowed and idle enough; triggering may begin."""


class PreflightFailed(Fact, frozen=True, kw_only=True):
    """Nothing was triggered and nothing will be."""

    findings: tuple[Finding, ...]


class Warned(Fact, frozen=True, kw_only=True):
    """Something that people should know and that changes no verdict; said once per `code` and subject."""

    code: str
    message: str
    job: JobId | None = None


class PipelineTimedOut(Fact, frozen=True, kw_only=True):
    """`timeouts.pipeline` or `timeouts.finally` is over: nothing more starts, what runs is stopped or left."""

    during_finally: bool


class AbortRequested(Fact, frozen=True, kw_only=True):
    """SIGINT, SIGTERM or SIGHUP, or the state directory failed: nothing more is triggered."""

    is_promise = True
    signal: str
    detach: bool


class RunEnded(Fact, frozen=True, kw_only=True):
    """The last line of a finished journal, unless somebody resumes."""

    is_promise = True
    status: RunStatus
    exit_code: int
    reason: str | None = None


# How a job comes by its executions


class Baseline(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The latest execution of a file just before our trigger.

    None if it never ran or, where it is not `is_known`, if the server named none.
    """

    target: str
    execution_id: ExecutionId | None
    file_id: FileId | None = None
    is_known: bool = True


class TriggerIntended(Fact, frozen=True, kw_only=True):
    """Written before the POST. A journal that ends here means: it may have been sent."""

    is_promise = True
    job: JobId
    attempt: int
    baselines: tuple[Baseline, ...]


class StartedExecution(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An execution that we follow from now on."""

    execution_id: ExecutionId
    configuration_id: ConfigurationId | None = None
    name: str | None = None
    file_id: FileId | None = None


class Triggered(Fact, frozen=True, kw_only=True):
    """Spectrum accepted the trigger under these ids. `complete`: they are all that was asked for."""

    is_promise = True
    job: JobId
    attempt: int
    executions: tuple[StartedExecution, ...]
    user: str | None = None
    complete: bool = True


class TriggerNotHandled(Fact, frozen=True, kw_only=True):
    """Provably unsent or refused before handling: it may be sent again after `wait` seconds.

    `tried`: the network or the server refused it, so it counts for `http.retry`.
    """

    job: JobId
    attempt: int
    reason: str
    wait: float
    tried: bool = True


class TriggerAmbiguous(Fact, frozen=True, kw_only=True):
    """Sent, and nobody knows: from now on only looking, never another POST for this attempt.

    `refused`: the answer was a no that is not in Spectrum's words; with this cause the attempt has failed if nothing is found.
    """

    is_promise = True
    job: JobId
    attempt: int
    reason: str
    refused: Cause | None = None


class CandidatesFound(Fact, frozen=True, kw_only=True):
    """Executions that may be ours: above the baseline, or below it where the server has lost its counter."""

    is_promise = True
    job: JobId
    attempt: int
    execution_ids: tuple[ExecutionId, ...]


class Adopted(Fact, frozen=True, kw_only=True):
    """We follow an execution that no trigger answer named. `complete`: no other execution of the attempt can be missing."""

    is_promise = True
    job: JobId
    attempt: int
    executions: tuple[StartedExecution, ...]
    by: AdoptedBy
    complete: bool = True


class Settled(Fact, frozen=True, kw_only=True):
    """A person settled an `unknown`: this execution is the job's; None: the trigger never started one.

    `anew`: this and what follows it replace what was settled about the job before; no process has gone on with the run in between.
    """

    is_promise = True
    job: JobId
    execution_id: ExecutionId | None
    anew: bool = False


# Jobs, attempts and executions once they are under way


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
    """Spectrum's status word changed, and is not final. `file_id`: the file that the answer has named, the first time one does."""

    job: JobId
    execution_id: ExecutionId
    job_status: str
    file_id: FileId | None = None


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
    data_id: DataReference
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


#: Every fact. A test holds it to the classes above.
Event = (
    RunStarted | Resumed | Retried | PreflightPassed | PreflightFailed | AttemptStarted | JobSkipped | TriggerIntended | Triggered
    | TriggerNotHandled | TriggerAmbiguous | CandidatesFound | Adopted | Settled | ExecutionChanged | ExecutionEnded
    | StopRequested | DataDeleted | AttemptEnded | RetryScheduled | JobEnded | Warned | PipelineTimedOut | AbortRequested
    | RunEnded
)  # fmt: skip


class Stamped(Struct, frozen=True, kw_only=True):
    """A fact with its time: `at` on the run clock (decisions look at this), `time` on the wall clock (people read this)."""

    at: float
    time: datetime
    event: Event
