"""Findings as GitHub's workflow commands: annotations at the lines of a pull request.

GitHub annotates ten errors and ten warnings of a step and drops the rest in silence, so the errors come first and a notice tells of
the rest. Columns count from 1; GitHub's last column is the last that belongs to the fault, ours the first that does not.
"""

from collections.abc import Iterable, Iterator

from spectrum_pipelines.document.diagnostic import Diagnostic, Severity, in_order
from spectrum_pipelines.document.position import Span
from spectrum_pipelines.words.clean import clean
from spectrum_pipelines.words.workflow_command import workflow_command

#: How many of one level GitHub shows.
SHOWN = 10


def render_github(diagnostics: Iterable[Diagnostic], *, limit: int | None = None) -> str:
    """A line for each finding, errors first; empty without any. `limit` is for each severity; None writes all of them.

    Files must be named from the root of the repository.
    """
    every = in_order(diagnostics)
    return "".join(f"{line}\n" for severity in Severity for line in _level(every, severity, limit))


def _level(every: tuple[Diagnostic, ...], severity: Severity, limit: int | None) -> Iterator[str]:
    found = [it for it in every if it.severity is severity]
    yield from map(_command, found[:limit])
    if len(found) > SHOWN:
        more = len(found) - SHOWN
        noun = f"{severity.value}{'' if more == 1 else 's'}"
        yield f"::notice title=and {more:,} more {noun}::GitHub shows {SHOWN} of a kind; the log lists all of them"


def _command(it: Diagnostic) -> str:
    places = {"file": it.file, **_region(it.span), "title": it.code}
    hint = () if it.hint is None else (f"hint: {clean(it.hint)}",)
    related = (
        f"{f'{clean(other.file)}:' if other.file else ''}{other.span.start.line}:{other.span.start.column}: {clean(other.message)}"
        for other in it.related
    )
    return workflow_command(it.severity.value, places, [clean(it.message), *related, *hint])


def _region(span: Span) -> dict[str, int]:
    """GitHub takes columns only where the fault begins and ends on one line."""
    start, end = span.start, span.end
    if end.line == start.line:
        return {
            "line": start.line,
            "col": start.column,
            "endLine": start.line,
            "endColumn": max(start.column, end.column - 1),
        }
    last = end.line if end.column > 1 else end.line - 1
    return {"line": start.line, "endLine": last}
