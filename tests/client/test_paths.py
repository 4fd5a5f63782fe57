"""Where a call goes (fault 44 for the server URL)."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.client import paths
from spectrum_pipelines.errors import Refused, UserError
from spectrum_pipelines.spectrum import ConfigurationId, DataId, DataName, ExecutionId, FileReference

BASE = "https://spectrum.example.com:8443/spectrum"

SERVERS = [
    pytest.param("http://localhost:8080", "http://localhost:8080", id="plain"),
    pytest.param("  http://localhost:8080/\n", "http://localhost:8080", id="spaces-and-slash-around"),
    pytest.param("https://host/spectrum//", "https://host/spectrum", id="base-path"),
    pytest.param("https://[::1]:8443", "https://[::1]:8443", id="ipv6"),
    pytest.param("HTTPS://Host", "https://Host", id="upper-case-scheme"),
]


@pytest.mark.parametrize(("server", "base"), SERVERS)
def test_a_server_url_is_read(server: str, base: str) -> None:
    assert paths.base_url(server) == base


BAD_SERVERS = [
    pytest.param("", id="empty"),
    pytest.param("localhost:8080", id="no-scheme"),
    pytest.param("ftp://host", id="another-scheme"),
    pytest.param("http://", id="no-host"),
    pytest.param("http://host:port", id="port-is-a-word"),
    pytest.param("http://host:99999", id="port-too-large"),
    pytest.param("http://[::1", id="open-bracket"),
    pytest.param("http://host/?password=s3cret", id="query"),
    pytest.param("http://host/#s3cret", id="fragment"),
    pytest.param("http://ho st", id="space"),
    pytest.param("http://host/\r\nX-Header: s3cret", id="line-break"),
    pytest.param("http://spëctrum.example", id="not-ascii"),
    pytest.param("http://user:s3cret@host", id="44-password"),
    pytest.param("http://s3cret@host", id="44-user"),
    pytest.param("http://:s3cret@host", id="44-password-alone"),
]


@pytest.mark.parametrize("server", BAD_SERVERS)
def test_fault_44_a_server_url_that_cannot_be_used_is_not_quoted(server: str) -> None:
    with pytest.raises(UserError) as caught:
        paths.base_url(server)
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"
    assert caught.value.hint


SHOWN = [
    pytest.param("https://user:pw@host:8443/a%20b?token=1#frag", "https://host:8443/a%20b", id="everything"),
    pytest.param("http://[::1]:80/x", "http://[::1]:80/x", id="ipv6"),
    pytest.param("/login?token=1", "/login", id="relative"),
    pytest.param("http://host/\x1b[31mred\u202e", "http://host/?[31mred?", id="escape-sequences"),
    pytest.param("http://host:port/", "(an unreadable URL)", id="unreadable"),
]


@pytest.mark.parametrize(("url", "text"), SHOWN)
def test_a_message_shows_no_user_and_no_query(url: str, text: str) -> None:
    assert paths.shown(url) == text


REFERENCES = [
    pytest.param("48", "48", id="id"),
    pytest.param("f8d450cd-f065-4abb-a232-27cd20c48c2b", "f8d450cd-f065-4abb-a232-27cd20c48c2b", id="uuid"),
    pytest.param("/Data/Imports/orders.imp", "Data/Imports/orders.imp", id="path"),
    pytest.param("Data/orders.imp", "Data/orders.imp", id="no-leading-slash"),
    pytest.param("//Data//orders.imp/", "Data/orders.imp", id="slashes-too-many"),
    pytest.param("/My Data/a+b.imp", "My%20Data/a%2Bb.imp", id="space-and-plus"),
    pytest.param("/Größe/50%.wbk", "Gr%C3%B6%C3%9Fe/50%25.wbk", id="umlaut-and-percent"),
    pytest.param("/what?/#1.wbk", "what%3F/%231.wbk", id="question-and-hash"),
    pytest.param("/a;v=1/b&c", "a%3Bv%3D1/b%26c", id="path-parameters"),
    pytest.param("/..data/...", "..data/...", id="dots-that-do-not-climb"),
    pytest.param("/%2e%2e/x", "%252e%252e/x", id="encoded-dots-stay-a-name"),
    pytest.param("/a\\..\\b", "a%5C..%5Cb", id="backslashes"),
    pytest.param("/a\r\nHost: evil", "a%0D%0AHost%3A%20evil", id="line-break"),
]


@pytest.mark.parametrize(("reference", "segments"), REFERENCES)
def test_a_file_reference_is_encoded_segment_by_segment(reference: str, segments: str) -> None:
    assert paths.file_segments(FileReference(reference)) == segments


@pytest.mark.parametrize("reference", ["", "/", "..", "/a/../b", "/a/./b", "/a/ .. /b", "\ud800"])
def test_a_reference_that_climbs_or_names_nothing_is_refused(reference: str) -> None:
    with pytest.raises(Refused):
        paths.file_segments(FileReference(reference))


@given(st.text(max_size=60))
def test_whatever_is_encoded_decodes_to_itself_and_stays_in_its_place(reference: str) -> None:
    try:
        url = paths.status(BASE, FileReference(reference))
    except Refused:
        return
    parts = urlsplit(url)
    inner = parts.path.removeprefix("/spectrum/api/job-execution/").removesuffix("/status")
    assert (parts.netloc, parts.query, parts.fragment) == ("spectrum.example.com:8443", "", "")
    assert [unquote(segment) for segment in inner.split("/")] == [part for part in reference.split("/") if part]
    assert url.isascii()
    assert url.isprintable()
    assert not {".", ".."} & {unquote(segment) for segment in parts.path.split("/")}


def test_every_operation_has_its_uri() -> None:
    file = FileReference("/a b")
    assert paths.status(BASE, file) == f"{BASE}/api/job-execution/a%20b/status"
    assert paths.trigger(BASE, file) == f"{BASE}/api/job-execution/a%20b/trigger"
    assert paths.stop(BASE, file) == f"{BASE}/api/job-execution/a%20b/stop"
    assert paths.list_running(BASE) == f"{BASE}/api/job-execution/list-running"
    assert paths.history(BASE, ConfigurationId(4), start=20, length=10) == (
        f"{BASE}/rest/job-configuration/job-history/4?start=20&length=10"
    )
    assert paths.details(BASE, ExecutionId(11)) == f"{BASE}/rest/job-execution/job-details/11"
    assert paths.data(BASE, DataId(272)) == f"{BASE}/rest/data/272"
    assert paths.data(BASE, DataName("/Data/My orders+1.imp")) == f"{BASE}/rest/data/Data/My+orders%2B1.imp"


@pytest.mark.parametrize(
    ("path", "end"),
    [
        (paths.SEQUENCE_PATH, "/api/job-execution/trigger"),
        ("rest/x y?v=1", "/rest/x%20y?v=1"),
        ("/already%20encoded", "/already%20encoded"),
    ],
    ids=["default", "no-slash-and-a-space", "encoded"],
)
def test_the_path_of_the_sequential_trigger_is_a_setting(path: str, end: str) -> None:
    assert paths.sequence(BASE, path) == BASE + end
