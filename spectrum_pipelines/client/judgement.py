"""What a reply means: an answer, a no, a fault, or not Spectrum at all.

Which HTTP code accompanies Spectrum's failure body is not documented, and proxies, gateways and login pages answer with codes and
bodies of their own. So neither code nor body is believed alone::

    401, 429                               Unauthorized, Throttled, whatever the body
    403 without Spectrum's failure body     Forbidden
    3xx                                    NotSpectrum, showing the target; nothing is followed
    5xx                                    ServerFault, with Spectrum's reason if there is one: it may have been handled
    2xx, 4xx with Spectrum's failure body  Declined, with Spectrum's reason
    407                                    NotSpectrum: a proxy wants credentials
    408, 425, 499                          Unanswered: somebody in between gave up waiting, the server may not have
    any other 4xx                          Unexplained, naming the code: a no, and nobody knows whose
    2xx with HTML, other text, cut JSON    as `decode` says
    2xx with JSON, or empty                the Answer; whether its shape is right is for `wire` to say

Declined is the Refused that Spectrum itself has spoken.
"""

import html
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import NoReturn
from urllib.parse import urljoin

from spectrum_pipelines.client.decode import NOT_SPECTRUM_HINT, decode, read_text
from spectrum_pipelines.client.fields import has
from spectrum_pipelines.client.paths import shown
from spectrum_pipelines.client.throttle import retry_after
from spectrum_pipelines.client.transport.exchange import Answer, Call, Reply
from spectrum_pipelines.errors import (
    ClientError,
    Forbidden,
    NotSpectrum,
    Refused,
    ServerFault,
    Throttled,
    Unanswered,
    Unauthorized,
    Undecodable,
    Unexplained,
)
from spectrum_pipelines.redaction import Redact, data_without
from spectrum_pipelines.spectrum import Phase, phase_of

_LONGEST_REASON = 500
_SMALL = 20_000  # bytes
_TAGS = re.compile(r"<(script|style)\b.*?</\1>|<[^<>]*>", re.DOTALL | re.IGNORECASE)


class Declined(Refused):
    """Refused by Spectrum's own failure body, where another Refused is a bare 4xx, perhaps of somebody in between."""


def judge(call: Call, reply: Reply, *, now: datetime, redact: Redact) -> Answer:
    """The answer of a reply, or one of the exceptions of the table above. `now` is for `Retry-After` dates."""
    code = reply.http_status
    if code == 401:
        raise Unauthorized(
            f"{call.where}: the server refuses the credentials (HTTP 401)",
            hint="check SPECTRUM_USERNAME and SPECTRUM_PASSWORD",
            http_status=code,
        )
    if code == 429:
        told = retry_after(reply.header("retry-after"), now=now)
        raise Throttled(f"{call.where}: the server asks to come again later (HTTP 429)", retry_after=told)
    if 200 <= code < 300:
        return _accepted(call, reply, redact)
    if 400 <= code < 600:
        _fault(call, reply, redact)
    raise _elsewhere(call, reply, redact)


def failure_reason(value: object) -> str | None:
    """Spectrum's own no: `{"status": "failure", "reason": ...}`, or `{"error": ...}` of older versions. None if it is none."""
    if not isinstance(value, Mapping):
        return None
    word = value.get("status")
    if isinstance(word, str) and word.strip().lower() == "failure":
        return _words(value.get("reason")) or _words(value.get("error")) or "no reason given"
    # A numeric status beside the error is the web framework's error body, not Spectrum's.
    return _words(value.get("error")) if word is None else None


def _words(value: object) -> str | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value)


def _accepted(call: Call, reply: Reply, redact: Redact) -> Answer:
    value = _without_secrets(decode(reply, call.where), call, reply, redact)
    reason = failure_reason(value)
    if reason is None:
        return Answer(value=value, where=call.where, http_status=reply.http_status)
    if isinstance(value, Mapping) and (has(value, "job-execution-id") or has(value, "execution-plan")):
        # A no that names an execution is not a no to be believed: something may run.
        raise Undecodable(
            f"{call.where}: the answer says failure and names an execution", http_status=reply.http_status
        )
    raise Declined(_cut(redact(reason)), http_status=reply.http_status)


