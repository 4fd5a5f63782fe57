"""At most one process per run: two would each write their own history."""

from pathlib import Path

from spectrum_pipelines.clock import Clock
from spectrum_pipelines.store.folder.locks import HeldLock, holder_of, is_held, try_lock
from spectrum_pipelines.store.holder import Who
from spectrum_pipelines.store.interface import Busy
from spectrum_pipelines.store.leasing import busy as worked_on

#: Who only asks whether a run goes on holds its lock for an instant: come again before calling it taken.
_TRIES = 5
_INSTANT = 0.02


def lock_run(folder: Path, run_id: str, *, process: Who, clock: Clock) -> HeldLock:
    """Take a run, before its journal is read or written. Raises Busy naming the holder, and StateError."""
    path = run_lock_path(folder, run_id)
    for attempt in range(_TRIES):
        if attempt:
            clock.sleep(_INSTANT)
        lock = try_lock(path, process.holding(run_id, clock))
        if lock is not None:
            return lock
    raise busy(folder, run_id)


def busy(folder: Path, run_id: str) -> Busy:
    """The refusal to touch a run that somebody else works on."""
    return worked_on(run_id, holder_of(run_lock_path(folder, run_id)), store=str(folder.parent))


def is_running(folder: Path, run_id: str) -> bool:
    """Some process works on this run right now. Raises StateError."""
    return is_held(run_lock_path(folder, run_id))


def run_lock_path(folder: Path, run_id: str) -> Path:
    """The lock file of a run; `folder` is the state directory's `locks`."""
    return folder / f"run-{run_id}.lock"
