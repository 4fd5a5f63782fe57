"""A disk under the real `JournalFile`: what is synced survives everything, the rest a kill but perhaps not a power cut.

It stands where `output.journal` looks for the module `os`: the file is a real one, the calls that make it last pass through here.
"""

import errno
import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_KEPT = (b'"event": "trigger', b'"event": "candidates_found"')


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskFault:
    """The call with this number, counted from 1 over writes and syncs, fails; so do all that follow until somebody resumes."""

    call: int
    writes_half: bool = False


class Disk:
    """`os` for the journal. `step` may raise: the process dies there. `kept`: the intents and ids that are on disk for good."""

    def __init__(self, random: random.Random) -> None:
        self.step: Callable[[str], None] = lambda _: None
        self.fault: DiskFault | None = None
        self.kept: list[dict[str, Any]] = []
        self.failed = False
        self._random = random
        self._calls = 0
        self._synced = 0
        self._pending = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    @property
    def is_settled(self) -> bool:
        """Everything that was written is on disk."""
        return not self._pending

    def take_up(self, path: Path, length: int) -> None:
        """A process begins to write behind what is there, with a disk that works."""
        there = path.read_bytes()[:length] if length else b""
        # What a killed process had written and not synced can be read, and a power cut may still take it.
        self._synced = min(self._synced, length)
        self._pending = there[self._synced :]
        self.kept = _of_triggers(there[: self._synced])
        self.fault = None
        self.failed = False
        self._calls = 0

    def write(self, descriptor: int, data: bytes) -> int:
        """Into the page cache."""
        self.step("write")
        if self._fails():
            if self.fault is not None and self.fault.writes_half:
                os.write(descriptor, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "no space left on device")
        written = os.write(descriptor, data)
        self._pending += data
        self.step("written")
        return written

    def fsync(self, _descriptor: int) -> None:
        """Onto the disk. The machine's own is left alone: only the order of things matters here."""
        self.step("sync")
        if self._fails():
            raise OSError(errno.EIO, "input/output error")
        self._settle()
        self.step("synced")

    def ftruncate(self, descriptor: int, length: int) -> None:
        """Cut back to what was promised; a broken disk may refuse even that."""
        if self.failed and self._random.random() < 0.3:
            raise OSError(errno.EIO, "input/output error")
        os.ftruncate(descriptor, length)
        self._pending = self._pending[: max(0, length - self._synced)]

    def lose_power(self, path: Path) -> None:
        """What was not synced may be lost, or be there in part, or have become zeros."""
        size = path.stat().st_size
        keep = self._random.randint(min(self._synced, size), size)
        with path.open("r+b") as file:
            file.truncate(keep)
            if keep < size and self._random.random() < 0.3:
                file.truncate(size - self._random.randrange(size - keep))
        self._synced = path.stat().st_size

    def _settle(self) -> None:
        self.kept += _of_triggers(self._pending)
        self._synced += len(self._pending)
        self._pending = b""

    def _fails(self) -> bool:
        self._calls += 1
        self.failed = self.failed or (self.fault is not None and self._calls >= self.fault.call)
        return self.failed


def _of_triggers(lines: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.splitlines() if any(word in line for word in _KEPT)]
