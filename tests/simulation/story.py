"""What happened, for people: one line for each event of a simulation that is replayed by its seed."""

from collections.abc import Callable

from tests.simulation.kernel import Kernel


class Story:
    """A log in virtual time. Sentences are functions, because two thousand runs of which nobody reads should not write."""

    def __init__(self, kernel: Kernel, *, told: bool) -> None:
        self._kernel = kernel
        self.told = told
        self.lines: list[str] = []

    def tell(self, who: str, what: Callable[[], str]) -> None:
        """Note it, if anybody wants to know."""
        if self.told:
            self.lines.append(f"{self._kernel.now:12.3f}  {who:<9} {what()}")

    def __str__(self) -> str:
        return "\n".join(self.lines)
