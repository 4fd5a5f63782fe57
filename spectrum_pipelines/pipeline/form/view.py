"""One form of a document: the file as it stands, or with one of its environments merged over the top.

A merged form has no text of its own, so every path is traced back to where its value was written.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from msgspec.structs import replace

from spectrum_pipelines.document.diagnostic import Diagnostic, Related, Severity
from spectrum_pipelines.document.parse import Document
from spectrum_pipelines.document.position import Path, Span, lines_of
from spectrum_pipelines.pipeline.form.overlay import mapping, merged, overlay_of


class View:
    """`data` may be ill-shaped: whoever reads it here reads it before or beside the schema check."""

    def __init__(
        self, document: Document, environment: str | None = None, data: Mapping[str, Any] | None = None
    ) -> None:
        self.document = document
        self.environment = environment
        self.overlay = overlay_of(document, environment)
        self.data = merged(document.data, self.overlay) if data is None else data

    @cached_property
    def written(self) -> Mapping[str, Any]:
        """The form as it is written, whatever `data` has been filled in with."""
        return merged(self.document.data, self.overlay)

    def written_at(self, path: Path) -> Any:
        """The value at a path as it is written; None where there is none."""
        value: Any = self.written
        for key in path:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def with_data(self, data: Mapping[str, Any]) -> "View":
        """The form with its references filled in."""
        return View(self.document, self.environment, data)

    def section(self, name: str) -> Mapping[str, Any]:
        """A top-level mapping; empty if it is missing or no mapping."""
        return mapping(self.data.get(name))

    def origin(self, path: Path) -> Path:
        """Where in the file the value at `path` of this form was written."""
        if self.environment is None or not self.overlay:
            return path
        over: Any = self.overlay
        for depth, key in enumerate(path):
            if path[0] == "variables" and depth == 2 and key == "default" and not isinstance(over, Mapping):
                return self._overlaid(
                    (*path[:2], *path[3:])
                )  # the short form in an environment: a value for the long form
            try:
                over = over[key]
            except (KeyError, IndexError, TypeError):
                return path
        return path if isinstance(over, Mapping) and _has(self.document.data, path) else self._overlaid(path)

    def _overlaid(self, path: Path) -> Path:
        return ("environments", str(self.environment), *path)

    def value_span(self, path: Path) -> Span:
        """Where the value stands in the file."""
        return self.document.value_span(self.origin(path))

    def key_span(self, path: Path) -> Span:
        """Where the key of the value stands in the file."""
        return self.document.key_span(self.origin(path))

    def part_at(self, path: Path) -> Document:
        """The file in which the value was written."""
        return self.document.part_at(self.origin(path))

    def file(self, path: Path) -> str | None:
        """The fragment in which the value was written; None for the file itself."""
        return self._file_beside(self.document.parts[-1], path)

    def _file_beside(self, where: Document, path: Path) -> str | None:
        other = self.part_at(path)
        return None if other is where else other.source.name

    def _narrowed(self, span: Span, part: str, where: Document) -> Span:
        """The place of a part that is written as it reads; where escapes or line breaks hide it, all of the value."""
        if span.start.line != span.end.line:
            return span
        line = self._lines(where)[span.start.line - 1]
        at = line.find(part, span.start.column - 1, span.end.column - 1)
        if at < 0:
            return span
        start = replace(span.start, column=at + 1)
        return Span(start=start, end=replace(start, column=at + 1 + len(part)))

    def _lines(self, where: Document) -> list[str]:
        if where.source.name not in self._line_cache:
            self._line_cache[where.source.name] = lines_of(where.source.text)
        return self._line_cache[where.source.name]

    @cached_property
    def _line_cache(self) -> dict[str, list[str]]:
        return {}

    def line(self, path: Path) -> int:
        """The line of the value's key."""
        return self.key_span(path).start.line

    def fault(
        self,
        path: Path,
        code: str,
        message: str,
        *,
        hint: str | None = None,
        at_key: bool = False,
        severity: Severity = Severity.ERROR,
        part: str | None = None,
        related: tuple[tuple[Path, str], ...] = (),
    ) -> Diagnostic:
        """A diagnostic at the value of `path`, or at its key, or at a part of its text.

        `related` are places of this form and what they are.
        """
        span = self.key_span(path) if at_key else self.value_span(path)
        where = self.part_at(path)
        return Diagnostic(
            file=where.source.name,
            span=span if part is None else self._narrowed(span, part, where),
            code=code,
            message=message,
            hint=hint,
            severity=severity,
            related=tuple(
                Related(span=self.key_span(place), message=text, file=self._file_beside(where, place))
                for place, text in related
            ),
        )

    def warning(
        self, path: Path, code: str, message: str, *, hint: str | None = None, at_key: bool = False
    ) -> Diagnostic:
        """A diagnostic that stops nobody, except under `--strict`."""
        return self.fault(path, code, message, hint=hint, at_key=at_key, severity=Severity.WARNING)


def _has(data: Any, path: Path) -> bool:
    for key in path:
        if not isinstance(data, Mapping) or key not in data:
            return False
        data = data[key]
    return True
