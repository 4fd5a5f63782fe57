"""Rules on `${...}`: that each can be read, stands for something, and stands where it can be filled in."""

from collections.abc import Iterator

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.document.position import Path
from spectrum_pipelines.document.suggest import closest
from spectrum_pipelines.pipeline.action import JobOutput
from spectrum_pipelines.pipeline.places import LATE, phrases
from spectrum_pipelines.pipeline.reference import (
    MatrixReference,
    Misread,
    Reference,
    VariableReference,
    holds_reference,
    read_phrase,
)
from spectrum_pipelines.pipeline.rules_outputs import check_output
from spectrum_pipelines.pipeline.sketch import Draft
from spectrum_pipelines.pipeline.view import mapping

_JOBS = ("jobs", "finally")


def check_references(draft: Draft) -> Iterator[Diagnostic]:
    """Check every reference of a view."""
    view = draft.view
    if "${" not in view.document.source.text:
        return
    if holds_reference(view.data.get("name")):
        hint = "a name is the same in every run; put the reference into `description`"
        yield view.fault(("name",), "misplaced-reference", "no reference can stand in `name`", hint=hint)
    for path, text in phrases(view.data):
        for part in read_phrase(text):
            if isinstance(part, Misread):
                yield view.fault(path, "bad-reference", part.message, hint=part.hint)
            elif not isinstance(part, str):
                yield from _check(draft, path, part)


def used_variables(draft: Draft) -> set[str]:
    """The names of all variables that a view refers to."""
    if "${" not in draft.view.document.source.text:
        return set()
    parts = (part for _, text in phrases(draft.view.data) for part in read_phrase(text))
    return {part.name for part in parts if isinstance(part, VariableReference)}


def _check(draft: Draft, path: Path, part: Reference) -> Iterator[Diagnostic]:
    if path[0] == "variables" and isinstance(part, (VariableReference, MatrixReference, JobOutput)):
        message = "the value of a variable can refer to `${env.X}` and `${run.id}` only"
        yield draft.view.fault(path, "misplaced-reference", message, hint="refer to both variables where they are used")
        return
    match part:
        case VariableReference(name):
            yield from _check_variable(draft, path, name)
        case MatrixReference(key):
            yield from _check_matrix(draft, path, key)
        case JobOutput(job=job):
            if path[0] in _JOBS and path[2] in LATE:
                yield from check_output(draft, path, job)
            else:
                message = f"`${{jobs.{job}.execution_id}}` is known only while the pipeline runs"
                hint = "it can stand in a target and under the `variables` of a job, nowhere else"
                yield draft.view.fault(path, "misplaced-reference", message, hint=hint)
        case _:
            return


def _check_variable(draft: Draft, path: Path, name: str) -> Iterator[Diagnostic]:
    declared = draft.view.section("variables")
    if name not in declared:
        near = closest(name, declared)
        hint = f"did you mean `${{var.{near}}}`?" if near else f"declare it: `variables: {{{name}: ...}}`"
        yield draft.view.fault(path, "unknown-variable", f"there is no variable `{name}`", hint=hint)


def _check_matrix(draft: Draft, path: Path, key: str) -> Iterator[Diagnostic]:
    body = mapping(draft.view.section(str(path[0])).get(str(path[1]))) if path[0] in _JOBS else {}
    keys = mapping(body.get("matrix"))
    if key in keys:
        return
    if not keys:
        message = f"`${{matrix.{key}}}` stands in no job with a `matrix`"
        yield draft.view.fault(
            path, "unknown-matrix-key", message, hint=f"give the job one: `matrix: {{{key}: [...]}}`"
        )
        return
    near = closest(key, keys)
    hint = f"did you mean `${{matrix.{near}}}`?" if near else f"its keys are {', '.join(f'`{it}`' for it in keys)}"
    yield draft.view.fault(path, "unknown-matrix-key", f"the matrix of `{path[1]}` has no key `{key}`", hint=hint)
