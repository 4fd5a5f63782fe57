"""Facts about the run as a whole."""

from collections.abc import Mapping
from dataclasses import field

from spectrum_pipelines.engine.fact import Fact
from spectrum_pipelines.engine.outcome import Cause, RunStatus
from spectrum_pipelines.pipeline.model.action import JobId, Scalar
from spectrum_pipelines.record import record


@record
class RunStarted(Fact):
    """The first line of every journal. Secret variables stand as `***`; `only` is what `--only` selected.

    `state_dir` (where it is not the usual one) and `workspace` (of `--local`) are what a command about this run must be given.
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
    trace_id: str | None = None


@record
class Resumed(Fact):
    """A new process took the run over; whatever was asked and not answered is open again."""

    is_promise = True


@record
class Finding:
    """What the pre-flight holds against one job. `job` is None when the server itself could not be used."""

    job: JobId | None
    cause: Cause
    message: str


@record
class PreflightPassed(Fact):
    """Every target exists, is allowed and idle enough; triggering may begin."""


@record
class PreflightFailed(Fact):
    """Nothing was triggered and nothing will be."""

    findings: tuple[Finding, ...]


@record
class Warned(Fact):
    """Something that people should know and that changes no verdict; said once per `code` and subject."""

    code: str
    message: str
    job: JobId | None = None


@record
class PipelineTimedOut(Fact):
    """`timeouts.pipeline` or `timeouts.finally` is over: nothing more starts, what runs is stopped or left."""

    during_finally: bool


@record
class AbortRequested(Fact):
    """SIGINT, SIGTERM or SIGHUP, or the state directory failed: nothing more is triggered."""

    is_promise = True
    signal: str
    detach: bool


@record
class RunEnded(Fact):
    """The last line of a finished journal, unless somebody resumes."""

    is_promise = True
    status: RunStatus
    exit_code: int
    reason: str | None = None
