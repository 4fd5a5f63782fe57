"""Rules on matrices whose values a list variable holds, and on needs of one combination each."""

import re
from collections.abc import Iterator

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.document.suggest import closest
from spectrum_pipelines.pipeline.fill.places import list_references
from spectrum_pipelines.pipeline.fill.reference import MatrixReference, Misread, VariableReference, read_references
from spectrum_pipelines.pipeline.fill.variables import Declaration, VariableType
from spectrum_pipelines.pipeline.form.matrix import as_text, combinations
from spectrum_pipelines.pipeline.form.sketch import Draft, JobSketch, Need
from spectrum_pipelines.pipeline.rules.needs import is_too_large

#: As in the schema of a matrix: the value becomes a part of the job's id.
_NAMEABLE = re.compile(r"[^\[\],{}\x00-\x1f\x7f]+")


def check_lists(draft: Draft) -> Iterator[Diagnostic]:
    """Check each `matrix: {key: "${var.list}"}`: the variable is a list, and its values can name jobs as far as they are known."""
    declared = draft.declared
    for path, name in list_references(draft.view.written):
        declaration = declared.get(name)
        job = draft.jobs.get(str(path[1]))
        if declaration is None:
            near = closest(name, (it.name for it in declared.values() if it.type is VariableType.LIST))
            hint = (
                f"did you mean `${{var.{near}}}`?" if near else f"declare it: `{name}: {{type: list, default: [..]}}`"
            )
            yield draft.view.fault(path, "unknown-variable", f"there is no variable `{name}`", hint=hint)
        elif declaration.type is not VariableType.LIST:
            message = f"a matrix takes a list, and `{name}` is of type {declaration.type.value}"
            hint = f"declare `{name}: {{type: list, default: [..]}}`, or write a list here"
            yield draft.view.fault(path, "wrong-type", message, hint=hint)
        elif declaration.secret:
            message = f"the values of a matrix name jobs, and `{name}` is secret"
            yield draft.view.fault(path, "credentials", message, hint="use a list that is not secret")
        elif job is not None and job.path == path[:2] and str(path[3]) not in job.open:
            yield from _check_values(draft, job, str(path[3]), declaration)


def _check_values(draft: Draft, job: JobSketch, key: str, declaration: Declaration) -> Iterator[Diagnostic]:
    path = (*job.path, "matrix", key)
    values = job.matrix[key]
    if not values:
        message = f"`{declaration.name}` is an empty list: `{job.id}` would stand for no job at all"
        yield draft.view.fault(path, "too-few", message, hint="give it one value or more")
    for value in values:
        if _NAMEABLE.fullmatch(as_text(value)) is None:
            message = f"a value of `{declaration.name}` cannot be a part of a job's id: `{as_text(value)}`"
            hint = "values of a matrix are numbers, `true`, `false` or texts without brackets, braces, commas and line breaks"
            yield draft.view.fault(path, "bad-format", message, hint=hint)


def check_list_places(draft: Draft) -> Iterator[Diagnostic]:
    """Check what refers to a combination in `needs`."""
    for job in draft.jobs.values():
        for need in job.needs:
            if need.follows_matrix:
                yield from _check_need(draft, job, need)


def _check_need(draft: Draft, job: JobSketch, need: Need) -> Iterator[Diagnostic]:
    yield from check_combination(draft, job, need, place="`needs`", verb="needs")


def check_combination(
    draft: Draft, job: JobSketch, need: Need, *, place: str, verb: str, written: str | None = None
) -> Iterator[Diagnostic]:
    """Check what stands in the brackets of `load[${matrix.region}]`, in an entry of `needs` or a reference to an output."""
    sound = True
    for inner, part in read_references(need.label or ""):
        fault = _unfit(job, inner, part, place)
        if fault is not None:
            sound = False
            code, message, hint = fault
            yield draft.view.fault(need.path, code, message, hint=hint, part=inner)
    other = draft.jobs.get(need.job)
    if not sound or other is None or not other.matrix or is_too_large(draft):
        return
    known = {key: job.matrix[key] for key in need.matrix_keys}
    if job.open & known.keys():
        return
    there = [None if key in other.open else set(map(as_text, values)) for key, values in other.matrix.items()]
    for combination in combinations(known):
        label = need.label_for(combination)
        if not _is_one_of(label.split(","), there):
            where = ", ".join(f"`{key}` = `{as_text(value)}`" for key, value in combination.items())
            message = f"there is no job `{need.job}[{label}]`, which `{job.id}` {verb} where {where}"
            every = f", or write `{need.job}` for all of its combinations" if verb == "needs" else ""
            hint = f"give both jobs the same values{every}"
            yield draft.view.fault(need.path, "unknown-job", message, hint=hint, part=written)
            return


def _is_one_of(parts: list[str], there: list[set[str] | None]) -> bool:
    """Whether each part of a label is a value of its key; None stands for values that only a run will know."""
    return len(parts) == len(there) and all(
        texts is None or part in texts for part, texts in zip(parts, there, strict=True)
    )


def _unfit(job: JobSketch, written: str, part: object, place: str) -> tuple[str, str, str] | None:
    match part:
        case Misread():
            return "bad-reference", part.message, part.hint
        case MatrixReference(key) if key in job.matrix:
            return None
        case MatrixReference(key):
            near = closest(key, job.matrix)
            listed = ", ".join(f"`{it}`" for it in job.matrix)
            keys = f"its keys are {listed}" if listed else f"give the job one: `matrix: {{{key}: [...]}}`"
            hint = f"did you mean `${{matrix.{near}}}`?" if near else keys
            return "unknown-matrix-key", f"the matrix of `{job.id}` has no key `{key}`", hint
        case VariableReference():
            hint = "the graph is the same in every run: refer to `${matrix.<key>}`, or name the combination"
            return "misplaced-reference", f"`{written}` cannot stand in {place}", hint
        case _:
            return "misplaced-reference", f"`{written}` cannot stand in {place}", "only `${matrix.<key>}` can"
