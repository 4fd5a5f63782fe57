"""Rules on retries that cannot fit their times."""

from collections.abc import Iterator

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.pipeline.form.overlay import mapping
from spectrum_pipelines.pipeline.model.durations import format_duration
from spectrum_pipelines.pipeline.model.policy import Retry, RetryReason
from spectrum_pipelines.pipeline.rules.written import WrittenPolicy, seconds

_BOUNDS = {"limit": (0, 1000), "factor": (1, 100), "jitter": (0, 1)}


def check_retry(written: WrittenPolicy) -> Iterator[Diagnostic]:
    """Check what one place says of retries."""
    yield from _check_total(written)
    yield from _check_last_retry(written)
    yield from _check_intervals(written)
    yield from _check_limit(written)


def _check_total(written: WrittenPolicy) -> Iterator[Diagnostic]:
    timeout, total = seconds(written.get("timeout")), seconds(written.retry("max_duration"))
    place = written.place(("retry", "max_duration"), ("timeout",))
    if place and timeout is not None and total is not None and total < timeout:
        message = (
            f"`retry.max_duration` ({format_duration(total)}) is shorter than `timeout` ({format_duration(timeout)}): "
            "all attempts together cannot take less than one may"
        )
        hint = f"write `max_duration: {format_duration(timeout).replace(' ', '')}` or more, or a shorter `timeout`"
        yield written.view.fault(place, "budget", message, hint=hint)


def _check_last_retry(written: WrittenPolicy) -> Iterator[Diagnostic]:
    timeout, total = seconds(written.get("timeout")), seconds(written.retry("max_duration"))
    place = written.place(("retry", "max_duration"), ("retry", "limit"), ("timeout",), ("retry", "interval"))
    if place is None or timeout is None or total is None or timeout > total:
        return
    retry = _complete(written)
    if retry is None or not retry.limit or RetryReason.TIMED_OUT not in retry.when:
        return
    before_last = retry.limit * timeout + retry.longest_waits()
    if before_last >= total:
        message = (
            f"the last of {retry.limit + 1} executions could not start within `retry.max_duration` ({format_duration(total)}) "
            f"when those before it time out: they and their waits take {format_duration(before_last)}"
        )
        hint = "lengthen `max_duration`, lower `limit`, shorten `timeout`, or take `timed_out` out of `when`"
        yield written.view.warning(place, "budget", message, hint=hint)


def _complete(written: WrittenPolicy) -> Retry | None:
    """The retry policy, with the tool's own defaults, if all of it is written out and within the schema's bounds."""
    tool = Retry()
    numbers: dict[str, float] = {}
    for key, (least, most) in _BOUNDS.items():
        value = written.retry(key)
        value = getattr(tool, key) if value is None else value
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            return None
        numbers[key] = value
    times: dict[str, float] = {}
    for key in ("interval", "max_interval"):
        value = written.retry(key)
        time = getattr(tool, key) if value is None else seconds(value)
        if time is None:
            return None
        times[key] = time
    when = written.retry("when")
    reasons = frozenset(it for it in RetryReason if it.value in when) if isinstance(when, list) else tool.when
    return Retry(
        limit=int(numbers["limit"]),
        factor=numbers["factor"],
        jitter=numbers["jitter"],
        interval=times["interval"],
        max_interval=times["max_interval"],
        when=reasons,
    )


def _check_intervals(written: WrittenPolicy) -> Iterator[Diagnostic]:
    place = written.place(("retry", "interval"), ("retry", "max_interval"))
    retry = _complete(written) if place else None
    if place and retry is not None and retry.interval > retry.max_interval:
        longest = "" if written.retry("max_interval") is not None else ", the default"
        message = (
            f"`retry.interval` ({format_duration(retry.interval)}) is longer than "
            f"`retry.max_interval` ({format_duration(retry.max_interval)}{longest})"
        )
        yield written.view.fault(place, "budget", message, hint="no wait is longer than `max_interval`: lengthen it")


def _check_limit(written: WrittenPolicy) -> Iterator[Diagnostic]:
    if mapping(written.own.get("retry")) and written.retry("limit") is None:
        message = "`retry` without `limit` never runs a job again"
        yield written.view.warning(
            (*written.path, "retry"), "no-effect", message, hint="write, say, `limit: 2`", at_key=True
        )
