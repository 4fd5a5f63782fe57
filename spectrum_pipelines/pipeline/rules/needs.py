"""Rules on the graph: needs that lead nowhere, cycles, and matrices that grow out of hand."""

import re
from collections.abc import Iterator

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.document.suggest import closest
from spectrum_pipelines.pipeline.form.matrix import MOST_COMBINATIONS, as_text
from spectrum_pipelines.pipeline.form.sketch import Draft, JobSketch, Need, combination_count, has_label
from spectrum_pipelines.pipeline.graph.cycles import cycles

#: Edges of the spread-out graph; 1,000 combinations that need 1,000 others are this many.
MOST_NEEDS = 1_000_000
_SHOWN = 10
_ID = re.compile(r"[A-Za-z][\w-]*", re.ASCII)  # what is no id is the schema's concern


def check_matrices(draft: Draft) -> Iterator[Diagnostic]:
    """Check that combinations are distinct and not too many."""
    made = 0
    for job in draft.jobs.values():
        if not job.matrix:
            continue
        yield from _repeated_values(draft, job)
        made += combination_count(job)
        if made > MOST_COMBINATIONS:
            message = (
                f"with the matrix of `{job.id}`, matrices make {made:,} jobs; at most {MOST_COMBINATIONS:,} are allowed"
            )
            yield draft.view.fault(
                (*job.path, "matrix"),
                "too-many-jobs",
                message,
                hint="shorten the lists, or split the pipeline",
                at_key=True,
            )
            return


def is_too_large(draft: Draft) -> bool:
    """Whether spreading the matrices out would be unwise."""
    return sum(combination_count(job) for job in draft.jobs.values() if job.matrix) > MOST_COMBINATIONS


def _repeated_values(draft: Draft, job: JobSketch) -> Iterator[Diagnostic]:
    for key, values in job.matrix.items():
        first: dict[str, int] = {}
        for place, value in enumerate(values):
            path = (*job.path, "matrix", key)
            earlier = first.setdefault(as_text(value), place)
            if earlier != place:
                message = f"the value `{as_text(value)}` stands here twice: both would make jobs of the same id"
                related = (((*path, earlier), "the first one"),)
                yield draft.view.fault((*path, place), "duplicate-id", message, hint="remove one", related=related)


def check_needs(draft: Draft) -> Iterator[Diagnostic]:
    """Check every entry of `needs`, and that there is a way to run the jobs one after another."""
    edges = 0
    for job in draft.jobs.values():
        seen: set[str] = set()
        for need in job.needs:
            yield from _check_need(draft, job, need)
            if str(need) in seen:
                yield draft.view.warning(need.path, "duplicate-need", f"`{need}` is listed twice", hint="remove one")
            seen.add(str(need))
            if need.job in draft.jobs:
                edges += combination_count(job) * (combination_count(draft.jobs[need.job]) if need.label is None else 1)
        if edges > MOST_NEEDS and job.needs:
            message = f"spread out, the jobs up to `{job.id}` have {edges:,} needs; at most {MOST_NEEDS:,} are allowed"
            hint = "let one job in between need all combinations, and the others need that one"
            yield draft.view.fault((*job.path, "needs"), "too-many-jobs", message, hint=hint, at_key=True)
            break
    yield from _check_cycles(draft)


def _check_need(draft: Draft, job: JobSketch, need: Need) -> Iterator[Diagnostic]:
    view, other = draft.view, draft.jobs.get(need.job)
    if other is None:
        if _ID.fullmatch(need.job) and need.job not in view.section("jobs") and need.job not in view.section("finally"):
            same = draft.ids_of[job.is_finally]
            near = closest(need.job, same)
            hint = f"did you mean `{near}`?" if near and near != job.id else _known_jobs(same, job.id)
            yield view.fault(need.path, "unknown-job", f"there is no job `{need.job}`", hint=hint)
    elif other.is_finally != job.is_finally:
        message = f"`{need.job}` stands under `{other.path[0]}` and `{job.id}` under `{job.path[0]}`"
        hint = "`finally` begins when all of `jobs` have ended: " + (
            "remove the need" if job.is_finally else f"move `{job.id}` there too, or remove the need"
        )
        yield view.fault(need.path, "misplaced-need", message, hint=hint)
    elif need.label is not None and not other.matrix:
        message = f"there is no job `{need}`: `{other.id}` has no matrix"
        yield view.fault(need.path, "unknown-job", message, hint=f"write `{other.id}`")
    elif need.follows_matrix:
        return  # the rule on lists looks at each combination
    elif need.label is not None and not has_label(other, need.label):
        near = closest(need.label, other.first_labels)
        shown = near or next(iter(other.first_labels), "...")
        hint = (
            f"did you mean `{other.id}[{shown}]`?"
            if near
            else f"write `{other.id}` for all, or, say, `{other.id}[{shown}]`"
        )
        yield view.fault(need.path, "unknown-job", f"there is no job `{need}`", hint=hint)


def _known_jobs(ids: tuple[str, ...], own: str) -> str:
    shown = [f"`{it}`" for it in ids[: _SHOWN + 1] if it != own][:_SHOWN]
    if not shown:
        return "there is no other job to need here"
    more = len(ids) - 1 - len(shown)
    return f"there are {', '.join(shown)}" + (f" and {more:,} more" if more > 0 else "")


def _check_cycles(draft: Draft) -> Iterator[Diagnostic]:
    for cycle in cycles(draft.needs):
        job = draft.jobs[cycle[0]]
        path = next((need.path for need in job.needs if need.job == cycle[1]), (*job.path, "needs"))
        if len(cycle) == 2:
            yield draft.view.fault(
                path, "cycle", f"`{job.id}` needs itself", hint="remove it: no job can wait for itself"
            )
            continue
        way = cycle if len(cycle) <= _SHOWN else [*cycle[:_SHOWN], f"... ({len(cycle) - _SHOWN - 1:,} more)", cycle[-1]]
        message = f"jobs need each other in a circle: {' -> '.join(way)}"
        yield draft.view.fault(
            path, "cycle", message, hint="remove one of these needs: none of the jobs could ever start"
        )
