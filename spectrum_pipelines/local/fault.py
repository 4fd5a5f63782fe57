"""What is wrong with a workspace, and where."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong. `path` leads through the parsed document to the value that is at fault."""

    path: Place
    message: str
    hint: str | None = None


def similar(name: str, known: Iterable[str]) -> str | None:
    """Guess what was meant."""
    close = get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else None
