"""How one job is run and judged: timeouts, retries, what to do when it already runs, and its quality gates.

Durations are seconds; None means "no limit". The words are those of the YAML.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from msgspec import Struct, field
from msgspec.structs import fields

from spectrum_pipelines.pipeline.model.action import JobOutput


class Warnings(Enum):
    """What COMPLETED_WITH_WARNINGS counts as."""

    SUCCEED = "succeed"
    FAIL = "fail"


class OnRunning(Enum):
    """What to do when the file already runs, whoever started it."""

    FAIL = "fail"
    WAIT = "wait"
    ATTACH = "attach"
    STOP = "stop"


class OnTimeout(Enum):
    """What to do with an execution that outlives its timeout."""

    STOP = "stop"
    LEAVE = "leave"


class OnAmbiguous(Enum):
    """What to do when a trigger got no answer and no execution of it is found within the grace time."""

    UNKNOWN = "unknown"
    RETRY = "retry"


class RetryReason(Enum):
    """The ends that a job may be run again for. `unknown` is never one of them."""

    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELED = "canceled"
    WARNINGS = "warnings"


class Bound(Struct, frozen=True, kw_only=True):
    """A closed interval; None is open on that side. `min_of` and `max_of` are outputs of other jobs that take the edge's place."""

    min: float | None = None
    max: float | None = None
    min_of: JobOutput | None = None
    max_of: JobOutput | None = None

    def admits(self, value: float) -> bool:
        """Whether the value lies within."""
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)


class Total(Struct, frozen=True, kw_only=True):
    """Gates on the sums over all executions of a job together."""

    success_count: Bound | None = None
    failure_count: Bound | None = None
    counters: Mapping[str, Bound] = field(default_factory=dict)


class Expect(Struct, frozen=True, kw_only=True):
    """Quality gates on the details of each execution. `duration` and `age` in seconds; `status` and `age` only for `check`."""

    success_count: Bound | None = None
    failure_count: Bound | None = None
    duration: Bound | None = None
    age: Bound | None = None
    status: frozenset[str] | None = None
    counters: Mapping[str, Bound] = field(default_factory=dict)
    total: Total | None = None

    @property
    def outputs(self) -> tuple[JobOutput, ...]:
        """The outputs of other jobs that gates are held against."""
        total = self.total or Total()
        bounds = (
            *(self.success_count, self.failure_count, *self.counters.values()),
            *(total.success_count, total.failure_count, *total.counters.values()),
        )
        return tuple(it for bound in bounds if bound for it in (bound.min_of, bound.max_of) if it)


class Retry(Struct, frozen=True, kw_only=True):
    """When a job is run again, and after how long. Waits: interval * factor**n, +- jitter, at most max_interval."""

    limit: int = 0
    interval: float = 30.0
    factor: float = 2.0
    max_interval: float = 600.0
    jitter: float = 0.2
    max_duration: float | None = None
    when: frozenset[RetryReason] = frozenset({RetryReason.FAILED, RetryReason.TIMED_OUT})

    def longest_waits(self, number: int | None = None) -> float:
        """What so many waits (None: `limit`) take together at most, jitter included.

        Step by step, because factor**limit may be beyond any float.
        """
        total, wait = 0.0, min(self.interval, self.max_interval)
        for _ in range(self.limit if number is None else number):
            total += min(wait * (1 + self.jitter), self.max_interval)
            wait = min(wait * self.factor, self.max_interval)
        return total


class Policy(Struct, frozen=True, kw_only=True):
    """How one job is run. `ambiguous_grace`: how long to look for an execution whose trigger got no answer.

    There is always a `timeout`, a day if nobody says otherwise: every wait must end.
    """

    timeout: float = 86_400.0
    queue_timeout: float | None = None
    warnings: Warnings = Warnings.SUCCEED
    on_running: OnRunning = OnRunning.FAIL
    on_timeout: OnTimeout = OnTimeout.STOP
    on_ambiguous: OnAmbiguous = OnAmbiguous.UNKNOWN
    ambiguous_grace: float = 15.0
    retry: Retry = Retry()


def as_data(policy: Policy | Retry) -> dict[str, Any]:
    """A policy as plain data by the keys of the YAML: times in seconds, words as the file spells them."""
    return {it.name: _plain(getattr(policy, it.name)) for it in fields(policy)}


def _plain(value: Any) -> Any:
    match value:
        case Retry():
            return as_data(value)
        case Enum():
            return value.value
        case frozenset():
            return sorted(_plain(it) for it in value)
        case _:
            return value
