"""At most one run per concurrency group, among the processes that share a state directory."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from spectrum_pipelines.clock import Clock
from spectrum_pipelines.errors import ConflictError
from spectrum_pipelines.files import safe_name
from spectrum_pipelines.pipeline.model.pipeline import GroupBehavior
from spectrum_pipelines.store.folder.locks import HeldLock, Process, holder_of, try_lock
from spectrum_pipelines.store.holder import Holder

#: Seconds between two looks: what a waiting run loses at most, and how fast it hears that it shall stop waiting.
_STEP = 0.2
#: Less than this may be lost in rounding, and the wait would never end.
_LEAST = 0.001
#: CI systems take a job that says nothing for dead.
_HEARTBEAT = 30.0

#: Told at the first look that the group is taken, by whom (None: unknown) and for how many seconds we have waited; then every 30 s.
OnWait = Callable[[Holder | None, float], None]


@dataclass(frozen=True, slots=True)
class GroupLock:
    """The lock of one concurrency group. `folder` is the state directory's `locks`; `group` is any text."""

    folder: Path
    group: str

    @property
    def path(self) -> Path:
        """The lock file."""
        return self.folder / f"group-{safe_name(self.group)}.lock"

    def acquire(
        self,
        behavior: GroupBehavior,
        *,
        run_id: str,
        process: Process,
        clock: Clock,
        timeout: float | None,
        on_wait: OnWait,
        stopping: Callable[[], bool],
    ) -> HeldLock | None:
        """Take it, waiting for `timeout` seconds (None: as long as it takes) if the group queues; None once `stopping()`.

        Who waits longest has no privilege. Raises ConflictError naming the holder, and StateError.
        """
        began = clock.monotonic()
        told: float | None = None
        while not stopping():
            lock = try_lock(self.path, process.holding(run_id, clock))
            if lock is not None:
                return lock
            waited = clock.monotonic() - began
            if behavior is GroupBehavior.FAIL:
                raise self._busy("run it later, or let it wait with `concurrency: {behavior: queue}`")
            if timeout is not None and waited >= timeout:
                raise self._busy(f"it was not let go within {waited:.0f} s; run it later")
            if told is None or waited - told >= _HEARTBEAT:
                told = waited
                on_wait(holder_of(self.path), waited)
            clock.sleep(_STEP if timeout is None else max(_LEAST, min(_STEP, timeout - waited)))
        return None

    def _busy(self, hint: str) -> ConflictError:
        holder = holder_of(self.path)
        return ConflictError(f"concurrency group `{self.group}` is held by {holder or 'another process'}", hint=hint)
