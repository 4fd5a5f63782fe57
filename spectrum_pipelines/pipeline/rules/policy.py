"""Rules on times that cannot fit each other. What a reference fills in is judged once it is known, by the same rules.

A rule speaks at the place where one of its two values was written: once at `defaults`, and at a job only if that job changes one.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.document.position import Path
from spectrum_pipelines.pipeline.form.overlay import mapping
from spectrum_pipelines.pipeline.form.sketch import Draft
from spectrum_pipelines.pipeline.form.view import View
from spectrum_pipelines.pipeline.model.durations import format_duration
from spectrum_pipelines.pipeline.model.policy import Policy
from spectrum_pipelines.pipeline.rules.retry import check_retry
from spectrum_pipelines.pipeline.rules.written import POLICY_KEYS, WrittenPolicy, seconds


def check_policies(draft: Draft) -> Iterator[Diagnostic]:
    """Check `defaults` and every job that changes something of it."""
    view = draft.view
    defaults = view.section("defaults")
    policies = [WrittenPolicy(view=view, path=("defaults",), own=defaults, inherited={})]
    policies += (
        WrittenPolicy(view=view, path=job.path, own=job.body, inherited=defaults)
        for job in draft.jobs.values()
        if any(key in job.body for key in POLICY_KEYS)
    )
    for written in policies:
        yield from _check_queue(written)
        yield from check_retry(written)
        yield from _check_run_timeout(written)
    for job in draft.jobs.values():
        if "expect" in job.body:
            yield from _check_bounds(view, (*job.path, "expect"), mapping(job.body["expect"]))


def _check_queue(written: WrittenPolicy) -> Iterator[Diagnostic]:
    timeout, queue = seconds(written.get("timeout")), seconds(written.get("queue_timeout"))
    default = ""
    if written.get("timeout") is None:
        timeout, default = Policy().timeout, ", the default"
    place = written.place(("queue_timeout",), ("timeout",))
    if place and timeout is not None and queue is not None and queue > timeout:
        message = (
            f"`queue_timeout` ({format_duration(queue)}) is longer than `timeout` ({format_duration(timeout)}{default})"
        )
        hint = "the time in the queue is a part of `timeout`: shorten the one or lengthen the other"
        tell = written.view.warning if default else written.view.fault
        yield tell(place, "budget", message, hint=hint)


#: Keys that say how long something of one job may take.
_TIMES = (("timeout",), ("queue_timeout",), ("ambiguous_grace",), ("retry", "interval"), ("retry", "max_duration"))


def _check_run_timeout(written: WrittenPolicy) -> Iterator[Diagnostic]:
    """Not for the chain of timeouts: they are upper limits, and a run is not expected to meet them all."""
    in_finally = written.path[0] == "finally"
    limits = written.view.section("timeouts")
    around = "finally" if in_finally else "pipeline"
    limit = seconds(limits.get(around))
    for path in _TIMES:
        value: Any = written.own
        for key in path:
            value = mapping(value).get(key)
        time, name = seconds(value), ".".join(path)
        if limit is not None and time is not None and time > limit:
            message = (
                f"`{name}` ({format_duration(time)}) is longer than `timeouts.{around}` ({format_duration(limit)})"
            )
            hint = f"the run is over first: shorten `{name}` or lengthen `timeouts.{around}`"
            yield written.view.warning((*written.path, *path), "budget", message, hint=hint)


def _check_bounds(view: View, path: Path, expect: Mapping[str, Any]) -> Iterator[Diagnostic]:
    gates: dict[tuple[str, ...], Any] = {
        (key,): value for key, value in expect.items() if key not in {"counters", "total"}
    }
    gates |= {("counters", key): value for key, value in mapping(expect.get("counters")).items()}
    for key, gate in gates.items():
        least, most = mapping(gate).get("min"), mapping(gate).get("max")
        low, high = (it if isinstance(it, (int, float)) else seconds(it) for it in (least, most))
        if low is not None and high is not None and low > high:
            message = f"nothing can pass this gate: `min` ({least}) is above `max` ({most})"
            yield view.fault((*path, *key), "budget", message, hint="swap or correct the two", at_key=True)
    if total := mapping(expect.get("total")):
        yield from _check_bounds(view, (*path, "total"), total)
