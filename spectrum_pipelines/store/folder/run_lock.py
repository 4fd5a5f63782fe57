"""At most one process per run: two would each write their own history."""

from pathlib import Path

from spectrum_pipelines.clock import Clock
from spectrum_pipelines.errors import ConflictError
from spectrum_pipelines.store.folder.locks import HeldLock, Process, holder_of, is_held, try_lock

#: Who only asks whether a run goes on holds its lock for an instant: come again before calling it taken.
_TRIES = 5
_INSTANT = 0.02


def lock_run(folder: Path, run_id: str, *, process: Process, clock: Clock) -> HeldLock:
    """Take a run, before its journal is read or written. Raises ConflictError naming the holder, and StateError."""
    path = _path(folder, run_id)
    for attempt in range(_TRIES):
        if attempt:
            clock.sleep(_INSTANT)
        lock = try_lock(path, process.holding(run_id, clock))
        if lock is not None:
            return lock
    raise busy(folder, run_id)


def busy(folder: Path, run_id: str) -> ConflictError:
    """The refusal to touch a run that somebody else works on."""
    holder = holder_of(_path(folder, run_id))
    who = f"process {holder.pid} on {holder.host}, since {holder.since}" if holder else "another process"
    hint = f"wait for its end; `spectrum-pipelines report {run_id}` shows how far it is"
    return ConflictError(f"run {run_id} is already being worked on by {who}", hint=hint)


def is_running(folder: Path, run_id: str) -> bool:
    """Some process works on this run right now. Raises StateError."""
    return is_held(_path(folder, run_id))


def _path(folder: Path, run_id: str) -> Path:
    return folder / f"run-{run_id}.lock"
