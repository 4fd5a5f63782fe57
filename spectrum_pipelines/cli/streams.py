"""What is printed is best effort: whoever reads it may leave, and the disk behind it may be full, which changes no verdict."""

import io
import os
import select
import sys
from typing import Any

from spectrum_pipelines.errors import ExitCode, SpectrumPipelinesError


class OutputLost(SpectrumPipelinesError):
    """What was asked for could not be written to stdout."""

    exit_code = ExitCode.FAILED


def hold_streams() -> None:
    """Make stdout and stderr outlive their readers, for every command."""
    _open_closed()
    sys.stdout = _held(_Output(1, "w", closefd=False), sys.stdout.encoding, by_line=sys.stdout.isatty())
    sys.stderr = _held(_Notices(2, "w", closefd=False), sys.stderr.encoding, by_line=True)


def _open_closed() -> None:
    """`>&-` and `2>&-` close a descriptor: the next file that is opened, a journal, would get it, and what is printed as well."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as we live
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _held(raw: io.FileIO, encoding: str, *, by_line: bool) -> io.TextIOWrapper:
    # A stream of ASCII, or a name that is no text, must not end a command: what it cannot carry shows as an escape.
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=encoding, errors="backslashreplace", line_buffering=by_line
    )


class _Patient(io.FileIO):
    """A stream that its other users may have made non-blocking: a host of JavaScript does so with its pipes.

    The flag belongs to all who share the stream, so it is left as it is.
    """

    def write(self, data: Any) -> int:
        written: int | None
        while (written := super().write(data)) is None:
            select.select([], [self.fileno()], [])
        return written


class _Notices(_Patient):
    """Standard error whose reader may leave, whose terminal may close and whose disk may be full."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


class _Output(_Patient):
    """Standard output: a reader that leaves has read enough; what is lost otherwise is told once."""

    _is_lost = False

    def write(self, data: Any) -> int:
        if self._is_lost:  # the buffer tries again what it still holds
            return len(data)
        try:
            return super().write(data)
        except BrokenPipeError:
            return len(data)
        except OSError as error:
            self._is_lost = True
            raise OutputLost(f"the output could not be written: {(error.strerror or str(error)).lower()}") from error
