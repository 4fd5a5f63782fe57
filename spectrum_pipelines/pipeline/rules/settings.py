"""Rules on the settings of a whole pipeline: its server and how often it asks."""

import re
from collections.abc import Iterator

from spectrum_pipelines.address import read_address
from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.document.position import Path
from spectrum_pipelines.document.suggest import closest
from spectrum_pipelines.errors import UserError
from spectrum_pipelines.pipeline.form.overlay import mapping
from spectrum_pipelines.pipeline.form.sketch import Draft
from spectrum_pipelines.pipeline.form.view import View
from spectrum_pipelines.pipeline.model.durations import format_duration
from spectrum_pipelines.pipeline.model.pipeline import Poll
from spectrum_pipelines.pipeline.rules.written import seconds

_WITH_LOGIN = re.compile(r"\s*[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*@")


#: As in the schema, which knows neither the range of a port nor what an IPv6 address is.
_LIKE_AN_ADDRESS = re.compile(
    r"https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][A-Za-z0-9._-]*)(?::[0-9]{1,5})?(?:/[^?#]*)?"
)


def check_settings(draft: Draft) -> Iterator[Diagnostic]:
    """Check `server`, `poll`, `http`, `timeouts` and `concurrency`."""
    view = draft.view
    yield from _check_url(view)
    yield from _check_group(view)
    yield from _check_lost_requests(view)
    yield from _check_finally(view)
    yield from _check_timezone(view, ("timezone",), view.data.get("timezone"))
    yield from _check_timezone(view, ("server", "timezone"), view.section("server").get("timezone"))
    poll = view.section("poll")
    least, most = (
        seconds(poll.get("min", format_duration(Poll().min))),
        seconds(poll.get("max", format_duration(Poll().max))),
    )
    if least is not None and most is not None and least > most:
        message = f"`poll.min` ({format_duration(least)}) is longer than `poll.max` ({format_duration(most)})"
        path = ("poll", "min" if "min" in poll else "max")
        yield view.fault(path, "budget", message, hint="lengthen `max` or shorten `min`")


def _check_group(view: View) -> Iterator[Diagnostic]:
    concurrency = view.section("concurrency")
    if "behavior" in concurrency and "group" not in concurrency:
        message = "`behavior` is about a group that is taken, and there is none"
        path = ("concurrency", "behavior")
        yield view.warning(path, "no-effect", message, hint="name one: `group: nightly`", at_key=True)
    if "timeout" not in concurrency:
        return
    path = ("concurrency", "timeout")
    if "group" not in concurrency:
        message = "`timeout` is about a group that is taken, and there is none"
        yield view.warning(path, "no-effect", message, hint="name one: `group: nightly`", at_key=True)
    elif concurrency.get("behavior") == "fail":
        message = "`timeout` has no effect: with `behavior: fail`, a run does not queue"
        yield view.warning(path, "no-effect", message, hint="remove one of the two", at_key=True)


def _check_lost_requests(view: View) -> Iterator[Diagnostic]:
    retry = mapping(view.section("http").get("retry"))
    if "interval" in retry and retry.get("limit") == 0 and not isinstance(retry["limit"], bool):
        message = "`http.retry.interval` has no effect: with `limit: 0`, a lost request is never sent again"
        path = ("http", "retry", "interval")
        yield view.warning(path, "no-effect", message, hint="remove it, or raise `limit`", at_key=True)


def _check_finally(view: View) -> Iterator[Diagnostic]:
    path = ("timeouts", "finally")
    # A fragment sets limits for many pipelines, some of which have such jobs.
    if "finally" in view.section("timeouts") and not view.section("finally") and view.file(path) is None:
        message = "`timeouts.finally` has no effect: there is no job under `finally`"
        yield view.warning(path, "no-effect", message, hint="remove it, or write the jobs", at_key=True)


def holds_login(url: object) -> bool:
    """Whether a user or a password stands in the address."""
    return isinstance(url, str) and _WITH_LOGIN.match(url) is not None


def _check_url(view: View) -> Iterator[Diagnostic]:
    url, path = view.section("server").get("url"), ("server", "url")
    if isinstance(url, str) and "${" not in url and not holds_login(url):
        try:
            address = read_address(url)
        except UserError as error:
            if _LIKE_AN_ADDRESS.fullmatch(url):  # what is none at all is reported by the schema
                yield view.fault(path, "bad-address", error.message, hint=error.hint)
            return
        if address.is_in_clear:
            message = f"`http://` sends the login over the network to {address.host} in clear"
            yield view.warning(
                path, "in-clear", message, hint="write `https://`, and give --ca-bundle if the authority is your own"
            )
    if holds_login(url):
        yield view.fault(
            ("server", "url"),
            "credentials",
            "credentials never stand in a server address",
            hint="remove what stands before the `@`; give SPECTRUM_USERNAME, and SPECTRUM_PASSWORD or SPECTRUM_PASSWORD_FILE",
        )


def _check_timezone(view: View, path: Path, name: object) -> Iterator[Diagnostic]:
    if not isinstance(name, str) or "${" in name:
        return
    # Wanted by few pipelines, and the list of zones is long.
    from zoneinfo import ZoneInfo, available_timezones  # noqa: PLC0415

    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        near = closest(name, available_timezones())
        hint = f"did you mean `{near}`?" if near else "write an IANA name such as `Europe/Berlin` or `UTC`"
        yield view.fault(path, "unknown-timezone", f"there is no time zone `{name}`", hint=hint)
