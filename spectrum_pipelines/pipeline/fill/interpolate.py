"""Filling in `${...}` on parsed scalars: nothing that is filled in is read again, so a value cannot smuggle in a reference or YAML.

It happens in two steps. What holds for the whole run is filled in first (`fill`); a scalar that still waits for its combination of
a matrix or for another job's execution becomes a `Phrase`, which `settle` turns into a value or a `Template`.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

from msgspec import Struct, field

from spectrum_pipelines.document.numbers import with_text
from spectrum_pipelines.document.position import Path
from spectrum_pipelines.document.suggest import closest
from spectrum_pipelines.errors import UserError
from spectrum_pipelines.pipeline.fill.dates import formatted, moved
from spectrum_pipelines.pipeline.fill.places import list_references, phrases
from spectrum_pipelines.pipeline.fill.reference import (
    EnvironmentReference,
    MatrixReference,
    Misread,
    RunDateReference,
    RunIdReference,
    VariableReference,
    holds_reference,
    read_phrase,
    read_references,
)
from spectrum_pipelines.pipeline.form.matrix import Combination, as_text
from spectrum_pipelines.pipeline.model.action import JobId, JobOutput, Scalar, Template, Value
from spectrum_pipelines.pipeline.model.pipeline import Variable


class Unset(UserError):
    """A reference that stands for nothing: to an environment variable that is not set."""

    code = "unset-variable"


class BeyondCalendar(Unset):
    """A reference to a day that no calendar has."""

    code = "out-of-range"


@dataclass(frozen=True, slots=True)
class Phrase:
    """A scalar with references that one run alone cannot fill in. `tainted`: a part of it must not be quoted."""

    parts: tuple[str | MatrixReference | JobOutput, ...]
    tainted: bool


class Scope(Struct, frozen=True, kw_only=True):
    """What references of a run stand for."""

    variables: Mapping[str, Variable]
    environment: Mapping[str, str]
    run_id: str
    today: date | None = None


class Filled(Struct, frozen=True, kw_only=True):
    """Data with references filled in. `touched` are the paths that now hold a final value, and whether it may not be quoted."""

    data: Mapping[str, Any]
    touched: Mapping[Path, bool] = field(default_factory=dict)
    waiting: frozenset[Path] = frozenset()
    unset: tuple[tuple[Path, Unset], ...] = ()


def fill(data: Mapping[str, Any], scope: Scope) -> Filled:
    """Fill in all scalars of a view but the declarations of variables, which come first."""
    replacements: dict[Path, object] = {}
    touched: dict[Path, bool] = {}
    waiting: list[Path] = []
    unset: list[tuple[Path, Unset]] = []
    for path, name in list_references(data):
        if name in scope.variables:  # a variable with a fault of its own is missing
            values = scope.variables[name].value
            replacements[path] = list(values) if isinstance(values, tuple) else values
    for path, text in phrases(data):
        if path[0] == "variables":
            continue
        try:
            filled = fill_text(text, scope)
        except Unset as it:
            unset.append((path, it))
            continue
        except KeyError:  # a variable whose own fault is reported
            continue
        replacements[path] = filled
        if isinstance(filled, Phrase):
            waiting.append(path)
        else:
            touched[path] = _is_tainted(text, scope)
    return Filled(data=_replaced(data, replacements), touched=touched, waiting=frozenset(waiting), unset=tuple(unset))


def fill_text(text: str, scope: Scope) -> Scalar | Phrase:
    """Fill in one scalar; a single reference keeps its type. Raises Unset, and KeyError for a variable without a value."""
    parts = [_stands_for(part, scope) for part in read_phrase(text)]
    if any(isinstance(part, (MatrixReference, JobOutput)) for part in parts):
        left = tuple(part if isinstance(part, (MatrixReference, JobOutput)) else as_text(part) for part in parts)
        return Phrase(left, _is_tainted(text, scope))
    scalars = [part for part in parts if not isinstance(part, (MatrixReference, JobOutput))]
    return scalars[0] if len(scalars) == 1 else "".join(map(as_text, scalars))


def secret_days(data: Mapping[str, Any], scope: Scope) -> Iterator[tuple[Path, str, str]]:
    """What references make of secret dates, another day or another form: where each stands, as it is written, and the text."""
    if not any(it.secret for it in scope.variables.values()):
        return
    for path, text in phrases(data):
        for written, part in read_references(text):
            if not isinstance(part, VariableReference) or not part.is_dated:
                continue
            variable = scope.variables.get(part.name)
            if variable is not None and variable.secret:
                with suppress(BeyondCalendar):  # reported where it is filled in
                    yield path, written, _on_day(part, str(variable.value))


def settle(phrase: Phrase, combination: Combination) -> Value:
    """Fill in what this combination stands for. What other jobs will say stays open in a Template."""
    parts = [_here(part, combination) for part in phrase.parts]
    if len(parts) == 1 and not isinstance(parts[0], JobOutput):
        return parts[0]
    joined: list[str | JobOutput] = []
    for part in parts:
        if isinstance(part, JobOutput):
            joined.append(part)
        elif joined and isinstance(joined[-1], str):
            joined[-1] += as_text(part)
        else:
            joined.append(as_text(part))
    return Template(tuple(joined)) if any(isinstance(part, JobOutput) for part in joined) else str(joined[0])


def _here(part: str | MatrixReference | JobOutput, combination: Combination) -> Scalar | JobOutput:
    match part:
        case MatrixReference(key):
            return combination[key]
        case JobOutput(job=job, output=output) if holds_reference(job):
            return JobOutput(job=JobId(in_combination(job, combination)), output=output)
        case _:
            return part


def in_combination(text: str, combination: Combination) -> str:
    """A text with its references to the matrix filled in: what stands in brackets behind a job's id, say."""
    parts = read_phrase(text)
    return "".join(as_text(combination[it.key]) if isinstance(it, MatrixReference) else str(it) for it in parts)


