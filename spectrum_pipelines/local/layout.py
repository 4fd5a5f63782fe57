"""The layout of answers: one key a line as on the vendor's page, because scripts in the field cut answers with grep."""

import json
from typing import Any, Final

from starlette.responses import JSONResponse

_WIDTH: Final = 2


class Page(JSONResponse):
    """A JSON answer in this layout, with `width` spaces more for each level."""

    def __init__(
        self, content: Any, code: int = 200, headers: dict[str, str] | None = None, *, width: int = _WIDTH
    ) -> None:
        self._width = width
        super().__init__(content, code, headers)

    def render(self, content: Any) -> bytes:
        """Return the bytes of the body."""
        return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=self._width).encode()
