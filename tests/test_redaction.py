"""Secrets out of foreign texts (fault 48)."""

import base64
from collections.abc import Mapping
from urllib.parse import quote, quote_plus

import pytest

from spectrum_pipelines.client.transport.credentials import Credentials
from spectrum_pipelines.redaction import basic_token, data_without, redactor, without

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
