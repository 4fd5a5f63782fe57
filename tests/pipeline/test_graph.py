from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.pipeline.graph.cycles import cycles
from spectrum_pipelines.pipeline.graph.order import ancestors, dependents, heaviest, in_order, reach, waves

Graph = dict[int, list[int]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    size = draw(st.integers(0, 8))
    return {node: draw(st.lists(st.integers(0, size - 1), unique=True, max_size=4)) for node in range(size)}


@given(graphs())
def test_a_graph_is_in_order_or_has_a_cycle(needs: Graph) -> None:
    order = in_order(needs)
    found = list(cycles(needs))
    assert (len(order) < len(needs)) == bool(found)
    place = {node: number for number, node in enumerate(order)}
    for node in order:
        assert all(place[other] < place[node] for other in needs[node])
    for cycle in found:
        assert cycle[0] == cycle[-1] == min(cycle)
        assert all(other in needs[node] for node, other in pairwise(cycle))
        assert not set(cycle) & set(order)


@given(graphs())
def test_every_knot_is_reported_once(needs: Graph) -> None:
    circular = {node for node in needs if node in reach(needs[node], needs)}
    knots = {
        frozenset(it for it in circular if node in reach([it], needs) and it in reach([node], needs))
        for node in circular
    }
    assert sorted(map(min, knots)) == [cycle[0] for cycle in cycles(needs)]


@given(graphs())
def test_ancestors_are_what_can_be_reached(needs: Graph) -> None:
    bits, before = ancestors(needs)
    for node in bits:
        assert {it for it in bits if before[node] & bits[it]} == reach(needs[node], needs)


@given(graphs(), st.lists(st.integers(0, 9), min_size=8, max_size=8))
def test_the_heaviest_chain(needs: Graph, weights: list[int]) -> None:
    sound = set(in_order(needs))
    graph = {node: [it for it in needed if it in sound] for node, needed in needs.items() if node in sound}
    best: dict[int, int] = {}
    for node in in_order(graph):
        best[node] = weights[node] + max((best[it] for it in graph[node]), default=0)
    chain, total = heaviest(graph, dict(enumerate(weights)))
    assert total == max(best.values(), default=0)
    assert sum(weights[node] for node in chain) == total
    assert all(first in graph[second] for first, second in pairwise(chain))


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        pytest.param({}, (), id="empty"),
        pytest.param({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}, (("a",), ("b", "c"), ("d",)), id="diamond"),
        pytest.param(
            {"a": ["gone"], "b": []}, (("a", "b"),), id="what is needed and does not exist counts for nothing"
        ),
        pytest.param({"a": ["a"], "b": ["a"], "c": []}, (("c",),), id="behind a cycle is nowhere"),
    ],
)
def test_waves(needs: dict[str, list[str]], expected: tuple[tuple[str, ...], ...]) -> None:
    assert waves(needs) == expected


def test_dependents_turn_the_graph_round() -> None:
    assert dependents({"a": [], "b": ["a"], "c": ["a", "x"]}) == {"a": ["b", "c"], "b": [], "c": []}


def test_fault_41_a_chain_of_10_000_and_one_that_bites_its_tail() -> None:
    chain: Graph = {node: [node + 1] if node < 9_999 else [] for node in range(10_000)}
    assert len(waves(chain)) == 10_000
    assert len(heaviest(chain, dict.fromkeys(chain, 1.0))[0]) == 10_000
    _, before = ancestors(chain)
    assert before[0].bit_count() == 9_999
    assert list(cycles(chain)) == []
    chain[9_999] = [0]
    assert [len(cycle) for cycle in cycles(chain)] == [10_001]
    chain[9_999] = [9_999]
    assert list(cycles(chain)) == [[9_999, 9_999]], "what stands before a cycle is walked once, not once per node"
