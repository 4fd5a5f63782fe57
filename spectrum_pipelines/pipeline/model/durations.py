"""Durations as people write them: `250ms`, `30s`, `1h30m`. Seconds inside, always."""

import re
from decimal import Decimal

_SECONDS = {"d": Decimal(86400), "h": Decimal(3600), "m": Decimal(60), "s": Decimal(1), "ms": Decimal("0.001")}
_NUMBER = r"\d{1,9}(?:\.\d{1,9})?"
_DURATION = re.compile(" ?".join(rf"(?:({_NUMBER}){unit})?" for unit in _SECONDS), re.ASCII)
_MILLISECONDS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}


def parse_duration(text: str) -> float:
    """Seconds of a text such as `1h30m` or `1h 30m`, the larger unit first. Raises ValueError, also for a bare number."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise ValueError(f"not a duration: {text!r}")
    parts = zip(match.groups(), _SECONDS.values(), strict=True)
    return float(sum(Decimal(number) * seconds for number, seconds in parts if number))


def format_duration(seconds: float) -> str:
    """Write seconds as `1h 30m`, to the millisecond; `parse_duration` reads it back."""
    left = round(seconds * 1000)
    parts = []
    for unit, size in _MILLISECONDS.items():
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"
