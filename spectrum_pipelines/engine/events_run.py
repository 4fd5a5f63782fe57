"""Facts about the run as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from spectrum_pipelines.engine.fact import Fact
from spectrum_pipelines.engine.outcome import Cause, RunStatus
from spectrum_pipelines.pipeline.action import JobId, Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
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
