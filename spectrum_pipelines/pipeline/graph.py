"""What there is to say of any graph of needs. Nothing here recurses: a chain may be 10,000 jobs long."""

from collections import deque
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def dependents(needs: Mapping[K, Collection[K]]) -> dict[K, list[K]]:
    """Turn the graph round: who needs this one. What is needed but is no node is left out."""
    found: dict[K, list[K]] = {node: [] for node in needs}
    for node, needed in needs.items():
        for other in needed:
            if other in found:
                found[other].append(node)
    return found


def waves(needs: Mapping[K, Collection[K]]) -> tuple[tuple[K, ...], ...]:
    """The nodes by depth: each stands one wave after the last that it needs. Nodes in or behind a cycle are in none."""
    followers = dependents(needs)
    waiting = {node: sum(other in followers for other in needed) for node, needed in needs.items()}
    found = []
    wave = [node for node, count in waiting.items() if not count]
    while wave:
        found.append(tuple(wave))
        following = []
        for node in wave:
            for follower in followers[node]:
                waiting[follower] -= 1
                if not waiting[follower]:
                    following.append(follower)
        wave = following
    return tuple(found)


def in_order(needs: Mapping[K, Collection[K]]) -> list[K]:
    """Each node after all that it needs, as far as there is no cycle."""
    return [node for wave in waves(needs) for node in wave]


def reach(starts: Iterable[K], edges: Mapping[K, Collection[K]]) -> set[K]:
    """The starts and everything that can be reached from them."""
    found = set(starts)
    left = deque(found)
    while left:
        for other in edges.get(left.popleft(), ()):
            if other not in found:
                found.add(other)
                left.append(other)
    return found


def ancestors(needs: Mapping[K, Collection[K]]) -> tuple[dict[K, int], dict[K, int]]:
    """Each node's own bit, and the bits of all that it needs, however far back: 10,000 nodes take 12 MB and milliseconds."""
    order = in_order(needs)
    bits = {node: 1 << place for place, node in enumerate(order)}
    found: dict[K, int] = {}
    for node in order:
        before = 0
        for other in needs[node]:
            if other in bits:
                before |= found[other] | bits[other]
        found[node] = before
    return bits, found


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


def heaviest(needs: Mapping[K, Collection[K]], weights: Mapping[K, float]) -> tuple[list[K], float]:
    """The chain with the greatest sum of weights, first node first. Of equal ones, the first in file order."""
    total: dict[K, float] = {}
    before: dict[K, K] = {}
    for node in in_order(needs):
        start = 0.0
        for other in needs[node]:
            if other in total and (total[other] > start or node not in before):
                start, before[node] = total[other], other
        total[node] = start + weights[node]
    if not total:
        return [], 0.0
    chain = [max(total, key=lambda node: total[node])]
    while chain[-1] in before:
        chain.append(before[chain[-1]])
    return chain[::-1], total[chain[0]]
