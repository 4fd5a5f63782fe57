"""A fault of a workspace, and its place."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault. `path` names the wrong value by the keys and indexes that lead to the value."""

    path: Place
    message: str
    hint: str | None = None


def similar(name: str, known: Iterable[str]) -> str | None:
    """Suggest the known name that is most like the given name."""
    close = get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else None
