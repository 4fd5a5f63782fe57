"""Secrets out of texts, in every spelling in which a text may show them. The one place that knows how.

A secret is replaced where it stands as it is, percent-encoded, with HTML's or JSON's escapes, each character in its own way, in
hexadecimal digits, or in Base64, alone and behind a user name; of a secret of several lines each line is one. So it is where a
program has taken its bytes for those of another encoding (UTF-8 for Latin-1 or Windows-1252, or the reverse), has taken its accents
apart, or has lost the letters that it could not show. A secret that is very short or a common word cannot be told from what stands
in a text by chance: it is masked only where it is all of a text. Anything more would shred ids and times, and tell the secret by
what is missing. For the same reason small or large letters alone hide only a secret that no text has by chance: `_CASELESS`
characters, and not letters alone.
"""

import base64
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from html.entities import html5
from typing import Any
from unicodedata import normalize
from urllib.parse import quote, quote_plus

from spectrum_pipelines.spectrum import Phase, phase_of

MASK = "***"

#: Takes any text and gives it back without secrets.
Redact = Callable[[str], str]

_SHORT = 2  # characters
_LINE = 6  # the shortest line of a secret that is one itself, and the shortest secret that is looked for as bytes
_CASELESS = 8  # characters of a secret that is looked for in small and in large letters, too
_KEPT = 6  # letters that must be left of a secret whose others are shown as `?`: `????` is no trace of one
_LONGEST_MIXED = 500  # characters of a secret that is looked for with each of them escaped in its own way
_WORDS = """
    true false null none yes no on off ok test prod dev stage main other user admin root default name value file data server job
    jobs run running queued completed error canceled cancelled waiting succeeded failed unknown pending skipped warned warnings
    success failure status reason message trigger sequence wait check stop delete secret password token key public private local
    localhost master latest nightly daily spectrum datameer
"""
_COMMON = frozenset(_WORDS.split())
_SECRET_NAME = re.compile("PASSWORD|PASSWD|TOKEN|SECRET|KEY|CREDENTIAL", re.IGNORECASE)


def data_without(value: Any, redact: Redact, *, keep: Callable[[str, str], bool], name: str = "") -> Any:
    """Data as JSON has it, each text, number and key of it redacted.

    `keep` says of a value, as a text, and of the name under which it stands whether it belongs to a protocol and stays.
    """
    match value:
        case str():
            return value if keep(name, value) else redact(value)
        case list() | tuple():
            return [data_without(it, redact, keep=keep, name=name) for it in value]
        case dict():
            return {_key(key, redact): data_without(it, redact, keep=keep, name=key) for key, it in value.items()}
        case int() | float() if not isinstance(value, bool):
            text = _digits(value)
            # A number of three digits is as weak as a text of two letters: counts are such numbers.
            is_secret = len(text) > _SHORT + 1 and not keep(name, text) and redact(text) == MASK
            return MASK if is_secret else value
        case _:
            return value


def _digits(number: float) -> str:
    return str(int(number)) if isinstance(number, float) and number.is_integer() else str(number)


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
    forms = {(user, form) for user, secret in logins if secret not in weak for form in _forms(secret)}
    found = {text for user, form in forms for text in _spellings(user, form)}
    found |= {text for _, secret in logins if secret not in weak for text in _only_shown(secret)}
    # The token of a weak password is as good as the password itself, and no common word.
    found |= {token for user, secret in logins if user and secret for token in _tokens(user, secret)}
    # A status word keeps its meaning, whoever chose it for a secret.
    whole = {secret for secret in weak if secret and phase_of(secret) is Phase.UNRECOGNIZED}
    if not found and not whole:
        return plain
    # The longest first: a token may contain a spelling of the password.
    listed = sorted(filter(None, found), key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, listed)) if listed else r"(?!)")
    strong = tuple(sorted({form for _, form in forms if form}))

    def redact(text: str) -> str:
        if text.strip() in whole:
            return MASK
        text = pattern.sub(MASK, text)
        # Few texts have an escape in them, and looking for each character in each of its escapes takes its time.
        is_escaped = "%" in text or "&" in text or "\\" in text
        return _mixed(strong).sub(MASK, text) if is_escaped and strong else text

    return redact


@lru_cache(maxsize=64)
def _mixed(secrets: tuple[str, ...]) -> re.Pattern[str]:
    """These texts, each character as it is or escaped in any way: no two programs agree on which ones need it."""
    patterns = ["".join(map(_spelt, secret)) for secret in secrets if len(secret) <= _LONGEST_MIXED]
    return re.compile("|".join(sorted(patterns, key=len, reverse=True)) or r"(?!)")


