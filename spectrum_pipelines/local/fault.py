"""A fault of a workspace, and its place."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault. `path` names the wrong value by the keys and indexes that lead to the value."""

    path: Place
    message: str
    hint: str | None = None


Suggest = Callable[[str, Iterable[str]], str | None]


def suggestions(limit: int = 20) -> Suggest:
    """Return a function that names the known name most like the given one.

    The comparison with thousands of names takes time, so the function gives `limit` answers and then None.
    """
    left = iter(range(limit))

    def similar(name: str, known: Iterable[str]) -> str | None:
        if next(left, None) is None:
            return None
        close = get_close_matches(name, list(known), n=1)
        return f"did you mean {close[0]!r}?" if close else None

    return similar
