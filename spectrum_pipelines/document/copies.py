"""What an alias stands for: a copy of a value that was read earlier. Recursion is safe here: depth was capped while reading."""

from typing import Any


def copied(value: Any) -> Any:
    """A deep copy of plain data."""
    if isinstance(value, dict):
        return {key: copied(it) for key, it in value.items()}
    if isinstance(value, list):
        return [copied(it) for it in value]
    return value


def height(value: Any) -> int:
    """How many levels of mappings and lists a value has; 0 for a scalar."""
    match value:
        case dict():
            return 1 + max(map(height, value.values()), default=0)
        case list():
            return 1 + max(map(height, value), default=0)
        case _:
            return 0
