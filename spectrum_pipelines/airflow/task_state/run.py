"""One run: its texts, its plan, its journal and its report."""

import json
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

from msgspec import convert

from spectrum_pipelines.airflow.task_state.journal import TaskStateJournal
from spectrum_pipelines.airflow.task_state.lease import TaskStateLease
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.files import ODD_SHAPE
from spectrum_pipelines.store.history import Recorded
from spectrum_pipelines.store.interface import Lease, run_lease
from spectrum_pipelines.store.lines import KeptRun
from spectrum_pipelines.store.texts import Texts

if TYPE_CHECKING:
    from spectrum_pipelines.airflow.task_state.store import TaskStateStore


class TaskStateRun(KeptRun):
    """One run of the task."""

    def __init__(self, store: "TaskStateStore", run_id: str) -> None:
        super().__init__(run_id, "Airflow's task state store")
        self._store = store

    def keep(self, texts: Texts, *, plan: str) -> None:
        """Store what is about to be run. Raises StateError."""
        self._store.put_text(f"texts.{self.run_id}", json.dumps([texts.pipeline, dict(texts.fragments)]))
        self._store.put_text(f"plan.{self.run_id}", plan)

    def kept_texts(self) -> Texts | None:
        """The texts that were run. Raises StateError."""
        kept = self._store.text(f"texts.{self.run_id}")
        if kept is None:
            return None
        try:
            pipeline, fragments = convert(json.loads(kept), tuple[str, dict[str, str]])
        except ODD_SHAPE as error:
            raise StateError(f"the pipeline of {self.place} is damaged", hint="start a new run") from error
        return Texts(pipeline=pipeline, fragments=fragments)

    def kept_plan(self) -> str | None:
        """The plan. Raises StateError."""
        return self._store.text(f"plan.{self.run_id}")

    def lines(self) -> list[str]:
        """The journal. Raises StateError."""
        return [line for value in self.values() for line in value]

    def values(self) -> list[list[str]]:
        """The lines of the journal, value by value. Raises StateError."""
        found: list[list[str]] = []
        for number in count():
            value = self._store.get(f"journal.{self.run_id}.{number}", list[str])
            if value is None:
                return found
            found.append(value)
        raise AssertionError

    def journal(self, lease: Lease, recorded: Recorded | None = None) -> TaskStateJournal:
        """Begin the journal, or go on behind what it has `recorded`. Raises StateError."""
        assert isinstance(lease, TaskStateLease)
        assert lease.name == run_lease(self.run_id)
        values = self.values()
        if sum(map(len, values)) != (0 if recorded is None else len(recorded.facts)):
            hint = "another process works on this run: let it end"
            raise StateError(f"the journal of {self.place} changed while it was read", hint=hint)
        return TaskStateJournal(self._store, self.run_id, lease, values)

    def put_report(self, *chunks: bytes) -> None:
        """Put the report in place, as a whole. Raises StateError."""
        self._store.put_text(f"report.{self.run_id}", b"".join(chunks).decode())

    def report(self) -> bytes | None:
        """The report as it was put last. Raises StateError."""
        kept = self._store.text(f"report.{self.run_id}")
        return None if kept is None else kept.encode()

    def forget(self) -> None:
        """Remove a run that never began. Never raises."""
        with suppress(StateError):
            if not self.values():
                self._store.remove(self.run_id, 0)
