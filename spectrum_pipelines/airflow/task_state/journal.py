"""The journal of a run: a row of values, of which the last one grows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spectrum_pipelines.airflow.task_state.lease import TaskStateLease
from spectrum_pipelines.airflow.task_state.values import VALUE
from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.store.closing import Closing
from spectrum_pipelines.store.codec import encode

if TYPE_CHECKING:
    from spectrum_pipelines.airflow.task_state.store import TaskStateStore


class TaskStateJournal(Closing):
    """Adds facts to the last value of the journal; begins another when that is full."""

    def __init__(self, store: "TaskStateStore", run_id: str, lease: TaskStateLease, values: list[list[str]]) -> None:
        self._store, self._run_id, self._lease = store, run_id, lease
        self._count = sum(map(len, values))
        self._number = max(0, len(values) - 1)
        self._lines = list(values[-1]) if values else []
        self._is_open = True

    def append(self, facts: Sequence[Stamped]) -> None:
        """Write in order. Raises Fenced, and StateError; from then on always."""
        if not self._is_open:
            raise StateError("the journal could not be written before and is closed")
        self._is_open = False
        self._lease.check()
        new = [encode(fact, seq) for seq, fact in enumerate(facts, self._count + 1)]
        if self._lines and sum(map(len, self._lines)) + sum(map(len, new)) > VALUE:
            self._number, self._lines = self._number + 1, []
        self._lines += new
        self._store.put(f"journal.{self._run_id}.{self._number}", self._lines)
        self._count += len(new)
        self._is_open = True

    def close(self) -> None:
        """Take nothing any more."""
        self._is_open = False
