"""Secrets out of texts, in every spelling in which a text may show them. The one place that knows how.

A secret is replaced where it stands as it is, percent-encoded, with HTML's or JSON's escapes, or in Base64, alone and behind a
user name. A secret that is very short or a common word cannot be told from what stands in a text by chance: it is masked only where
it is all of a text. Anything more would shred ids and times, and tell the secret by what is missing.
"""

import base64
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

from spectrum_pipelines.spectrum import Phase, phase_of

MASK = "***"

#: Takes any text and gives it back without secrets.
Redact = Callable[[str], str]

_SHORT = 2  # characters
_WORDS = """
    true false null none yes no on off ok test prod dev stage main other user admin root default name value file data server job
    jobs run running queued completed error canceled cancelled waiting succeeded failed unknown pending skipped warned warnings
    success failure status reason message trigger sequence wait check stop delete secret password token key public private local
    localhost master latest nightly daily spectrum datameer
"""
_COMMON = frozenset(_WORDS.split())
_SECRET_NAME = re.compile("PASSWORD|PASSWD|TOKEN|SECRET|KEY|CREDENTIAL", re.IGNORECASE)


def strings_without(value: Any, redact: Redact, *, keep: Callable[[str], bool]) -> Any:
    """Data as JSON has it, each text and each key of it redacted; texts that `keep` says are words of a protocol stay."""
    match value:
        case str():
            return value if keep(value) else redact(value)
        case list() | tuple():
            return [strings_without(it, redact, keep=keep) for it in value]
        case dict():
            return {_key(key, redact): strings_without(it, redact, keep=keep) for key, it in value.items()}
        case _:
            return value


def _key(name: str, redact: Redact) -> str:
    # A weak secret that is the name of a field would take the meaning out of the data.
    return name if is_weak(name) else redact(name)


def plain(text: str) -> str:
    """Redacts nothing: for servers that are spoken to without a login."""
    return text


def basic_token(user: str, password: str) -> str:
    """What stands behind `Basic` in the Authorization header. UTF-8, as RFC 7617 recommends."""
    return base64.b64encode(_bytes(f"{user}:{password}")).decode("ascii")


def looks_secret(name: str) -> bool:
    """Whether the name of an environment variable says that its value is a secret."""
    return _SECRET_NAME.search(name) is not None


def is_weak(secret: str) -> bool:
    """Whether a secret is masked only where it is all of a text: it is too short or too common to be found in others."""
    return len(secret) <= _SHORT or secret.casefold() in _COMMON


def redactor(*logins: tuple[str, str]) -> Redact:
    """Mask the password and the basic token of each login."""
    return _redactor(tuple(logins))


def without(secrets: Iterable[str]) -> Redact:
    """Mask each of these texts."""
    return _redactor(tuple(("", secret) for secret in secrets))


@lru_cache(maxsize=64)
def _redactor(logins: tuple[tuple[str, str], ...]) -> Redact:
    # A password that is the name of its user, as in every demonstration, is told by the name.
    logins = tuple((user, secret) for user, secret in logins if user != secret)
    weak = frozenset(secret for _, secret in logins if is_weak(secret))
    found = {text for user, secret in logins if secret not in weak for text in _spellings(user, secret)}
    # The token of a weak password is as good as the password itself, and no common word.
    found |= {token for user, secret in logins if user and secret for token in _tokens(user, secret)}
    # A status word keeps its meaning, whoever chose it for a secret.
    whole = {secret for secret in weak if secret and phase_of(secret) is Phase.UNRECOGNIZED}
    if not found and not whole:
        return plain
    # The longest first: a token may contain a spelling of the password.
    listed = sorted(filter(None, found), key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, listed)) if listed else r"(?!)")
    return lambda text: MASK if text.strip() in whole else pattern.sub(MASK, text)


def _spellings(user: str, secret: str) -> Iterator[str]:
    if not secret:
        return  # the token of an empty password tells nothing but the user's name
    yield secret
    for encoded in (quote(secret, safe="", errors="replace"), quote(secret, errors="replace"), _plus(secret)):
        yield encoded
        yield _lower_escapes(encoded)
    yield html.escape(secret)
    yield html.escape(secret).replace("&#x27;", "&#39;")
    for escaped in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield escaped
        yield escaped.replace("/", "\\/")
    yield from _base64(_bytes(secret))
    if user:
        yield from _tokens(user, secret)


def _tokens(user: str, password: str) -> Iterator[str]:
    token = basic_token(user, password).rstrip("=")  # the padding may stay, it is no secret
    yield token
    yield quote(token, safe="")
    yield token.replace("+", "-").replace("/", "_")


def _base64(data: bytes) -> Iterator[str]:
    """What Base64 makes of a secret, wherever in a longer text it begins: three ways, each without its uncertain ends."""
    if len(data) < 6:
        return
    for before in range(3):
        text = base64.b64encode(b"\0" * before + data).decode("ascii").rstrip("=")
        known = text[(0, 2, 3)[before] : (len(text) if (before + len(data)) % 3 == 0 else -1)]
        yield known
        yield known.replace("+", "-").replace("/", "_")


def _plus(secret: str) -> str:
    return quote_plus(secret, errors="replace")


def _lower_escapes(text: str) -> str:
    return re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), text)


def _bytes(text: str) -> bytes:
    # What was no text in the environment comes in as half surrogates, which stand for its bytes.
    return text.encode("utf-8", "surrogateescape")
