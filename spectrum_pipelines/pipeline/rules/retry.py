"""Rules on retries that cannot fit their times."""

from collections.abc import Iterator

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.pipeline.form.overlay import mapping
from spectrum_pipelines.pipeline.model.durations import format_duration
from spectrum_pipelines.pipeline.model.policy import Policy, Retry, RetryReason
from spectrum_pipelines.pipeline.rules.written import WrittenPolicy, seconds

_BOUNDS = {"limit": (0, 1000), "factor": (1, 100), "jitter": (0, 1)}


def check_retry(written: WrittenPolicy) -> Iterator[Diagnostic]:
    """Check what one place says of retries."""
    yield from _check_total(written)
    yield from _check_last_retry(written)
    yield from _check_intervals(written)
    yield from _check_first_wait(written)
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


def _check_first_wait(written: WrittenPolicy) -> Iterator[Diagnostic]:
    """No retry begins after `max_duration`, and each of them waits before."""
    total = seconds(written.retry("max_duration"))
    place = written.place(("retry", "max_duration"), ("retry", "interval"), ("retry", "when"), ("retry", "limit"))
    retry = _complete(written) if place is not None and total is not None else None
    if place is None or total is None or retry is None or not retry.limit:
        return
    if total <= retry.interval:
        default = "" if written.retry("interval") is not None else ", the default"
        message = (
            f"`retry.max_duration` ({format_duration(total)}) is over before the first retry, "
            f"which waits for `retry.interval` ({format_duration(retry.interval)}{default})"
        )
        hint = "lengthen `max_duration`, or shorten `interval`"
        yield written.view.warning(place, "no-effect", message, hint=hint)
    elif written.get("timeout") is None and retry.when == {RetryReason.TIMED_OUT} and total <= Policy().timeout:
        message = (
            f"`retry.when: [timed_out]` never acts: `retry.max_duration` ({format_duration(total)}) is over "
            f"before an attempt times out ({format_duration(Policy().timeout)}, the default of `timeout`)"
        )
        yield written.view.warning(place, "no-effect", message, hint="write a `timeout` that leaves room for a retry")


def _check_limit(written: WrittenPolicy) -> Iterator[Diagnostic]:
    own = mapping(written.own.get("retry"))
    limit = written.retry("limit")
    others = [key for key in own if key != "limit"]
    if not others or _is_raised_by_a_job(written):
        return
    if limit is None:
        message = "`retry` without `limit` never runs a job again"
        path = (*written.path, "retry")
        yield written.view.warning(path, "no-effect", message, hint="write, say, `limit: 2`", at_key=True)
    elif limit == 0 and not isinstance(limit, bool):
        message = f"`retry.{others[0]}` has no effect: with `limit: 0`, a job never runs again"
        path = (*written.path, "retry", others[0])
        yield written.view.warning(path, "no-effect", message, hint="remove it, or raise `limit`", at_key=True)


def _is_raised_by_a_job(written: WrittenPolicy) -> bool:
    """What `defaults` say of retries may be for the jobs that write a `limit` of their own."""
    if written.path != ("defaults",):
        return False
    jobs = (*written.view.section("jobs").values(), *written.view.section("finally").values())
    return any(mapping(mapping(job).get("retry")).get("limit", 0) != 0 for job in jobs)
