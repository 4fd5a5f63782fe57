"""Where something stands in a text.

Offsets (0-based, in characters) are what the parser deals in; lines and columns are worked out only for what is shown, because a
large file without faults never needs them. A line ends at LF, CRLF or CR, as editors count; YAML 1.1 would also break at U+0085,
U+2028 and U+2029, so those never reach the parser (see `characters`).
"""

import re
from bisect import bisect_right
from collections.abc import Sequence

from msgspec import Struct

#: The way from the root of a document to a value: `("jobs", "sales", "needs", 0)`.
Path = tuple[str | int, ...]

_BREAK = re.compile(r"\r\n|\n|\r")


class Position(Struct, frozen=True, kw_only=True):
    """Both 1-based; columns count characters, not bytes and not screen cells."""

    line: int
    column: int


class Span(Struct, frozen=True, kw_only=True):
    """`end` is exclusive. Start and end are equal where something is missing rather than wrong."""

    start: Position
    end: Position


def starts_of_lines(text: str) -> list[int]:
    """Offsets at which the lines of `text` begin; never empty."""
    return [0, *(match.end() for match in _BREAK.finditer(text))]


def lines_of(text: str) -> list[str]:
    """The lines of `text` without their ends, counted as `starts_of_lines` counts them."""
    return _BREAK.split(text)


def position_at(offset: int, starts: Sequence[int]) -> Position:
    """Line and column of an offset, given what `starts_of_lines` said of the same text."""
    line = bisect_right(starts, offset)
    return Position(line=line, column=offset - starts[line - 1] + 1)


def span_between(start: int, end: int, starts: Sequence[int]) -> Span:
    """Line and column of both ends."""
    return Span(start=position_at(start, starts), end=position_at(end, starts))
