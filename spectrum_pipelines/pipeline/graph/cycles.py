"""Cycles among needs: why a set of jobs has no order. Nothing here recurses, as in `graph`."""

from collections import deque
from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import TypeVar

from spectrum_pipelines.pipeline.graph.order import dependents, in_order

K = TypeVar("K", bound=Hashable)


def cycles(needs: Mapping[K, Collection[K]]) -> Iterator[list[K]]:
    """One shortest cycle of every knot, each as `[a, b, a]`, beginning with the node that comes first."""
    sound = set(in_order(needs))
    left = {
        node: [it for it in needed if it in needs and it not in sound]
        for node, needed in needs.items()
        if node not in sound
    }
    place = {node: number for number, node in enumerate(left)}
    for start, knot in sorted(
        ((min(it, key=place.__getitem__), it) for it in _knots(left)), key=lambda it: place[it[0]]
    ):
        if cycle := _way_back(start, {node: [it for it in left[node] if it in knot] for node in knot}):
            yield cycle


def _knots(edges: Mapping[K, Collection[K]]) -> Iterator[set[K]]:
    """The strongly connected components, by Kosaraju: in the order in which a walk is done with the nodes, backwards."""
    backward = dependents(edges)
    seen: set[K] = set()
    for node in reversed(_finishing_order(edges)):
        if node not in seen:
            knot = {node}
            left = [node]
            while left:
                found = [it for it in backward[left.pop()] if it not in seen and it not in knot]
                knot.update(found)
                left += found
            seen |= knot
            yield knot


def _finishing_order(edges: Mapping[K, Collection[K]]) -> list[K]:
    order: list[K] = []
    seen: set[K] = set()
    for root in edges:
        walk = [] if root in seen else [(root, iter(edges[root]))]
        seen.add(root)
        while walk:
            node, others = walk[-1]
            following = next((it for it in others if it not in seen), None)
            if following is None:
                order.append(node)
                walk.pop()
            else:
                seen.add(following)
                walk.append((following, iter(edges[following])))
    return order


def _way_back(start: K, edges: Mapping[K, Collection[K]]) -> list[K]:
    came_from: dict[K, K] = {}
    left = deque([start])
    while left:
        node = left.popleft()
        for other in edges[node]:
            if other == start:
                way = [start, node]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way[::-1]
            if other not in came_from:
                came_from[other] = node
                left.append(other)
    return []
