"""Text in columns, by the cells that it takes on a screen."""

import unicodedata
from collections.abc import Iterable, Sequence

from msgspec import Struct

from spectrum_pipelines.words.wording import paint

#: The width where no screen is: whoever reads a pipe or a log cuts for himself.
UNBOUNDED = 10_000


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


def padded(text: str, width: int) -> str:
    """A clean text with spaces up to `width` cells."""
    return text + " " * (width - width_of(text))


def wrapped(text: str, width: int, *, lead: str = "", indent: int | None = None) -> list[str]:
    """The words of a clean text in lines of at most `width` cells; a word that is longer has a line of its own and is not broken.

    `lead` begins the first line; the others are `indent` cells in, by default as far as the lead goes. Several spaces between two
    words stay.
    """
    lines, line, room = [], lead, width_of(lead)
    later = " " * (room if indent is None else indent)
    begun = False
    for word in text.split(" "):
        if begun and width_of(line) + 1 + width_of(word) > width:
            lines.append(line.rstrip())
            line, begun = later, False
        line += f" {word}" if begun else word
        begun = True
    return [*lines, line.rstrip()]


class Column(Struct, frozen=True, kw_only=True):
    """`limit` is the most cells that a column takes; `least` is what it shrinks to on a narrow screen: None for not at all.

    `stays`: the column is left out only after those that do not.
    """

    title: str
    limit: int | None
    least: int | None = None
    stays: bool = False
    is_number: bool = False

    def natural(self, cells: Iterable[str]) -> int:
        """The cells that it takes where there is room; 0 for a column without any text."""
        longest = max(map(width_of, cells), default=0)
        wanted = max(longest, width_of(self.title)) if longest else 0
        return wanted if self.limit is None else min(wanted, self.limit)


_GAP = "  "


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
    """The cells of each column, 0 for one that is left out: empty ones, and from the right what the screen has no room for.

    What can shrink is taken in its least size first; the cells that are left over are then dealt out in turn.
    """
    natural = [column.natural(row[at] for row in rows) for at, column in enumerate(columns)]
    least = [
        size if column.least is None else min(size, column.least) for size, column in zip(natural, columns, strict=True)
    ]
    sizes = [0] * len(columns)
    used = -len(_GAP)
    for at in sorted(range(len(columns)), key=lambda at: (at >= 2, not columns[at].stays, at)):
        wanted = least[at] + len(_GAP)
        if natural[at] and (at < 2 or used + wanted <= width):
            sizes[at] = least[at]
            used += wanted
    left = width - used
    while left > 0 and (growing := [at for at, size in enumerate(sizes) if 0 < size < natural[at]]):
        for at in growing[:left]:
            more = min(natural[at] - sizes[at], max(1, left // len(growing)))
            sizes[at] += more
            left -= more
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
