"""One form of a document: the file as it stands, or with one of its environments merged over the top.

A merged form has no text of its own, so every path is traced back to where its value was written.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from spectrum_pipelines.document.diagnostic import Diagnostic, Related, Severity
from spectrum_pipelines.document.parse import Document
from spectrum_pipelines.document.position import Path, Span, lines_of

#: What an environment may change. It can neither add jobs nor variables, so what is needed and by whom stays readable in one place.
OVERLAID = (
    *(
        "description",
        "server",
        "variables",
        "defaults",
        "timeouts",
        "concurrency",
        "poll",
        "http",
        "fail_fast",
        "on_abort",
    ),
    *("jobs", "finally"),
)
NAMED = ("variables", "jobs", "finally")


class View:
    """`data` may be ill-shaped: whoever reads it here reads it before or beside the schema check."""

    def __init__(
        self, document: Document, environment: str | None = None, data: Mapping[str, Any] | None = None
    ) -> None:
        self.document = document
        self.environment = environment
        self.overlay = overlay_of(document, environment)
        self.data = _merged(document.data, self.overlay) if data is None else data

    def with_data(self, data: Mapping[str, Any]) -> "View":
        """The same form with its references filled in."""
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
                return self._overlaid(path[:2])  # the short form in an environment: a value for the long form
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

    def _narrowed(self, span: Span, part: str) -> Span:
        """The place of a part that is written as it reads; where escapes or line breaks hide it, all of the value."""
        if span.start.line != span.end.line:
            return span
        line = self._lines[span.start.line - 1]
        at = line.find(part, span.start.column - 1, span.end.column - 1)
        if at < 0:
            return span
        start = replace(span.start, column=at + 1)
        return Span(start=start, end=replace(start, column=at + 1 + len(part)))

    @cached_property
    def _lines(self) -> list[str]:
        return lines_of(self.document.source.text)

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
        return Diagnostic(
            file=self.document.source.name,
            span=span if part is None else self._narrowed(span, part),
            code=code,
            message=message,
            hint=hint,
            severity=severity,
            related=tuple(Related(span=self.key_span(place), message=text) for place, text in related),
        )

    def warning(
        self, path: Path, code: str, message: str, *, hint: str | None = None, at_key: bool = False
    ) -> Diagnostic:
        """A diagnostic that stops nobody, except under `--strict`."""
        return self.fault(path, code, message, hint=hint, at_key=at_key, severity=Severity.WARNING)


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def environments(document: Document) -> tuple[str, ...]:
    """The names that `-e` takes."""
    return tuple(mapping(mapping(document.data).get("environments")))


def overlay_of(document: Document, environment: str | None) -> Mapping[str, Any]:
    """What an environment says; empty for none."""
    if environment is None:
        return {}
    return mapping(mapping(mapping(document.data).get("environments")).get(environment))


def _has(data: Any, path: Path) -> bool:
    for key in path:
        if not isinstance(data, Mapping) or key not in data:
            return False
        data = data[key]
    return True


def _merged(data: Any, overlay: Mapping[str, Any]) -> Mapping[str, Any]:
    base = mapping(data)
    if not overlay:
        return base
    known = {key: value for key, value in overlay.items() if key in OVERLAID}
    for name in NAMED:
        if name in known:  # what does not exist is not added: the rule on environments reports it
            declared = mapping(base.get(name))
            known[name] = {key: value for key, value in mapping(known[name]).items() if key in declared}
    known["variables"] = {
        name: _value_for(mapping(base.get("variables"))[name], value)
        for name, value in mapping(known.get("variables")).items()
    }
    return _deep(base, known)


def _value_for(declared: Any, value: Any) -> Any:
    """The short form in an environment gives a value to a variable; its type and its secrecy stay as they were declared."""
    if isinstance(declared, Mapping) and not isinstance(value, Mapping):
        return {"default": value, "required": False}
    if isinstance(value, Mapping) and not isinstance(declared, Mapping):
        return {"default": declared, **value}
    return value


def _deep(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = _deep(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged
