"""Spans of a run, its jobs and their executions, told by facts and by the state behind them. Pure.

The names are those of the OpenTelemetry conventions for CI/CD: a pipeline run, and a task run for each job; what has no name there
stands under `spectrum.`. Ids are derived from the run and the job: a process that goes on with the run elsewhere continues the
trace, and a span that is told twice is the same span.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import sha256

from msgspec import Struct, field
from msgspec.structs import replace

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import Cause, JobStatus, RunStatus
from spectrum_pipelines.engine.state.execution import Execution
from spectrum_pipelines.engine.state.run import JobState, RunState
from spectrum_pipelines.pipeline.secrets import masked, secrets_of
from spectrum_pipelines.spectrum import Phase

Value = str | int | float | bool
Attributes = Mapping[str, Value | None]

_RESULTS = {
    RunStatus.SUCCEEDED: "success",
    RunStatus.FAILED: "failure",
    RunStatus.TIMED_OUT: "timeout",
    RunStatus.UNKNOWN: "error",
    RunStatus.CONFLICT: "error",
    RunStatus.INTERRUPTED: "cancellation",
    JobStatus.SUCCEEDED: "success",
    JobStatus.WARNED: "success",
    JobStatus.FAILED: "failure",
    JobStatus.TIMED_OUT: "timeout",
    JobStatus.CANCELED: "cancellation",
    JobStatus.SKIPPED: "skip",
    JobStatus.UNKNOWN: "error",
}
_GOOD = {"success", "skip"}


class SpanEvent(Struct, frozen=True, kw_only=True):
    """A moment within a span."""

    name: str
    at: datetime
    attributes: Attributes = field(default_factory=dict)


class Span(Struct, frozen=True, kw_only=True):
    """A span that has ended. Ids are numbers of 128 and 64 bits; `parent_id` None: that of the process that began the run."""

    name: str
    trace_id: int
    span_id: int
    parent_id: int | None
    start: datetime
    end: datetime
    attributes: Attributes
    events: tuple[SpanEvent, ...] = ()
    failed: str | None = None


class Spans:
    """Turns facts into spans."""

    def __init__(self) -> None:
        self._events: dict[str | None, list[SpanEvent]] = {}

    def told(self, fact: ev.Stamped, state: RunState) -> Iterator[Span]:
        """The spans that end with this fact. `state` is the one after it."""
        zero = fact.time - timedelta(seconds=fact.at)
        self._note(fact)
        match fact.event:
            case ev.ExecutionEnded(job=job, execution_id=execution_id):
                found = next((one for one in state.jobs[job].executions if one.execution_id == execution_id), None)
                if found is not None:
                    yield self._execution(state, state.jobs[job], found, zero)
            case ev.JobEnded(job=job):
                yield self._job(state, state.jobs[job], fact, zero)
            case ev.RunEnded():
                yield self._run(state, fact, zero)

    def _note(self, fact: ev.Stamped) -> None:
        """What happens within a job or the run: a retry, an adoption, a gate, a process that took over, another round."""
        match fact.event:
            case ev.RetryScheduled(job=job, attempt=attempt, wait=wait):
                self._add(job, "retry", fact, {"spectrum.attempt": attempt, "spectrum.wait": wait})
            case ev.Adopted(job=job, executions=executions):
                for one in executions:
                    self._add(job, "adopted", fact, {"spectrum.execution.id": int(one.execution_id)})
            case ev.AttemptEnded(job=job, cause=Cause.GATE, reason=reason):
                self._add(job, "gate", fact, {"spectrum.reason": reason})
            case ev.Resumed():
                self._add(None, "resumed", fact, {})
            case ev.Retried(round=number):
                self._add(None, "retried", fact, {"spectrum.round": number})

    def _add(self, job: str | None, name: str, fact: ev.Stamped, attributes: Attributes) -> None:
        self._events.setdefault(job, []).append(SpanEvent(name=name, at=fact.time, attributes=attributes))

    def _run(self, state: RunState, fact: ev.Stamped, zero: datetime) -> Span:
        assert isinstance(fact.event, ev.RunEnded)
        result = _RESULTS.get(fact.event.status, "error")
        attributes: Attributes = {
            "cicd.pipeline.action.name": "RUN",
            "cicd.pipeline.name": state.pipeline.name,
            "cicd.pipeline.run.id": state.run_id,
            "cicd.pipeline.result": result,
            "spectrum.status": fact.event.status.value,
            "spectrum.exit_code": int(fact.event.exit_code),
        }
        whole = self._span(state, None, attributes, (zero, fact.time))
        return whole if result in _GOOD else replace(whole, failed=_masked(fact.event.reason or result, state))

    def _job(self, state: RunState, job: JobState, fact: ev.Stamped, zero: datetime) -> Span:
        result = _RESULTS.get(job.status, "error")
        start = fact.time if job.started_at is None else zero + timedelta(seconds=job.started_at)
        attributes: Attributes = {
            "cicd.pipeline.name": state.pipeline.name,
            "cicd.pipeline.run.id": state.run_id,
            "cicd.pipeline.task.name": job.job.id,
            "cicd.pipeline.task.run.id": f"{state.run_id}/{job.job.id}",
            "cicd.pipeline.task.run.result": result,
            "spectrum.status": job.status.value,
            "spectrum.cause": job.cause and job.cause.value,
            "spectrum.attempts": job.attempt.number,
        }
        span = self._span(state, job.job.id, attributes, (start, fact.time))
        return span if result in _GOOD else replace(span, failed=_masked(job.reason or result, state))

    def _execution(self, state: RunState, job: JobState, one: Execution, zero: datetime) -> Span:
        ended = one.accepted_at if one.ended_at is None else one.ended_at
        attributes: Attributes = {
            "cicd.pipeline.run.id": state.run_id,
            "cicd.pipeline.task.name": job.job.id,
            "spectrum.execution.id": int(one.execution_id),
            "spectrum.file.id": None if one.file_id is None else int(one.file_id),
            "spectrum.job_status": one.job_status,
            "spectrum.attempt": one.attempt,
            "spectrum.success_count": one.success_count,
            "spectrum.failure_count": one.failure_count,
        }
        is_good = one.phase in {Phase.SUCCEEDED, Phase.WARNED}
        return Span(
            name=f"execution {one.execution_id}",
            trace_id=trace_of(state),
            span_id=derived(8, state.run_id, job.job.id, str(one.execution_id)),
            parent_id=derived(8, state.run_id, job.job.id),
            start=zero + timedelta(seconds=one.accepted_at),
            end=zero + timedelta(seconds=ended),
            attributes=_cleaned(attributes, state),
            failed=None if is_good else _masked(one.job_status, state),
        )

    def _span(self, state: RunState, job: str | None, attributes: Attributes, times: tuple[datetime, datetime]) -> Span:
        """The span of the run (`job` None) or of a job under it."""
        events = tuple(
            SpanEvent(name=it.name, at=it.at, attributes=_cleaned(it.attributes, state))
            for it in self._events.pop(job, ())
        )
        return Span(
            name=_masked(f"RUN {state.pipeline.name}" if job is None else job, state),
            trace_id=trace_of(state),
            span_id=derived(8, state.run_id, *(() if job is None else (job,))),
            parent_id=None if job is None else derived(8, state.run_id),
            start=times[0],
            end=times[1],
            attributes=_cleaned(attributes, state),
            events=events,
        )


def trace_of(state: RunState) -> int:
    """The trace of a run: that in which it began, as its journal says, else one of its own."""
    recorded = None if state.facts is None else state.facts.trace_id
    return derived(16, state.run_id, "trace") if recorded is None else int(recorded, 16)


def derived(size: int, *parts: str) -> int:
    """An id of so many bytes, the same wherever it is made; never zero."""
    digest = sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:size], "big") or 1


def _masked(text: str, state: RunState) -> str:
    """Without the values of secret variables, which a server or a path may repeat, and without half of a surrogate pair."""
    return masked(text, secrets_of(state.pipeline)).encode("utf-8", "replace").decode()


def _cleaned(attributes: Attributes, state: RunState) -> Attributes:
    return {
        key: _masked(value, state) if isinstance(value, str) else value
        for key, value in attributes.items()
        if value is not None
    }
