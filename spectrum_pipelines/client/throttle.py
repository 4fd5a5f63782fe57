"""`Retry-After`, as servers write it: seconds, an HTTP date, or nonsense."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LONGEST_WAIT = 60.0  # seconds: a hostile or broken value must not park a run
_LONGEST_TEXT = 64


def retry_after(value: str, *, now: datetime) -> float | None:
    """Seconds to wait, 0 to 60; None where nothing readable was said. `now` is aware."""
    text = value.strip()
    if not text or len(text) > _LONGEST_TEXT:
        return None
    seconds = _seconds(text, now)
    return None if seconds is None else min(max(seconds, 0.0), _LONGEST_WAIT)


def _seconds(text: str, now: datetime) -> float | None:
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
        # "-0000" and a missing zone give a naive time; HTTP dates are UTC.
        return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()
    except (ValueError, OverflowError):
        return None
