"""Durations as people write them in a workspace."""

import re
from typing import Final

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def seconds_of(text: str) -> float:
    """Read `250ms`, `2s` or `1h30m` as seconds; anything else is a ValueError that says what to write."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration: write a number with its unit, like 250ms, 2s or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
