"""What every event that is journaled has in common."""

from typing import ClassVar

from msgspec import Struct


class Fact(Struct, frozen=True, kw_only=True):
    """What is journaled."""

    is_promise: ClassVar[bool] = False
