"""A fault of a file as a value: where, what, and what to do. Rendered last, in `render/findings/`."""

from collections.abc import Iterable
from enum import Enum
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from spectrum_pipelines.document.position import Span
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.errors import UserError

#: One check of one file reports no more faults than this: a file of 10 MB can hold a million, and nobody reads them.
MOST_FAULTS = 1_000
MEND_FIRST = "mend the first ones, then validate the file again"


class Severity(Enum):
    """Errors make a file unusable; warnings do so under `--strict` only."""

    ERROR = "error"
    WARNING = "warning"


class Related(Struct, frozen=True, kw_only=True):
    """Another place that belongs to the fault, such as the first of two equal keys. `file` is None for the file of the fault."""

    span: Span
    message: str
    file: str | None = None


class Diagnostic(Struct, frozen=True, kw_only=True):
    """One fault.

    `file` is the name as the user typed it. `code` is a kebab-case slug that stays stable, for filters and for CI. Message and
    hint may quote foreign text: they are cleaned where they are printed.
    """

    file: str
    span: Span
    code: str
    message: str
    hint: str | None = None
    severity: Severity = Severity.ERROR
    related: tuple[Related, ...] = ()


class InvalidFile(UserError):
    """A pipeline, workspace or vars file with faults.

    `diagnostics` are all of them, warnings included, in the order of the file: what `validate` shows. `shown` are the texts of
    the file and of what it includes as they may be quoted, without the values of secrets; none where no line may be quoted.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        diagnostics: tuple[Diagnostic, ...] = (),
        shown: tuple[Source, ...] = (),
    ) -> None:
        super().__init__(message, hint=hint)
        self.diagnostics = diagnostics
        self.shown = shown


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sort by file, line, column and code, and drop repetitions (an alias shows one fault in several places)."""
    return tuple(sorted(dict.fromkeys(diagnostics), key=_place))


def unquoted(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The faults of a file of which nothing may be shown: where and of what kind, and no word of what stands there."""
    hint = "it is a link that leads out of its checkout: check the file itself to see more"
    return tuple(
        replace(it, message="a fault in a file of which nothing is shown here", hint=hint, related=())
        for it in diagnostics
    )


def capped(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """At most `MOST_FAULTS`, and where there are more, a last one that says so. What comes after that is never asked for."""
    source = iter(diagnostics)
    found = list(islice(source, MOST_FAULTS))
    if len(found) == MOST_FAULTS and (following := next(source, None)) is not None:
        found.append(too_many(following.file, following.span, following.severity))
    return found


def too_many(file: str, span: Span, severity: Severity = Severity.ERROR) -> Diagnostic:
    """The fault that stands for all that are not listed, at the first of them."""
    message = f"more than {MOST_FAULTS:,} faults of this kind: the others are not listed"
    return Diagnostic(file=file, span=span, code="too-many-faults", message=message, hint=MEND_FIRST, severity=severity)


def _place(diagnostic: Diagnostic) -> tuple[str, int, int, str, str]:
    start = diagnostic.span.start
    return (diagnostic.file, start.line, start.column, diagnostic.code, diagnostic.message)
