"""A lenient reading of bodies. The example on the vendor's page is no JSON: `{ variables : {..}, "fileIds" : [4, ]}`."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

_PIECE: Final = re.compile(r'\s+|"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def as_json(text: str) -> str:
    """Quote bare keys, and drop a comma before a closing bracket. The result may still be no JSON."""
    return "".join(_mended(_pieces(text)))


def _mended(pieces: list[str]) -> Iterator[str]:
    for piece, following in pairwise([*pieces, ""]):
        if piece == "," and following in {"}", "]"}:
            continue
        yield f'"{piece}"' if following == ":" and _NAME.fullmatch(piece) else piece


def _pieces(text: str) -> list[str]:
    """Split a text into words, quoted texts and signs, without space. The rest after an odd character is one piece."""
    found: list[str] = []
    end = 0
    while match := _PIECE.match(text, end):
        end = match.end()
        if not match[0].isspace():
            found.append(match[0])
    return [*found, text[end:]]
