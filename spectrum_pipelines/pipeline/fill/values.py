"""The value of every variable: later wins, and every fault names the source that it came from."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from msgspec import Struct, field

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.document.numbers import WrittenFloat, WrittenInt, plain
from spectrum_pipelines.document.schema.wording import value_in_words
from spectrum_pipelines.document.suggest import closest
from spectrum_pipelines.pipeline.fill.dates import is_relative
from spectrum_pipelines.pipeline.fill.interpolate import Phrase, Scope, Unset, fill_text
from spectrum_pipelines.pipeline.fill.reference import EnvironmentReference, holds_reference, read_phrase
from spectrum_pipelines.pipeline.fill.variables import (
    Declaration,
    Unfit,
    VariableType,
    check_value,
    declarations,
    read_value,
)
from spectrum_pipelines.pipeline.form.matrix import as_text
from spectrum_pipelines.pipeline.form.view import View
from spectrum_pipelines.pipeline.model.action import Held, JobId, Scalar
from spectrum_pipelines.pipeline.model.pipeline import Variable
from spectrum_pipelines.redaction import looks_secret

PREFIX = "SPECTRUM_VAR_"


class Given(Struct, frozen=True, kw_only=True):
    """What a run is given from outside the file.

    `vars_file` holds parsed data, and `shows_vars_file` says whether its names and values may be told; `recorded` what the journal
    of an earlier part of the run says (`Variable.recorded`), which wins over the file alone; `process_environment` is the whole
    environment; `command_line` holds the texts of --var. `server` wins over `server.url`, whose references are then left alone (so
    `--local` works without SPECTRUM_URL). `now` is the moment at which the run first started; `run_date` the day that this was for
    the pipeline, as its journal has recorded it. Relative dates (`yesterday`) are counted from there. `outputs` has the execution
    ids of jobs that this run does not select, for references.
    """

    environment: str | None = None
    vars_file: Mapping[str, Any] = field(default_factory=dict)
    shows_vars_file: bool = True
    recorded: Mapping[str, Scalar] = field(default_factory=dict)
    process_environment: Mapping[str, str] = field(default_factory=dict)
    command_line: Mapping[str, str] = field(default_factory=dict)
    server: str | None = None
    now: datetime | None = None
    run_date: date | None = None
    outputs: Mapping[JobId, int] = field(default_factory=dict)

    def today(self, timezone: str) -> date | None:
        """The day of the run, which is fixed once it has started; None if nobody says what time it is."""
        if self.run_date is not None or self.now is None:
            return self.run_date
        from zoneinfo import ZoneInfo  # noqa: PLC0415 - most files have no dates

        return self.now.astimezone(UTC if timezone == "UTC" else ZoneInfo(timezone)).date()


class _Source(Struct, frozen=True, kw_only=True):
    """Where a value came from, in words, and how it is read."""

    name: str
    read: Callable[[], Held]
    value: object
    is_hidden: bool = False


class Resolved(Struct, frozen=True, kw_only=True):
    """A variable with a fault is missing. `counts_days`: a value was counted from the day of the run."""

    variables: dict[str, Variable]
    faults: tuple[Diagnostic, ...]
    counts_days: bool


def resolve(view: View, given: Given, run_id: str, today: date | None) -> Resolved:
    """Find each variable's value."""
    declared = declarations(view)
    faults = list(_unknown(view, declared, given))
    scope = Scope(variables={}, environment=given.process_environment, run_id=run_id, today=today)
    values: dict[str, Variable] = {}
    counts_days = False
    for declaration in declared.values():
        try:
            source = _source(declaration, given, scope)
            value = source.read() if source else None
        except Unset as unset:
            faults.append(view.fault(declaration.default_path, "unset-variable", unset.message, hint=unset.hint))
        except Unfit as unfit:
            assert source is not None
            faults.append(_unfit(view, declaration, source, unfit))
        else:
            if source is not None and declaration.type is VariableType.DATE and is_relative(str(source.value)):
                counts_days = True
                if today is None:
                    raise ValueError(f"`{declaration.name}: {value}` needs the moment of the run's start: give `now`")
            if value is None:
                faults.append(_missing(view, declaration))
            else:
                values[declaration.name] = _variable(declaration, value, is_tainted=_is_secret_like(source))
    return Resolved(variables=values, faults=tuple(faults), counts_days=counts_days)


def _is_secret_like(source: _Source | None) -> bool:
    """Whether a default was filled in from an environment variable whose name says that it holds a secret."""
    written = source.name if source is not None and source.name.startswith("`") else ""
    return any(isinstance(it, EnvironmentReference) and looks_secret(it.name) for it in read_phrase(written))


def _variable(declaration: Declaration, value: Held, *, is_tainted: bool) -> Variable:
    bare = plain(value) if isinstance(value, (WrittenInt, WrittenFloat)) else value
    written = as_text(value) if bare is not value or isinstance(value, tuple) else None
    return Variable(name=declaration.name, value=bare, secret=declaration.secret or is_tainted, written=written)


