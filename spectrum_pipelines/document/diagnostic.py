"""A fault of a file as a value: where, what, and what to do. Rendered last, in `output/diagnostics.py`."""

from collections.abc import Iterable
from enum import Enum

from msgspec import Struct

from spectrum_pipelines.document.position import Span


class Severity(Enum):
    """Errors make a file unusable; warnings do so under `--strict` only."""

    ERROR = "error"
    WARNING = "warning"


class Related(Struct, frozen=True, kw_only=True):
    """Another place of the same file that belongs to the fault, such as the first of two equal keys."""

    span: Span
    message: str


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


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sort by file, line, column and code, and drop repetitions (an alias shows one fault in several places)."""
    return tuple(sorted(dict.fromkeys(diagnostics), key=_place))


def _place(diagnostic: Diagnostic) -> tuple[str, int, int, str, str]:
    start = diagnostic.span.start
    return (diagnostic.file, start.line, start.column, diagnostic.code, diagnostic.message)
