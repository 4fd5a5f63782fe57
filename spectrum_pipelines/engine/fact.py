"""What every event that is journaled has in common."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What is journaled."""

    is_promise: ClassVar[bool] = False
