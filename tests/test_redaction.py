"""Secrets out of foreign texts (fault 48)."""

import base64
import html
import json
from collections.abc import Iterator, Mapping
from unicodedata import normalize
from urllib.parse import quote, quote_plus

import pytest

from spectrum_pipelines.client.transport.credentials import Credentials
from spectrum_pipelines.redaction import basic_token, data_without, redactor, without


def _windows(text: str) -> Iterator[str]:
    """UTF-8 as a browser reads it that takes it for Windows-1252."""
    for byte in text.encode():
        yield bytes([byte]).decode("cp1252", "ignore") or chr(byte)


PASSWORD = 'p "w<&\u20ac/+'

SPELLINGS = [
    pytest.param(PASSWORD, id="plain"),
    pytest.param(quote(PASSWORD, safe=""), id="percent"),
    pytest.param(quote_plus(PASSWORD), id="plus"),
    pytest.param('p \\"w<&\\u20ac/+', id="json-ascii"),
    pytest.param('p \\"w<&\u20ac/+', id="json"),
    pytest.param("p &quot;w&lt;&amp;\u20ac/+", id="html"),
    pytest.param("p%20&quot;w&lt;&#38;&#x20ac;&sol;%2b", id="html and percent"),
    pytest.param("p+%22w%3c%26&euro;%252F%2B", id="form, and percent twice"),
    pytest.param('p \\"w\\u003c\\u0026\\u20AC\\/\\u002b', id="gson"),
    pytest.param('p \\\\"w\\\\u003c&\u20ac/+', id="json in json"),
    pytest.param("p%20%22w%3C&%80/+".replace("%80", "%E2%82%AC"), id="a path, which keeps signs"),
    pytest.param(PASSWORD.encode().hex(), id="hexadecimal"),
    pytest.param(base64.b64encode(f"me:{PASSWORD}".encode()).decode(), id="basic-token"),
    pytest.param(base64.b64encode(f"me:{PASSWORD}".encode()).decode().rstrip("="), id="basic-token-without-padding"),
]


@pytest.mark.parametrize("secret", SPELLINGS)
def test_a_login_is_masked_in_every_spelling(secret: str) -> None:
    masked = redactor(("me", PASSWORD))(f"before {secret} after")
    assert masked.startswith("before ***")
    assert masked.endswith(" after")
    assert secret.rstrip("=") not in masked


UMLAUTS = "p\u00e4ssw\u00f6rt-\u20ac9x"
GREEK = "\u03ba\u03bb\u03b5\u03b9\u03b4\u03b9-77"
TAKEN_FOR_ANOTHER = [
    pytest.param(UMLAUTS, UMLAUTS.encode().decode("latin-1"), id="read as Latin-1"),
    pytest.param(UMLAUTS, UMLAUTS.encode().decode("cp1252"), id="read as Windows-1252"),
    pytest.param(UMLAUTS, UMLAUTS.encode().decode("latin-1").encode().decode("latin-1"), id="read as Latin-1 twice"),
    pytest.param(UMLAUTS.encode().decode("latin-1"), UMLAUTS, id="Latin-1 mended"),
    pytest.param(UMLAUTS.encode().decode("cp1252"), UMLAUTS, id="Windows-1252 mended"),
    pytest.param(UMLAUTS, normalize("NFD", UMLAUTS), id="accents apart"),
    pytest.param(normalize("NFD", UMLAUTS), UMLAUTS, id="accents joined"),
    pytest.param(UMLAUTS, json.dumps(UMLAUTS.encode().decode("latin-1"))[1:-1], id="read as Latin-1, in JSON"),
    pytest.param(UMLAUTS, quote(UMLAUTS.encode().decode("cp1252")), id="read as Windows-1252, in a URL"),
    pytest.param(
        UMLAUTS, html.escape(UMLAUTS.encode().decode("latin-1")).replace("\u00c3", "&Atilde;"), id="in a page"
    ),
    pytest.param(UMLAUTS, UMLAUTS.encode("cp1252").decode("utf-8", "replace"), id="Windows-1252 read as UTF-8"),
    pytest.param(UMLAUTS, UMLAUTS.encode("ascii", "replace").decode(), id="shown in ASCII"),
    pytest.param(UMLAUTS, UMLAUTS.encode().decode("ascii", "replace"), id="read as ASCII"),
    pytest.param(UMLAUTS, base64.b64encode(b"me:" + UMLAUTS.encode("cp1252")).decode(), id="a token in Windows-1252"),
    pytest.param(UMLAUTS, UMLAUTS.encode("cp1252").hex(), id="bytes of Windows-1252"),
    pytest.param(UMLAUTS, UMLAUTS.upper(), id="in large letters"),
    pytest.param("Kappa-99x", "kappa-99x", id="in small letters"),
    pytest.param(GREEK, GREEK.encode().decode("latin-1"), id="bytes that Windows-1252 lacks, as Latin-1"),
    pytest.param("\u0410\u041d-secret", "".join(_windows("\u0410\u041d-secret")), id="bytes that Windows-1252 lacks"),
]


