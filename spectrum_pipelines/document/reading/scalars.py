r"""YAML 1.2 core schema: what a plain scalar means.

PyYAML would read YAML 1.1, in which `no` is false, `1:30` is 90, `010` is 8 and `2026-11-22` is a date. Here all of these are text,
save for `010`: YAML 1.2 says 10, YAML 1.1 says 8 and the writer may have meant text, so it is a fault.
"""

import math
import re

from msgspec import Struct

from spectrum_pipelines.document.numbers import with_text

#: Enough for any id; and far below the 4,300 digits at which Python itself refuses to convert.
MAX_DIGITS = 100

_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_NUMBER = re.compile(
    r"(?P<int>[-+]?[0-9]+)|(?P<octal>0o[0-7]+)|(?P<hex>0x[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<special>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")
_NUMERIC_START = frozenset("0123456789+-.")


class BadScalar(Struct, frozen=True, kw_only=True):
    """A plain scalar that looks like a number and cannot be one. The texts never hold the value, which may be a secret."""

    code: str
    message: str
    hint: str


Scalar = str | int | float | bool | None

_ZERO = BadScalar(
    code="leading-zero",
    message="a number with a leading zero can be read in three ways",
    hint="put quotes around it if it is text, or drop the zero",
)
_LONG = BadScalar(
    code="number-too-long",
    message=f"a number of more than {MAX_DIGITS} digits",
    hint="put quotes around it if it is text",
)
_INFINITE = BadScalar(
    code="not-a-number",
    message="infinity and not-a-number are not allowed",
    hint="give a finite number, or put quotes around it if it is text",
)
_HUGE = BadScalar(
    code="number-too-large",
    message="this number is too large for a computer to hold",
    hint="put quotes around it if it is text",
)


def as_written(text: str) -> Scalar | BadScalar:
    """Resolve a scalar as `resolve` does; a number remembers the text that it was written as."""
    value = resolve(text)
    return with_text(value, text) if isinstance(value, int | float) and not isinstance(value, bool) else value


def resolve(text: str) -> Scalar | BadScalar:
    """What a plain, untagged scalar means."""
    if text[:1] in _NUMERIC_START and text:
        return _number(text)
    return _WORDS.get(text, text)


def _number(text: str) -> Scalar | BadScalar:
    match = _NUMBER.fullmatch(text)
    if match is None:
        return text
    if match.lastgroup == "special":
        return _INFINITE
    if len(text) > MAX_DIGITS:
        return _LONG
    if match.lastgroup == "octal":
        return int(text, 0)
    if match.lastgroup == "hex":
        return int(text, 0)
    if _LEADING_ZERO.match(text):
        return _ZERO
    if match.lastgroup == "int":
        return int(text)
    number = float(text)
    return number if math.isfinite(number) else _HUGE
