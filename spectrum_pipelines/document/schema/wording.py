"""Values, types and paths in words."""

import json
import re
from collections.abc import Iterable
from typing import Any

from spectrum_pipelines.document.position import Path

_LONGEST = 60
_PLAIN = re.compile(r"[A-Za-z/][\w ./@-]*[\w/]|[A-Za-z]|\d+(?:ms|[smhd])")

_TYPES = {
    "string": ("text",),
    "number": ("a number",),
    "integer": ("a whole number",),
    "boolean": ("`true`", "`false`"),
    "object": ("a mapping (`key: value`)",),
    "array": ("a list",),
    "null": ("empty",),
}


def name_of(path: Path) -> str:
    """What a value is called: by its key, or by its place in a list (counted from 1)."""
    if not path:
        return "the file"
    last = path[-1]
    return f"`{last}`" if isinstance(last, str) else f"item {last + 1} of {name_of(path[:-1])}"


def value_in_words(value: Any) -> str:
    """What stands there, shortened if it is long."""
    match value:
        case None:
            return "an empty value"
        case bool():
            return f"`{flow(value)}`"
        case int() | float():
            return f"the number {flow(value)}"
        case "":
            return "an empty text"
        case str():
            return f"the text `{shortened(value)}`"
        case list():
            return "a list"
        case _:
            return "a mapping"


def types_in_words(types: str | Iterable[str]) -> str:
    """JSON Schema's type names, for people."""
    names = [types] if isinstance(types, str) else list(types)
    if "number" in names:
        names = [name for name in names if name != "integer"]
    return listed(word for name in names for word in _TYPES.get(name, (name,)))


def listed(words: Iterable[str], conjunction: str = "or") -> str:
    """`a, b or c`, each once."""
    *most, last = dict.fromkeys(words)
    return f"{', '.join(most)} {conjunction} {last}" if most else last


def quoted(values: Iterable[Any]) -> list[str]:
    """Each in backquotes, as YAML would write it."""
    return [f"`{shortened(flow(value))}`" for value in values]


def shortened(text: str) -> str:
    """At most 60 characters; the rest is dots."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def flow(value: Any) -> str:
    """A value as one line of YAML, with quotes only where they are needed."""
    match value:
        case str() if _PLAIN.fullmatch(value) and value.lower() not in {"true", "false", "null"}:
            return value
        case dict():
            return "{" + ", ".join(f"{flow(key)}: {flow(it)}" for key, it in value.items()) + "}"
        case list():
            return "[" + ", ".join(flow(it) for it in value) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)
