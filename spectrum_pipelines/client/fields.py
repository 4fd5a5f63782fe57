"""Single values out of decoded JSON, read as servers in the field write them.

Ids decide which job is ours, so they are read strictly or the answer is dropped. Everything else is a hint: what cannot be read is
None, and no reader of a hint ever raises.
"""

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from spectrum_pipelines.spectrum import LARGEST_ID

Record = Mapping[str, Any]

_LONGEST_TEXT = 2000
_LONGEST_NUMBER = 20  # characters: far beyond a Java long, far below the interpreter's limit for int()
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2})", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_AMOUNT = re.compile(
    r"(\d+(?:\.\d+)?)\s*(ms|s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?)(?![a-z])", re.ASCII
)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)


@lru_cache(maxsize=64)
def _camel(name: str) -> str:
    head, *tail = name.split("-")
    return head + "".join(word.capitalize() for word in tail)


def pick(record: Record, name: str) -> Any:
    """The value under `job-status` or, as older and `/rest` answers spell it, `jobStatus`. None where it is null or missing."""
    value = record.get(name)
    return record.get(_camel(name)) if value is None else value


def has(record: Record, name: str) -> bool:
    """The key is there in either spelling, though its value may be null."""
    return name in record or _camel(name) in record


def identifier(value: object) -> int:
    """An id: 1 to 2**63-1, as a number or, as some servers report it, as a text of digits. Raises ValueError."""
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= LARGEST_ID:
        raise ValueError("not an id")
    return value


def text(value: object) -> str | None:
    """A string, cut at 2000 characters. Lone surrogates, which JSON can smuggle in and no file can take, become `?`."""
    return value[:_LONGEST_TEXT].encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else None


def number(value: object) -> float | None:
    """A finite number, also when it comes as text."""
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def count(value: object) -> int | None:
    """A whole number (records, bytes, milliseconds), exact in the range of a Java long."""
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(value.strip()):
        value = float(value) if "." in value else int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_ID else None


def progress(value: object) -> float | None:
    """Percent, 0 to 100, from `"0"`, `"37%"` or `37`."""
    read = number(value.strip().removesuffix("%") if isinstance(value, str) else value)
    return None if read is None else min(100.0, max(0.0, read))


def estimate(value: object) -> float | None:
    """Seconds from `"11s"`, `"2m 3s"`, `"00:01:10"` or `11`; never negative."""
    if isinstance(value, str) and (seconds := _duration(value.strip().lower())) is not None:
        return seconds
    read = number(value)
    return read if read is not None and read >= 0 else None


def _duration(words: str) -> float | None:
    if not words or len(words) > _LONGEST_NUMBER * 2:
        return None
    if found := _CLOCK.fullmatch(words):
        hours, minutes, seconds = (float(part or 0) for part in found.groups())
        return hours * 3600 + minutes * 60 + seconds
    rest = _AMOUNT.sub("", words).replace(",", "").strip()
    if rest:
        return None
    return sum(float(amount) * _UNITS["ms" if unit == "ms" else unit[0]] for amount, unit in _AMOUNT.findall(words))
