"""Numbers that remember how they were written: `1.10`, `1e5`, `0x1F`.

A number is used as a number where one is wanted, and in its written form where it becomes a part of a text: the release `1.10` is
not the release `1.1`. Only numbers that Python would spell differently carry their text; all others are plain.
"""

from typing import Any, Self


class WrittenInt(int):
    """A whole number and the text that stood for it."""

    written: str

    def __new__(cls, value: int, written: str = "") -> Self:
        """Without `written`, the number as Python spells it."""
        number = super().__new__(cls, value)
        number.written = written or str(int(value))
        return number


class WrittenFloat(float):
    """A number with a fraction or an exponent, and the text that stood for it."""

    written: str

    def __new__(cls, value: float, written: str = "") -> Self:
        """Without `written`, the number as Python spells it."""
        number = super().__new__(cls, value)
        number.written = written or str(float(value))
        return number


def with_text(value: float, written: str) -> int | float:
    """The number, with its text where that is not how Python spells it."""
    if str(value) == written:
        return value
    return WrittenInt(value, written) if isinstance(value, int) else WrittenFloat(value, written)


def text_of(value: float) -> str:
    """The number as it was written."""
    return value.written if isinstance(value, WrittenInt | WrittenFloat) else str(value)


def plain(value: float) -> int | float:
    """The number alone: what leaves the pipeline file for JSON carries no text."""
    if isinstance(value, WrittenInt):
        return int(value)
    return float(value) if isinstance(value, WrittenFloat) else value


def bare(value: Any) -> Any:
    """Data with all its numbers plain. Recursion is safe: the depth of what was read is capped."""
    match value:
        case WrittenInt() | WrittenFloat():
            return plain(value)
        case dict():
            return {key: bare(it) for key, it in value.items()}
        case list():
            return [bare(it) for it in value]
        case _:
            return value
