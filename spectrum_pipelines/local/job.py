"""What the scheduler knows of a job at work, be it a query or a timer."""

from collections.abc import Callable
from typing import Protocol

from .execution import Outcome

Done = Callable[[Outcome], None]


class Job(Protocol):
    """A run in progress. It reports its end once, on the event loop, and never from inside `stop`."""

    def stop(self) -> None:
        """Ask for the end; it comes later, as CANCELED, or as whatever was reached first."""

    def progress(self) -> float:
        """Tell how much is done, 0 to 100."""

    def remaining(self) -> float | None:
        """Tell how many seconds are left, if the job can know."""
