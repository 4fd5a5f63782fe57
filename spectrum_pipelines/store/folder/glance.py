"""The first and the last fact of a journal, without reading what lies between: enough to list a thousand runs at once."""

import os
from pathlib import Path
from typing import BinaryIO

from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.files import in_words, open_regular
from spectrum_pipelines.store.codec import MAX_LINE, Newer, decode
from spectrum_pipelines.store.history import scan

_BLOCK = 1 << 16


def glance(path: Path) -> tuple[Stamped, Stamped] | None:
    """The first and the last fact; None if there is none: the run never began. Raises StateError."""
    try:
        with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
            first = file.readline(MAX_LINE)
            last = _last_line(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        hint = "check the permissions of the state directory"
        raise StateError(f"{path} cannot be read: {in_words(error)}", hint=hint) from error
    if not first.endswith(b"\n") or b"\0" in last:
        facts = scan(path).facts
        return (facts[0], facts[-1]) if facts else None
    return _fact(path, first), _fact(path, last)


def _last_line(file: BinaryIO) -> bytes:
    """The last line that has its line break, or nothing."""
    size = file.seek(0, os.SEEK_END)
    block = _BLOCK
    while True:
        start = max(0, size - block)
        file.seek(start)
        lines = file.read(size - start).split(b"\n")[:-1]
        if len(lines) > 1 or start == 0 or block > MAX_LINE:
            return lines[-1] if lines else b""
        block *= 8


def _fact(path: Path, line: bytes) -> Stamped:
    try:
        return decode(line.decode("utf-8"))[1]
    except Newer:
        scan(path)  # which tells by which version
        raise
    except (StateError, UnicodeDecodeError) as error:
        hint = "look at the journal, and in Spectrum for what this run has started"
        raise StateError(f"{path} is damaged", hint=hint) from error
