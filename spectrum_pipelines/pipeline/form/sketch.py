"""The jobs of a view as far as they can be read, so that one pass finds all faults: what is ill-shaped is simply not there."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from spectrum_pipelines.document.position import Path
from spectrum_pipelines.pipeline.fill.interpolate import in_combination
from spectrum_pipelines.pipeline.fill.reference import MatrixReference, holds_reference, read_phrase, single_variable
from spectrum_pipelines.pipeline.fill.variables import Declaration, declarations
from spectrum_pipelines.pipeline.form.matrix import (
    MOST_COMBINATIONS,
    Combination,
    Matrix,
    as_text,
    combinations,
    label,
    size,
)
from spectrum_pipelines.pipeline.form.overlay import ACTIONS, mapping
from spectrum_pipelines.pipeline.form.view import View
from spectrum_pipelines.pipeline.graph.order import ancestors
from spectrum_pipelines.pipeline.graph.switches import contracted
from spectrum_pipelines.pipeline.model.action import JobId, Scalar

_SUGGESTED = 200


class Need(Struct, frozen=True, kw_only=True):
    """One entry of `needs`: all combinations of a job, or the one whose label stands in brackets."""

    job: str
    label: str | None
    path: Path

    def __str__(self) -> str:
        return self.job if self.label is None else f"{self.job}[{self.label}]"

    @property
    def follows_matrix(self) -> bool:
        """Whether each combination of the needing job needs one of its own: `load[${matrix.region}]`."""
        return holds_reference(self.label)

    @property
    def matrix_keys(self) -> tuple[str, ...]:
        """The keys of the needing job's matrix that the label refers to."""
        parts = read_phrase(self.label or "")
        return tuple(dict.fromkeys(part.key for part in parts if isinstance(part, MatrixReference)))

    def label_for(self, combination: Combination) -> str:
        """What stands in the brackets for one combination of the needing job."""
        return in_combination(self.label or "", combination)


class JobSketch(Struct, frozen=True, kw_only=True, dict=True):
    """A job before its matrix is spread out. `actions` are the action keys that it has: one, if all is well.

    `open` are keys of the matrix whose values only a run will know: a list variable without a default holds them.
    """

    id: str
    path: Path
    body: Mapping[str, Any]
    needs: tuple[Need, ...]
    actions: tuple[str, ...]
    matrix: Matrix
    run_if: str
    open: frozenset[str] = frozenset()

    @property
    def is_finally(self) -> bool:
        """Whether it stands under `finally`."""
        return self.path[0] == "finally"

    @property
    def allow_failure(self) -> bool:
        """Whether that is certain; a reference is not."""
        return self.body.get("allow_failure") is True

    @cached_property
    def value_texts(self) -> Mapping[str, frozenset[str]]:
        """The values of each key of the matrix as they stand in brackets."""
        return {key: frozenset(map(as_text, values)) for key, values in self.matrix.items()}

    @cached_property
    def first_labels(self) -> tuple[str, ...]:
        """The first of what may stand in brackets after the id: enough to suggest one."""
        if not self.matrix or self.open:
            return ()
        return tuple(label(combination) for combination in islice(combinations(self.matrix), _SUGGESTED))