@pytest.mark.parametrize(("secret", "echo"), TAKEN_FOR_ANOTHER)
def test_a_secret_that_a_program_takes_for_another_text_is_masked(secret: str, echo: str) -> None:
    assert redactor(("me", secret))(f"before {echo.rstrip('=')} after") == "before *** after"


NO_TRACE = [
    ("\u00e4\u00f6\u00fc-", "is this ???- one?"),
    ("Summer", "in summer, SUMMER"),
    ("Gamma7", "job gamma7"),
    ("\u00c3\u00a4x", "\u00e4x and so on"),
    ("\u03ba\u03bb\u03b5", "??? ??????"),
]


@pytest.mark.parametrize(("secret", "text"), NO_TRACE)
def test_what_a_text_may_have_by_chance_is_no_trace_of_a_secret(secret: str, text: str) -> None:
    assert without([secret])(text) == text


@pytest.mark.parametrize("secret", [chr(0xD800) + "-secret", chr(0xDC80) + "-secret", "\U0001f511-secret"])
def test_half_a_character_in_a_secret_ends_nothing(secret: str) -> None:
    assert without([secret])(f"a {secret} b %41") == "a *** b %41"


@pytest.mark.parametrize(
    "echo", ["one: -----KEY-----", "line MIIBV93q1x9z of it", "-----KEY----- MIIBV93q1x9z ==end=="]
)
def test_each_line_of_a_secret_is_one(echo: str) -> None:
    shown = without(["-----KEY-----\nMIIBV93q1x9z\r\n==end=="])(echo)
    assert "***" in shown
    assert not {"-----KEY-----", "MIIBV93q1x9z"} & set(shown.split())


def test_a_text_of_nothing_but_escapes_is_read_in_no_time() -> None:
    hide = redactor(("me", f"{PASSWORD} \\x"))
    for text in ("&" * 1_000_000, "\\" * 1_000_000, "%25" * 500_000, "&#0" * 500_000):
        assert hide(text) == text


ANSWER: Mapping[str, object] = {
    "A": 83746512,
    "B": 83746512.0,
    "C": "83746512",
    "83746512": [1, True, None, 83746513],
    "jobExecutionId": 83746512,
    "file": {"id": "83746512"},
    "D": 123,
}


def test_numbers_are_masked_but_for_ids_and_small_ones() -> None:
    def keep(name: str, text: str) -> bool:
        return text.isdigit() and name.lower().endswith("id")

    shown = data_without(ANSWER, without(["83746512", "123"]), keep=keep)
    kept = {"jobExecutionId": 83746512, "file": {"id": "83746512"}, "D": 123}
    assert shown == {"A": "***", "B": "***", "C": "***", "***": [1, True, None, 83746513], **kept}


def test_nothing_is_masked_where_there_is_no_secret() -> None:
    assert redactor()("a text") == redactor(("me", ""))("a text") == "a text"


def test_a_token_is_utf_8() -> None:
    assert base64.b64decode(basic_token("me", "\u20ac")).decode("utf-8") == "me:\u20ac"


def test_old_credentials_stay_hidden() -> None:
    credentials = Credentials(("me", "first"))
    credentials.log_in(("me", "second"))
    credentials.hide(("proxy", "third"))
    credentials.log_in(None)
    assert credentials.redact("first second third") == "*** *** ***"
    assert credentials.headers == {}
