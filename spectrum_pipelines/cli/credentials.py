"""Who logs in, and with which secret. The only place that reads a password."""

import os
import select
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from spectrum_pipelines.cli.options import ConnectionOptions
from spectrum_pipelines.errors import UserError

_LONGEST = 65_536
#: Seconds in which whoever writes to a pipe has to begin.
_PATIENCE = 10.0
_WAYS = "set SPECTRUM_PASSWORD, or SPECTRUM_PASSWORD_FILE to a file that holds it, or give --password-stdin"


@dataclass(slots=True)
class Credentials:
    """A login. `renew` gives the secret as it is now, if it can have changed since (a rotated secret file)."""

    username: str
    password: str = field(repr=False)
    renew: Callable[[], str | None] = field(default=lambda: None, repr=False)

    @property
    def pair(self) -> tuple[str, str]:
        """For basic authentication."""
        return self.username, self.password

    def renewed(self) -> bool:
        """Read the secret again; True if it is another one than before."""
        fresh = self.renew()
        if fresh is None or fresh == self.password:
            return False
        self.password = fresh
        return True


def credentials(options: ConnectionOptions, environ: Mapping[str, str]) -> Credentials:
    """The login for a server. Raises UserError saying what is missing and how to give it."""
    if options.login is not None:
        return Credentials(*options.login)
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
        return Credentials(username, _stripped(sys.stdin.readline(_LONGEST), "standard input"))
    if environ.get("SPECTRUM_PASSWORD"):
        return Credentials(username, environ["SPECTRUM_PASSWORD"])
    path = Path(environ["SPECTRUM_PASSWORD_FILE"])
    renew = (lambda: _read(path)) if _is_regular(path) else (lambda: None)
    return Credentials(username, _read(path), renew)


def _is_regular(path: Path) -> bool:
    """A pipe gives its secret once, and would keep us waiting the second time."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _read(path: Path) -> str:
    try:
        if path.is_dir():
            raise UserError(
                f"SPECTRUM_PASSWORD_FILE is a directory: {path}", hint="name a file that holds the password"
            )
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            data = _drained(descriptor, path)
        finally:
            os.close(descriptor)
        return _stripped(data.decode("utf-8"), str(path))
    except OSError as error:
        message = f"SPECTRUM_PASSWORD_FILE cannot be read: {path}: {error.strerror}"
        raise UserError(message, hint="is the secret mounted, and may this user read it?") from error
    except UnicodeDecodeError as error:
        raise UserError(f"SPECTRUM_PASSWORD_FILE is not UTF-8 text: {path}", hint=_WAYS) from error


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
