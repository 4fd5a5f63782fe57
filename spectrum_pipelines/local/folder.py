"""The state folder: history and tables of a server.

The folder stands beside the workspace file, so a checkout may contain a folder of this name. The server reads and writes
nothing through a link in the folder. The database of the tables is opened only with a mark which proves that this user
made the database on this machine: a database from elsewhere may hold views and macros of a stranger.
"""

import contextlib
import hmac
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes
from typing import Final

HISTORY: Final = "executions.sqlite"
TABLES: Final = "tables.duckdb"
SPILL: Final = "tables.duckdb.tmp"  # what does not fit into memory, for the time of a query
_MARK: Final = "tables.mark"
_IGNORE: Final = ".gitignore"
_KEY: Final = "key"
_KEY_SIZE: Final = 32
# DuckDB writes the first page of a database once, with 16 random bytes in it that no other database has.
_FIRST_PAGE: Final = 4096
_OPEN: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a link is an error, a pipe makes nobody wait


def prepare(folder: Path) -> None:
    """Make the folder. Raises OSError for a folder that holds links, pipes or devices."""
    if folder.is_symlink():
        raise OSError(f"{folder} is a link: a server keeps its state in a folder of its own; remove the link")
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.iterdir()):
        mode = path.lstat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            what = "a link" if stat.S_ISLNK(mode) else "no regular file"
            raise OSError(f"{path} is {what}, and no server made it: remove it")
    # Tables and history are nobody's source: the folder keeps itself out of the repository that it may stand in.
    if not (folder / _IGNORE).exists():
        _write(folder / _IGNORE, b"*\n")


def clear_spill(folder: Path) -> Path:
    """Empty the folder of temporary files, where a killed server may have left some, and return its path."""
    spill = folder / SPILL
    shutil.rmtree(spill, ignore_errors=True)  # does not follow links
    return spill


def is_ours(folder: Path) -> bool:
    """Tell whether the database has a mark that was made with this user's key."""
    try:
        mark = _read(folder / _MARK, 64)
        return hmac.compare_digest(mark, _mark_of(folder / TABLES))
    except OSError:
        return False


def mark(folder: Path, database: Path) -> None:
    """Write the mark of a database, unless the folder has this mark already."""
    wanted = _mark_of(database)
    file = folder / _MARK
    if not (file.exists() and _read(file, 64) == wanted):
        fresh = folder / f"{_MARK}.new"
        fresh.unlink(missing_ok=True)
        _write(fresh, wanted)
        fresh.replace(file)


def forget(folder: Path, name: str) -> None:
    """Remove the files of a database, its log too: DuckDB would apply an old log to a new database of the same name."""
    for path in folder.glob(f"{name}*"):
        if not path.is_dir():
            path.unlink(missing_ok=True)


def _mark_of(database: Path) -> bytes:
    return hmac.new(_key(), _read(database, _FIRST_PAGE), sha256).hexdigest().encode()


def _key() -> bytes:
    """Return this user's key, which is kept outside of every checkout. The first call makes the key. Raises OSError."""
    failure: OSError | None = None
    for place in _places():
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            _require_own(place)
            return _key_in(place)
        except OSError as error:
            failure = failure or error
    raise OSError(f"cannot keep the key that marks a server's tables: {failure}")


def _places() -> Iterator[Path]:
    with contextlib.suppress(RuntimeError):  # a user without a home
        yield Path.home() / ".local/state/spectrum-pipelines/local"
    yield Path(tempfile.gettempdir()) / f"spectrum-pipelines-local-{os.getuid()}"


def _require_own(place: Path) -> None:
    facts = place.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o022:
        raise OSError(f"{place} is not a folder that only this user may write")


def _key_in(place: Path) -> bytes:
    file = place / _KEY
    if not os.path.lexists(file):
        fresh = Path(tempfile.mkdtemp(dir=place)) / _KEY
        try:
            _write(fresh, token_bytes(_KEY_SIZE))
            with contextlib.suppress(FileExistsError):  # unlike a rename, a link leaves the key of a faster server
                os.link(fresh, file)
        finally:
            shutil.rmtree(fresh.parent, ignore_errors=True)
    key = _read(file, _KEY_SIZE)
    if len(key) != _KEY_SIZE:
        raise OSError(f"{file} is no key: remove it")
    return key


def _read(path: Path, size: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | _OPEN)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is no regular file")
        return file.read(size)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _OPEN, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