@lru_cache(maxsize=1024)
def _spelt(letter: str) -> str:
    code = ord(letter)
    percent = {
        "".join(f"%(?:25){{0,3}}{_either(f'{byte:02X}')}" for byte in encoded)
        for encoded in (_bytes(letter), letter.encode("latin-1", "ignore"))
        if encoded
    }
    names = [f"&{name}" for name, meant in html5.items() if meant == letter and name.endswith(";")]
    units = letter.encode("utf-16-be", "surrogatepass")
    java = "".join(rf"\\{{1,4}}u{_either(units[at : at + 2].hex())}" for at in range(0, len(units), 2))
    escaped = [rf"\\{{1,4}}{re.escape(letter)}"] if not letter.isalnum() else []
    plus = [r"\+"] if letter == " " else []
    numbers = [f"&#0{{0,6}}{code};", f"&#[xX]0{{0,6}}{_either(f'{code:x}')};"]
    every = [re.escape(letter), *plus, *sorted(percent), *numbers, *names, java, *escaped]
    return f"(?:{'|'.join(every)})"


def _either(digits: str) -> str:
    """Hexadecimal digits in either case."""
    return "".join(f"[{it.upper()}{it.lower()}]" if it.isalpha() else it for it in digits)


def _forms(secret: str) -> Iterator[str]:
    """A secret, and the texts that other programs take it for: each may stand in a text in any spelling."""
    yield secret
    if secret.isascii():
        return
    misread = _misread(secret)
    others = {
        normalize("NFC", secret),
        normalize("NFD", secret),
        *misread,
        *(twice for one in misread for twice in _misread(one)),
    }
    yield from (other for other in others if not is_weak(other))


def _misread(text: str) -> set[str]:
    """A text whose UTF-8 was read as Latin-1 or Windows-1252; and the one that was misread so to give this one."""
    data = _bytes(text)
    found = {data.decode("latin-1"), "".join(_WINDOWS[byte] for byte in data)}
    for encoded in _narrow(text):
        with suppress(UnicodeDecodeError):
            found.add(encoded.decode("utf-8"))
    return found


def _narrow(text: str) -> set[bytes]:
    """A text in Latin-1 and in Windows-1252, as far as these have its letters."""
    found = {text.encode("latin-1")} if all(ord(letter) < 0x100 for letter in text) else set()
    if all(letter in _WINDOWS for letter in text):
        found.add(bytes(map(_WINDOWS.index, text)))
    return found


#: What browsers and servers read in each byte of Windows-1252: five bytes have no letter there and stay what they are in Latin-1.
_WINDOWS = tuple(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256))


def _only_shown(secret: str) -> Iterator[str]:
    """A secret as it may be shown and never sent: without the letters that an encoding lacks, or in one case."""
    if not secret.isascii() and sum(letter.isascii() and letter.isalnum() for letter in secret) >= _KEPT:
        for lost in ("?", "\N{REPLACEMENT CHARACTER}"):
            yield "".join(letter if letter.isascii() else lost for letter in secret)
            yield "".join(letter if letter.isascii() else lost * len(_bytes(letter)) for letter in secret)
    if len(secret) >= _CASELESS and not secret.isalpha():
        yield from {secret.upper(), secret.lower()}


def _spellings(user: str, secret: str) -> Iterator[str]:
    if not secret:
        return  # the token of an empty password tells nothing but the user's name
    yield secret
    for encoded in (quote(secret, safe="", errors="replace"), quote(secret, errors="replace"), _plus(secret)):
        yield encoded
        yield _lower_escapes(encoded)
    yield html.escape(secret)
    for escaped in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield escaped
        yield escaped.replace("/", "\\/")
    yield " ".join(secret.split())  # as a page is shown
    yield from (line for line in secret.splitlines() if len(line) >= _LINE)
    for data in {_bytes(secret), *_narrow(secret)}:
        if len(secret) >= _LINE:
            yield data.hex()
            yield data.hex().upper()
        yield from _base64(data)
    if user:
        yield from _tokens(user, secret)


def _tokens(user: str, password: str) -> Iterator[str]:
    for data in {_bytes(f"{user}:{password}"), *_narrow(f"{user}:{password}")}:
        token = base64.b64encode(data).decode("ascii").rstrip("=")  # the padding may stay, it is no secret
        yield token
        yield quote(token, safe="")
        yield token.replace("+", "-").replace("/", "_")


def _base64(data: bytes) -> Iterator[str]:
    """What Base64 makes of a secret, wherever in a longer text it begins: three ways, each without its uncertain ends."""
    if len(data) < _LINE:
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
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a pair that stands for no byte
        return text.encode("utf-8", "surrogatepass")
