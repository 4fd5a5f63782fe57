"""The queue for a lease: a value that lists who waits."""

import secrets
from typing import TYPE_CHECKING

from spectrum_pipelines.files import safe_name
from spectrum_pipelines.store.closing import Releasing
from spectrum_pipelines.store.holder import Who
from spectrum_pipelines.store.interface import Lease

if TYPE_CHECKING:
    from spectrum_pipelines.airflow.task_state.store import TaskStateStore


class TaskStatePlace(Releasing):
    """A place in the queue for a lease."""

    def __init__(self, store: "TaskStateStore", name: str, who: Who, run_id: str) -> None:
        self._store, self._name, self._who, self._run_id = store, name, who, run_id
        self._key = f"queue.{safe_name(name)}"
        self._ticket = secrets.token_hex(8)
        store.put(self._key, [*store.get(self._key, []), self._ticket])

    def take(self) -> Lease | None:
        """The lease, if it is free and nobody in the queue came earlier. Raises StateError."""
        if self._store.get(self._key, [])[:1] != [self._ticket]:
            return None
        return self._store.lease(self._name, self._who, run_id=self._run_id)

    def release(self) -> None:
        """Give the place up."""
        waiting = [ticket for ticket in self._store.get(self._key, []) if ticket != self._ticket]
        self._store.put(self._key, waiting)
