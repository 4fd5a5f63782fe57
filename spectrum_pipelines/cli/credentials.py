"""Who logs in, and with which secret. The only place that reads a password."""

import os
import select
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from spectrum_pipelines.cli.options import ConnectionOptions
from spectrum_pipelines.errors import UserError

_LONGEST = 65_536
#: Seconds in which whoever writes to a pipe has to begin.
_PATIENCE = 10.0
_WAYS = "set SPECTRUM_PASSWORD, or SPECTRUM_PASSWORD_FILE to a file that holds it, or give --password-stdin"


def credentials(options: ConnectionOptions, environ: Mapping[str, str]) -> tuple[str, str | Callable[[], str]]:
    """User and password for a server; a password that can change while the command goes on is a function.

    Raises UserError saying what is missing and how to give it.
    """
    if options.login is not None:
        return options.login
    username = options.username
    if not username:
        raise UserError("no user name for Spectrum", hint=f"give --username or set SPECTRUM_USERNAME; {_WAYS}")
    sources = [name for name in ("SPECTRUM_PASSWORD", "SPECTRUM_PASSWORD_FILE") if environ.get(name)]
    if options.password_stdin:
        sources.append("--password-stdin")
    if len(sources) > 1:
        raise UserError(f"the password is given twice: {' and '.join(sources)}", hint="give one of them")
    if not sources:
        raise UserError("no password for Spectrum", hint=_WAYS)
    if options.password_stdin:
        return username, _stripped(sys.stdin.readline(_LONGEST), "standard input")
    if environ.get("SPECTRUM_PASSWORD"):
        return username, environ["SPECTRUM_PASSWORD"]
    path = Path(environ["SPECTRUM_PASSWORD_FILE"])
    return username, (lambda: _read(path)) if _is_regular(path) else _read(path)


def secret_of(name: str, environ: Mapping[str, str]) -> str | None:
    """The secret in the variable `name`, or in the file that `name`_FILE names; None for neither. Raises UserError."""
    if environ.get(name) and environ.get(f"{name}_FILE"):
        raise UserError(f"the secret is given twice: {name} and {name}_FILE", hint="give one of them")
    if path := environ.get(f"{name}_FILE"):
        return _read(Path(path), f"{name}_FILE")
    return environ.get(name) or None


def _is_regular(path: Path) -> bool:
    """A pipe gives its secret once, and would keep us waiting the second time."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _read(path: Path, name: str = "SPECTRUM_PASSWORD_FILE") -> str:
    try:
        if path.is_dir():
            raise UserError(f"{name} is a directory: {path}", hint="name a file that holds the password")
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            data = _drained(descriptor, path)
        finally:
            os.close(descriptor)
        return _stripped(data.decode("utf-8"), str(path))
    except OSError as error:
        message = f"{name} cannot be read: {path}: {error.strerror}"
        raise UserError(message, hint="is the secret mounted, and may this user read it?") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{name} is not UTF-8 text: {path}", hint=_WAYS) from error


def _drained(descriptor: int, path: Path) -> bytes:
    """All of a file, or of a pipe whose other end is written within a few seconds; a pipe that nobody opens ends at once."""
    data = b""
    while len(data) <= _LONGEST:
        if not select.select([descriptor], [], [], _PATIENCE)[0]:
            raise UserError(f"nothing was written to the pipe {path}", hint=_WAYS)
        try:
            chunk = os.read(descriptor, _LONGEST)
        except BlockingIOError:
            continue
        if not chunk:
            return data
        data += chunk
    raise UserError(f"{path} is too large for a password", hint=_WAYS)


def _stripped(text: str, source: str) -> str:
    """Files end with a line break that is no part of the secret, on Windows with two characters of it."""
    password = text.removesuffix("\n").removesuffix("\r")
    if not password:
        raise UserError(f"the password in {source} is empty", hint=_WAYS)
    if "\n" in password or "\r" in password or "\0" in password:
        raise UserError(
            f"the password in {source} has more than one line", hint="the file must hold the password alone"
        )
    return password
