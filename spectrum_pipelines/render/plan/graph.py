"""The graph of a plan as it is drawn: nodes, groups and arrows, before any language of drawings.

What a matrix makes is a group: up to `FOLDED` jobs stand in a box of their own, more are one node that counts them. A job that
needs a whole matrix has one arrow from the group and not one from each of its jobs; 100 jobs that need 100 others have one as well.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

from msgspec import Struct

from spectrum_pipelines.pipeline.form.matrix import as_text
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.pipeline import Job, RunIf
from spectrum_pipelines.plan.facts import PlanFacts
from spectrum_pipelines.render.plan.job import listed

#: So many jobs of a matrix are drawn one by one.
FOLDED = 6
_LONGEST = 60  # characters of a line in a box
_WHEN = {
    RunIf.ALL_SUCCESS: None,
    RunIf.ALL_DONE: "done",
    RunIf.ANY_FAILED: "any failed",
    RunIf.NONE_FAILED: "none failed",
}


class Node(Struct, frozen=True, kw_only=True):
    """A box. `key` is made here, unique, and no foreign text; the lines are foreign text, not yet cleaned."""

    key: str
    lines: tuple[str, ...]
    is_critical: bool


class Group(Struct, frozen=True, kw_only=True):
    """What one entry of the file makes: one node, or a box around several. `title` is foreign text."""

    key: str
    title: str
    nodes: tuple[Node, ...]
    is_finally: bool

    @property
    def is_box(self) -> bool:
        """Drawn as a box around its nodes."""
        return len(self.nodes) > 1


class Arrow(Struct, frozen=True, kw_only=True):
    """From what is needed to what needs it; keys of nodes or of boxes. `label` is None for the usual case, success."""

    start: str
    end: str
    label: str | None


class Graph(Struct, frozen=True, kw_only=True):
    """`title` is the pipeline's name."""

    title: str
    groups: tuple[Group, ...]
    arrows: tuple[Arrow, ...]

    def parts(self) -> tuple[tuple[Group, ...], tuple[Group, ...]]:
        """The groups of `jobs` and those of `finally`."""
        first = tuple(it for it in self.groups if not it.is_finally)
        return first, tuple(it for it in self.groups if it.is_finally)


@dataclass(slots=True)
class _Drawn:
    """Where each job went."""

    family: dict[JobId, str] = field(default_factory=dict)
    node: dict[JobId, str] = field(default_factory=dict)


def plan_graph(facts: PlanFacts) -> Graph:
    """The drawing of a plan."""
    families: dict[str, list[Job]] = defaultdict(list)
    for job in facts.pipeline.jobs.values():
        families[job.id.partition("[")[0]].append(job)
    critical = frozenset(facts.plan.critical_path)
    drawn = _Drawn()
    groups = {}
    for number, (name, jobs) in enumerate(families.items(), 1):
        groups[name] = _group(facts, f"j{number}", name, jobs, critical)
        _place(drawn, name, jobs, groups[name])
    arrows = dict.fromkeys(_arrows(families, groups, drawn))
    return Graph(title=facts.pipeline.name, groups=tuple(groups.values()), arrows=tuple(arrows))


def _group(facts: PlanFacts, key: str, name: str, jobs: list[Job], critical: frozenset[JobId]) -> Group:
    if len(jobs) > FOLDED:
        combinations = listed(_combination(job) for job in jobs)
        lines = (name, f"{len(jobs):,} jobs: {combinations}", _action(facts, jobs[0]) + " ...")
        nodes = [Node(key=key, lines=_cut(lines), is_critical=any(job.id in critical for job in jobs))]
    else:
        keys = [key] if len(jobs) == 1 else [f"{key}_{place}" for place in range(1, len(jobs) + 1)]
        nodes = [
            Node(key=own, lines=_cut((job.id, _action(facts, job))), is_critical=job.id in critical)
            for own, job in zip(keys, jobs, strict=True)
        ]
    return Group(key=key, title=name, nodes=tuple(nodes), is_finally=jobs[0].is_finally)


def _place(drawn: _Drawn, name: str, jobs: list[Job], group: Group) -> None:
    for place, job in enumerate(jobs):
        drawn.family[job.id] = name
        drawn.node[job.id] = group.nodes[place if group.is_box else 0].key


def _arrows(families: Mapping[str, list[Job]], groups: Mapping[str, Group], drawn: _Drawn) -> Iterator[Arrow]:
    for name, members in families.items():
        wanted: dict[str, set[tuple[JobId, JobId]]] = defaultdict(set)
        for job in members:
            for needed in job.needs:
                wanted[drawn.family[needed]].add((needed, job.id))
        label = _WHEN[members[0].run_if]
        for other, pairs in wanted.items():
            for start, end in _bundled(pairs, families[other], members):
                yield Arrow(
                    start=groups[other].key if start is None else drawn.node[start],
                    end=groups[name].key if end is None else drawn.node[end],
                    label=label,
                )


def _bundled(
    pairs: set[tuple[JobId, JobId]], starts: list[Job], ends: list[Job]
) -> Iterator[tuple[JobId | None, JobId | None]]:
    """The pairs, with None for a whole group where that says the same in fewer arrows."""
    if len(pairs) == len(starts) * len(ends):
        yield None, None
        return
    for end in ends:
        needed = [start.id for start in starts if (start.id, end.id) in pairs]
        if len(needed) == len(starts):
            yield None, end.id
        else:
            yield from product(needed, (end.id,))


def _combination(job: Job) -> str:
    return job.id.partition("[")[2].removesuffix("]")


def _action(facts: PlanFacts, job: Job) -> str:
    action = facts.action(job)
    target = action.target if isinstance(action.target, str) else listed(map(as_text, action.target))
    return f"{action.word} {target}"


def _cut(lines: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..." for line in lines)
