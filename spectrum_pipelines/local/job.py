"""The interface of a running job for the scheduler: a query and a timer look the same."""

from collections.abc import Callable
from typing import Protocol

from .execution import Outcome

Done = Callable[[Outcome], None]


class Job(Protocol):
    """A running job. The job reports its end once, on the event loop, and never from inside `stop`."""

    def stop(self) -> None:
        """Ask the job to end. The job reports CANCELED later, or the end that the job reached before."""

    def progress(self) -> float:
        """Return the progress in percent."""

    def remaining(self) -> float | None:
        """Return the seconds that are left, or None if the job cannot know."""
