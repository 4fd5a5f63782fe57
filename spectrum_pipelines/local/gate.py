"""Access control: which requests reach the API.

The server runs on a developer's machine, and any web page in a browser there can send requests to the server. So a
foreign Host header (DNS rebinding) and a foreign Origin header (a request by a page) are refused before the password is
read, and no answer has a CORS header.
"""

import base64
import binascii
import ipaddress
from collections.abc import Iterable
from hmac import compare_digest
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from . import wire
from .layout import Page
from .model import User

_CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="Spectrum"'}


class Gate:
    """Checks Host, Origin and basic authentication, then hands the request to the API with `scope["user"]` set."""

    def __init__(self, app: ASGIApp, users: Iterable[User], hosts: Iterable[str]) -> None:
        self._app = app
        self._logins = [(one.name, login) for one in users for login in _logins(one)]
        self._hosts = frozenset(one.lower() for one in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or hand it on to the API."""
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        user = self._user(headers.get("authorization", ""))
        if not self._is_ours(host):
            refusal = Page(wire.failure(f"Host '{host[:200]}' is not served here"), 400)
        elif origin is not None and origin.lower() not in {f"http://{host}".lower(), f"https://{host}".lower()}:
            refusal = Page(wire.failure("Calls from other web pages are not served"), 403)
        elif user is None:
            refusal = Page(wire.failure("Wrong user name or password"), 401, _CHALLENGE)
        else:
            scope["user"] = user
            return await self._app(scope, receive, send)
        return await refusal(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        name = host_name(host).lower()
        return name == "localhost" or name in self._hosts or _is_address(name, any_address="*" in self._hosts)

    def _user(self, authorization: str) -> str | None:
        scheme, _, token = authorization.partition(" ")
        try:
            given = base64.b64decode(token.strip(), validate=True) if scheme.lower() == "basic" else b""
        except (binascii.Error, ValueError):
            return None
        return next((name for name, login in self._logins if compare_digest(login, given)), None)


def _logins(user: User) -> set[bytes]:
    # Clients differ in how they encode letters beyond ASCII: most take UTF-8, some Latin-1.
    text = f"{user.name}:{user.password}"
    return {text.encode(), text.encode("latin-1", "replace")}


def host_name(host: str) -> str:
    """Return a Host header without its port, also after an IPv6 address in brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_address(name: str, *, any_address: bool) -> bool:
    # Rebinding needs a name, so an address is safe wherever the server was told to listen beyond loopback.
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return any_address or address.is_loopback
