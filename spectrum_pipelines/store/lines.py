"""What shared stores have in common: a journal is numbered lines, and a batch of lines is there as a whole or not at all."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.store.closing import Closing
from spectrum_pipelines.store.codec import decode, encode
from spectrum_pipelines.store.history import Recorded
from spectrum_pipelines.store.texts import Texts, checked


class LineJournal(Closing):
    """Appends facts; satisfies `runner.Journal`. `count` lines are there already.

    A subclass writes lines. After a batch that could not be written nobody knows what is there, so none is taken any more.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._is_open = True

    def append(self, facts: Sequence[Stamped]) -> None:
        """Write in order; return when all are there for good. Raises StateError, and from then on always."""
        if not self._is_open:
            raise StateError("the journal could not be written before and is closed")
        if not facts:
            return
        self._is_open = False
        self._write([encode(fact, seq) for seq, fact in enumerate(facts, self.count + 1)], facts[0])
        self._is_open = True
        self.count += len(facts)

    @abstractmethod
    def _write(self, lines: list[str], first: Stamped) -> None:
        """Add lines behind `count`, the first for the fact `first`. Raises StateError; Fenced if somebody else has the run."""

    def close(self) -> None:
        """Take nothing any more."""
        self._is_open = False


class KeptRun(ABC):
    """One run that a store keeps value by value. A subclass says what is kept, and `store` where."""

    report_path = None

    def __init__(self, run_id: str, store: str) -> None:
        self.run_id = run_id
        self.place = f"run {run_id} in {store}"

    @abstractmethod
    def kept_texts(self) -> Texts | None:
        """The texts that were run. Raises StateError."""

    @abstractmethod
    def kept_plan(self) -> str | None:
        """The plan. Raises StateError."""

    @abstractmethod
    def lines(self) -> Sequence[str]:
        """The journal. Raises StateError."""

    def texts(self, digest: str) -> Texts:
        """The texts that were run. Raises StateError."""
        texts = self.kept_texts()
        if texts is None:
            raise self._missing("pipeline")
        return checked(texts, digest, run_id=self.run_id, place=f"the pipeline of {self.place}")

    def plan(self) -> bytes:
        """The plan that was kept. Raises StateError."""
        plan = self.kept_plan()
        if plan is None:
            raise self._missing("plan")
        return plan.encode("utf-8", "surrogatepass")

    def facts(self) -> Recorded:
        """The journal. Raises StateError."""
        lines = self.lines()
        if not lines:
            raise self._missing("journal")
        return Recorded(facts=[decode(line)[1] for line in lines], length=len(lines), size=len(lines))

    def _missing(self, what: str) -> StateError:
        return StateError(f"the {what} of {self.place} is missing", hint="start a new run")
