"""Characters that have no business in a text file, found before the parser sees them.

YAML forbids control characters. U+0085, U+2028, U+2029 and a byte order mark in mid-text are refused as well: YAML 1.1 breaks the
line there, YAML 1.2 and every editor do not, and none of them can be seen. Bidirectional controls are only warned about: they
belong to some languages, and let a line read differently than it works in all others.
"""

import re
from collections.abc import Iterator
from itertools import groupby, islice

from spectrum_pipelines.document.diagnostic import Diagnostic, Severity
from spectrum_pipelines.document.position import Span, span_between, starts_of_lines
from spectrum_pipelines.document.source import Source

# The long pattern takes 5 ms to compile, and most files are ASCII.
_FORBIDDEN_ASCII = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_FORBIDDEN = "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
_BIDIRECTIONAL = "[\u202a-\u202e\u2066-\u2069]"
_ENOUGH = 20  # a binary file would give millions


def strange_characters(source: Source) -> Iterator[Diagnostic]:
    """Errors for what cannot be parsed, warnings for what can; the first of either per line, up to 20."""
    if source.text.isascii() and _FORBIDDEN_ASCII.search(source.text) is None:
        return
    starts = starts_of_lines(source.text)
    for pattern, severity in ((_FORBIDDEN, Severity.ERROR), (_BIDIRECTIONAL, Severity.WARNING)):
        places = (span_between(match.start(), match.end(), starts) for match in re.finditer(pattern, source.text))
        for _, (span, *_) in groupby(islice(places, _ENOUGH), key=lambda it: it.start.line):
            character = source.text[starts[span.start.line - 1] + span.start.column - 1]
            yield _strange(source.name, span, character, severity)


def _strange(file: str, span: Span, character: str, severity: Severity) -> Diagnostic:
    name = f"U+{ord(character):04X}"
    if severity is Severity.WARNING:
        return Diagnostic(
            file=file,
            span=span,
            code="bidirectional-character",
            message=f"the invisible character {name} changes the order in which this line is shown",
            hint="remove it, or write it as an escape in double quotes",
            severity=severity,
        )
    return Diagnostic(
        file=file,
        span=span,
        code="control-character",
        message=f"the character {name} is not allowed in a YAML file",
        hint="remove it, or write it as an escape in double quotes",
    )
