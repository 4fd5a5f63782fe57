"""Secrets out of foreign texts (fault 48)."""

import base64
from urllib.parse import quote, quote_plus

import pytest

from spectrum_pipelines.client.transport.credentials import Credentials
from spectrum_pipelines.redaction import basic_token, redactor

PASSWORD = 'p "w<&\u20ac/+'

SPELLINGS = [
    pytest.param(PASSWORD, id="plain"),
    pytest.param(quote(PASSWORD, safe=""), id="percent"),
    pytest.param(quote_plus(PASSWORD), id="plus"),
    pytest.param('p \\"w<&\\u20ac/+', id="json-ascii"),
    pytest.param('p \\"w<&\u20ac/+', id="json"),
    pytest.param("p &quot;w&lt;&amp;\u20ac/+", id="html"),
    pytest.param(base64.b64encode(f"me:{PASSWORD}".encode()).decode(), id="basic-token"),
    pytest.param(base64.b64encode(f"me:{PASSWORD}".encode()).decode().rstrip("="), id="basic-token-without-padding"),
]


@pytest.mark.parametrize("secret", SPELLINGS)
def test_a_login_is_masked_in_every_spelling(secret: str) -> None:
    masked = redactor(("me", PASSWORD))(f"before {secret} after")
    assert masked.startswith("before ***")
    assert masked.endswith(" after")
    assert secret.rstrip("=") not in masked


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