def _without_secrets(value: object, call: Call, reply: Reply, redact: Redact) -> object:
    """A server may repeat what it was given in any text or number: a status word, the name of a counter, its value, a date.

    The words and ids of the protocol stay, also where they happen to be a secret. Of a large answer only what looks suspicious is
    gone through value by value: where nothing is escaped and nothing is found in the whole, nothing is found in its parts.
    """
    if len(reply.body) > _SMALL:
        # The text that the value was read from: in another charset the secret has other bytes.
        whole = read_text(reply, call.where)
        if "\\" not in whole and redact(whole) == whole:
            return value
    try:
        return data_without(value, redact, keep=_is_of_the_protocol)
    except RecursionError:
        raise Undecodable(
            f"{call.where}: the answer is nested too deeply to be read", http_status=reply.http_status
        ) from None


def _is_of_the_protocol(name: str, text: str) -> bool:
    """A status word, or an id: it must be told as it is, whatever it looks like."""
    return phase_of(text) is not Phase.UNRECOGNIZED or (text.isdigit() and name.lower().endswith("id"))


def _fault(call: Call, reply: Reply, redact: Redact) -> NoReturn:
    code = reply.http_status
    reason = _quiet_reason(call, reply)
    if code >= 500:
        told = None if reason is None else _cut(redact(reason))
        raise ServerFault(
            f"{call.where}: HTTP {code}{_after_colon(told or _page(reply, redact))}", http_status=code, reason=told
        )
    if reason is not None:
        raise Declined(_cut(redact(reason)), http_status=code)
    if code == 407:
        raise NotSpectrum(
            f"{call.where}: a proxy asks for credentials (HTTP 407)",
            hint="give them in HTTPS_PROXY or HTTP_PROXY",
            http_status=code,
        )
    text = f"{call.where}: HTTP {code}{_after_colon(_page(reply, redact))}"
    if code == 403:
        hint = "the login is accepted, and its user may not do this: check the user's roles and the rights on the file"
        raise Forbidden(text, hint=hint, http_status=code)
    if code in {408, 425, 499}:
        raise Unanswered(text, http_status=code)
    raise Unexplained(text, hint="check the server URL and the rights of the user", http_status=code)


def _quiet_reason(call: Call, reply: Reply) -> str | None:
    try:
        return failure_reason(decode(reply, call.where))
    except ClientError:
        return None  # an error page is allowed to be anything


def _elsewhere(call: Call, reply: Reply, redact: Redact) -> NotSpectrum:
    code = reply.http_status
    location = reply.header("location").strip()
    try:
        target = f" to {_cut(redact(shown(urljoin(call.url, location))))}" if location else ""
    except ValueError:
        target = " to an unreadable URL"
    return NotSpectrum(
        f"{call.where}: redirected{target} (HTTP {code}), which is not followed"
        if 300 <= code < 400
        else f"{call.where}: HTTP {code}, which Spectrum never sends",
        hint=NOT_SPECTRUM_HINT,
        http_status=code,
    )


def _page(reply: Reply, redact: Redact) -> str:
    """The words of an error page, HTML or not."""
    text = redact(_page_text(reply, redact))[: _LONGEST_REASON * 16]
    return _cut(redact(" ".join(html.unescape(_TAGS.sub(" ", text)).split())))


def _page_text(reply: Reply, redact: Redact) -> str:
    try:
        return read_text(reply, "")
    except Undecodable:
        # Nobody says which charset it is. Half of a secret would stay where its umlauts cannot be read, so Latin-1 is tried first.
        return redact(reply.body.decode("latin-1")).encode("latin-1", "replace").decode("utf-8", "replace")


def _after_colon(text: str) -> str:
    return f": {text}" if text else ""


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}..."
