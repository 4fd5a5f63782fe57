"""Deleting old runs: what nobody works on, began long ago and is not among the newest of its pipeline."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from spectrum_pipelines.clock import Clock
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.files import in_words, read_capped
from spectrum_pipelines.store.folder.locks import HeldLock, try_lock
from spectrum_pipelines.store.folder.run_directory import RunDirectory
from spectrum_pipelines.store.folder.run_listing import summarize
from spectrum_pipelines.store.folder.run_lock import run_lock_path
from spectrum_pipelines.store.folder.state_directory import StateDirectory
from spectrum_pipelines.store.heads import began_at
from spectrum_pipelines.store.holder import Who
from spectrum_pipelines.store.interface import RunHead

_MAX_KEY_FILE = 16_384


def prune(state: StateDirectory, *, before: datetime, keep: int, clock: Clock) -> int:
    """Delete runs that began before that moment and are not among the `keep` newest of their pipeline; how many.

    A run that somebody works on stays, and so does one whose journal cannot be read: it may belong to a newer version.
    Raises StateError.
    """
    doomed = list(_doomed(state, before, keep))
    gone = {run.run_id for run in doomed if _delete(state, run, clock)}
    _forget_keys(state.keys, gone)
    return len(gone)


def _doomed(state: StateDirectory, before: datetime, keep: int) -> Iterator[RunDirectory]:
    seen: Counter[str | None] = Counter()
    for run in state.newest_runs():
        head = summarize(run, state.locks)
        seen[head.pipeline] += head.pipeline is not None
        old = began_at(run.run_id) < before
        if old and (_never_began(run, head) or (head.fault is None and seen[head.pipeline] > keep)):
            yield run


def _never_began(run: RunDirectory, head: RunHead) -> bool:
    return head.fault is not None and not run.journal.exists()


def _delete(state: StateDirectory, run: RunDirectory, clock: Clock) -> bool:
    path = run_lock_path(state.locks, run.run_id)
    lock: HeldLock | None = try_lock(path, Who(pid=os.getpid(), host="-").holding(run.run_id, clock))
    if lock is None:
        return False
    with lock:
        try:
            shutil.rmtree(run.path)
        except OSError as error:
            hint = "check the permissions of the state directory"
            raise StateError(f"{run.path} cannot be deleted: {in_words(error)}", hint=hint) from error
        with suppress(OSError):
            path.unlink()  # whoever waits for it sees that it is not in its place any more
    return True


def _forget_keys(folder: Path, gone: set[str]) -> None:
    """A key whose run is gone stands for nothing: its file says so no longer."""
    if not gone or not folder.is_dir():
        return
    for path in folder.iterdir():
        with suppress(OSError, ValueError, RecursionError):
            data = json.loads(read_capped(path, _MAX_KEY_FILE))
            if isinstance(data, dict) and data.get("run_id") in gone:
                path.unlink()
