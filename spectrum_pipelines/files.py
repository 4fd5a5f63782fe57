"""Files that are on disk when the function returns, and names that stay in their folder.

A file in the state directory may have been put there by anybody who can write to it. So none is opened through a symbolic link,
none is waited for (a named pipe would block for ever), and what is not a regular file is refused.
"""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

#: What code that takes stored data apart raises, where the data has another shape than its writer gives it. Half of a surrogate
#: pair is a UnicodeError, which is a ValueError; a number that no float and no date can hold is an ArithmeticError.
ODD_SHAPE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)

_LEGIBLE = 40
_BLOCK = 2**20


def on_disk(name: str) -> str:
    """A name out of a text as a path: in a locale that lacks one of its letters it is looked for by its bytes in UTF-8."""
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return os.fsdecode(name.encode("utf-8", "surrogatepass"))
    return name


def is_same_file(one: Path, other: Path) -> bool:
    """Whether two names stand for one file, through links and in any spelling, also where there is none yet. Never raises."""
    with suppress(OSError):
        return one.samefile(other)
    return os.path.realpath(one) == os.path.realpath(other)


def open_regular(path: Path, flags: int) -> int:
    """A descriptor of a regular file, created with mode 0600 if `flags` say so. Raises OSError; ELOOP for a symbolic link."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return descriptor


def write_all(descriptor: int, data: bytes) -> None:
    """Write until everything is written; a disk that fills up half-way tells its errno at the second try. Raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def replace_file(path: Path, *chunks: bytes) -> None:
    """Put a file in place, whole or not at all, also if the machine stops; its text may come in pieces.

    Raises OSError. Not for two writers at once.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = open_regular(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            for block in _blocks(chunks):
                write_all(descriptor, block)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink()
        raise
    sync_folder(path.parent)


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks, many small ones joined to one: neither a call of the system for each, nor a copy of them all at once."""
    small: list[bytes] = []
    size = 0
    for chunk in chunks:
        small.append(chunk)
        size += len(chunk)
        if size >= _BLOCK:
            yield b"".join(small)  # of one there is no copy
            small, size = [], 0
    yield b"".join(small)


def read_capped(path: Path, limit: int) -> bytes:
    """The first `limit` bytes of a regular file. Raises OSError."""
    with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
        return file.read(limit)


def read_given(path: Path, limit: int) -> bytes:
    """`read_capped` for a file that a user has named: links are followed, pipes and devices refused. Raises OSError."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return file.read(limit)


def link_or_put(path: Path, data: bytes, twins: Iterable[Path]) -> None:
    """`replace_file`, but a file among `twins` that holds the same already takes no room again. Raises OSError."""
    for twin in twins:
        with suppress(OSError):
            if twin.lstat().st_size == len(data) and read_capped(twin, len(data) + 1) == data:
                os.link(twin, path, follow_symlinks=False)
                sync_folder(path.parent)
                return
    replace_file(path, data)


def sync_folder(path: Path) -> None:
    """Put the entries of a folder on disk: without it a new file may be gone after a power cut, whatever was synced in it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def safe_name(text: str) -> str:
    """A file name for a foreign text: its digest, which is unique, and what can be read of it, for people."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    legible = re.sub(r"[^A-Za-z0-9]+", "-", text[:_LEGIBLE]).strip("-")
    return f"{digest}-{legible}" if legible else digest


def in_words(error: OSError) -> str:
    """`no space left on device`."""
    return (error.strerror or str(error)).lower()