@dataclass(frozen=True)
class Draft:
    """A view and its jobs by id; of two with one id, the first."""

    view: View
    jobs: Mapping[str, JobSketch]

    @cached_property
    def needs(self) -> dict[str, tuple[str, ...]]:
        """The graph between jobs before their matrices are spread out, without needs that are faults of their own."""
        return {
            job.id: tuple(dict.fromkeys(need.job for need in job.needs if self._is_edge(job, need)))
            for job in self.jobs.values()
        }

    def _is_edge(self, job: JobSketch, need: Need) -> bool:
        return need.job in self.jobs and self.jobs[need.job].is_finally == job.is_finally

    @cached_property
    def declared(self) -> Mapping[str, Declaration]:
        """The variables that the view declares."""
        return declarations(self.view)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The ids of all jobs."""
        return tuple(self.jobs)

    @cached_property
    def ids_of(self) -> Mapping[bool, tuple[str, ...]]:
        """The ids of the jobs under `jobs` (False) and of those under `finally` (True)."""
        return {
            is_finally: tuple(job.id for job in self.jobs.values() if job.is_finally == is_finally)
            for is_finally in (False, True)
        }

    @cached_property
    def off(self) -> frozenset[str]:
        """The jobs whose `enabled` is false, and no reference."""
        return frozenset(name for name, job in self.jobs.items() if job.body.get("enabled") is False)

    @property
    def reduced(self) -> "Draft":
        """The draft without the jobs that are off; who needs one needs what it needs."""
        # Itself is not kept: a draft that refers to itself would hold its document until the collector comes by.
        return self._without_off if self.off else self

    @cached_property
    def _without_off(self) -> "Draft":
        needs = contracted(
            {JobId(name): list(map(JobId, it)) for name, it in self.needs.items()}, list(map(JobId, self.off))
        )
        jobs = {name: _needing(job, needs[JobId(name)]) for name, job in self.jobs.items() if name not in self.off}
        return Draft(self.view, jobs)

    @cached_property
    def ancestry(self) -> tuple[dict[str, int], dict[str, int]]:
        """See `graph.ancestors`. Jobs in or behind a cycle are missing."""
        return ancestors(self.needs)

    @cached_property
    def needed_by(self) -> dict[tuple[str, str | None], int]:
        """The bits of the jobs that need a job: all of it (None), or the combination with this label."""
        bits, _ = self.ancestry
        found: dict[tuple[str, str | None], int] = {}
        for job in self.jobs.values():
            for need in job.needs if job.id in bits else ():
                for text in labels_of(job, need):
                    key = (need.job, text)
                    found[key] = found.get(key, 0) | bits[job.id]
        return found

    @cached_property
    def may_be_allowed(self) -> int:
        """The bits of the jobs whose failure is allowed, or may turn out to be."""
        bits, _ = self.ancestry
        return sum(bits[it.id] for it in self.jobs.values() if it.id in bits and it.body.get("allow_failure", False))

    @cached_property
    def must_succeed(self) -> dict[str, int]:
        """The bits of what has certainly succeeded when a job starts: its needs, theirs, and so on through `all_success`."""
        bits, _ = self.ancestry
        found: dict[str, int] = {}
        for name in bits:
            found[name] = 0
            if self.jobs[name].run_if == "all_success":
                for other in self.needs[name]:
                    if not self.jobs[other].allow_failure:
                        found[name] |= bits[other] | found[other]
        return found


def draft(view: View) -> Draft:
    """Read the jobs of a view."""
    jobs: dict[str, JobSketch] = {}
    lists = {
        name: it.default
        for name, it in declarations(view).items()
        if isinstance(it.default, tuple) and not holds_reference(it.default)
    }
    for section in ("jobs", "finally"):
        for name, body in view.section(section).items():
            if isinstance(body, Mapping):
                jobs.setdefault(name, _sketch((section, name), body, lists))
    return Draft(view, jobs)


def has_label(job: JobSketch, text: str) -> bool:
    """Whether this may stand in brackets after the id. Values hold no commas, so nothing needs to be spread out."""
    parts = text.split(",")
    return len(parts) == len(job.matrix) and all(
        key in job.open or part in texts for part, (key, texts) in zip(parts, job.value_texts.items(), strict=True)
    )


def combination_count(job: JobSketch) -> int:
    """How many jobs the sketch stands for, as far as that is known."""
    return size({key: values for key, values in job.matrix.items() if key not in job.open})


def labels_of(job: JobSketch, need: Need) -> Iterator[str | None]:
    """The labels that a need of a job is about; None for all, and for those that only a run will know."""
    keys = need.matrix_keys if need.follows_matrix else ()
    known = {key: job.matrix[key] for key in keys if key in job.matrix}
    if not need.follows_matrix:
        yield need.label
    elif len(known) < len(keys) or job.open.intersection(keys) or size(known) > MOST_COMBINATIONS:
        yield None
    else:
        yield from map(need.label_for, combinations(known))


def _needing(job: JobSketch, needs: Collection[str]) -> JobSketch:
    path = (*job.path, "needs")
    kept = {need.job: need for need in job.needs}
    return replace(job, needs=tuple(kept.get(it, Need(job=it, label=None, path=path)) for it in needs))


def _sketch(path: Path, body: Mapping[str, Any], lists: Mapping[str, tuple[Scalar, ...]]) -> JobSketch:
    matrix = mapping(body.get("matrix"))
    run_if = body.get("run_if", "all_done" if path[0] == "finally" else "all_success")
    return JobSketch(
        id=str(path[1]),
        path=path,
        body=body,
        needs=tuple(_needs((*path, "needs"), body.get("needs"))),
        actions=tuple(word for word in ACTIONS if word in body),
        matrix={key: _values(values, lists) for key, values in matrix.items()},
        run_if=run_if if isinstance(run_if, str) else "",
        open=frozenset(key for key, it in matrix.items() if isinstance(it, str) and single_variable(it) not in lists),
    )


def _needs(path: Path, listed: Any) -> Iterator[Need]:
    if isinstance(listed, list):
        for place, entry in enumerate(listed):
            if isinstance(entry, str):
                job, bracket, rest = entry.partition("[")
                yield Need(job=job, label=rest.removesuffix("]") if bracket else None, path=(*path, place))


def _values(written: Any, lists: Mapping[str, tuple[Scalar, ...]]) -> tuple[Scalar, ...]:
    if isinstance(written, list):
        return tuple(value for value in written if isinstance(value, (str, int, float)))
    return lists.get(single_variable(written) or "", ())
