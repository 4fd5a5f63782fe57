"""Rules on what can never act or never pass: retries for ends that lead to none, gates that nothing meets or misses."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.pipeline.fill.reference import holds_reference
from spectrum_pipelines.pipeline.form.overlay import mapping
from spectrum_pipelines.pipeline.form.sketch import Draft, JobSketch
from spectrum_pipelines.pipeline.model.durations import format_duration
from spectrum_pipelines.pipeline.model.policy import Policy
from spectrum_pipelines.pipeline.rules.written import POLICY_KEYS, WrittenPolicy, seconds
from spectrum_pipelines.spectrum import Phase, phase_of

_COUNTS = ("success_count", "failure_count")
_FAILED = "a run that ended so has failed, whatever passes"
_NEVER_PASSES = {
    Phase.FAILED: _FAILED,
    Phase.CANCELED: _FAILED,
    Phase.NEVER_RUN: "a file that never ran has no run to judge",
}


def check_idle(draft: Draft) -> Iterator[Diagnostic]:
    """Check `defaults` and every job."""
    view = draft.view
    defaults = view.section("defaults")
    yield from _check_when(WrittenPolicy(view=view, path=("defaults",), own=defaults, inherited={}))
    for job in draft.jobs.values():
        written = WrittenPolicy(view=view, path=job.path, own=job.body, inherited=defaults)
        if any(key in job.body for key in POLICY_KEYS):
            yield from _check_when(written)
        if "expect" in job.body:
            yield from _check_status(draft, job)
            yield from _check_counts(draft, job)
            yield from _check_totals(draft, job)
            yield from _check_duration(written, job)


def _check_when(written: WrittenPolicy) -> Iterator[Diagnostic]:
    when = written.retry("when")
    if not isinstance(when, list):
        return
    place = written.place(("retry", "when"), ("on_timeout",))
    if place and "timed_out" in when and written.get("on_timeout") == "leave":
        message = "`retry.when: [timed_out]` never acts: with `on_timeout: leave` the execution that timed out runs on"
        yield written.view.warning(
            place, "no-effect", message, hint="write `on_timeout: stop`, or take `timed_out` out"
        )
    place = written.place(("retry", "when"), ("warnings",))
    if place and "warnings" in when and (written.get("warnings") or "succeed") == "succeed":
        message = "`retry.when: [warnings]` never acts: with `warnings: succeed` a run with warnings has succeeded"
        yield written.view.warning(place, "no-effect", message, hint="write `warnings: fail`, or take `warnings` out")


def _check_status(draft: Draft, job: JobSketch) -> Iterator[Diagnostic]:
    listed = mapping(job.body["expect"]).get("status")
    if job.actions != ("check",) or not isinstance(listed, list):
        return
    path = (*job.path, "expect", "status")
    for place, word in enumerate(listed):
        phase = phase_of(word) if isinstance(word, str) else Phase.UNRECOGNIZED
        if phase.is_active:
            message = f"`{word}` never passes: `check` judges the last run that has ended"
            hint = "take it out; to follow a run to its end, write `wait_for` instead of `check`"
            yield draft.view.warning((*path, place), "no-effect", message, hint=hint)
        elif phase in _NEVER_PASSES:
            message = f"`{word}` never passes: {_NEVER_PASSES[phase]}"
            hint = "take it out; for what is to be done then, write a job with `run_if: any_failed`"
            yield draft.view.warning((*path, place), "no-effect", message, hint=hint)
    if "warnings" in job.body:
        message = "`warnings` has no effect: `expect.status` says which words pass"
        yield draft.view.warning(
            (*job.path, "warnings"), "no-effect", message, hint="remove one of the two", at_key=True
        )


def _check_counts(draft: Draft, job: JobSketch) -> Iterator[Diagnostic]:
    expect = mapping(job.body["expect"])
    for prefix, gates in (((), expect), (("total",), mapping(expect.get("total")))):
        named: dict[tuple[str, ...], Any] = {(key,): gates.get(key) for key in _COUNTS}
        named |= {("counters", key): gate for key, gate in mapping(gates.get("counters")).items()}
        for keys, gate in named.items():
            most = mapping(gate).get("max")
            if isinstance(most, int | float) and not isinstance(most, bool) and most < 0:
                path = (*job.path, "expect", *prefix, *keys, "max")
                message = f"nothing can pass this gate: a count is never below zero, and `max` is {most}"
                yield draft.view.fault(path, "budget", message, hint="write, say, `max: 0`")


def _check_totals(draft: Draft, job: JobSketch) -> Iterator[Diagnostic]:
    """All executions together have at least what each of them must have; a job of one execution has just that.

    A sequence has an execution for each of its files, or more. Members have counters of their own: only one must have the counter.
    """
    expect = mapping(job.body["expect"])
    total = mapping(expect.get("total"))
    for keys, of_all in _by_name(total).items():
        of_each = _by_name(expect).get(keys, {})
        least, most = of_each.get("min"), of_all.get("max")
        path = (*job.path, "expect", "total", *keys)
        executions = _fewest_executions(job) if keys[0] in _COUNTS else 1
        if _is_number(least) and _is_number(most) and max(least, executions * least) > most >= 0:
            each = "each execution" if least > most else f"each of {executions} executions"
            message = f"nothing can pass this gate: {each} must have {least} or more, and `max` is {most}"
            yield draft.view.fault((*path, "max"), "budget", message, hint="correct one of the two")
        least, most = of_all.get("min"), of_each.get("max")
        if job.actions != ("sequence",) and _is_number(least) and _is_number(most) and least > most >= 0:
            message = f"nothing can pass this gate: the only execution may have {most} at most, and `min` is {least}"
            yield draft.view.fault((*path, "min"), "budget", message, hint="correct one of the two")
        elif job.actions == ("sequence",) and _is_number(least) and most == 0 and _is_number(most) and least > 0:
            message = f"nothing can pass this gate: each execution may have 0 at most, and `min` is {least}"
            yield draft.view.fault((*path, "min"), "budget", message, hint="correct one of the two")


def _fewest_executions(job: JobSketch) -> int:
    """The files that a sequence names for certain: two references may come to one file."""
    listed = job.body.get("sequence")
    if job.actions != ("sequence",) or not isinstance(listed, list):
        return 1
    return max(1, len({str(it) for it in listed if isinstance(it, str | int) and not holds_reference(it)}))


def _by_name(gates: Mapping[str, Any]) -> dict[tuple[str, ...], Mapping[str, Any]]:
    named = {(key,): mapping(gates.get(key)) for key in _COUNTS if key in gates}
    return named | {("counters", key): mapping(gate) for key, gate in mapping(gates.get("counters")).items()}


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_duration(written: WrittenPolicy, job: JobSketch) -> Iterator[Diagnostic]:
    """Only where the job itself starts the run: one that is attached to may have run for long before."""
    if job.actions not in {("trigger",), ("sequence",)} or written.get("on_running") == "attach":
        return
    gate: Mapping[str, Any] = mapping(mapping(job.body["expect"]).get("duration"))
    yield from _check_run_limit(written, seconds(gate.get("min")))
    timeout = seconds(written.get("timeout"))
    timeout = Policy().timeout if written.get("timeout") is None else timeout
    if timeout is None:
        return
    least, most = seconds(gate.get("min")), seconds(gate.get("max"))
    path = (*job.path, "expect", "duration")
    if least is not None and least > timeout:
        message = f"nothing can pass this gate: `timeout` ends each attempt after {format_duration(timeout)}"
        yield written.view.fault((*path, "min"), "budget", message, hint="shorten `min` or lengthen `timeout`")
    elif most is not None and most > timeout:
        message = f"`expect.duration.max` never acts: `timeout` ends each attempt after {format_duration(timeout)}"
        yield written.view.warning((*path, "max"), "no-effect", message, hint="shorten `max` or lengthen `timeout`")


#: What ends by itself while it is being stopped is judged by its gates.
_WHILE_STOPPING = 60.0


def _check_run_limit(written: WrittenPolicy, least: float | None) -> Iterator[Diagnostic]:
    """The limit of the run ends its executions, too. Time in which nobody worked on the run does not count: hence a warning."""
    around = "finally" if written.path[0] == "finally" else "pipeline"
    limit = seconds(written.view.section("timeouts").get(around))
    if limit is not None and least is not None and least > limit + _WHILE_STOPPING:
        message = (
            f"no run in one go can pass this gate: `timeouts.{around}` ends its jobs after {format_duration(limit)}"
        )
        path = (*written.path, "expect", "duration", "min")
        yield written.view.warning(path, "budget", message, hint=f"shorten `min` or lengthen `timeouts.{around}`")
