"""Locks that the kernel frees when their holder dies, however it dies.

`flock` decides who holds a lock. The text in the lock file only tells people who that is; it is read when the lock is known to be
held, and never otherwise, so what a dead process left behind means nothing. Lock files stay: removing one while somebody waits for
it would make two locks of one name. Somebody may clean up all the same, so a lock counts only while its file is in its place.
"""

import contextlib
import fcntl
import json
import os
import re
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from spectrum_pipelines.errors import StateError
from spectrum_pipelines.files import in_words, open_regular, read_capped, safe_name
from spectrum_pipelines.store.closing import Releasing
from spectrum_pipelines.store.holder import Holder

_MAX_NOTE = 4096
_RUN = re.compile(r"[0-9A-Za-z-]{1,64}", re.ASCII)
_MOMENT = re.compile(r"[0-9T:.Z-]{1,40}", re.ASCII)
_UNFIT_FOR_HOSTS = re.compile(r"[^0-9A-Za-z._:-]", re.ASCII)
_TRIES = 100


class HeldLock(Releasing):
    """A lock in our hands, until `release` or the end of this process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Let others have it. May be called twice."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1


def group_lock_path(folder: Path, group: str) -> Path:
    """The lock file of a concurrency group in the folder of such locks; `group` is any text."""
    return folder / f"group-{safe_name(group)}.lock"


def try_lock(path: Path, holder: Holder) -> HeldLock | None:
    """Take a lock, or None if somebody has it. Raises StateError where locks cannot be had at all."""
    for _ in range(_TRIES):
        descriptor = _open(path, os.O_RDWR | os.O_CREAT)
        keep = False
        try:
            if not _flock(path, descriptor, fcntl.LOCK_EX):
                return None
            keep = _is_in_place(path, descriptor)
        finally:
            if not keep:
                os.close(descriptor)
        if keep:
            _sign(descriptor, holder)
            return HeldLock(descriptor)
    raise StateError(
        f"{path} is removed again and again", hint="find out what cleans up the state directory, and stop it"
    )


def is_held(path: Path) -> bool:
    """Somebody has the lock: another process, or this one elsewhere. Creates nothing. Raises StateError."""
    if not path.exists():
        return False
    descriptor = _open(path, os.O_RDONLY)
    try:
        return not _flock(path, descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def holder_of(path: Path) -> Holder | None:
    """The holder that a held lock names; None if the file does not tell (yet)."""
    try:
        data = json.loads(read_capped(path, _MAX_NOTE))
    except (OSError, ValueError, RecursionError):
        return None
    return _holder(data) if isinstance(data, dict) else None


def _holder(data: dict[str, Any]) -> Holder | None:
    pid, host, run_id, since = (data.get(key) for key in ("pid", "host", "run_id", "since"))
    if type(pid) is not int or not 0 < pid < 1 << 32 or not isinstance(host, str):
        return None
    if not (isinstance(run_id, str) and _RUN.fullmatch(run_id) and isinstance(since, str) and _MOMENT.fullmatch(since)):
        return None
    return Holder(pid=pid, host=_UNFIT_FOR_HOSTS.sub("?", host[:100]), run_id=run_id, since=since)


def _open(path: Path, flags: int) -> int:
    try:
        return open_regular(path, flags)
    except OSError as error:
        hint = "remove it if it is not a plain file, and check the permissions of the state directory"
        raise StateError(f"the lock file {path} cannot be opened: {in_words(error)}", hint=hint) from error


def _flock(path: Path, descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        hint = "choose a directory on a local disk with --state-dir"
        raise StateError(f"{path} cannot be locked: {in_words(error)}", hint=hint) from error
    return True


def _is_in_place(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _sign(descriptor: int, holder: Holder) -> None:
    """A full disk must not cost the lock: without a note the message only says less."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(holder)).encode("ascii"), 0)
