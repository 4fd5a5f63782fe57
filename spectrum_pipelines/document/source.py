"""Read a file that a person names: whatever it turns out to be, an answer comes at once and in plain words."""

import os
import stat
from pathlib import Path

from msgspec import Struct

from spectrum_pipelines.document.position import position_at, starts_of_lines
from spectrum_pipelines.errors import UnreadableFile

#: 20,000 jobs of ten lines take about 5 MB.
MAX_BYTES = 10_000_000
#: Values in a file, keys and what aliases stand for included.
MAX_VALUES = 1_000_000

# The four-byte marks come first: UTF-32's little-endian mark begins with UTF-16's.
_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Source(Struct, frozen=True, kw_only=True):
    """`name` is the file as the user typed it, `text` what stands in it, without a byte order mark.

    `is_foreign`: the file is a link that leads out of the checkout in which it stands, so nothing of its text may be shown.
    """

    name: str
    text: str
    is_foreign: bool = False


def read_source(name: str, *, max_bytes: int = MAX_BYTES) -> Source:
    """Read a regular UTF-8 file. Raises UnreadableFile, also for pipes and devices, which are never waited for."""
    data = _read(name, max_bytes)
    if len(data) > max_bytes:
        message = f"{name} is larger than {max_bytes:,} bytes"
        raise UnreadableFile(message, hint="split it into several files")
    _refuse_other_encodings(name, data)
    try:
        return Source(name=name, text=data.decode("utf-8-sig"), is_foreign=leaves_its_checkout(name))
    except UnicodeDecodeError as error:
        raise _not_utf8(name, data, error.start) from error


def _read(name: str, max_bytes: int) -> bytes:
    try:
        # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            mode = stat.S_IFMT(os.fstat(descriptor).st_mode)
            if mode != stat.S_IFREG:
                raise _not_a_file(name, mode)
            with open(descriptor, "rb", closefd=False) as file:
                return file.read(max_bytes + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        raise _missing(name) from error
    except OSError as error:
        message = f"{name} cannot be read: {(error.strerror or str(error)).lower()}"
        raise UnreadableFile(message, hint="check the path and its permissions") from error
    except ValueError as error:  # a NUL in the name
        message = f"{name!r} is not a possible file name"
        raise UnreadableFile(message, hint="check the path") from error


def leaves_its_checkout(name: str) -> bool:
    """Whether a file stands in a checkout by its name and elsewhere in truth: a pull request may bring such a link.

    The file itself may be the link, or a folder above it. The checkout is the git repository around the file; a linked folder may
    be a repository of its own, so below the working directory it is each repository around the file. Without one (an archive, an
    image), it is the working directory if the file is named inside of it, else the folder of the file.
    """
    named = Path(os.path.abspath(name))  # noqa: PTH100 - `resolve` would follow the link
    real = Path(os.path.realpath(name))
    if named == real:
        return False
    here = Path.cwd()
    around = here if named.is_relative_to(here) and here != here.parent else named.parent
    roots = [folder for folder in named.parents if (folder / ".git").exists()] or [around]
    if not named.is_relative_to(here):  # links above a checkout are of who owns the machine
        roots = roots[:1]
    return not all(real.is_relative_to(os.path.realpath(root)) for root in roots)


def _missing(name: str) -> UnreadableFile:
    from spectrum_pipelines.document.suggest import closest  # noqa: PLC0415 - only a failure needs it

    if Path(name).is_symlink():
        return UnreadableFile(f"{name} is a link that leads nowhere", hint="mend the link, or name another file")
    folder = Path(name).parent
    try:
        # By the stem: `.yaml` alone makes any two names alike.
        stems = {entry.stem: entry for entry in folder.iterdir() if entry.suffix in {".yaml", ".yml", ".json"}}
    except OSError:
        return UnreadableFile(f"{name} does not exist", hint=f"the folder {folder} does not exist or cannot be listed")
    stem = Path(name).stem
    near = stems.get(stem) or stems.get(closest(stem, stems) or "")
    hint = f"did you mean {near}?" if near else f"check the path; it is looked up from {Path.cwd()}"
    return UnreadableFile(f"{name} does not exist", hint=hint)


def _not_a_file(name: str, mode: int) -> UnreadableFile:
    kind = _KINDS.get(mode, "not a regular file")
    return UnreadableFile(f"{name} is {kind}, not a file", hint="give the path of a YAML file")


def _refuse_other_encodings(name: str, data: bytes) -> None:
    marked = next((encoding for mark, encoding in _MARKS.items() if data.startswith(mark)), None)
    if marked is None and b"\0" in data:
        head = data[:64]
        # ASCII text in UTF-16 has a NUL at every other byte.
        marked = "UTF-16" if head[::2].count(0) != head[1::2].count(0) and head.count(0) * 3 > len(head) else None
        if marked is None:
            line = data.count(b"\n", 0, data.index(b"\0")) + 1
            message = f"{name}:{line}: a NUL byte: this is not a text file"
            raise UnreadableFile(message, hint="give the path of a YAML file in UTF-8")
    if marked is not None:
        message = f"{name} is encoded in {marked}, not in UTF-8"
        raise UnreadableFile(message, hint=f"save it as UTF-8: iconv -f {marked} -t UTF-8")


def _not_utf8(name: str, data: bytes, offset: int) -> UnreadableFile:
    before = data[:offset].decode("utf-8-sig")
    place = position_at(len(before), starts_of_lines(before))
    # 0x80-0x9f are unused in ISO-8859-1, and quotes, dashes and the euro sign in Windows-1252.
    guess = "windows-1252" if any(0x80 <= byte <= 0x9F for byte in data[offset : offset + 1]) else "iso-8859-1"
    message = (
        f"{name}:{place.line}:{place.column}: byte 0x{data[offset]:02x} is not UTF-8; the file seems to be {guess}"
    )
    raise_hint = f"save it as UTF-8: iconv -f {guess} -t UTF-8"
    return UnreadableFile(message, hint=raise_hint)
