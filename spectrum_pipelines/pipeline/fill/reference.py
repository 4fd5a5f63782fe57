"""The grammar of `${...}`: a scalar is a phrase of literal text and references. What they stand for is not known here.

`$${` is a literal `${`. References do not nest, but for `${matrix.k}` within the brackets that name a combination of a job, and the
text that one stands for is never read again as a phrase.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from msgspec import Struct

from spectrum_pipelines.document.suggest import closest
from spectrum_pipelines.pipeline.fill.dates import days_of, flaws
from spectrum_pipelines.pipeline.model.action import JobId, JobOutput


@dataclass(frozen=True, slots=True)
class VariableReference:
    """`${var.name}`; of a date also another day, and its form in a text: `${var.day-1d:%Y%m%d}`."""

    name: str
    offset: int | None = None
    form: str | None = None

    @property
    def is_dated(self) -> bool:
        """Whether only a date can be meant."""
        return self.offset is not None or self.form is not None


@dataclass(frozen=True, slots=True)
class EnvironmentReference:
    """`${env.NAME}`: an environment variable of the process."""

    name: str


@dataclass(frozen=True, slots=True)
class RunIdReference:
    """`${run.id}`."""


@dataclass(frozen=True, slots=True)
class RunDateReference:
    """`${run.date}`: the day on which the run first started, in the pipeline's time zone."""

    offset: int | None = None
    form: str | None = None


@dataclass(frozen=True, slots=True)
class MatrixReference:
    """`${matrix.key}`: the value of this combination."""

    key: str


Reference = VariableReference | EnvironmentReference | RunIdReference | RunDateReference | MatrixReference | JobOutput


class Misread(Struct, frozen=True, kw_only=True):
    """A `${` that begins no reference: why not, and what to write."""

    message: str
    hint: str


_TOKEN = re.compile(r"\$\$\{|\$\{((?:[^{}]|\$\{[^{}]*\})*)\}|\$\{\{([^{}]*)\}\}|\$\{")
_REFERENCE = re.compile(
    r"var\.(?P<var>[A-Za-z_]\w*)|env\.(?P<env>[A-Za-z_]\w*)|(?P<run>run\.id)|matrix\.(?P<matrix>[A-Za-z_]\w*)"
    r"|jobs\.(?P<job>[A-Za-z][\w-]*(?:\[[^\[\]]+\])?)\."
    r"(?P<output>execution_id|success_count|failure_count|counters\.[A-Za-z_][\w.:-]*)",
    re.ASCII,
)
_DATED = re.compile(
    r"(?:var\.(?P<var>[A-Za-z_]\w*)|run\.date)(?P<offset>[-+][0-9][^:]*)?(?::(?P<form>.*))?", re.ASCII | re.DOTALL
)
_FORMS = ("var", "env", "run", "matrix", "jobs")
#: So many in one scalar are told, and so many characters of one that is never closed: it reaches to the end of the scalar.
_MISREAD = 1_000
_SHOWN = 200
_ALL_FORMS = "`${var.x}`, `${env.X}`, `${run.id}`, `${run.date}`, `${matrix.k}` and `${jobs.<id>.execution_id}`"


def single_variable(text: object) -> str | None:
    """The name of the variable, if the text is one reference to it and nothing else."""
    if not holds_reference(text):
        return None
    match read_phrase(str(text)):
        case (VariableReference(name),):
            return name
        case _:
            return None


def holds_reference(value: object) -> bool:
    """Whether a scalar needs reading at all; cheap, because most do not."""
    return "${" in value if isinstance(value, str) else isinstance(value, tuple) and any(map(holds_reference, value))


@lru_cache(maxsize=4096)
def read_phrase(text: str) -> tuple[str | Reference | Misread, ...]:
    """Split a scalar into literal text and references; adjacent texts are joined."""
    parts: list[str | Reference | Misread] = []
    for _, part in _tokens(text):
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        elif part != "":
            parts.append(part)
    return tuple(parts)


