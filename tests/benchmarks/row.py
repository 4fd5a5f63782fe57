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
    sections: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        goal = "" if row.goal is None else f" (goal {_short(row.goal)}{'' if row.holds else ', **not reached**'})"
        cells = sections.setdefault(row.section, {}).setdefault(row.what, [])
        cells.append(f"{_short(row.value)} {row.figure}{goal}")
    text = []
    for section, lines in sections.items():
        text += ["", f"| {section} | |", "|---|---|", *(f"| {what} | {'; '.join(it)} |" for what, it in lines.items())]
    return "\n".join(text).lstrip("\n") + "\n"


def _short(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 1.995 else f"{value:.1f}"
