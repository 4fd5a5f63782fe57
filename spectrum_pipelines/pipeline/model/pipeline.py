"""The frozen pipeline: what a checked file means, with every default applied and every matrix spread out.

After `build` nothing asks whether a key is there. Durations are seconds; None means "no limit". The words are those of the YAML.
"""

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct, field

from spectrum_pipelines.pipeline.model.action import Action, Held, JobId, Scalar
from spectrum_pipelines.pipeline.model.policy import Expect, Policy

#: The time zone of a pipeline that names none.
UTC = "UTC"


class RunIf(Enum):
    """Which ends of the needed jobs let a job start. `any_failed` looks at all ancestors, not only at the direct needs."""

    ALL_SUCCESS = "all_success"
    ALL_DONE = "all_done"
    ANY_FAILED = "any_failed"
    NONE_FAILED = "none_failed"


class OnAbort(Enum):
    """What SIGINT, SIGTERM and SIGHUP do to running executions."""

    STOP = "stop"
    DETACH = "detach"


class GroupBehavior(Enum):
    """What a run does that finds its concurrency group taken."""

    QUEUE = "queue"
    FAIL = "fail"


class Job(Struct, frozen=True, kw_only=True):
    """One node of the graph. `line` is where it stands in the file, or in the fragment `file`, for people and annotations."""

    id: JobId
    action: Action
    line: int
    file: str | None = None
    needs: tuple[JobId, ...] = ()
    run_if: RunIf = RunIf.ALL_SUCCESS
    allow_failure: bool = False
    is_finally: bool = False
    policy: Policy = Policy()
    expect: Expect | None = None
    description: str | None = None


class SwitchedOff(Struct, frozen=True, kw_only=True):
    """A job whose `enabled` is false, and where that stands. `condition` is the reference there, None for a plain `false`."""

    id: JobId
    line: int
    condition: str | None = None
    environment: str | None = None
    file: str | None = None


class Variable(Struct, frozen=True, kw_only=True):
    """A variable with its final value. A secret one is shown as `***` everywhere.

    `written` is the text of a value that says more than the value: of a number that is not written as Python spells it (`1.10`),
    which is its form within other texts, and of a list.
    """

    name: str
    value: Held
    secret: bool = False
    written: str | None = None

    @property
    def recorded(self) -> Scalar:
        """The value as plans, journals and reports show it: the form in which it was given."""
        if self.written is not None:
            return self.written
        assert not isinstance(self.value, tuple), "a list is written"
        return self.value


class Server(Struct, frozen=True, kw_only=True):
    """Where Spectrum is. `timezone` (IANA name) reads its dates for `age` gates only; None is the runner's own zone."""

    url: str | None = None
    sequence_path: str = "/api/job-execution/trigger"
    timezone: str | None = None


class Concurrency(Struct, frozen=True, kw_only=True):
    """At most one run per group; at most `max_parallel` jobs of this run at once (None: no limit).

    `timeout`: seconds that a run queues for its group; a day if nobody says otherwise, because every wait must end.
    """

    group: str | None = None
    behavior: GroupBehavior = GroupBehavior.QUEUE
    max_parallel: int | None = None
    timeout: float = 86_400.0


class Poll(Struct, frozen=True, kw_only=True):
    """A job of age `a` seconds is looked at every `factor * a` seconds, within [min, max], unless something says when it will end.

    One budget for the whole run.
    """

    min: float = 0.25
    max: float = 30.0
    factor: float = 0.05
    max_per_second: float = 10.0


class Http(Struct, frozen=True, kw_only=True):
    """The wire. `retry_*` are for lost GETs and provably unsent triggers only."""

    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    max_connections: int = 8
    retry_limit: int = 5
    retry_interval: float = 1.0


class Pipeline(Struct, frozen=True, kw_only=True):
    """A whole pipeline, ready to run. `jobs` holds the `finally` jobs last, in file order.

    `date` is the day of the run in `timezone` (`2026-11-22`); None where no value is counted from it.
    """

    name: str
    jobs: Mapping[JobId, Job]
    description: str | None = None
    server: Server = Server()
    environment: str | None = None
    variables: Mapping[str, Variable] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()  # values of the environment that are secret by the names of their variables
    timeout: float | None = None
    finally_timeout: float = 600.0
    concurrency: Concurrency = Concurrency()
    poll: Poll = Poll()
    http: Http = Http()
    fail_fast: bool = True
    on_abort: OnAbort = OnAbort.STOP
    timezone: str = UTC
    date: str | None = None
    off: tuple[SwitchedOff, ...] = ()
