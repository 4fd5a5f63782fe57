"""Values of a workspace document of any shape.

The schema finds values of a wrong shape. These functions pass such values over, so that one pass finds the other faults.
"""

from collections.abc import Iterator
from typing import Any, Final

Entry = dict[str, Any]
Numbered = list[tuple[int, Entry]]

ACTIONS: Final = ("import", "workbook", "export", "simulate")
_LARGEST_ID: Final = 999_999_999_999


def entries(data: object, section: str) -> Numbered:
    """List the mappings of a section with their indexes."""
    items = data.get(section) if isinstance(data, dict) else None
    return [(n, one) for n, one in enumerate(items) if isinstance(one, dict)] if isinstance(items, list) else []


def are_complete(data: object, section: str, key: str) -> bool:
    """Tell whether each item of a section is a mapping with a text or an id under `key`, so that none was passed over."""
    items = data.get(section) if isinstance(data, dict) else None
    if not isinstance(items, list):
        return False
    return all(isinstance(one, dict) and (text(one, key) or whole(one.get(key))) is not None for one in items)


def text(entry: Entry, key: str) -> str | None:
    """Return the text under a key, else None."""
    value = entry.get(key)
    return value if isinstance(value, str) else None


def whole(value: object) -> int | None:
    """Return a value as an id, else None. `4.0` is a whole number, as in JSON Schema."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 < value <= _LARGEST_ID else None


def ids(entry: Entry, key: str) -> Iterator[tuple[int, int]]:
    """List the ids under a key with their indexes."""
    items = entry.get(key)
    for place, item in enumerate(items if isinstance(items, list) else ()):
        number = whole(item)
        if number is not None:
            yield place, number


def texts(entry: Entry, key: str) -> Iterator[tuple[int, str]]:
    """List the texts under a key with their indexes."""
    items = entry.get(key)
    return ((n, one) for n, one in enumerate(items) if isinstance(one, str)) if isinstance(items, list) else iter(())


def action(entry: Entry, kind: str) -> Entry | None:
    """Return the mapping under `import`, `workbook`, `export` or `simulate`, else None."""
    value = entry.get(kind)
    return value if isinstance(value, dict) else None
