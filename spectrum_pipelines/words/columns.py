"""Text in columns, by the cells that it takes on a screen."""

import unicodedata
from collections.abc import Sequence

from msgspec import Struct

from spectrum_pipelines.words.wording import paint


def width_of(text: str) -> int:
    """The cells of a clean text: East Asian characters take two, combining ones none."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def cut(text: str, width: int, *, dots: str) -> str:
    """The text, shortened to `width` cells with `dots` at its end if it is longer."""
    if width_of(text) <= width:
        return text
    room = width - len(dots)
    end = 0
    while end < len(text) and (room := room - _cells(text[end])) >= 0:
        end += 1
    return text[:end] + dots[: max(0, width)]


class Column(Struct, frozen=True, kw_only=True):
    """`limit` is the most cells that it takes; one without a limit comes last and gets what is left."""

    title: str
    limit: int | None
    is_number: bool = False


_GAP = "  "
_LEAST = 16  # cells of a column that are worth having


class Row(Struct, frozen=True, kw_only=True):
    """The clean texts of one line. `style` colours its first two cells: the name and the status."""

    cells: Sequence[str]
    style: str


def table(columns: Sequence[Column], rows: Sequence[Row], *, width: int, color: bool, dots: str) -> list[str]:
    """The lines of a table, titles first: at most `width` cells wide, if the first two columns allow."""
    sizes = _sizes(columns, [row.cells for row in rows], width)
    titles = Row(cells=[it.title for it in columns], style="dim")
    return [_line(columns, row, sizes, color=color, dots=dots) for row in (titles, *rows)]


def _sizes(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """The cells of each column, 0 for one that is left out: empty ones, and from the right what the screen has no room for."""
    sizes: list[int] = []
    for at, column in enumerate(columns):
        natural = max((width_of(row[at]) for row in rows), default=0)
        room = width - sum(size + len(_GAP) for size in sizes if size)
        wanted = max(natural, width_of(column.title)) if natural else 0
        if column.limit is None:
            sizes.append(min(wanted, room) if room >= min(_LEAST, wanted) else 0)
        else:
            wanted = min(wanted, column.limit)
            sizes.append(wanted if at < 2 or wanted <= room else 0)
    return sizes


def _line(columns: Sequence[Column], row: Row, sizes: Sequence[int], *, color: bool, dots: str) -> str:
    cells = []
    for at, (column, size) in enumerate(zip(columns, sizes, strict=True)):
        if not size:
            continue
        text = cut(row.cells[at], size, dots=dots)
        space = " " * (size - width_of(text))
        shown = paint(text, row.style, color=color and at < 2)
        cells.append(space + shown if column.is_number else shown + space)
    return _GAP.join(cells).rstrip()
