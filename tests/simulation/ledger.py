"""What was sent and what it started: the evidence that every check draws on."""

from collections import defaultdict

from tests.promises import Promise
from tests.simulation.network import Passage
from tests.simulation.spectrum import Execution
from tests.simulation.weather import Fate

#: An attempt of a job: its name and number.
Attempt = tuple[str, int]


class BrokenPromise(AssertionError):
    """A promise is broken; the text begins with its words."""

    def __init__(self, promise: Promise, what: str) -> None:
        super().__init__(f"{promise.value}: {what}")
        self.promise = promise


class Ledger:
    """Every trigger that left us, by attempt, in order."""

    def __init__(self) -> None:
        self.posts: dict[Attempt, list[Passage]] = defaultdict(list)

    def started_by(self, attempt: Attempt) -> list[Execution]:
        """In truth, whatever any answer said."""
        return [execution for passage in self.posts[attempt] for execution in passage.touched]

    def came_twice(self, execution: Execution) -> bool:
        """Something on the way sent our one request twice: its answer names one execution, and nobody can know of the other."""
        attempt = attempt_of(execution)
        return attempt is not None and any(
            execution in passage.touched and passage.fate is Fate.REPEATED for passage in self.posts[attempt]
        )


def attempt_of(execution: Execution) -> Attempt | None:
    """Which attempt of ours started it; None for a stranger's."""
    return None if execution.origin is None else (execution.origin.job, execution.origin.attempt)
