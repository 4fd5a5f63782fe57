"""The graph of a run as a drawing: jobs in columns by depth, those of `finally` last, needs as curves between them.

Small graphs have boxes with names; large ones have dots, and what a dot stands for is told on touch. A depth that would be too high
is folded into several columns. All sizes are in CSS pixels.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from msgspec import Struct

from spectrum_pipelines.pipeline.graph.order import dependents, waves
from spectrum_pipelines.render.report.explanation import Job, Report

_MOST_BOXES = 250
_MOST_EDGES = 3_000
_ROUNDS = 4


class Size(Struct, frozen=True, kw_only=True):
    """How jobs are drawn. `rows` is the height of a column, in jobs."""

    width: int
    height: int
    gap: int
    between: int
    rows: int


#: A box is as wide as the longest name needs, between these; a letter takes about so many pixels.
_NARROWEST, _WIDEST, _LETTER, _BESIDE_NAME = 120, 330, 7.4, 36
DOTS = Size(width=12, height=12, gap=5, between=44, rows=40)


class Node(Struct, frozen=True, kw_only=True):
    """A job at its place: `x` and `y` are the upper left corner."""

    at: int
    x: int
    y: int


class Edge(Struct, frozen=True, kw_only=True):
    """A need, as the path of an SVG. `is_implied`: nobody wrote it, but the one ran because the other had ended."""

    path: str
    is_critical: bool
    is_implied: bool


class Drawing(Struct, frozen=True, kw_only=True):
    """A whole graph. `hidden` needs are too many to draw."""

    nodes: Sequence[Node]
    edges: Sequence[Edge]
    size: Size
    width: int
    height: int
    hidden: int

    @property
    def has_names(self) -> bool:
        """There is room for the names of the jobs."""
        return self.size is not DOTS

    @property
    def letters(self) -> int:
        """The letters of a name that a box has room for."""
        return int((self.size.width - _BESIDE_NAME) / _LETTER)


def boxes(names: Iterable[str]) -> Size:
    """Boxes that are wide enough for these names, within reason."""
    wanted = _BESIDE_NAME + math.ceil(_LETTER * max(map(len, names), default=0))
    return Size(width=min(_WIDEST, max(_NARROWEST, wanted)), height=30, gap=12, between=52, rows=32)


def drawing(report: Report) -> Drawing:
    """The graph of a valid report. Needs that are no jobs are left out, and jobs in a circle stand in the first column."""
    jobs: Sequence[Job] = report["jobs"]
    numbers = {job["id"]: at for at, job in enumerate(jobs)}
    needs = {at: [numbers[name] for name in job["needs"] if name in numbers] for at, job in enumerate(jobs)}
    size = boxes(numbers) if len(jobs) <= _MOST_BOXES else DOTS
    nodes = {node.at: node for node in _placed(_layers(jobs, needs), size)}
    path = [numbers[name] for name in report["critical_path"] if name in numbers]
    critical = set(pairwise(path))
    written = {(need, at) for at, needed in needs.items() for need in needed}
    pairs = sorted(written | critical, key=lambda pair: (pair in critical, pair))
    shown = pairs if len(pairs) <= _MOST_EDGES else [pair for pair in pairs if pair in critical][:_MOST_EDGES]
    edges = [
        Edge(
            path=_curve(nodes[start], nodes[end], size),
            is_critical=(start, end) in critical,
            is_implied=(start, end) not in written,
        )
        for start, end in shown
    ]
    return Drawing(
        nodes=[nodes[at] for at in range(len(jobs))],
        edges=edges,
        size=size,
        width=max((node.x + size.width for node in nodes.values()), default=0) + 2,
        height=max((node.y + size.height for node in nodes.values()), default=0) + 2,
        hidden=len(pairs) - len(shown),
    )


def _layers(jobs: Sequence[Job], needs: Mapping[int, Sequence[int]]) -> list[list[int]]:
    """The jobs by depth, neighbours near each other: the less lines cross, the more they say."""
    found = []
    for is_finally in (False, True):
        part = {at: needs[at] for at, job in enumerate(jobs) if job["finally"] is is_finally}
        inner = waves({at: [need for need in needed if need in part] for at, needed in part.items()})
        in_circles = sorted(part.keys() - {at for wave in inner for at in wave})
        found += [list(wave) for wave in inner]
        if in_circles:
            found.append(in_circles)
    _untangle(found, needs)
    return found


def _untangle(layers: list[list[int]], needs: Mapping[int, Sequence[int]]) -> None:
    """Put each job at the mean height of its neighbours, to and fro: the usual heuristic, as crossings cannot be had at no cost."""
    followers = dependents(needs)
    for turn in range(_ROUNDS):
        places = {at: place / len(layer) for layer in layers for place, at in enumerate(layer)}
        neighbours = followers if turn % 2 else needs
        for layer in reversed(layers) if turn % 2 else layers:
            layer.sort(key=lambda at: _mean([places[other] for other in neighbours[at]], places[at]))
            places |= {at: place / len(layer) for place, at in enumerate(layer)}


def _mean(places: Sequence[float], otherwise: float) -> float:
    return sum(places) / len(places) if places else otherwise


def _placed(layers: Sequence[Sequence[int]], size: Size) -> Iterator[Node]:
    folded = [_folded(layer, size.rows) for layer in layers]
    highest = max((len(column) for columns in folded for column in columns), default=0)
    x = 1
    for columns in folded:
        for column in columns:
            top = (highest - len(column)) * (size.height + size.gap) // 2
            for row, at in enumerate(column):
                yield Node(at=at, x=x, y=1 + top + row * (size.height + size.gap))
            x += size.width + size.gap
        x += size.between - size.gap


def _folded(layer: Sequence[int], most: int) -> list[Sequence[int]]:
    """As few columns as hold the layer, all of about the same height."""
    count = math.ceil(len(layer) / most)
    rows = math.ceil(len(layer) / count)
    return [layer[begin : begin + rows] for begin in range(0, len(layer), rows)]


def _curve(start: Node, end: Node, size: Size) -> str:
    x1, y1 = start.x + size.width, start.y + size.height // 2
    x2, y2 = end.x, end.y + size.height // 2
    bend = (x1 + x2) // 2
    return f"M{x1} {y1}C{bend} {y1} {bend} {y2} {x2} {y2}"
