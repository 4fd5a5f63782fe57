"""One measured figure and what it is held against."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`goal` is the most that it should be; None where the figure stands for comparison only."""

    section: str
    what: str
    figure: str
    value: float
    goal: float | None = None

    @property
    def holds(self) -> bool | None:
        return None if self.goal is None else self.value <= self.goal


def table(rows: Iterable[Row]) -> str:
    """Markdown: a line for each thing that was measured, with its figures side by side."""
    lines: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        goal = "" if row.goal is None else f" (goal {_short(row.goal)}{'' if row.holds else ', **not reached**'})"
        lines.setdefault((row.section, row.what), []).append(f"{_short(row.value)} {row.figure}{goal}")
    text, last = [], None
    for (section, what), cells in lines.items():
        if section != last:
            text += ["", f"**{section}**", "", "| | |", "|---|---|"]
            last = section
        text.append(f"| {what} | {'; '.join(cells)} |")
    return "\n".join(text).lstrip("\n") + "\n"


def _short(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 1.995 else f"{value:.1f}"
