"""Run keys: `run --run-key KEY` starts one run per key, however often CI or a GitOps tool repeats the command.

Theory of operation
-------------------
`keys/` says which run a key stands for. It is read and written under a lock of the key, which is held for an instant only. Whoever
gets a new run has that run's own lock before the key's is let go: so a second process finds the run taken, even before it has a
journal. A run without a journal whose lock is free was killed before it could trigger anything: the key is free again. So it is
after a run that ended with an exit code which says that nothing was triggered: CI may repeat it, and must not get the old answer.
"""

import json
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from spectrum_pipelines.clock import Clock
from spectrum_pipelines.errors import ConflictError, StateError
from spectrum_pipelines.files import in_words, read_capped, replace_file, safe_name
from spectrum_pipelines.store.folder.glance import glance
from spectrum_pipelines.store.folder.locks import HeldLock, holder_of, try_lock
from spectrum_pipelines.store.folder.run_directory import RunDirectory
from spectrum_pipelines.store.folder.run_lock import busy, is_running, lock_run
from spectrum_pipelines.store.folder.state_directory import StateDirectory
from spectrum_pipelines.store.heads import check_key, has_acted, is_run_id
from spectrum_pipelines.store.holder import Who

_MAX_BYTES = 16_384
#: Seconds; the lock of a key is held for two small files. More means a holder that was stopped in the middle of it.
_PATIENCE = 10.0
_STEP = 0.02


class NewRun(Struct, frozen=True, kw_only=True):
    """Nothing was ever triggered for the key. The run is ours: release `lock` when it has ended."""

    run: RunDirectory
    lock: HeldLock


class Existing(Struct, frozen=True, kw_only=True):
    """The key's run has acted, and nobody works on it at the moment. To go on with it, lock it first."""

    run: RunDirectory


def claim(
    state: StateDirectory,
    key: str,
    new_run: Callable[[], RunDirectory],
    *,
    process: Who,
    clock: Clock,
) -> NewRun | Existing:
    """The run that a key stands for; among any number of processes exactly one gets the new one.

    Raises UserError for an impossible key, ConflictError naming who works on the key's run, and StateError.
    """
    check_key(key)
    state.prepare()
    with _lock_key(state, key, process, clock):
        known = _read(state, key)
        if known is not None and is_running(state.locks, known.run_id):
            raise busy(state.locks, known.run_id)
        if known is not None and _has_acted(known):
            return Existing(run=known)
        run = new_run()
        lock = lock_run(state.locks, run.run_id, process=process, clock=clock)
        try:
            _write(state, key, run.run_id)
        except StateError:
            lock.release()
            raise
        return NewRun(run=run, lock=lock)


def _has_acted(run: RunDirectory) -> bool:
    """The run began, and is not known to have triggered nothing."""
    ends = glance(run.journal)
    if ends is None:
        return False
    return has_acted(ends[1])


def _lock_key(state: StateDirectory, key: str, process: Who, clock: Clock) -> HeldLock:
    path = state.locks / f"key-{safe_name(key)}.lock"
    began = clock.monotonic()
    while True:
        lock = try_lock(path, process.holding("-", clock))
        if lock is not None:
            return lock
        if clock.monotonic() - began >= _PATIENCE:
            who = holder_of(path)
            where = f"process {who.pid} on {who.host}" if who else "another process"
            raise ConflictError(
                f"{where} has held the run key `{key}` for too long", hint="is it stopped? end it, or try later"
            )
        clock.sleep(_STEP)


def _read(state: StateDirectory, key: str) -> RunDirectory | None:
    path = _path(state, key)
    hint = "if no run of this key can be under way, remove the file"
    try:
        data = json.loads(read_capped(path, _MAX_BYTES))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(f"{path} cannot be read: {in_words(error)}", hint=hint) from error
    except (ValueError, RecursionError) as error:
        raise StateError(f"{path} is damaged", hint=hint) from error
    run_id = data.get("run_id") if isinstance(data, dict) and data.get("key") == key else None
    if not isinstance(run_id, str) or not is_run_id(run_id):
        raise StateError(f"{path} does not say which run the key `{key}` stands for", hint=hint)
    return state.find(run_id)


def _write(state: StateDirectory, key: str, run_id: str) -> None:
    path = _path(state, key)
    try:
        replace_file(path, json.dumps({"key": key, "run_id": run_id}).encode("ascii") + b"\n")
    except OSError as error:
        hint = "make room there, or choose another directory with --state-dir"
        raise StateError(f"{path} cannot be written: {in_words(error)}", hint=hint) from error


def _path(state: StateDirectory, key: str) -> Path:
    return state.keys / f"{safe_name(key)}.json"
