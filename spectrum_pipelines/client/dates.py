"""The server's dates, as far as they can be read. They carry no time zone, so only gates on `duration` and `age` look at them.

Seen in the field: `Sep 28, 2018 6:44:56 PM`, the same with U+202F before AM/PM (Java 20 and later) or with a comma after the year,
`2012-07-06 18:19:09.0`, and milliseconds since the epoch.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo

# strptime's %b follows the locale of the process, and the server's dates do not.
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ENGLISH = re.compile(
    r"(?P<month>[a-z]{3})[a-z]*\.?\s+(?P<day>\d{1,2}),?\s+(?P<year>\d{4}),?\s+(?:at\s+)?"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?\s*(?P<half>[ap]m)?",
    re.ASCII | re.IGNORECASE,
)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?(\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 64
#: Seconds. No execution takes or rests for longer: a date that says so is nonsense.
_LONGEST_SPAN = 10 * 365 * 86_400.0
#: Seconds. A zone that was guessed wrongly puts a date into the future by no more than this.
_WIDEST_ZONE = 86_400.0


def parse_server_date(value: str | int | None) -> datetime | None:
    """A naive datetime (the server's own, unnamed zone) from a string, an aware one from epoch milliseconds or an ISO offset.

    None for what cannot be read.
    """
    try:
        match value:
            case bool() | None:
                return None
            case int():
                return _EPOCH + timedelta(milliseconds=value)
            case str():
                return _from_text(" ".join(value[:_LONGEST].split()))
    except (ValueError, OverflowError):
        return None


def run_seconds(start: str | None, stop: str | None, *, zone: tzinfo | None) -> float | None:
    """Seconds from one server date to another. `zone` is what a date without a zone means; None: no zone is known.

    None where one cannot be read, only one has a zone, the clocks of the zone showed one of them twice or never, or the span is
    nonsense.
    """
    began, ended = (_placed(parse_server_date(it), zone) for it in (start, stop))
    if began is None or ended is None or (began.tzinfo is None) is not (ended.tzinfo is None):
        return None
    seconds = (ended - began).total_seconds()
    return seconds if 0 <= seconds <= _LONGEST_SPAN else None


def _placed(moment: datetime | None, zone: tzinfo | None) -> datetime | None:
    """A date in UTC, where its zone is known: two dates of one zone would be subtracted as the clock on the wall shows them."""
    if moment is None or (moment.tzinfo is None and zone is None):
        return moment
    try:
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        first, second = (moment.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    except (OverflowError, ValueError):  # the first and the last day of the calendar
        return None
    # In the nights in which the clocks are changed, an hour stands on them twice, and another never.
    return first if first == second else None


def age(stop: str | None, *, zone: tzinfo | None, now: datetime) -> float | None:
    """Seconds since a server date. `zone` is what a date without a zone means; None is the zone of this machine.

    None where the date cannot be read, has no place on the calendar in UTC, or lies further ahead than a wrong zone explains.
    """
    moment = parse_server_date(stop)
    if moment is None:
        return None
    try:
        if moment.tzinfo is None:
            moment = moment.astimezone() if zone is None else moment.replace(tzinfo=zone)
        seconds = (now - moment.astimezone(UTC)).total_seconds()
    except (
        OverflowError,
        ValueError,
        OSError,
    ):  # the first and the last day of the calendar, and what the system's zones refuse
        return None
    return seconds if -_WIDEST_ZONE <= seconds <= _LONGEST_SPAN else None


def _from_text(text: str) -> datetime | None:
    # str.split() above has already turned U+202F and U+00A0 into plain spaces.
    if found := _ENGLISH.fullmatch(text):
        return _from_english(found)
    if _ISO.fullmatch(text):
        return datetime.fromisoformat(text)
    return _EPOCH + timedelta(milliseconds=int(text)) if text.isascii() and text.isdigit() else None


def _from_english(found: re.Match[str]) -> datetime | None:
    hour = int(found["hour"])
    if half := found["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half.lower() == "pm" else 0)
    month = _MONTHS.index(found["month"].lower()) + 1
    return datetime(int(found["year"]), month, int(found["day"]), hour, int(found["minute"]), int(found["second"] or 0))  # noqa: DTZ001
