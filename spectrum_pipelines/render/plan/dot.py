r"""A plan as a graph in Graphviz's DOT language.

Foreign text stands in quoted strings only, where a quote and a backslash are escaped: DOT has escapes of its own (`\N`, `\G`).
"""

from collections.abc import Iterable, Iterator

from spectrum_pipelines.plan.facts import PlanFacts
from spectrum_pipelines.render.plan.graph import Arrow, Graph, Group, Node, plan_graph
from spectrum_pipelines.words.clean import clean

_INDENT = "  "


def render_dot(facts: PlanFacts) -> str:
    """Write a directed graph from the top down, with a line break at its end."""
    return "\n".join(_lines(plan_graph(facts))) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    yield f"digraph {_quoted(graph.title)} {{"
    # `compound` lets an arrow end at a box; it has to name a node within.
    yield f"{_INDENT}compound=true"
    yield f'{_INDENT}node [shape=box, style=rounded, fontname="sans-serif"]'
    first, last = graph.parts()
    yield from _indented(_groups(first))
    if last:
        yield from _indented(_cluster("finally", "finally", _groups(last), style="dashed"))
    boxes = {group.key: group for group in graph.groups}
    yield from (f"{_INDENT}{_arrow(arrow, boxes)}" for arrow in graph.arrows)
    yield "}"


def _groups(groups: Iterable[Group]) -> Iterator[str]:
    for group in groups:
        nodes = map(_node, group.nodes)
        yield from _cluster(group.key, group.title, nodes, style="rounded") if group.is_box else nodes


def _cluster(key: str, title: str, lines: Iterable[str], *, style: str) -> Iterator[str]:
    yield f"subgraph cluster_{key} {{"
    yield f"{_INDENT}label={_quoted(title)}"
    yield f"{_INDENT}style={style}"
    yield from _indented(lines)
    yield "}"


def _node(node: Node) -> str:
    bold = ", penwidth=3" if node.is_critical else ""
    return f"{node.key} [label={_quoted(*node.lines)}{bold}]"


def _arrow(arrow: Arrow, boxes: dict[str, Group]) -> str:
    start, tail = _end(arrow.start, boxes, "ltail")
    end, head = _end(arrow.end, boxes, "lhead")
    label = [] if arrow.label is None else [f"label={_quoted(arrow.label)}", "style=dashed"]
    settings = ", ".join([*tail, *head, *label])
    return f"{start} -> {end}{f' [{settings}]' if settings else ''}"


def _end(key: str, boxes: dict[str, Group], word: str) -> tuple[str, list[str]]:
    """A node, and what says that its box is meant."""
    if key in boxes and (box := boxes[key]).is_box:
        return box.nodes[len(box.nodes) // 2].key, [f"{word}=cluster_{key}"]
    return key, []


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"{_INDENT}{line}" for line in lines)


def _quoted(*lines: str) -> str:
    escaped = (clean(line).replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    text = "\\n".join(escaped)
    return f'"{text}"'
