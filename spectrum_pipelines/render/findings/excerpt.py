"""A line of a file with a caret under the fault, true to the cell whatever the line holds.

What a character takes on the screen is not one cell: tabs take several, East Asian characters two, combining ones none, and what is
not safe to print shows as an escape. So the line becomes a list of cells first, and a long line is cut around the caret.
"""

from collections.abc import Sequence

from spectrum_pipelines.document.position import Span
from spectrum_pipelines.words.clean import markers, visible
from spectrum_pipelines.words.columns import UNBOUNDED, width_of

_TAB = 4
_WIDTH = 100  # cells of a line that are enough on any screen
_LEAD = 30  # cells before the caret that stay when the line is cut
_LEAST = 20  # cells: a narrower excerpt shows nothing
_LONG = 2_000  # characters; tabs of a longer line may be shown one cell off
_NEAR = 500  # characters on both sides of the caret that are looked at in a long line
_DOTS = "..."


def excerpt(line: str, span: Span, *, width: int = UNBOUNDED) -> tuple[str, str]:
    """The line as it may be printed, at most `width` cells of it, and the line of carets for it.

    A span over several lines is marked on its first.
    """
    start = min(span.start.column - 1, len(line))
    end = span.end.column - 1 if span.end.line == span.start.line else len(line)
    skipped = 0
    if len(line) > _LONG:
        # A line may be the whole of a file: only what is near the caret becomes cells.
        skipped = max(0, start - _NEAR)
        line, start, end = line[skipped : start + _NEAR], start - skipped, end - skipped
    cells = _cells(line)
    widths = [width_of(cell) for cell in cells]
    first, last = _window(widths, start, max(width, _LEAST))
    before, after = _DOTS if first or skipped else "", _DOTS if last < len(cells) else ""
    shown = before + "".join(cells[first:last]) + after
    indent = len(before) + sum(widths[first:start])
    carets = sum(widths[start : min(max(end, start), last)])
    return shown.rstrip(), " " * indent + "^" * max(carets, 1)


def _cells(line: str) -> list[str]:
    """One printable piece for each character."""
    cells: list[str] = []
    column, spaced = 0, markers(line)
    for offset, character in enumerate(line):
        cell = " " * (_TAB - column % _TAB) if character == "\t" else visible(character)
        if offset in spaced:
            cell += " "
        cells.append(cell)
        column += width_of(cell)
    return cells


def _window(widths: Sequence[int], start: int, width: int) -> tuple[int, int]:
    """Which characters to show: all if they fit, else a stretch around `start` with room for dots on both sides."""
    if sum(widths) <= min(width, _WIDTH):
        return 0, len(widths)
    first = start
    width = min(width - 2 * len(_DOTS), _WIDTH)
    room = min(_LEAD, width // 3)
    while first > 0 and widths[first - 1] <= room:
        first -= 1
        room -= widths[first]
    last = first
    room = width
    while last < len(widths) and widths[last] <= room:
        room -= widths[last]
        last += 1
    return first, last
