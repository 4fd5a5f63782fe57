"""Plans as drawings. `UPDATE_CASES=1` writes the expectations anew."""

import re
from pathlib import Path

import pytest

from spectrum_pipelines.document.parse import parse
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.pipeline.build import Given, build
from spectrum_pipelines.plan.facts import PlanFacts
from spectrum_pipelines.plan.waves import plan
from spectrum_pipelines.render.plan.dot import render_dot
from spectrum_pipelines.render.plan.graph import Graph, plan_graph
from spectrum_pipelines.render.plan.mermaid import render_mermaid
from tests.plan.test_plan import CASES, compare, facts_of

FORMATS = {"mmd": render_mermaid, "dot": render_dot}


def facts(text: str) -> PlanFacts:
    document, _ = parse(Source(name="p.yaml", text=f"version: 1\nname: p\njobs:\n{text}"))
    assert document is not None
    pipeline, found = build(document, given=Given(), run_id="r")
    assert pipeline is not None, found
    return PlanFacts(pipeline, plan(pipeline), document)


def drawn(text: str) -> Graph:
    return plan_graph(facts(text))


def arrows(text: str) -> list[tuple[str, str]]:
    graph = drawn(text)
    names = {node.key: node.lines[0] for group in graph.groups for node in group.nodes}
    names |= {group.key: f"all {group.title}" for group in graph.groups if group.is_box}
    return [(names[it.start], names[it.end]) for it in graph.arrows]


@pytest.mark.parametrize("case", CASES, ids=lambda it: it.name)
@pytest.mark.parametrize("form", FORMATS)
def test_drawings(case: Path, form: str) -> None:
    compare(case / f"expected.{form}", FORMATS[form](facts_of(case)))


@pytest.mark.parametrize("case", CASES, ids=lambda it: it.name)
@pytest.mark.parametrize("form", FORMATS)
def test_promises_5_and_8(case: Path, form: str) -> None:
    said = FORMATS[form](facts_of(case))
    assert "hunter2" not in said, "no secret"
    assert "7002" not in said, "no secret that is a number"
    for marker in ("##", "\u202e", "\x9b", "\n::", "\x1b"):
        assert marker not in said, "foreign text is data"


AB = "  a: {trigger: 1, matrix: {n: [x, y]}}\n"
MATRICES = [
    pytest.param(
        AB + "  b: {trigger: 2, needs: [a]}\n", [("all a", "b")], id="one job after all of a matrix: one arrow"
    ),
    pytest.param(
        AB + '  b: {trigger: 2, needs: ["a[x]"]}\n', [("a[x]", "b")], id="one job after one of a matrix"
    ),
    pytest.param(
        "  b: {trigger: 2}\n  a: {trigger: 1, matrix: {n: [x, y]}, needs: [b]}\n", [("b", "all a")], id="all after one"
    ),
    pytest.param(
        AB + "  b: {trigger: 2, matrix: {m: [1, 2]}, needs: [a]}\n", [("all a", "all b")], id="all after all"
    ),
    pytest.param(
        "  a: {trigger: 1, matrix: {n: [1, 2, 3, 4, 5, 6, 7]}}\n  b: {trigger: 2, needs: ['a[1]', 'a[2]']}\n",
        [("a", "b")],
        id="a large matrix is one node, whichever of it is needed",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MATRICES)
def test_arrows_of_a_matrix(text: str, expected: list[tuple[str, str]]) -> None:
    assert arrows(text) == expected


def test_a_large_matrix_is_counted_and_its_first_combinations_named() -> None:
    values = ", ".join(f"r{n}" for n in range(40))
    (group,) = drawn(f'  a: {{trigger: "/x ${{matrix.n}}", matrix: {{n: [{values}]}}}}\n').groups
    assert [node.lines[0] for node in group.nodes] == ["a"]
    assert group.nodes[0].lines[1].startswith("40 jobs: r0, r1, r2")
    assert all(len(line) <= 60 for line in group.nodes[0].lines)


def test_a_thousand_jobs_after_a_thousand_are_one_arrow() -> None:
    values = ", ".join(map(str, range(1000)))
    text = f"  a: {{trigger: 1, matrix: {{n: [{values}]}}, on_running: wait}}\n"
    assert len(drawn(text + "  b: {check: 2, needs: [a]}\n").arrows) == 1


def test_the_critical_path_is_drawn_bold() -> None:
    text = "  a: {trigger: 1, timeout: 2h}\n  b: {trigger: 2, timeout: 1h}\n  c: {trigger: 3, needs: [a, b]}\n"
    assert "  class j1,j3 critical\n" in render_mermaid(facts(text))
    assert re.findall(r"(j\d) \[.*penwidth", render_dot(facts(text))) == ["j1", "j3"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # pydot's own, about its parser library
@pytest.mark.parametrize("case", CASES, ids=lambda it: it.name)
def test_a_parser_of_dot_understands_it(case: Path) -> None:
    pydot = pytest.importorskip("pydot", reason="reads DOT")
    (graph,) = pydot.graph_from_dot_data(render_dot(facts_of(case)))
    made = plan_graph(facts_of(case))
    assert len(graph.get_edges()) == len(made.arrows)
    nodes = [node for group in made.groups for node in group.nodes]
    found = {it.get_name() for part in (graph, *_within(graph)) for it in part.get_nodes()}
    assert {node.key for node in nodes} <= found


def _within(graph: object) -> list[object]:
    found = list(graph.get_subgraphs())  # type: ignore[attr-defined] # pydot has no types that could be asked
    return [*found, *(inner for it in found for inner in _within(it))]
