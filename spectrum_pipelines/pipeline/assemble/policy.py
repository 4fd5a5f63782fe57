"""The policy and the gates of one job, from data that has been checked and filled in."""

from collections.abc import Mapping
from typing import Any

from spectrum_pipelines.document.numbers import WrittenFloat, WrittenInt, plain
from spectrum_pipelines.pipeline.form.overlay import mapping
from spectrum_pipelines.pipeline.model.action import JobOutput, Template
from spectrum_pipelines.pipeline.model.durations import parse_duration
from spectrum_pipelines.pipeline.model.policy import (
    Bound,
    Expect,
    OnAmbiguous,
    OnRunning,
    OnTimeout,
    Policy,
    Retry,
    RetryReason,
    Total,
    Warnings,
)
from spectrum_pipelines.pipeline.rules.written import POLICY_KEYS

_TOOL = Policy()


def merged_policy(defaults: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """A job's own keys over the defaults, also within `retry`."""
    merged = {key: body.get(key, defaults.get(key)) for key in POLICY_KEYS if key in body or key in defaults}
    if "retry" in merged:
        merged["retry"] = {**mapping(defaults.get("retry")), **mapping(body.get("retry"))}
    return merged


def policy(data: Mapping[str, Any]) -> Policy:
    """What is not said is the tool's own default."""
    return Policy(
        timeout=_time(data, "timeout", _TOOL.timeout),
        queue_timeout=_limit(data, "queue_timeout"),
        warnings=Warnings(data.get("warnings", _TOOL.warnings.value)),
        on_running=OnRunning(data.get("on_running", _TOOL.on_running.value)),
        on_timeout=OnTimeout(data.get("on_timeout", _TOOL.on_timeout.value)),
        on_ambiguous=OnAmbiguous(data.get("on_ambiguous", _TOOL.on_ambiguous.value)),
        ambiguous_grace=_time(data, "ambiguous_grace", _TOOL.ambiguous_grace),
        retry=_retry(mapping(data.get("retry"))),
    )


def _retry(data: Mapping[str, Any]) -> Retry:
    tool = _TOOL.retry
    when = data.get("when")
    return Retry(
        limit=int(data.get("limit", tool.limit)),
        interval=_time(data, "interval", tool.interval),
        factor=float(data.get("factor", tool.factor)),
        max_interval=_time(data, "max_interval", tool.max_interval),
        jitter=float(data.get("jitter", tool.jitter)),
        max_duration=_limit(data, "max_duration"),
        when=tool.when if when is None else frozenset(map(RetryReason, when)),
    )


def expect(data: Mapping[str, Any] | None) -> Expect | None:
    """Gates; None where the job has none."""
    if data is None:
        return None
    status = data.get("status")
    return Expect(
        success_count=_bound(data.get("success_count")),
        failure_count=_bound(data.get("failure_count")),
        duration=_bound(data.get("duration")),
        age=_bound(data.get("age")),
        status=None if status is None else frozenset(status),
        counters=_counters(data),
        total=_total(data.get("total")),
    )


def _total(data: Mapping[str, Any] | None) -> Total | None:
    if data is None:
        return None
    return Total(
        success_count=_bound(data.get("success_count")),
        failure_count=_bound(data.get("failure_count")),
        counters=_counters(data),
    )


def _counters(data: Mapping[str, Any]) -> dict[str, Bound]:
    return {name: _bounds(it) for name, it in mapping(data.get("counters")).items()}


def _bound(data: Mapping[str, Any] | None) -> Bound | None:
    return None if data is None else _bounds(data)


def _bounds(data: Mapping[str, Any]) -> Bound:
    least, most = data.get("min"), data.get("max")
    return Bound(min=_edge(least), max=_edge(most), min_of=_output(least), max_of=_output(most))


def _output(value: Any) -> JobOutput | None:
    """The output of another job that stands for an edge, and for nothing but the edge: the rest was no number."""
    if not isinstance(value, Template):
        return None
    (only,) = value.parts
    assert isinstance(only, JobOutput)
    return only


def _edge(value: Any) -> float | None:
    if isinstance(value, Template):
        return None  # known only when the run has come that far
    if isinstance(value, WrittenInt | WrittenFloat):
        return plain(value)
    return parse_duration(value) if isinstance(value, str) else value


def _limit(data: Mapping[str, Any], key: str) -> float | None:
    """`none` is the tool's own default of every limit."""
    value = data.get(key, "none")
    return None if value == "none" else parse_duration(value)


def _time(data: Mapping[str, Any], key: str, default: float) -> float:
    value = data.get(key)
    return default if value is None else parse_duration(value)