def read_references(text: str) -> Iterator[tuple[str, Reference | Misread]]:
    """Each reference, or what was meant to be one, with the text that it is written as."""
    yield from ((written, part) for written, part in _tokens(text) if not isinstance(part, str))


def _tokens(text: str) -> Iterator[tuple[str, str | Reference | Misread]]:
    at = misread = 0
    for token in _TOKEN.finditer(text):
        if misread >= _MISREAD:
            break
        yield "", text[at : token.start()]
        if token[0] == "$${":
            yield token[0], "${"
        elif token[2] is not None:
            hint = f"one pair of braces is enough: `${{{token[2].strip()}}}`"
            misread += 1
            yield token[0], Misread(message=f"`{token[0]}` is not a reference", hint=hint)
        elif token[1] is None:
            hint = "close it with `}`, or write `$${` for a literal `${`"
            misread += 1
            yield text[token.start() : token.start() + _SHOWN], Misread(message="`${` is never closed", hint=hint)
        else:
            part = _read(token[1].strip())
            misread += isinstance(part, Misread)
            yield token[0], part
        at = token.end()
    yield "", text[at:]


def _read(inner: str) -> Reference | Misread:
    match = _REFERENCE.fullmatch(inner)
    if match is None:
        dated = _DATED.fullmatch(inner)
        return _explain(inner) if dated is None else _read_dated(inner, dated)
    name = match[match.lastgroup or 0]
    match match.lastgroup:
        case "var":
            return VariableReference(name)
        case "env":
            return EnvironmentReference(name)
        case "run":
            return RunIdReference()
        case "matrix":
            return MatrixReference(name)
        case _:
            return JobOutput(job=JobId(match["job"]), output=match["output"])


def _read_dated(inner: str, match: re.Match[str]) -> Reference | Misread:
    offset, form = match["offset"], match["form"]
    days = None
    if offset is not None:
        try:
            days = days_of(offset.strip())
        except ValueError:
            hint = "an offset is a number of days, such as `-1d`; names are made of letters, digits and `_`"
            return Misread(message=f"in `${{{inner}}}`, `{offset}` is no offset of a date", hint=hint)
    if form is not None:
        if form.startswith(("-", "=")) and match["var"]:
            name = match["var"]
            hint = f"a default stands where the variable is declared: `{name}: {{default: {form[1:]}}}`"
            return Misread(message=f"`${{{inner}}}` is not a reference", hint=hint)
        for message, hint in flaws(form):
            return Misread(message=f"in `${{{inner}}}`, {message}", hint=hint)
    return VariableReference(match["var"], days, form) if match["var"] else RunDateReference(days, form)


def _explain(inner: str) -> Misread:
    head, dot, rest = inner.partition(".")
    message = f"`${{{inner}}}` is not a reference"
    if head == "jobs" and rest:
        job = rest.partition(".counters")[0].rsplit(".", 1)[0] if "." in rest else rest
        if job.count("[") > job.count("]"):
            return Misread(message=message, hint=f"close the bracket: `${{jobs.{job}].execution_id}}`")
        hint = "of a job there are `execution_id`, `success_count`, `failure_count` and `counters.<NAME>`, as in "
        return Misread(message=message, hint=f"{hint}`${{jobs.{job}.execution_id}}`")
    if head == "run":
        return Misread(message=message, hint="of the run, only `${run.id}` and `${run.date}` can be referred to")
    near = closest(head, _FORMS)
    if dot and near is not None and _REFERENCE.fullmatch(f"{near}.{rest}"):
        return Misread(message=message, hint=f"did you mean `${{{near}.{rest}}}`?")
    if re.fullmatch(r"[A-Za-z_]\w*", inner, re.ASCII):
        hint = f"write `${{var.{inner}}}` or `${{env.{inner}}}`; for a literal `${{` write `$${{`"
        return Misread(message=message, hint=hint)
    return Misread(message=message, hint=f"there are {_ALL_FORMS}; for a literal `${{` write `$${{`")
