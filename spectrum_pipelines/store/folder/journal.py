"""The journal of a run: a file of facts that only ever grows, one line each.

Theory of operation
-------------------
A batch of facts goes out in one `write`, and one `fsync` follows if any of them is a promise. `append` returns, or the batch never
was: after a failed write or sync the file is cut back to what `append` has returned for, and takes nothing any more. (A sync that
failed once may "succeed" the next time without having written anything.) So nothing is ever written behind a torn line; what a torn
line means is told in `history`.
"""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.files import open_regular, sync_folder
from spectrum_pipelines.store.closing import Closing
from spectrum_pipelines.store.codec import MAX_LINE, encode
from spectrum_pipelines.store.history import MAX_BYTES, Recorded, read_journal, replay, scan

__all__ = ["JournalFile", "Recorded", "read_journal", "replay", "scan"]


class JournalFile(Closing):
    """Appends facts; satisfies `runner.Journal`. One process at a time: hold the lock of the run."""

    def __init__(self, descriptor: int, *, length: int = 0, count: int = 0, limit: int = MAX_BYTES) -> None:
        self._descriptor = descriptor
        self._length = length
        self._count = count
        self._limit = limit
        self._failed = False

    @classmethod
    def create(cls, path: Path) -> Self:
        """Begin the journal of a new run. Raises OSError, also if there is one."""
        descriptor = open_regular(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND)
        sync_folder(path.parent)
        return cls(descriptor)

    @classmethod
    def reopen(cls, path: Path, recorded: Recorded) -> Self:
        """Go on behind what `scan` has found, without its torn line. Raises OSError and StateError."""
        descriptor = open_regular(path, os.O_WRONLY | os.O_APPEND)
        try:
            _cut_off(descriptor, path, recorded)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor, length=recorded.length, count=len(recorded.facts))

    def append(self, facts: Sequence[Stamped]) -> None:
        """Write in order; return when every promise among them is on disk. Raises OSError, and from then on always."""
        if self._failed:
            raise OSError(errno.EIO, "the journal could not be written before and is closed")
        lines = [encode(fact, seq) + "\n" for seq, fact in enumerate(facts, self._count + 1)]
        data = "".join(lines).encode("ascii")
        try:
            self._write(data, longest=max(map(len, lines), default=0))
            if any(fact.event.is_promise for fact in facts):
                os.fsync(self._descriptor)
        except OSError:
            self._failed = True
            self._cut_back()
            raise
        self._length += len(data)
        self._count += len(lines)

    def _write(self, data: bytes, *, longest: int) -> None:
        if longest > MAX_LINE or self._length + len(data) > self._limit:
            raise OSError(errno.EFBIG, "the journal would become longer than can be read again")
        written = os.write(self._descriptor, data)
        if written != len(data):
            raise OSError(errno.ENOSPC, f"only {written} of {len(data)} bytes could be written")

    def _cut_back(self) -> None:
        try:
            os.ftruncate(self._descriptor, self._length)
        except OSError:
            return  # the reader drops a torn line, and whole lines are a history of which nothing was done yet

    def close(self) -> None:
        """Let go of the file; what was appended stays."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self._failed = True


def _cut_off(descriptor: int, path: Path, recorded: Recorded) -> None:
    if os.fstat(descriptor).st_size != recorded.size:
        raise StateError(f"{path} changed while it was read", hint="another process works on this run: let it end")
    if recorded.length != recorded.size:
        os.ftruncate(descriptor, recorded.length)
        os.fsync(descriptor)
