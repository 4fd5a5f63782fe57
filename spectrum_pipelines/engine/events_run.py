"""Facts about the run as a whole."""

from collections.abc import Mapping

from msgspec import Struct, field

from spectrum_pipelines.engine.fact import Fact
from spectrum_pipelines.engine.outcome import Cause, RunStatus
from spectrum_pipelines.pipeline.model.action import JobId, Scalar


class RunStarted(Fact, frozen=True, kw_only=True):
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


class Resumed(Fact, frozen=True, kw_only=True):
    """A new process took the run over; whatever was asked and not answered is open again."""

    is_promise = True


class Finding(Struct, frozen=True, kw_only=True):
    """What the pre-flight holds against one job. `job` is None when the server itself could not be used."""

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
