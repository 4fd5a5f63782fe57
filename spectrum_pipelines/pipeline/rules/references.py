"""Rules on `${...}`: that each can be read, stands for something, and stands where it can be filled in."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from msgspec.structs import replace

from spectrum_pipelines.document.diagnostic import Diagnostic, Severity
from spectrum_pipelines.document.suggest import closest
from spectrum_pipelines.pipeline.fill.places import list_references, phrases, takes_outputs, takes_secrets
from spectrum_pipelines.pipeline.fill.reference import (
    EnvironmentReference,
    MatrixReference,
    Misread,
    Reference,
    RunDateReference,
    VariableReference,
    holds_reference,
    read_phrase,
    read_references,
)
from spectrum_pipelines.pipeline.fill.variables import VariableType
from spectrum_pipelines.pipeline.form.overlay import mapping
from spectrum_pipelines.pipeline.form.sketch import Draft
from spectrum_pipelines.pipeline.form.view import View
from spectrum_pipelines.pipeline.model.action import JobOutput
from spectrum_pipelines.pipeline.rules.outputs import Place, check_output
from spectrum_pipelines.redaction import looks_secret

#: The environment variables of this product that hold its own login: no file may name them.
LOGIN_NAMES = frozenset(
    f"{name}{suffix}"
    for name in ("SPECTRUM_USERNAME", "SPECTRUM_PASSWORD", "SPECTRUM_STATE_PASSWORD")
    for suffix in ("", "_FILE")
)

_JOBS = ("jobs", "finally")
_GROUP = ("concurrency", "group")
_ELSEWHERE = "a secret can stand in a target, under the `variables` of a job and in a description"


def check_references(draft: Draft) -> Iterator[Diagnostic]:
    """Check every reference of a view."""
    view = draft.view
    if not view.document.holds("${"):
        return
    if holds_reference(view.data.get("name")):
        hint = "a name is the same in every run; put the reference into `description`"
        yield view.fault(("name",), "misplaced-reference", "no reference can stand in `name`", hint=hint)
    for path, text in phrases(_looked_at(view)):
        for written, part in read_references(text):
            place = Place(draft=draft, path=path, written=written)
            if isinstance(part, Misread):
                yield place.fault("bad-reference", part.message, part.hint)
            else:
                yield from _check(place, part)


def _looked_at(view: View) -> Mapping[str, Any]:
    """All of the file; of an environment what it changes, and all jobs if it changes one: they may refer to each other."""
    if view.environment is None:
        return view.data
    changed = set(view.overlay)
    changed |= set(_JOBS) if changed.intersection(_JOBS) else set()
    return {key: value for key, value in view.data.items() if key in changed}


def check_allowed_names(view: View, allowed: AbstractSet[str] | None) -> Iterator[Diagnostic]:
    """Report what the file takes from the environment and must not. None: SPECTRUM_ALLOWED_ENV is not set, so it may."""
    if allowed is None:
        return
    for path, text in phrases(_looked_at(view)):
        for written, part in read_references(text):
            if isinstance(part, EnvironmentReference) and part.name not in allowed and part.name not in LOGIN_NAMES:
                message = f"`{written}` is not among SPECTRUM_ALLOWED_ENV"
                hint = f"add {part.name} to SPECTRUM_ALLOWED_ENV if this file may read it, or use a variable of the pipeline"
                yield view.fault(path, "not-allowed", message, hint=hint, part=written)


def used_variables(data: Mapping[str, Any]) -> set[str]:
    """The names of all variables that a file, or what an environment changes of it, refers to."""
    parts = (part for _, text in phrases(data) for part in read_phrase(text))
    lists = {name for _, name in list_references(data)}
    return lists | {part.name for part in parts if isinstance(part, VariableReference)}


def names_days(view: View) -> bool:
    """Whether the file refers to the day of the run."""
    parts = (part for _, text in phrases(view.data) for part in read_phrase(text))
    return any(isinstance(part, RunDateReference) for part in parts)


def _check(place: Place, part: Reference) -> Iterator[Diagnostic]:
    if place.path[0] == "variables" and isinstance(part, (VariableReference, MatrixReference, JobOutput)):
        message = "the value of a variable can refer to `${env.X}`, `${run.id}` and `${run.date}` only"
        yield place.fault("misplaced-reference", message, "refer to it where the variable is used")
        return
    match part:
        case EnvironmentReference(name):
            yield from _check_environment(place, name)
        case VariableReference(name):
            yield from _check_variable(place, name, is_dated=part.is_dated)
        case MatrixReference(key):
            yield from _check_matrix(place, key)
        case JobOutput():
            if takes_outputs(place.path):
                yield from check_output(place, part)
            else:
                message = f"`{place.written}` is known only while the pipeline runs"
                hint = (
                    "it can stand in a target, under the `variables` of a job and as a bound of its gates, nowhere else"
                )
                yield place.fault("misplaced-reference", message, hint)
        case _:
            return


def _check_environment(place: Place, name: str) -> Iterator[Diagnostic]:
    if name in LOGIN_NAMES:
        message = f"`{place.written}` is the login of spectrum-pipelines itself, which no file may name"
        hint = "remove it; a secret for the pipeline goes into a variable with `secret: true`, given as SPECTRUM_VAR_<name>"
        yield place.fault("credentials", message, hint)
        return
    if looks_secret(name) and place.path == _GROUP:
        message = (
            f"the name of a group is told to everybody who waits for it, and `{place.written}` looks like a secret"
        )
        yield place.fault("credentials", message, "name the group by something that is not secret")
        return
    if looks_secret(name) and place.path[0] != "variables" and not takes_secrets(place.path):
        hint = f"if it is none, give it by a name that does not look like one; {_ELSEWHERE}"
        yield replace(_told(place, f"`{place.written}` looks like a secret", hint), severity=Severity.WARNING)
        return
    section, *rest = place.path
    body = mapping(place.draft.view.section("variables").get(str(rest[0]))) if section == "variables" and rest else {}
    if not looks_secret(name) or body.get("secret") is True:
        return
    message = f"`{place.written}` is masked in every output, as its name says that it is a secret"
    hint = f'write so: declare `{{secret: true, default: "${{env.{name}}}"}}` under `variables`, and refer to that'
    yield replace(place.fault("credentials", message, hint), severity=Severity.WARNING)


def _check_variable(place: Place, name: str, *, is_dated: bool) -> Iterator[Diagnostic]:
    declared = place.draft.declared
    if name in declared and declared[name].secret and place.path == _GROUP:
        message = f"the name of a group is told to everybody who waits for it, and `{name}` is secret"
        yield place.fault("credentials", message, "name the group by something that is not secret")
        return
    if name in declared and declared[name].secret and not takes_secrets(place.path):
        yield _told(place, f"`{name}` is secret", f"use a value that is not secret; {_ELSEWHERE}")
        return
    if name not in declared:
        near = closest(name, declared)
        hint = f"did you mean `${{var.{near}}}`?" if near else f"declare it: `variables: {{{name}: ...}}`"
        yield place.fault("unknown-variable", f"there is no variable `{name}`", hint)
    elif is_dated and declared[name].type is not VariableType.DATE:
        kind = declared[name].type.value
        message = f"`{place.written}` treats `{name}` as a date, and it is of type {kind}"
        yield place.fault("wrong-type", message, f"declare `{name}: {{type: date}}`, or write `${{var.{name}}}`")
    elif declared[name].type is VariableType.LIST:
        message = f"`{name}` is a list, which has no place in a text"
        yield place.fault(
            "misplaced-reference", message, f"a list stands alone in a matrix: `{{key: ${{var.{name}}}}}`"
        )


def _told(place: Place, why: str, hint: str) -> Diagnostic:
    """A bound, a time or a switch cannot be masked: plans, reports and reasons tell what it is."""
    message = f"what stands here is told in plans, reports and reasons, and {why}"
    return place.fault("credentials", message, hint)


def _check_matrix(place: Place, key: str) -> Iterator[Diagnostic]:
    section, *rest = place.path
    body = mapping(place.draft.view.section(str(section)).get(str(rest[0]))) if section in _JOBS and rest else {}
    keys = mapping(body.get("matrix"))
    if key in keys:
        return
    if not keys:
        message = f"`{place.written}` stands in no job with a `matrix`"
        yield place.fault("unknown-matrix-key", message, f"give the job one: `matrix: {{{key}: [...]}}`")
        return
    near = closest(key, keys)
    hint = f"did you mean `${{matrix.{near}}}`?" if near else f"its keys are {', '.join(f'`{it}`' for it in keys)}"
    yield place.fault("unknown-matrix-key", f"the matrix of `{rest[0]}` has no key `{key}`", hint)
