"""Ends: the words of the report for runs and jobs, and the machine-readable cause beside the human reason."""

from enum import Enum


class RunStatus(Enum):
    """The run report's `status`."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    UNKNOWN = "unknown"
    CONFLICT = "conflict"
    INTERRUPTED = "interrupted"


class JobStatus(Enum):
    """The run report's status of a job."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    WARNED = "warned"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELED = "canceled"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"

    @property
    def is_success(self) -> bool:
        """The job did what it was there for."""
        return self in {JobStatus.SUCCEEDED, JobStatus.WARNED}

    @property
    def is_failure(self) -> bool:
        """The job was started and did not succeed. A skipped job has failed nothing itself."""
        return self in {JobStatus.FAILED, JobStatus.TIMED_OUT, JobStatus.CANCELED, JobStatus.UNKNOWN}


class Cause(Enum):
    """The cause of an end or of a stop. Decisions look at the cause, people read the reason."""

    SPECTRUM = "spectrum"  # the status word that Spectrum gave
    WARNINGS = "warnings"
    GATE = "gate"
    REFUSED = "refused"
    BUSY = "busy"
    MISSING = "missing"
    UNREACHABLE = "unreachable"
    UNAUTHORIZED = "unauthorized"  # login or certificate refused, or no permission
    TIMEOUT = "timeout"
    QUEUE_TIMEOUT = "queue_timeout"
    PIPELINE_TIMEOUT = "pipeline_timeout"
    STOP_UNCONFIRMED = "stop_unconfirmed"
    SILENCE = "silence"
    AMBIGUOUS = "ambiguous"
    LEFT_BEHIND = "left_behind"
    ABORT = "abort"
    UPSTREAM = "upstream"
    RUN_IF = "run_if"
    FAIL_FAST = "fail_fast"
    PREFLIGHT = "preflight"
    ON_RUNNING = "on_running"
    ACTION = "action"
    INPUT = "input"


#: How the reason of a sequence begins of which the execution plan names no execution of a file that was asked for.
LEFT_OUT = "the execution plan has no execution of file"


class AdoptedBy(Enum):
    """The way in which we came to follow an execution that no answer to a trigger of ours named."""

    RECONCILED = "reconciled"  # our own trigger, found again after its answer was lost
    SETTLED = "settled"  # a person said so with `adopt`
    ATTACHED = "attached"  # on_running: attach
    WAITED_FOR = "waited_for"
    CHECKED = "checked"
    STOPPED = "stopped"

    @property
    def is_ours(self) -> bool:
        """Started by this run, so it is ours to stop."""
        return self in {AdoptedBy.RECONCILED, AdoptedBy.SETTLED}


#: Ends of our watching only, with executions that may run on in Spectrum: whoever looks again may learn their own end.
UNSEEN_ENDS = frozenset({Cause.SILENCE, Cause.UNAUTHORIZED, Cause.STOP_UNCONFIRMED})
