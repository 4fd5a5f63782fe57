"""What is done to a child process from within: its n-th write, sync, connect and so on fails, or is the last thing it does.

Installed in a fresh child only, so nothing has to be put back. A marker file tells the parent that the n-th time has come.
"""

import errno
import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

from spectrum_pipelines.store.folder.journal import JournalFile

_open, _close = os.open, os.close

#: What can be counted: operating system calls by their Python names, and two moments of the journal.
OPERATIONS: dict[str, tuple[Any, str]] = {
    "write": (os, "write"),
    "fsync": (os, "fsync"),
    "replace": (os, "replace"),
    "ftruncate": (os, "ftruncate"),
    "connect": (socket.socket, "connect"),
    "send": (socket.socket, "sendall"),
    "receive": (socket.socket, "recv_into"),
    "journal_write": (JournalFile, "_write"),
    "journal_append": (JournalFile, "append"),
}


def install(operation: str, nth: int, how: str, marker: str) -> None:
    """Let the `nth` call (from 1) of the operation go wrong.

    `how`: `kill` before it, `kill_after` it, `tear` (kill half-way, journal only), an errno's name (fail before it), that with
    `_after` (fail although it was done), or that with `_on` (fail from then on, as a full disk does).
    """
    owner, name = OPERATIONS[operation]
    true: Callable[..., Any] = getattr(owner, name)
    lock = threading.Lock()
    count = 0

    def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal count
        with lock:
            count += 1
            mine = count
        if mine != nth and not (how.endswith("_on") and mine > nth):
            return true(*arguments, **named)
        _close(_open(marker, os.O_CREAT | os.O_WRONLY))
        if how == "tear":
            journal, data = arguments
            os.write(journal._descriptor, data[: len(data) // 2])
        if how in {"kill", "tear"}:
            os.kill(os.getpid(), signal.SIGKILL)
        if not how.endswith("_after"):
            raise _failure(how.removesuffix("_on"))
        true(*arguments, **named)
        if how == "kill_after":
            os.kill(os.getpid(), signal.SIGKILL)
        raise _failure(how.removesuffix("_after"))

    setattr(owner, name, counted)


def _failure(name: str) -> OSError:
    number: int = getattr(errno, name)
    return OSError(number, os.strerror(number))
