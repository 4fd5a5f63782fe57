"""Code and body together (faults 6, 8, 9, 10, 12, 22, 48)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.client.judgement import Declined, failure_reason, judge
from spectrum_pipelines.client.transport.exchange import Call, Reply
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
from spectrum_pipelines.redaction import MASK, plain, redactor
from tests.client.conftest import PASSWORD, USER, VirtualClock, reply

CALL = Call(method="GET", url="https://host:8443/api/x?token=s3cret", deadline=1)
NOW = VirtualClock().now()
REASON = "File doesn\u2019t exist or isn\u2019t accessible with current permissions"
FAILURE = {"status": "failure", "reason": REASON}


def judged(answer: Reply, call: Call = CALL) -> Any:
    return judge(call, answer, now=NOW, redact=redactor((USER, PASSWORD)))


ACCEPTED = [
    pytest.param(reply({"status": "success", "a": 1}), {"status": "success", "a": 1}, id="object"),
    pytest.param(reply([]), [], id="list"),
    pytest.param(reply(), None, id="no-body"),
    pytest.param(reply(code=204), None, id="no-content"),
    pytest.param(reply({"status": False}, code=202), {"status": False}, id="another-2xx"),
]


@pytest.mark.parametrize(("answer", "value"), ACCEPTED)
def test_an_answer_is_an_answer(answer: Reply, value: object) -> None:
    assert judged(answer).value == value


@pytest.mark.parametrize("code", [200, 201, 400, 403, 404, 405, 408, 409, 422])
def test_fault_9_spectrums_no_is_a_no_under_any_code(code: int) -> None:
    with pytest.raises(Declined) as caught:
        judged(reply(FAILURE, code))
    assert caught.value.message == REASON
    assert caught.value.http_status == code


REASONS = [
    pytest.param(FAILURE, REASON, id="vendor"),
    pytest.param({"status": "FAILURE", "reason": "x"}, "x", id="upper-case"),
    pytest.param({"status": "failure"}, "no reason given", id="no-reason"),
    pytest.param({"status": "failure", "reason": None, "error": "y"}, "y", id="reason-is-null"),
    pytest.param({"status": "failure", "reason": {"a": 1}}, '{"a": 1}', id="reason-is-an-object"),
    pytest.param({"error": "no such job"}, "no such job", id="older-versions"),
    pytest.param({"status": 404, "error": "Not Found", "path": "/x"}, None, id="the-web-frameworks-own"),
    pytest.param({"status": "success", "error": None}, None, id="success"),
    pytest.param({"status": False}, None, id="deletion"),
    pytest.param(["failure"], None, id="list"),
    pytest.param(None, None, id="nothing"),
]


@pytest.mark.parametrize(("value", "reason"), REASONS)
def test_which_body_is_a_failure(value: object, reason: str | None) -> None:
    assert failure_reason(value) == reason


@pytest.mark.parametrize("extra", [{"job-execution-id": 11}, {"jobExecutionId": None}, {"execution-plan": []}])
def test_a_failure_that_names_an_execution_is_believed_in_neither_way(extra: dict[str, Any]) -> None:
    with pytest.raises(Undecodable, match="failure and names an execution"):
        judged(reply(FAILURE | extra))


JUDGED = [
    pytest.param(reply(code=401), Unauthorized, "refuses the credentials", id="401"),
    pytest.param(reply(FAILURE, 401), Unauthorized, "HTTP 401", id="401-with-a-failure-body"),
    pytest.param(reply(b"<h1>Forbidden</h1> go  away", 403), Forbidden, "HTTP 403: Forbidden go away", id="403"),
    pytest.param(reply(b"<html>Not Found", 404), Unexplained, "HTTP 404", id="404-html"),
    pytest.param(reply(code=404), Unexplained, "HTTP 404", id="404-empty"),
    pytest.param(reply({"status": 404, "error": "Not Found"}, 404), Unexplained, "HTTP 404", id="404-of-the-framework"),
    pytest.param(reply(code=405), Unexplained, "HTTP 405", id="405"),
    pytest.param(reply(code=407), NotSpectrum, "proxy asks for credentials", id="407"),
    pytest.param(reply(code=408), Unanswered, "HTTP 408", id="408"),
    pytest.param(reply(code=425), Unanswered, "HTTP 425", id="425"),
    pytest.param(reply(code=499), Unanswered, "HTTP 499", id="499"),
    pytest.param(reply(b"oops", 500), ServerFault, "HTTP 500: oops", id="06-500"),
    pytest.param(reply(b"<title>Bad Gateway</title>", 502), ServerFault, "HTTP 502: Bad Gateway", id="06-502"),
    pytest.param(reply(code=503, Retry_After="1"), ServerFault, "HTTP 503", id="08-503"),
    pytest.param(reply(code=504), ServerFault, "HTTP 504", id="06-504"),
    pytest.param(reply(code=599), ServerFault, "HTTP 599", id="06-599"),
    pytest.param(reply(b"<html>login", 200, Content_Type="text/html"), NotSpectrum, "login page", id="10-200-html"),
    pytest.param(reply(b"{", 200), Undecodable, "cut off", id="05-200-cut"),
    pytest.param(reply(code=101), NotSpectrum, "HTTP 101", id="101"),
    pytest.param(reply(code=999), NotSpectrum, "HTTP 999", id="999"),
    pytest.param(reply(code=304), NotSpectrum, "HTTP 304", id="304"),
]


@pytest.mark.parametrize(("answer", "kind", "match"), JUDGED)
def test_code_and_body_together(answer: Reply, kind: type[ClientError], match: str) -> None:
    with pytest.raises(kind, match=match) as caught:
        judged(answer)
    assert type(caught.value) is kind
    assert "https://host:8443/api/x" in str(caught.value)
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"
    assert caught.value.http_status == answer.http_status


def test_fault_6_a_500_keeps_spectrums_reason() -> None:
    with pytest.raises(ServerFault) as caught:
        judged(reply(FAILURE, 500))
    assert caught.value.reason == REASON


REDIRECTS = [
    pytest.param(
        "https://sso.example.com/login?goto=s3cret#s3cret", "to https://sso.example.com/login ", id="absolute"
    ),
    pytest.param("/login?x=s3cret", "to https://host:8443/login ", id="relative"),
    pytest.param("https://user:s3cret@evil/", "to https://evil/ ", id="with-a-password"),
    pytest.param("http://[::1", "an unreadable URL", id="unreadable"),
    pytest.param("", "redirected \\(HTTP 302\\)", id="nowhere"),
    pytest.param("/" + "x" * 9000, "xxx\\.\\.\\. ", id="endless"),
]


@pytest.mark.parametrize(("location", "match"), REDIRECTS)
def test_fault_12_a_redirect_is_shown_and_not_followed(location: str, match: str) -> None:
    with pytest.raises(NotSpectrum, match=match) as caught:
        judged(reply(code=302, Location=location))
    assert "s3cret" not in str(caught.value)
    assert len(str(caught.value)) < 1000


RETRY_AFTER = [
    ("5", 5.0), ("0", 0.0), ("999999999", 60.0), ("-1", 0.0), ("abc", None), ("", None), ("9" * 500, None), ("1.5", None),
    ("Mon, 23 Nov 2026 15:00:30 GMT", 30.0), ("Mon, 23 Nov 2026 15:00:30 -0000", 30.0), ("Mon, 23 Nov 2026 16:00:30 +0100", 30.0),
    ("Mon, 23 Nov 2020 15:00:30 GMT", 0.0), ("Mon, 23 Nov 2099 15:00:30 GMT", 60.0), ("Mon, 99 Nov 2026 15:00:30 GMT", None),
    ("\u0665", None),
]  # fmt: skip


@pytest.mark.parametrize(("told", "seconds"), RETRY_AFTER)
def test_fault_22_retry_after_is_clamped_and_never_breaks(told: str, seconds: float | None) -> None:
    with pytest.raises(Throttled) as caught:
        judged(reply(FAILURE, 429, Retry_After=told))
    assert caught.value.retry_after == seconds


ECHO = "Authorization: Basic YW5hbHlzdDpzM2NyJnQgUMOkc3N3b3J0, password s3cr&t P\u00e4sswort"


@pytest.mark.parametrize("code", [200, 400, 403, 500])
@pytest.mark.parametrize("body", [{"status": "failure", "reason": ECHO}, ECHO.encode(), f"<b>{ECHO}</b>".encode()])
def test_fault_48_an_echoed_login_is_redacted(code: int, body: object) -> None:
    with pytest.raises(ClientError) as caught:
        judged(reply(body, code))
    text = f"{caught.value} {caught.value.hint} {getattr(caught.value, 'reason', '')}"
    assert "YW5hbHlzdDpzM2NyJnQ" not in text
    assert "s3cr" not in text


ECHOED = {"counters": {PASSWORD: 5}, "note": f"for {PASSWORD}"}


@pytest.mark.parametrize("size", [10, 70_000])
@pytest.mark.parametrize("charset", ["UTF-8", "ISO-8859-1", "windows-1252", "UTF-16"])
def test_fault_48_an_echo_is_redacted_in_any_charset(charset: str, size: int) -> None:
    body = json.dumps({**ECHOED, "pad": "x" * size}, ensure_ascii=False).encode(charset)
    value = judged(reply(body, Content_Type=f"application/json; charset={charset}")).value
    assert (value["counters"], value["note"]) == ({MASK: 5}, f"for {MASK}")


@pytest.mark.parametrize("told", ["text/html; charset=ISO-8859-1", "text/html; charset=x-unknown", ""])
@pytest.mark.parametrize("charset", ["UTF-8", "ISO-8859-1"])
def test_fault_48_a_page_of_any_charset_shows_no_part_of_a_secret(charset: str, told: str) -> None:
    with pytest.raises(ServerFault) as caught:
        judged(reply(f"<p>sorry, {PASSWORD}!</p>".encode(charset), 500, Content_Type=told))
    assert "s3cr" not in caught.value.message
    assert "sswort" not in caught.value.message


def test_fault_48_a_secret_on_the_edge_of_the_cut_is_gone_before_the_cut() -> None:
    with pytest.raises(Refused) as caught:
        judged(reply({"status": "failure", "reason": "x" * 495 + PASSWORD + "y" * 1000}))
    assert "s3cr" not in caught.value.message
    assert len(caught.value.message) <= 503


def test_fault_48_tags_do_not_hide_a_secret() -> None:
    with pytest.raises(Refused) as caught:
        judged(reply(b"<p>s3cr&amp;t P\xc3\xa4sswort</p>", 403))
    assert "s3cr" not in caught.value.message


def test_a_page_of_nothing_but_brackets_is_read_in_no_time() -> None:
    with pytest.raises(ServerFault):
        judged(reply(b"<" * 5_000_000, 500))
    with pytest.raises(ServerFault):
        judged(reply(b"<script" * 1_000_000, 500))


@given(st.integers(100, 999), st.binary(max_size=60), st.text(st.characters(codec="latin-1"), max_size=40))
def test_no_reply_makes_it_raise_anything_but_a_client_error(code: int, body: bytes, header: str) -> None:
    answer = Reply(
        http_status=code, headers={"location": header, "retry-after": header, "content-type": header}, body=body
    )
    try:
        judge(CALL, answer, now=NOW, redact=plain)
    except ClientError as error:
        assert not isinstance(error, Refused) or 400 <= code < 500 or code // 100 == 2  # noqa: PT017  (also none is fine)
