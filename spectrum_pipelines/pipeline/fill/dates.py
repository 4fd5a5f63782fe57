"""Days: how a date variable is written, moved by an offset, and put into a text by a format.

The calendar is the Gregorian one of `datetime.date`: years 1 to 9999. A day has no time and no zone; the zone of a pipeline only
decides which day is `today`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta

_ISO = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_RELATIVE = re.compile(r"(?P<word>today|yesterday)(?P<offset>[-+]\d{1,7}d)?", re.ASCII)
_OFFSET = re.compile(r"[-+]\d{1,7}d", re.ASCII)
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

#: The parts of a format. Not `strftime`: it does not pad the years before 1000, and its names follow the process's locale.
_PARTS: Mapping[str, Callable[[date], str]] = {
    "Y": lambda it: f"{it.year:04}",
    "y": lambda it: f"{it.year % 100:02}",
    "m": lambda it: f"{it.month:02}",
    "d": lambda it: f"{it.day:02}",
    "j": lambda it: f"{it.timetuple().tm_yday:03}",
    "B": lambda it: _MONTHS[it.month - 1],
    "b": lambda it: _MONTHS[it.month - 1][:3],
    "A": lambda it: _DAYS[it.weekday()],
    "a": lambda it: _DAYS[it.weekday()][:3],
    "u": lambda it: str(it.isoweekday()),
    "G": lambda it: f"{it.isocalendar().year:04}",
    "V": lambda it: f"{it.isocalendar().week:02}",
    "%": lambda _: "%",
}
_TIMES = frozenset("HIMSfpzZcXT")


def is_day(text: str) -> bool:
    """Whether the text is a day: `2026-11-22`, `today`, `yesterday`, `today-7d`."""
    if _RELATIVE.fullmatch(text):
        return True
    if _ISO.fullmatch(text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_relative(text: str) -> bool:
    """Whether it takes today's date to know the day."""
    return _RELATIVE.fullmatch(text) is not None


def resolved(text: str, today: date) -> str:
    """The day as `2026-11-22`. Raises OverflowError for one that no calendar has."""
    match = _RELATIVE.fullmatch(text)
    if match is None:
        return text
    days = -1 if match["word"] == "yesterday" else 0
    return moved(today, days + days_of(match["offset"] or "+0d")).isoformat()


def moved(day: date, days: int) -> date:
    """Another day. Raises OverflowError before the year 1 and after the year 9999."""
    return day + timedelta(days=days)


def days_of(offset: str) -> int:
    """The days of `-7d`. Raises ValueError."""
    if _OFFSET.fullmatch(offset) is None:
        raise ValueError(offset)
    return int(offset[:-1])


def formatted(day: date, form: str) -> str:
    """The day in a format that has no flaw."""
    return _DIRECTIVE.sub(lambda match: _PARTS[match[1]](day), form)


def flaws(form: str) -> Iterator[tuple[str, str]]:
    """What is wrong with a format, and what to write instead."""
    found = [match[1] for match in _DIRECTIVE.finditer(form)]
    for letter in found:
        if letter in _TIMES:
            yield f"`%{letter}` is a part of a time, and a date has none", "remove it"
        elif letter not in _PARTS:
            what = f"`%{letter}` is no part of a date" if letter else "a format cannot end with `%`"
            yield what, f"there are {', '.join(f'`%{it}`' for it in _PARTS)}"
    if not any(it in _PARTS and it != "%" for it in found):
        yield (
            f"`{form}` is no format of a date" if form else "the format is empty",
            "write, say, `%Y-%m-%d` or `%Y%m%d`",
        )
