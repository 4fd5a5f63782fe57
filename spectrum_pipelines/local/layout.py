"""The layout of answers: one key a line as on the vendor's page, because scripts in the field cut answers with grep."""

import json
from typing import Any, Final

from starlette.responses import JSONResponse

_WIDTH: Final = 2


class Page(JSONResponse):
    """A JSON answer in this layout."""

    def __init__(
        self, content: Any, code: int = 200, headers: dict[str, str] | None = None, *, width: int = _WIDTH
    ) -> None:
        self._width = width
        super().__init__(content, code, headers)

    def render(self, content: Any) -> bytes:
        """Return the bytes of the body."""
        return lay_out(content, self._width).encode()


def lay_out(value: Any, width: int = _WIDTH, depth: int = 0) -> str:
    """Write JSON with `"key": value` on a line of its own, `width` spaces deeper for each level.

    `json.dumps(indent=...)` writes the same in Python, which takes a second for ten thousand rows. Here every row that
    holds plain values only is written in C: its separator is the line break.
    """
    if not value or not isinstance(value, dict | list):
        return _dumps(value, ", ")
    outer = "\n" + " " * (width * depth)
    inner = outer + " " * width
    items = value.values() if isinstance(value, dict) else value
    if not any(isinstance(one, dict | list) for one in items):
        text = _dumps(value, f",{inner}")
        return f"{text[0]}{inner}{text[1:-1]}{outer}{text[-1]}"
    if isinstance(value, dict):
        lines = [f"{_dumps(key, '')}: {lay_out(one, width, depth + 1)}" for key, one in value.items()]
        return f"{{{inner}{f',{inner}'.join(lines)}{outer}}}"
    lines = [lay_out(one, width, depth + 1) for one in value]
    return f"[{inner}{f',{inner}'.join(lines)}{outer}]"


def _dumps(value: Any, separator: str) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(separator, ": "))
