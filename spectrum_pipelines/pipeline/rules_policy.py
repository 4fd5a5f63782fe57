"""Rules on times that cannot fit each other. What a reference fills in is judged once it is known, by the same rules.

A rule speaks at the place where one of its two values was written: once at `defaults`, and at a job only if that job changes one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.document.position import Path
from spectrum_pipelines.pipeline.durations import format_duration, parse_duration
from spectrum_pipelines.pipeline.policy import Retry, RetryReason
from spectrum_pipelines.pipeline.sketch import Draft
from spectrum_pipelines.pipeline.view import View, mapping

POLICY_KEYS = (
    "timeout", "queue_timeout", "warnings", "on_running", "on_timeout", "on_ambiguous", "ambiguous_grace", "retry",
)  # fmt: skip

_BOUNDS = {"limit": (0, 1000), "factor": (1, 100), "jitter": (0, 1)}


def seconds(value: Any) -> float | None:
    """A duration that is written out; None for `none`, for references and for what the schema refuses."""
    if not isinstance(value, str):
        return None
    try:
        return parse_duration(value)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    """The policy of `defaults` or of one job: its own keys over those that it inherits."""

    view: View
    path: Path
    own: Mapping[str, Any]
    inherited: Mapping[str, Any]

    def get(self, key: str) -> Any:
        return self.own.get(key, self.inherited.get(key))

    def retry(self, key: str) -> Any:
        own = mapping(self.own.get("retry"))
        return own.get(key, mapping(self.inherited.get("retry")).get(key))

    def place(self, *paths: tuple[str, ...]) -> Path | None:
        """The first of the paths that is written in this very scope."""
        for path in paths:
            value: Any = self.own
            for key in path:
                value = mapping(value).get(key)
            if value is not None:
                return (*self.path, *path)
        return None


def check_policies(draft: Draft) -> Iterator[Diagnostic]:
    """Check `defaults` and every job that changes something of it."""
    view = draft.view
    defaults = view.section("defaults")
    scopes = [_Scope(view=view, path=("defaults",), own=defaults, inherited={})]
    scopes += (
        _Scope(view=view, path=job.path, own=job.body, inherited=defaults)
        for job in draft.jobs.values()
        if any(key in job.body for key in POLICY_KEYS)
    )
    for scope in scopes:
        yield from _check_queue(scope)
        yield from _check_total(scope)
        yield from _check_last_retry(scope)
        yield from _check_intervals(scope)
        yield from _check_limit(scope)
        yield from _check_run_timeout(scope)
    for job in draft.jobs.values():
        if "expect" in job.body:
            yield from _check_bounds(view, (*job.path, "expect"), mapping(job.body["expect"]))


def _check_queue(scope: _Scope) -> Iterator[Diagnostic]:
    timeout, queue = seconds(scope.get("timeout")), seconds(scope.get("queue_timeout"))
    place = scope.place(("queue_timeout",), ("timeout",))
    if place and timeout is not None and queue is not None and queue > timeout:
        message = f"`queue_timeout` ({format_duration(queue)}) is longer than `timeout` ({format_duration(timeout)})"
        hint = "the time in the queue is a part of `timeout`: shorten the one or lengthen the other"
        yield scope.view.fault(place, "budget", message, hint=hint)


def _check_total(scope: _Scope) -> Iterator[Diagnostic]:
    timeout, total = seconds(scope.get("timeout")), seconds(scope.retry("max_duration"))
    place = scope.place(("retry", "max_duration"), ("timeout",))
    if place and timeout is not None and total is not None and total < timeout:
        message = (
            f"`retry.max_duration` ({format_duration(total)}) is shorter than `timeout` ({format_duration(timeout)}): "
            "all attempts together cannot take less than one may"
        )
        hint = f"write `max_duration: {format_duration(timeout).replace(' ', '')}` or more, or a shorter `timeout`"
        yield scope.view.fault(place, "budget", message, hint=hint)


def _check_last_retry(scope: _Scope) -> Iterator[Diagnostic]:
    timeout, total = seconds(scope.get("timeout")), seconds(scope.retry("max_duration"))
    place = scope.place(("retry", "max_duration"), ("retry", "limit"), ("timeout",), ("retry", "interval"))
    retry = _written(scope)
    if place is None or timeout is None or total is None or not timeout <= total:
        return
    if retry is None or not retry.limit or RetryReason.TIMED_OUT not in retry.when:
        return
    before_last = retry.limit * timeout + retry.longest_waits
    if before_last >= total:
        message = (
            f"the last of {retry.limit + 1} executions could not start within `retry.max_duration` ({format_duration(total)}) "
            f"when those before it time out: they and their waits take {format_duration(before_last)}"
        )
        hint = "lengthen `max_duration`, lower `limit`, shorten `timeout`, or take `timed_out` out of `when`"
        yield scope.view.warning(place, "budget", message, hint=hint)


def _written(scope: _Scope) -> Retry | None:
    """The retry policy, with the tool's own defaults, if all of it is written out and within the schema's bounds."""
    tool = Retry()
    numbers: dict[str, float] = {}
    for key, (least, most) in _BOUNDS.items():
        value = scope.retry(key)
        value = getattr(tool, key) if value is None else value
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            return None
        numbers[key] = value
    times: dict[str, float] = {}
    for key in ("interval", "max_interval"):
        value = scope.retry(key)
        time = getattr(tool, key) if value is None else seconds(value)
        if time is None:
            return None
        times[key] = time
    when = scope.retry("when")
    reasons = frozenset(it for it in RetryReason if it.value in when) if isinstance(when, list) else tool.when
    return Retry(
        limit=int(numbers["limit"]),
        factor=numbers["factor"],
        jitter=numbers["jitter"],
        interval=times["interval"],
        max_interval=times["max_interval"],
        when=reasons,
    )


def _check_intervals(scope: _Scope) -> Iterator[Diagnostic]:
    place = scope.place(("retry", "interval"), ("retry", "max_interval"))
    retry = _written(scope)
    if place and retry is not None and retry.interval > retry.max_interval:
        longest = "" if scope.retry("max_interval") is not None else ", the default"
        message = (
            f"`retry.interval` ({format_duration(retry.interval)}) is longer than "
            f"`retry.max_interval` ({format_duration(retry.max_interval)}{longest})"
        )
        yield scope.view.fault(place, "budget", message, hint="no wait is longer than `max_interval`: lengthen it")


def _check_limit(scope: _Scope) -> Iterator[Diagnostic]:
    if mapping(scope.own.get("retry")) and scope.retry("limit") is None:
        message = "`retry` without `limit` never runs a job again"
        yield scope.view.warning(
            (*scope.path, "retry"), "no-effect", message, hint="write, say, `limit: 2`", at_key=True
        )


def _check_run_timeout(scope: _Scope) -> Iterator[Diagnostic]:
    """Not for the chain of timeouts: they are upper limits, and a run is not expected to meet them all."""
    in_finally = scope.path[0] == "finally"
    limits = scope.view.section("timeouts")
    key = "finally" if in_finally else "pipeline"
    limit, timeout = seconds(limits.get(key)), seconds(scope.own.get("timeout"))
    if limit is not None and timeout is not None and timeout > limit:
        message = f"`timeout` ({format_duration(timeout)}) is longer than `timeouts.{key}` ({format_duration(limit)})"
        hint = f"the run is over first: shorten `timeout` or lengthen `timeouts.{key}`"
        yield scope.view.warning((*scope.path, "timeout"), "budget", message, hint=hint)


def _check_bounds(view: View, path: Path, expect: Mapping[str, Any]) -> Iterator[Diagnostic]:
    gates: dict[tuple[str, ...], Any] = {(key,): value for key, value in expect.items() if key != "counters"}
    gates |= {("counters", key): value for key, value in mapping(expect.get("counters")).items()}
    for key, gate in gates.items():
        least, most = mapping(gate).get("min"), mapping(gate).get("max")
        low, high = (it if isinstance(it, (int, float)) else seconds(it) for it in (least, most))
        if low is not None and high is not None and low > high:
            message = f"nothing can pass this gate: `min` ({least}) is above `max` ({most})"
            yield view.fault((*path, *key), "budget", message, hint="swap or correct the two", at_key=True)
