"""The queue for a lock: first come, first served, among processes that may die at any moment.

Each process that waits holds a ticket: a numbered file that it has locked. A ticket that nobody holds is that of a dead process.
A ticket is locked before it gets its number, so nobody takes the ticket of a living process for that of a dead one.
"""

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from spectrum_pipelines.errors import StateError
from spectrum_pipelines.files import in_words, open_regular
from spectrum_pipelines.store.closing import Releasing
from spectrum_pipelines.store.folder.locks import is_held
from spectrum_pipelines.store.interface import Lease

#: No queue gets that long: a longer name is not ours.
_DIGITS = 16


class FolderPlace(Releasing):
    """A place in the queue that is kept in `folder`. `lease` takes the lock itself, if it is free."""

    def __init__(self, folder: Path, lease: Callable[[], Lease | None]) -> None:
        self._folder = folder
        self._lease = lease
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            self._descriptor, self._number = _ticket(folder)
        except OSError as error:
            hint = "check the permissions of that folder"
            raise StateError(f"nobody can line up in {folder}: {in_words(error)}", hint=hint) from error

    def take(self) -> Lease | None:
        """The lease, if it is free and nobody in the queue came earlier. Raises StateError."""
        for number in sorted(_numbers(self._folder)):
            if number >= self._number:
                break
            path = self._folder / str(number)
            if is_held(path):
                return None
            with suppress(OSError):
                path.unlink()
        return self._lease()

    def release(self) -> None:
        """Give the place up."""
        if self._descriptor >= 0:
            with suppress(OSError):
                (self._folder / str(self._number)).unlink()
            os.close(self._descriptor)
            self._descriptor = -1


def _ticket(folder: Path) -> tuple[int, int]:
    draft = folder / f".draft-{os.getpid()}-{secrets.token_hex(4)}"
    descriptor = open_regular(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        while True:
            number = max(_numbers(folder), default=0) + 1
            with suppress(FileExistsError):
                os.link(draft, folder / str(number))
                return descriptor, number
    except BaseException:
        os.close(descriptor)
        raise
    finally:
        draft.unlink()


def _numbers(folder: Path) -> Iterator[int]:
    names = (path.name for path in folder.iterdir())
    return (int(name) for name in names if name.isascii() and name.isdigit() and len(name) < _DIGITS)
