"""Durations in a workspace: numbers with units."""

import re
from typing import Final

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def seconds_of(text: str) -> float:
    """Read `250ms`, `2s` or `1h30m` as seconds. The schema has checked the form."""
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