def _stands_for(part: object, scope: Scope) -> Scalar | MatrixReference | JobOutput:
    match part:
        case VariableReference(name) if part.is_dated:
            return _on_day(part, str(scope.variables[name].value))
        case VariableReference(name):
            return _in_its_form(scope.variables[name])
        case RunDateReference():
            if scope.today is None:
                raise ValueError("`${run.date}` needs the moment of the run's start: give `now`")
            return _on_day(part, scope.today.isoformat())
        case EnvironmentReference(name):
            return _environment(name, scope.environment)
        case RunIdReference():
            return scope.run_id
        case MatrixReference() | JobOutput() | str():
            return part
        case _:
            assert isinstance(part, Misread)
            raise AssertionError(part.message)  # reported by the rule on references, which comes first


def _on_day(reference: VariableReference | RunDateReference, value: str) -> str:
    try:
        day = moved(date.fromisoformat(value), reference.offset or 0)
    except OverflowError:
        raise BeyondCalendar(f"{reference.offset} days from {value} is no day between the years 1 and 9999") from None
    return day.isoformat() if reference.form is None else formatted(day, reference.form)


def _in_its_form(variable: Variable) -> Scalar:
    value, written = variable.value, variable.written
    assert not isinstance(value, tuple)  # a rule keeps lists out of texts
    if written is None or isinstance(value, bool | str):
        return value
    return with_text(value, written)


def allowed_names(environment: Mapping[str, str]) -> frozenset[str] | None:
    """The environment variables that a file may name, by SPECTRUM_ALLOWED_ENV; None where that is not set, so that all may be."""
    listed = environment.get("SPECTRUM_ALLOWED_ENV")
    return frozenset(listed.replace(",", " ").split()) if listed else None


def _environment(name: str, environment: Mapping[str, str]) -> str:
    allowed = allowed_names(environment)
    if allowed is not None and name not in allowed:
        hint = "add it there if this file may read it, or use a variable of the pipeline"
        raise Unset(f"the environment variable `{name}` is not among SPECTRUM_ALLOWED_ENV", hint=hint)
    if name in environment:
        return environment[name]
    near = closest(name, environment)
    hint = (
        f"set it, or did you mean `${{env.{near}}}`?"
        if near
        else "set it before the run, or declare a variable with a default"
    )
    raise Unset(f"the environment variable `{name}` is not set", hint=hint)


def _is_tainted(text: str, scope: Scope) -> bool:
    """Whether a secret is in it, or something from the environment, which may well be one."""
    return any(
        isinstance(part, EnvironmentReference)
        or (isinstance(part, VariableReference) and part.name in scope.variables and scope.variables[part.name].secret)
        for part in read_phrase(text)
    )


def _replaced(data: Mapping[str, Any], replacements: Mapping[Path, object]) -> Mapping[str, Any]:
    """A copy of what changes and of nothing else."""
    root = dict(data)
    copied: dict[Path, Any] = {(): root}
    for path, value in replacements.items():
        for depth in range(1, len(path)):
            prefix = path[:depth]
            if prefix not in copied:
                parent = copied[prefix[:-1]]
                old = parent[prefix[-1]]
                copied[prefix] = parent[prefix[-1]] = list(old) if isinstance(old, list) else dict(old)
        copied[path[:-1]][path[-1]] = value
    return root
