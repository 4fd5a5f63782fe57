"""The verdict on the executions of one attempt: Spectrum's status words first, then the pipeline's quality gates."""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from spectrum_pipelines.engine.outcome import Cause, JobStatus
from spectrum_pipelines.engine.state.execution import Execution
from spectrum_pipelines.pipeline.model.durations import format_duration
from spectrum_pipelines.pipeline.model.policy import Bound, Expect, Policy, Total, Warnings
from spectrum_pipelines.spectrum import Phase

#: Clocks of two machines differ by so many seconds without anybody's fault. A stop further ahead than this is no age at all.
CLOCKS_DIFFER = 300.0


class Verdict(Struct, frozen=True, kw_only=True):
    """The end of an attempt, and why it ended so."""

    status: JobStatus
    cause: Cause
    reason: str | None = None


def judge(executions: Sequence[Execution], policy: Policy, expect: Expect | None) -> Verdict:
    """Judge executions that have all ended."""
    by_phase: dict[Phase, list[Execution]] = {}
    for execution in executions:
        by_phase.setdefault(execution.phase, []).append(execution)
    if failed := by_phase.get(Phase.FAILED):
        return Verdict(status=JobStatus.FAILED, cause=Cause.SPECTRUM, reason=_told(failed))
    if canceled := by_phase.get(Phase.CANCELED):
        return Verdict(status=JobStatus.CANCELED, cause=Cause.SPECTRUM, reason=_told(canceled))
    accepted = expect is not None and expect.status is not None
    warned = by_phase.get(Phase.WARNED, [])
    if warned and policy.warnings is Warnings.FAIL and not accepted:
        return Verdict(status=JobStatus.FAILED, cause=Cause.WARNINGS, reason=_told(warned))
    if expect is not None and (broken := list(broken_gates(executions, expect))):
        return Verdict(status=JobStatus.FAILED, cause=Cause.GATE, reason="; ".join(broken))
    if warned:
        return Verdict(status=JobStatus.WARNED, cause=Cause.SPECTRUM, reason=_told(warned))
    return Verdict(status=JobStatus.SUCCEEDED, cause=Cause.SPECTRUM)


def _told(executions: Iterable[Execution]) -> str:
    return "; ".join(_one(e) for e in executions)


def _one(execution: Execution) -> str:
    count = execution.failure_count
    failures = f", {count} failed record{'' if count == 1 else 's'}" if count else ""
    return f"execution {_named(execution)} ended {execution.job_status}{failures}"


def _named(execution: Execution) -> str:
    return f"{execution.execution_id} ({execution.name})" if execution.name else str(execution.execution_id)


def broken_gates(executions: Sequence[Execution], expect: Expect) -> Iterable[str]:
    """Each gate that does not hold, as a sentence. Gates hold for each execution, those of `total` for all of them together."""
    for execution in executions:
        named = f"execution {_named(execution)}: " if len(executions) > 1 else ""
        for broken in _of_one(execution, expect):
            yield f"{named}{broken}"
    for name, bound in sorted(expect.counters.items()):
        if not any(name in e.counters for e in executions):
            yield from _gate(f"counter {name}", bound, None, _number)
    if expect.total is not None:
        yield from _of_all(executions, expect.total)


def _of_one(execution: Execution, expect: Expect) -> Iterable[str]:
    if expect.status is not None and execution.job_status.upper() not in expect.status:
        yield f"expected status {' or '.join(sorted(expect.status))}, found {execution.job_status}"
    yield from _gate("success_count", expect.success_count, execution.success_count, _number)
    yield from _gate("failure_count", expect.failure_count, execution.failure_count, _number)
    seconds, is_ours = _duration(execution)
    yield from _gate("duration", expect.duration, seconds, _measured_here if is_ours else format_duration)
    yield from _age(expect.age, execution.stop_age)
    for name, bound in sorted(expect.counters.items()):
        # Members of a sequence are of different kinds, and each kind has counters of its own.
        if name in execution.counters:
            yield from _gate(f"counter {name}", bound, execution.counters[name], _number)


def _age(bound: Bound | None, age: float | None) -> Iterable[str]:
    """A run that ends in time to come, by a wrong clock or a wrong zone, must not pass as a young one."""
    if bound is not None and age is not None and age < -CLOCKS_DIFFER:
        ahead = format_duration(round(-age / 60) * 60)
        yield (
            f"age cannot be told: the server's stop time lies {ahead} ahead, so its gate cannot hold "
            "(the server's clock or `server.timezone` is wrong)"
        )
        return
    yield from _gate("age", bound, None if age is None else max(0.0, age), format_duration)


def _of_all(executions: Sequence[Execution], total: Total) -> Iterable[str]:
    success = _sum(e.success_count for e in executions)
    failure = _sum(e.failure_count for e in executions)
    yield from _gate("the total success_count", total.success_count, success, _number)
    yield from _gate("the total failure_count", total.failure_count, failure, _number)
    for name, bound in sorted(total.counters.items()):
        yield from _gate(f"the total of counter {name}", bound, _sum(e.counters.get(name) for e in executions), _number)


def _gate(name: str, bound: Bound | None, value: float | None, shown: Callable[[float], str]) -> Iterable[str]:
    if bound is None:
        return
    if value is None:
        yield f"{name} was not reported, so its gate cannot hold"
    elif not bound.admits(value):
        too_low = bound.min is not None and value < bound.min
        edge, word = (bound.min, "least") if too_low else (bound.max, "most")
        assert edge is not None
        limit = format_duration(edge) if shown is _measured_here else shown(edge)
        yield f"{name} is {shown(value)}, expected at {word} {limit}"


def _number(value: float) -> str:
    """As people count: no exponent, no needless fraction."""
    return str(int(value)) if float(value).is_integer() else str(value)


def _sum(values: Iterable[int | None]) -> int | None:
    known = [v for v in values if v is not None]
    return sum(known) if known else None


def _duration(execution: Execution) -> tuple[float | None, bool]:
    """Seconds by the server's own start and stop where both can be read; else as seen from here, if we saw it begin."""
    if execution.run_seconds is not None or not execution.is_ours:
        return execution.run_seconds, False
    begin = execution.accepted_at if execution.running_at is None else execution.running_at
    return (execution.ended_at or begin) - begin, True


def _measured_here(seconds: float) -> str:
    return f"{format_duration(seconds)} (measured here: the server's own times cannot be read)"
