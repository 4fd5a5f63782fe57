"""Bytes to JSON, for bodies that may be anything: strict where JSON is strict, and never an exception of another kind."""

import json
import re
from typing import Any, NoReturn

from spectrum_pipelines.client.transport.exchange import Reply
from spectrum_pipelines.errors import ClientError, NotSpectrum, Undecodable

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.ASCII | re.IGNORECASE)
# Python knows codecs that are no charsets at all, so what a server may name is listed.
_CHARSETS = frozenset(
    {"iso-8859-1", "latin1", "iso-8859-15", "windows-1252", "us-ascii", "utf-16", "utf-16le", "utf-16be"}
)
#: Opening brackets and commas in a body. A list of 50,000 active jobs has half as many; a parser makes a hundred bytes of each.
_MAX_ITEMS = 1_500_000
NOT_SPECTRUM_HINT = "check the server URL; a proxy or an SSO login page may stand in between"


def decode(reply: Reply, where: str) -> object:
    """The JSON value of a body, None for an empty one.

    Raises NotSpectrum for HTML and plain text; Undecodable for JSON that is cut, too deep, ambiguous (a key twice), of too many
    items or not JSON by the letter (NaN), and for an unknown charset.
    """
    items = sum(map(reply.body.count, (b"[", b"{", b",")))
    if items > _MAX_ITEMS:
        # Counted before anything is parsed: 64 KiB of gzip can unfold into two gigabytes of lists.
        raise Undecodable(f"{where}: the answer has more than {_MAX_ITEMS:,} items", http_status=reply.http_status)
    text = read_text(reply, where).strip()
    if not text:
        return None
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except RecursionError:
        raise Undecodable(
            f"{where}: the answer is nested too deeply to be read", http_status=reply.http_status
        ) from None
    except ValueError:  # also what int() raises for thousands of digits
        raise _not_json(text, reply, where) from None


def read_text(reply: Reply, where: str) -> str:
    """The body as text. Raises Undecodable for bytes that are neither UTF-8 nor what the server says they are."""
    try:
        return reply.body.decode("utf-8-sig")  # JSON is UTF-8, whatever charset an old server claims
    except UnicodeDecodeError:
        claimed = _CHARSET.search(reply.header("content-type"))
    charset = claimed[1].lower() if claimed else ""
    try:
        if charset in _CHARSETS:
            return reply.body.decode(charset)
    except UnicodeDecodeError:
        pass
    raise Undecodable(f"{where}: the answer is not UTF-8 text", http_status=reply.http_status)


def _not_json(text: str, reply: Reply, where: str) -> ClientError:
    code = reply.http_status
    if text.startswith("<") or "html" in reply.header("content-type").lower():
        return NotSpectrum(
            f"{where}: a web page answers instead of Spectrum: proxy or SSO login page?",
            hint=NOT_SPECTRUM_HINT,
            http_status=code,
        )
    if text[0] in '{["' or text[0].isdigit():
        return Undecodable(f"{where}: the answer is cut off or is not valid JSON", http_status=code)
    return NotSpectrum(
        f"{where}: the answer is not JSON, so not from Spectrum", hint=NOT_SPECTRUM_HINT, http_status=code
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a key stands twice: two readers could believe two different ids")
    return record


def _constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")
