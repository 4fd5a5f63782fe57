"""Python's collector of cycles, at rest while something large is built of which nothing is garbage.

The collector looks at all new objects whenever there are some hundred more of them, and again and again at what it has seen before:
a quarter of the time of a file of 20,000 jobs, and the larger the file, the larger the part.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_resting = 0


@contextmanager
def at_rest() -> Iterator[None]:
    """Keep the collector from running inside, in all threads. A collector that somebody else turned off stays off."""
    global _resting  # noqa: PLW0603 - there is one collector in a process
    with _lock:
        takes_part = _resting > 0 or gc.isenabled()
        _resting += takes_part
        if takes_part:
            gc.disable()
    try:
        yield
    finally:
        with _lock:
            _resting -= takes_part
            if takes_part and not _resting:
                gc.enable()
