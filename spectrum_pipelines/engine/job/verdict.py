"""What the executions of one attempt amount to: Spectrum's status words first, then the pipeline's quality gates."""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from spectrum_pipelines.engine.outcome import Cause, JobStatus
from spectrum_pipelines.engine.state.execution import Execution
from spectrum_pipelines.pipeline.model.durations import format_duration
from spectrum_pipelines.pipeline.model.policy import Bound, Expect, Policy, Warnings
from spectrum_pipelines.spectrum import Phase


class Verdict(Struct, frozen=True, kw_only=True):
    """How an attempt ended, and why."""

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
    name = f" ({execution.name})" if execution.name else ""
    failures = f", {execution.failure_count} failed records" if execution.failure_count else ""
    return f"execution {execution.execution_id}{name} ended {execution.job_status}{failures}"


def broken_gates(executions: Sequence[Execution], expect: Expect) -> Iterable[str]:
    """Each gate that does not hold, as a sentence. Counts are summed over the executions of a sequence."""
    if expect.status is not None:
        for execution in executions:
            if execution.job_status.upper() not in expect.status:
                yield f"expected status {' or '.join(sorted(expect.status))}, found {execution.job_status}"
    success = _sum(e.success_count for e in executions)
    failure = _sum(e.failure_count for e in executions)
    durations = [d for e in executions if (d := _duration(e)) is not None]
    yield from _gate("success_count", expect.success_count, success, _number)
    yield from _gate("failure_count", expect.failure_count, failure, _number)
    yield from _gate("duration", expect.duration, max(durations, default=None), format_duration)
    ages = [e.stop_age for e in executions if e.stop_age is not None]
    yield from _gate("age", expect.age, max(ages, default=None), format_duration)
    for name, bound in sorted(expect.counters.items()):
        values = [e.counters[name] for e in executions if name in e.counters]
        yield from _gate(f"counter {name}", bound, sum(values) if values else None, _number)


def _gate(name: str, bound: Bound | None, value: float | None, shown: Callable[[float], str]) -> Iterable[str]:
    if bound is None:
        return
    if value is None:
        yield f"{name} was not reported, so its gate cannot hold"
    elif not bound.admits(value):
        too_low = bound.min is not None and value < bound.min
        edge, word = (bound.min, "least") if too_low else (bound.max, "most")
        assert edge is not None
        yield f"{name} is {shown(value)}, expected at {word} {shown(edge)}"


def _number(value: float) -> str:
    """As people count: no exponent, no needless fraction."""
    return str(int(value)) if float(value).is_integer() else str(value)


def _sum(values: Iterable[int | None]) -> int | None:
    known = [v for v in values if v is not None]
    return sum(known) if known else None


def _duration(execution: Execution) -> float | None:
    """Measured here if we saw it begin, else as the server's own times tell."""
    if execution.is_ours:
        begin = execution.accepted_at if execution.running_at is None else execution.running_at
        return (execution.ended_at or begin) - begin
    return execution.run_seconds
