"""What every event that is journaled has in common."""

from typing import ClassVar

from spectrum_pipelines.record import record


@record
class Fact:
    """What is journaled."""

    is_promise: ClassVar[bool] = False
