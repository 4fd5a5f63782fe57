"""A lease: a value that its holder renews."""

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from spectrum_pipelines.errors import Fenced, StateError
from spectrum_pipelines.store.closing import Releasing

if TYPE_CHECKING:
    from spectrum_pipelines.airflow.task_state.store import TaskStateStore

#: Seconds that a lease lasts, and how often its holder renews it in that time.
LEASE = 30.0
BEATS = 3


class Note(Struct, frozen=True, kw_only=True):
    """The value of a lease. `owner` is None once it was released; `beat` grows with each renewal."""

    fence: int
    owner: str | None
    beat: int
    pid: int
    host: str
    run_id: str
    since: str


class TaskStateLease(Releasing):
    """A lease in our hands, renewed by a thread of its own until it is released."""

    seconds = LEASE

    def __init__(self, store: "TaskStateStore", name: str, note: Note, sent_at: float) -> None:
        self.name = name
        self.fence = note.fence
        self._store = store
        self._note = note
        self._until = sent_at + LEASE
        self._lock = threading.Lock()
        self._over = threading.Event()
        threading.Thread(target=self._beat, name="spectrum lease", daemon=True).start()

    @property
    def is_lost(self) -> bool:
        """Somebody else was seen to have it, or it was released."""
        return not self._until

    def is_ours(self, *, for_seconds: float) -> bool:
        """By the clock of this process, from before the last renewal was sent."""
        return self._store.clock.monotonic() + for_seconds < self._until

    def check(self) -> None:
        """Ask whether it is still ours. Raises Fenced, and StateError."""
        note = self._store.note(self.name)
        if note is None or note.owner != self._note.owner:
            self._until = 0.0
            told = f"run {self._note.run_id} was taken over" + (
                f" by process {note.pid} on {note.host}" if note else ""
            )
            raise Fenced(told, hint="this process does nothing more")

    def release(self) -> None:
        """Let others have it. May be called twice."""
        self._until = 0.0
        if self._over.is_set():
            return
        self._over.set()
        with suppress(StateError), self._lock:  # it ends by itself
            self.check()
            self._store.put_note(self.name, replace(self._note, owner=None))

    def renew(self) -> None:
        """Ask for the whole time again. Raises Fenced, and StateError."""
        sent_at = self._store.clock.monotonic()
        with self._lock:
            if self._over.is_set():
                return
            self.check()
            self._note = replace(self._note, beat=self._note.beat + 1)
            self._store.put_note(self.name, self._note)
            self._until = sent_at + LEASE

    def _beat(self) -> None:
        # A lease that is over is not renewed: somebody may be about to take it.
        while not self._over.wait(LEASE / BEATS) and self.is_ours(for_seconds=0.0):
            with suppress(StateError):  # tried again with the next beat
                self.renew()
