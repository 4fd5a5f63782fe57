"""What the reading stages know of a fault before lines are counted: offsets into the text."""

from msgspec import Struct


class Fault(Struct, frozen=True, kw_only=True):
    """`start` and `end` are offsets in characters; `also` is a second place and what it has to do with the fault."""

    start: int
    end: int
    code: str
    message: str
    hint: str | None = None
    also: tuple[int, int, str] | None = None


class Unparsable(Exception):
    """Nothing after this fault can be read. Never leaves this package."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault
