"""Bodies that are not what they claim (faults 5, 10, 24)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.client.decode import decode
from spectrum_pipelines.client.transport.exchange import Reply
from spectrum_pipelines.errors import ClientError, NotSpectrum, Undecodable

WHERE = "GET http://host/x"


def reply(body: bytes, content_type: str = "application/json") -> Reply:
    return Reply(http_status=200, headers={"Content-Type": content_type}, body=body)


READ = [
    pytest.param(b'{"a": 1}', "application/json", {"a": 1}, id="plain"),
    pytest.param(b" [1]\r\n", "", [1], id="spaces-around-and-no-type"),
    pytest.param(b"\xef\xbb\xbf{}", "application/json", {}, id="bom"),
    pytest.param(b"", "text/html", None, id="empty"),
    pytest.param(b" \r\n", "", None, id="blank"),
    pytest.param(b"null", "", None, id="null"),
    pytest.param('"Größe"'.encode(), "application/json;charset=ISO-8859-1", "Größe", id="utf-8-that-claims-latin-1"),
    pytest.param('"Größe"'.encode("latin-1"), "application/json; charset=ISO-8859-1", "Größe", id="latin-1"),
    pytest.param('"Größe"'.encode("utf-16"), 'application/json; charset="UTF-16"', "Größe", id="utf-16"),
    pytest.param(b'{"job-status": "\\ud800"}', "", {"job-status": "\ud800"}, id="lone-surrogate"),
    pytest.param(
        '{"reason": "File doesn\u2019t exist"}'.encode(),
        "",
        {"reason": "File doesn\u2019t exist"},
        id="vendors-apostrophe",
    ),
]


@pytest.mark.parametrize(("body", "content_type", "value"), READ)
def test_json_is_read(body: bytes, content_type: str, value: object) -> None:
    assert decode(reply(body, content_type), WHERE) == value


BROKEN = [
    pytest.param(b'{"status": "succ', id="05-cut"),
    pytest.param(b'{"a": 1} trailing', id="05-trailing"),
    pytest.param(b"[" * 100_000 + b"]" * 100_000, id="24-100000-deep"),
    pytest.param(b'{"a":' * 100_000, id="24-100000-deep-and-cut"),
    pytest.param(b'{"job-progress": NaN}', id="24-nan"),
    pytest.param(b"[Infinity]", id="24-infinity"),
    pytest.param(b"[-Infinity]", id="24-minus-infinity"),
    pytest.param(b'{"job-execution-id": 11, "job-execution-id": 12}', id="two-ids-under-one-key"),
    pytest.param(b'{"job-execution-id": ' + b"1" * 5000 + b"}", id="11-thousands-of-digits"),
    pytest.param(b"\xff\xfe\x00", id="24-no-charset-at-all"),
    pytest.param('"Größe"'.encode("latin-1"), id="24-latin-1-that-claims-nothing"),
    pytest.param(b'{"a": "\x00"}', id="control-character"),
]


@pytest.mark.parametrize("body", BROKEN)
def test_what_is_not_quite_json_is_undecodable(body: bytes) -> None:
    with pytest.raises(Undecodable, match=WHERE):
        decode(reply(body), WHERE)


@pytest.mark.parametrize("charset", ["hex", "zlib", "unicode_escape", "no-such-thing", "utf-16"])
def test_a_charset_is_no_way_to_pythons_codecs(charset: str) -> None:
    with pytest.raises(Undecodable, match="not UTF-8"):
        decode(reply(b"\xff\xfe\xff", f"application/json; charset={charset}"), WHERE)


FOREIGN = [
    pytest.param(b"<!DOCTYPE html><html><form action=/login>", "text/html", id="10-login-page"),
    pytest.param(b"\n\n  <html>", "application/json", id="10-html-that-claims-json"),
    pytest.param(b"Welcome", "text/html; charset=utf-8", id="10-text-that-claims-html"),
]


@pytest.mark.parametrize(("body", "content_type"), FOREIGN)
def test_fault_10_a_web_page_is_not_spectrum(body: bytes, content_type: str) -> None:
    with pytest.raises(NotSpectrum, match="proxy or SSO login page") as caught:
        decode(reply(body, content_type), WHERE)
    assert caught.value.hint


def test_plain_words_are_not_spectrum_either() -> None:
    with pytest.raises(NotSpectrum, match="not JSON"):
        decode(reply(b"OK", "text/plain"), WHERE)


@given(
    st.binary(max_size=200), st.sampled_from(["application/json", "text/html", "x; charset=latin1", "charset=utf-16le"])
)
def test_no_bytes_make_it_raise_anything_but_a_client_error(body: bytes, content_type: str) -> None:
    try:
        value = decode(reply(body, content_type), WHERE)
    except ClientError:
        return
    json.dumps(value)
