"""The address of a server: what one may be, for files, options and the wire alike."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from msgspec import Struct

from spectrum_pipelines.errors import UserError

_HINT = "write it as https://host:port or https://host:port/path"
#: `.` and `..` as a segment, plain or encoded, also before `;`: servers and proxies resolve them, each in its own way.
_DOTS = re.compile(r"(?:/|%2f)(?:\.|%2e){1,2}(?=[/;]|%2f|%3b|$)|%5c|%25|\\", re.IGNORECASE)


class Address(Struct, frozen=True, kw_only=True):
    """`base` is what paths are appended to: no slash at its end."""

    scheme: str
    host: str
    base: str

    @property
    def is_in_clear(self) -> bool:
        """Whether a login goes over a network without encryption."""
        return self.scheme == "http" and not is_local(self.host)


def read_address(text: str) -> Address:
    """The address that a text holds. Raises UserError, never showing a password."""
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
        if parts.netloc.rpartition("@")[2].startswith("["):
            ip_address((host or "").partition("%")[0])
    except ValueError:
        raise UserError("the server URL cannot be read", hint=_HINT) from None
    if parts.username is not None or parts.password is not None:
        raise UserError(
            f"the server URL for {host} holds credentials, where logs and process lists would show them",
            hint="give SPECTRUM_USERNAME and SPECTRUM_PASSWORD (or SPECTRUM_PASSWORD_FILE) instead",
        )
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        raise UserError("the server URL needs http:// or https:// and a host", hint=_HINT)
    if parts.query or parts.fragment or any(not "!" <= letter <= "~" for letter in text.strip()):
        raise UserError(f"the server URL for {host} holds a query, a fragment, spaces or non-ASCII letters", hint=_HINT)
    if leads_elsewhere(parts.path):
        raise UserError(f"the server URL for {host} holds `.` or `..` in its path", hint=_HINT)
    return Address(scheme=parts.scheme, host=host, base=f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}")


def leads_elsewhere(path: str) -> bool:
    """Whether a path holds segments that a server would resolve to another place."""
    return _DOTS.search(path) is not None


def is_local(host: str) -> bool:
    """Whether what is sent to the host stays on this machine."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
