"""Secrets out of texts that we did not write: a server or a proxy may echo the request it was sent, headers and all."""

import base64
import html
import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

_MASK = "***"

#: Takes any text and gives it back without secrets.
Redact = Callable[[str], str]


def plain(text: str) -> str:
    """Redacts nothing: for servers that are spoken to without a login."""
    return text


def basic_token(user: str, password: str) -> str:
    """What stands behind `Basic` in the Authorization header. UTF-8, as RFC 7617 recommends."""
    return base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def redactor(*logins: tuple[str, str]) -> Redact:
    """Mask the password and the basic token of each login, in the spellings in which an echo would show them."""
    secrets = {secret for user, password in logins for secret in _spellings(user, password) if secret}
    if not secrets:
        return plain
    # The longest first: a token may contain a spelling of the password.
    pattern = re.compile("|".join(re.escape(secret) for secret in sorted(secrets, key=len, reverse=True)))
    return lambda text: pattern.sub(_MASK, text)


def _spellings(user: str, password: str) -> Iterator[str]:
    if not password:
        return  # the token of an empty password tells nothing but the user's name
    yield password
    yield quote(password, safe="")
    yield quote_plus(password)
    yield html.escape(password)
    yield json.dumps(password)[1:-1]
    yield json.dumps(password, ensure_ascii=False)[1:-1]
    yield basic_token(user, password).rstrip("=")  # the padding may stay, it is no secret