def _source(declaration: Declaration, given: Given, scope: Scope) -> _Source | None:
    """The last source that says something."""
    name = declaration.name
    if name in given.command_line:
        return _text(f"--var {name}", declaration, scope, given.command_line[name])
    if PREFIX + name in given.process_environment:
        return _text(PREFIX + name, declaration, scope, given.process_environment[PREFIX + name])
    if name in given.vars_file:
        value = given.vars_file[name]
        return _Source(
            name="--vars-file",
            read=lambda: check_value(declaration, value, today=scope.today),
            value=value,
            is_hidden=not given.shows_vars_file,
        )
    if name in given.recorded:
        known = given.recorded[name]
        return (
            _text("the journal", declaration, scope, known)
            if isinstance(known, str)
            else _data(declaration, scope, known)
        )
    default = declaration.default
    if default is None:
        return None
    if isinstance(default, str) and holds_reference(default):
        return _text(f"`{default}`", declaration, scope, as_text(_filled(default, scope)))
    if isinstance(default, tuple) and holds_reference(default):
        items = [_filled(it, scope) if isinstance(it, str) else it for it in default]
        return _Source(
            name=f"`{as_text(default)}`", read=lambda: check_value(declaration, items, today=scope.today), value=items
        )
    return _Source(name="the file", read=lambda: check_value(declaration, default, today=scope.today), value=default)


def _filled(text: str, scope: Scope) -> Scalar:
    filled = fill_text(text, scope)
    assert not isinstance(filled, (Phrase, tuple))  # a rule keeps matrices, jobs and variables out of defaults
    return filled


def _data(declaration: Declaration, scope: Scope, value: Scalar) -> _Source:
    return _Source(name="the journal", read=lambda: check_value(declaration, value, today=scope.today), value=value)


def _text(name: str, declaration: Declaration, scope: Scope, text: str) -> _Source:
    return _Source(name=name, read=lambda: read_value(declaration, text, today=scope.today), value=text)


def _unfit(view: View, declaration: Declaration, source: _Source, unfit: Unfit) -> Diagnostic:
    # What comes from the environment by a reference may be a secret as well.
    hidden = declaration.secret or source.is_hidden or source.name.startswith("`")
    value = "" if hidden else f", not {value_in_words(source.value)}"
    message = f"the value of `{declaration.name}` from {source.name} {unfit}{value}"
    hint = unfit.hint
    if source.name == "--vars-file" and isinstance(source.value, (int, float)) and "must be a text" in str(unfit):
        hint = "put it in quotes there"
    return view.fault(declaration.path, "wrong-value", message, hint=hint, at_key=True)


def _missing(view: View, declaration: Declaration) -> Diagnostic:
    name = declaration.name
    ways = [f"`--var {name}=...`", f"{PREFIX}{name}", f"`{name}: ...` in a --vars-file"]
    if declaration.secret:
        ways = [ways[1], ways[2], ways[0]]
    message = f"the variable `{name}` has no value"
    return view.fault(
        declaration.path, "missing-value", message, hint=f"give it by {ways[0]}, {ways[1]} or {ways[2]}", at_key=True
    )


def _unknown(view: View, declared: Mapping[str, Declaration], given: Given) -> Iterator[Diagnostic]:
    in_file = [name for name in map(str, given.vars_file) if name not in declared]
    is_another = len(in_file) == len(given.vars_file) > 1 and not any(closest(it, declared) for it in in_file)
    if in_file and (is_another or not given.shows_vars_file):
        yield _wrong_file(view, declared, given, number=len(in_file))
        in_file = []
    for source, names in (("--var", given.command_line), ("--vars-file", in_file)):
        for name in sorted(map(str, names)):
            if name not in declared:
                message = f"{source} gives a value to `{name}`, but there is no such variable"
                hint = _instead(name, declared, prefix="")
                yield view.fault(("variables",), "unknown-variable", message, hint=hint, at_key=True)
    for variable in sorted(given.process_environment):
        name = variable.removeprefix(PREFIX)
        if variable != name and name not in declared:
            # A warning only: a CI system may set it for other pipelines that share the environment.
            message = f"{variable} is set, but there is no variable `{name}`"
            hint = _instead(name, declared, prefix=PREFIX)
            yield view.warning(("variables",), "unknown-variable", message, hint=hint, at_key=True)


def _wrong_file(view: View, declared: Mapping[str, Declaration], given: Given, *, number: int) -> Diagnostic:
    """A vars file whose names are none of the pipeline's: perhaps something else altogether, of which nothing is shown."""
    names = "one name" if number == 1 else f"{number} names"
    message = f"--vars-file gives values to {names} of which no variable is declared"
    listed = _instead("", declared, prefix="")
    if given.shows_vars_file:
        hint = f"is it the right file? {listed}"
    else:
        hint = f"{listed}; the names are not shown, as the file is a link that leads out of its checkout"
    return view.fault(("variables",), "unknown-variable", message, hint=hint, at_key=True)


def _instead(name: str, declared: Mapping[str, Declaration], *, prefix: str) -> str:
    near = closest(name, declared)
    if near:
        return f"did you mean `{prefix}{near}`?"
    listed = ", ".join(f"`{it}`" for it in declared)
    return f"there are {listed}" if listed else "the file declares no variables"
