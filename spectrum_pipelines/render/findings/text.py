"""Diagnostics for people and for machines. Formats of CI systems join here."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from spectrum_pipelines.document.diagnostic import Diagnostic, Severity, in_order
from spectrum_pipelines.document.position import Span, lines_of
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.render.findings.excerpt import excerpt
from spectrum_pipelines.words.clean import clean, readable
from spectrum_pipelines.words.columns import UNBOUNDED, wrapped
from spectrum_pipelines.words.wording import many

#: More than this is a wall of text; the count at the end tells of the rest.
LIMIT = 50

_RED, _YELLOW, _BLUE, _BOLD, _PLAIN = "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[1m", "\x1b[0m"
_Paint = Callable[[str, str], str]
_COLORS = {Severity.ERROR: _RED, Severity.WARNING: _YELLOW}


def render_text(
    diagnostics: Iterable[Diagnostic],
    sources: Mapping[str, Source],
    *,
    color: bool,
    limit: int | None = LIMIT,
    width: int = UNBOUNDED,
) -> str:
    """`file:line:column: error: ...` with excerpt, caret and hint, and a count as the last line; empty without diagnostics.

    `sources` are looked up by the name in the diagnostic; a file that is not among them is shown without excerpt, which is right
    for one that holds secrets (or see `Document.masked`). `limit` is how many are shown; None shows all.
    `width` is that of the screen in cells: no line of a file is shown beyond it.
    """
    every = in_order(diagnostics)
    if not every:
        return ""
    paint = _painted if color else _unpainted
    shown = every[:limit]
    lines = {file: lines_of(sources[file].text) for file in {it.file for it in shown} if file in sources}
    blocks = ["\n".join(_block(it, lines.get(it.file), paint, width)) for it in shown]
    if len(shown) < len(every):
        blocks.append(f"... and {len(every) - len(shown):,} more")
    return "\n\n".join([*blocks, count_in_words(every)]) + "\n"


def count_in_words(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning in 3 files`."""
    every = list(diagnostics)
    errors = sum(it.severity is Severity.ERROR for it in every)
    counts = [(errors, "error"), (len(every) - errors, "warning")]
    found = ", ".join(many(number, noun) for number, noun in counts if number) or "no faults"
    return f"{found} in {many(len({it.file for it in every}), 'file')}"


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """A list of objects, all of them, sorted. Texts are as they are: JSON's escapes keep them harmless in a log."""
    text = json.dumps([_as_dict(it) for it in in_order(diagnostics)], indent=2)
    # `##vso[` is a command to Azure wherever it stands in a line, and `##` stands in JSON inside of strings only.
    return text.replace("##", "\\u0023\\u0023") + "\n"


def _as_dict(it: Diagnostic) -> dict[str, Any]:
    return {
        "file": readable(it.file),
        **_place(it.span),
        "severity": it.severity.value,
        "code": it.code,
        "message": it.message,
        "hint": it.hint,
        "related": [
            {**({"file": readable(other.file)} if other.file else {}), **_place(other.span), "message": other.message}
            for other in it.related
        ],
    }


def _place(span: Span) -> dict[str, int]:
    start, end = span.start, span.end
    return {"line": start.line, "column": start.column, "end_line": end.line, "end_column": end.column}


def _block(it: Diagnostic, lines: list[str] | None, paint: _Paint, width: int) -> Iterator[str]:
    start, file = it.span.start, clean(it.file)
    place, severity = f"{file}:{start.line}:{start.column}:", f"{it.severity.value}:"
    first, *more = wrapped(f"{clean(it.message)} [{it.code}]", width, lead=f"{place} {severity} ", indent=4)
    said, code = [first.removeprefix(f"{place} {severity} "), *more], f"[{it.code}]"
    first, *more = [_bold_but(code, line, paint) for line in said]
    yield f"{paint(place, _BOLD)} {paint(severity, _COLORS[it.severity])} {first}"
    yield from more
    gutter = " " * len(str(start.line))
    if lines is not None and start.line <= len(lines):
        line, carets = excerpt(lines[start.line - 1], it.span, width=width - len(gutter) - 3)
        yield paint(f"{gutter} |", _BLUE)
        yield f"{paint(f'{start.line} |', _BLUE)} {line}".rstrip()
        yield f"{paint(f'{gutter} |', _BLUE)} {paint(carets, _COLORS[it.severity])}"
    for other in it.related:
        place = f"{clean(other.file or it.file)}:{other.span.start.line}:{other.span.start.column}"
        yield from _note(f"{place}: {clean(other.message)}", gutter, paint, width)
    if it.hint is not None:
        yield from _note(f"hint: {clean(it.hint)}", gutter, paint, width)


def _bold_but(code: str, line: str, paint: _Paint) -> str:
    """A line of a message in bold; the code at its end is not."""
    text = line.removesuffix(code).rstrip()
    end = line[len(text) :]
    return f"{paint(text, _BOLD) if text else ''}{end}"


def _note(text: str, gutter: str, paint: _Paint, width: int) -> Iterator[str]:
    """What stands below the excerpt."""
    lead = f"{gutter} ="
    first, *more = wrapped(text, width, lead=f"{lead} ", indent=len(lead) + 3)
    yield f"{paint(lead, _BLUE)}{first.removeprefix(lead)}"
    yield from more


def _painted(text: str, color: str) -> str:
    return f"{color}{text}{_PLAIN}"


def _unpainted(text: str, color: str) -> str:  # noqa: ARG001 - the same shape as _painted
    return text
