"""Other processes that hold locks, wait for a word, and can be killed; and a disk that fills up."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]

_HOLDS = """
import os, sys
from pathlib import Path
from spectrum_pipelines.store.folder.locks import try_lock
from spectrum_pipelines.store.holder import Holder
holder = Holder(pid=os.getpid(), host="other-host", run_id="20261123T150405Z-0123", since="2026-11-23T15:04:05.000Z")
lock = try_lock(Path(sys.argv[1]), holder)
print("free" if lock is None else "held", flush=True)
sys.stdin.readline()
"""


class Other:
    """A Python process that runs `code` and answers line by line."""

    def __init__(self, code: str, *arguments: object) -> None:
        command = [sys.executable, "-c", code, *map(str, arguments)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self.pid = self._process.pid

    def hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def say(self, word: str = "go") -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """As `kill -9` does it: nothing of the process runs any more, and it is gone when this returns."""
        self._process.kill()
        self.close()

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait(timeout=20)


@contextmanager
def others(*codes: tuple[object, ...]) -> Iterator[list[Other]]:
    """Processes that end with the block, whatever they are doing."""
    started = [Other(str(code), *arguments) for code, *arguments in codes]
    try:
        yield started
    finally:
        for other in started:
            other.kill()


@contextmanager
def holding(path: Path) -> Iterator[Other]:
    """Another process that holds the lock in this file."""
    with others((_HOLDS, path)) as (other,):
        assert other.hear() == "held"
        yield other


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """The kernel writes what fits and refuses the rest, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
