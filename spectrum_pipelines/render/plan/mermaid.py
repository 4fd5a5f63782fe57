"""A plan as a Mermaid flowchart, which GitHub, GitLab and many wikis draw where it stands in Markdown.

Foreign text is written in Mermaid's numeric entities as far as it is not letters, digits and a few marks that mean nothing to it:
no quote can end a label, no tag can stand in one, and no `%%` or `click` can begin a line.
"""

from collections.abc import Iterable, Iterator

from spectrum_pipelines.plan.facts import PlanFacts
from spectrum_pipelines.render.plan.graph import Arrow, Graph, Group, Node, plan_graph
from spectrum_pipelines.words.clean import clean

_PLAIN = frozenset(" _-/.,+=[]")
_INDENT = "  "


def render_mermaid(facts: PlanFacts) -> str:
    """Write a flowchart from the top down, with a line break at its end."""
    return "\n".join(_lines(plan_graph(facts))) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    yield "flowchart TD"
    first, last = graph.parts()
    if last:
        yield from _indented(_box("jobs", _text(graph.title), _groups(first)))
        yield from _indented(_box("finally", "finally", _groups(last)))
        yield f"{_INDENT}jobs -.-> finally"
    else:
        yield from _indented(_groups(first))
    yield from _indented(map(_arrow, graph.arrows))
    critical = [node.key for group in graph.groups for node in group.nodes if node.is_critical]
    if critical:
        yield f"{_INDENT}classDef critical stroke-width:3px"
        yield f"{_INDENT}class {','.join(critical)} critical"


def _groups(groups: Iterable[Group]) -> Iterator[str]:
    for group in groups:
        nodes = map(_node, group.nodes)
        yield from _box(group.key, _text(group.title), nodes) if group.is_box else nodes


def _box(key: str, title: str, lines: Iterable[str]) -> Iterator[str]:
    yield f'subgraph {key}["{title}"]'
    yield from _indented(lines)
    yield "end"


def _node(node: Node) -> str:
    return f'{node.key}["{"<br/>".join(map(_text, node.lines))}"]'


def _arrow(arrow: Arrow) -> str:
    if arrow.label is None:
        return f"{arrow.start} --> {arrow.end}"
    return f"{arrow.start} -. {arrow.label} .-> {arrow.end}"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"{_INDENT}{line}" for line in lines)


def _text(text: str) -> str:
    return "".join(it if it.isalnum() or it in _PLAIN else f"#{ord(it)};" for it in clean(text))
