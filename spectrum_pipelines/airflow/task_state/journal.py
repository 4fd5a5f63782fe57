"""The journal of a run: a row of values, of which the last one grows."""

from typing import TYPE_CHECKING

from spectrum_pipelines.airflow.task_state.lease import TaskStateLease
from spectrum_pipelines.airflow.task_state.values import VALUE
from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.store.lines import LineJournal

if TYPE_CHECKING:
    from spectrum_pipelines.airflow.task_state.store import TaskStateStore


class TaskStateJournal(LineJournal):
    """Adds lines to the last value of the journal; begins another when that is full."""

    def __init__(self, store: "TaskStateStore", run_id: str, lease: TaskStateLease, values: list[list[str]]) -> None:
        super().__init__(sum(map(len, values)))
        self._store, self._run_id, self._lease = store, run_id, lease
        self._number = max(0, len(values) - 1)
        self._lines = list(values[-1]) if values else []

    def _write(self, lines: list[str], first: Stamped) -> None:  # noqa: ARG002 - of a base class
        self._lease.check()
        if self._lines and sum(map(len, self._lines)) + sum(map(len, lines)) > VALUE:
            self._number, self._lines = self._number + 1, []
        self._lines += lines
        self._store.put(f"journal.{self._run_id}.{self._number}", self._lines)
