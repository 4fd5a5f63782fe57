"""The queue for a lease: a value that lists who waits, the first first.

Each that waits shows from time to time that it lives. Whoever was silent for as long as a lease lasts, seen on one's own clock, is
gone with its process, and is passed over.
"""

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from spectrum_pipelines.airflow.task_state.lease import BEATS, LEASE
from spectrum_pipelines.errors import StateError
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
        self._seen: dict[str, tuple[int, float]] = {}  # the latest beat of each other ticket, and when it was new to us
        self._show(self._waiting(), beat=0)

    def take(self) -> Lease | None:
        """The lease, if it is free and nobody who lives came earlier. Raises StateError."""
        waiting = self._waiting()
        beat = waiting.get(self._ticket)
        alive = {ticket: its for ticket, its in waiting.items() if not self._is_gone(ticket, its)}
        if beat is None or self._store.clock.monotonic() >= self._shown_at + LEASE / BEATS:
            # Two that write at once may lose each other: a place that is lost is taken again, at the end.
            self._show(alive, beat=0 if beat is None else beat + 1)
        if next(iter(alive), None) != self._ticket:
            return None
        return self._store.lease(self._name, self._who, run_id=self._run_id)

    def release(self) -> None:
        """Give the place up."""
        with suppress(StateError):  # it ends by itself
            waiting = self._waiting()
            waiting.pop(self._ticket, None)
            self._put(waiting)

    def _is_gone(self, ticket: str, beat: int) -> bool:
        now = self._store.clock.monotonic()
        known, since = self._seen.get(ticket, (None, now))
        if known != beat:
            since = now
        self._seen[ticket] = (beat, since)
        return ticket != self._ticket and now - since >= LEASE

    def _show(self, waiting: dict[str, int], *, beat: int) -> None:
        self._put({**waiting, self._ticket: beat})
        self._shown_at = self._store.clock.monotonic()

    def _waiting(self) -> dict[str, int]:
        """The tickets in their order, each with its beat."""
        return dict(self._store.get(self._key, list[tuple[str, int]]) or [])

    def _put(self, waiting: dict[str, int]) -> None:
        self._store.put(self._key, [[ticket, beat] for ticket, beat in waiting.items()])
