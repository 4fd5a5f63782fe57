"""Who may come in: basic authentication, and no web page."""

import base64
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from spectrum_pipelines.local.serving import RunningServer
from spectrum_pipelines.local.workspace import build_workspace
from tests.local.conftest import ADMIN, ANALYST, Caller

MUELLER = {"name": "müller", "password": "schlüssel"}
FILES = [
    {"id": 1, "path": "/a.wbk", "simulate": {"duration": "1h"}},
    {"id": 2, "path": "/secret.wbk", "users": ["admin"], "simulate": {"duration": "1h"}},
    {"id": 3, "path": "/below secret.wbk", "users": ["admin"], "data_driven": [1], "simulate": {}},
]


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    data = {"version": 1, "users": [ANALYST, ADMIN, MUELLER], "files": FILES, "hosts": ["spectrum"]}
    with RunningServer.start(build_workspace(data, tmp_path_factory.getbasetemp()), state=None) as server:
        caller = Caller(server.url)
        yield caller
        caller.line.close()


def basic(login: bytes) -> str:
    return "Basic " + base64.b64encode(login).decode()


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param("", id="none"),
        pytest.param(basic(b"analyst:wrong"), id="wrong-password"),
        pytest.param(basic(b"nobody:analyst"), id="unknown-user"),
        pytest.param(basic(b"analyst"), id="no-colon"),
        pytest.param(basic(b""), id="empty"),
        pytest.param("Basic not base64!", id="torn"),
        pytest.param("Basic \xe4", id="not-ascii"),
        pytest.param("Bearer " + base64.b64encode(b"analyst:analyst").decode(), id="another-scheme"),
    ],
)
@pytest.mark.parametrize("target", ["/api/job-execution/1/status", "/nowhere"])
def test_without_a_login_there_is_401_and_the_challenge(authorization: str, target: str, caller: Caller) -> None:
    answer = caller.call("GET", target, user="", Authorization=authorization)
    assert (answer.code, answer.headers["www-authenticate"]) == (401, 'Basic realm="Spectrum"')
    assert answer.data["status"] == "failure"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_letters_beyond_ascii_are_taken_in_both_encodings(encoding: str, caller: Caller) -> None:
    login = basic("müller:schlüssel".encode(encoding))
    assert caller.call("GET", "/api/job-execution/1/status", user="", Authorization=login).code == 200


@pytest.mark.parametrize(
    ("host", "code"),
    [
        pytest.param("127.0.0.1:8080", 200, id="loopback"),
        pytest.param("127.1.2.3", 200, id="loopback-too"),
        pytest.param("localhost:1", 200, id="localhost"),
        pytest.param("LocalHost", 200, id="case"),
        pytest.param("[::1]:8080", 200, id="ipv6-loopback"),
        pytest.param("spectrum:8080", 200, id="named-in-the-workspace"),
        pytest.param("evil.example", 400, id="rebinding"),
        pytest.param("127.0.0.1.evil.example", 400, id="looks-like-an-address"),
        pytest.param("localhost.evil.example:80", 400, id="looks-like-localhost"),
        pytest.param("10.0.0.1", 400, id="another-address"),
        pytest.param("", 400, id="empty"),
        pytest.param("[::1", 200, id="torn-bracket-of-loopback"),
    ],
)
def test_only_our_own_host_names_are_served(host: str, code: int, caller: Caller) -> None:
    assert caller.call("GET", "/api/job-execution/1/status", Host=host).code == code


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        pytest.param("https://evil.example", 403, id="another-page"),
        pytest.param("null", 403, id="sandbox"),
        pytest.param("http://127.0.0.1:1", 403, id="another-port"),
        pytest.param("http://{address}", 200, id="own"),
    ],
)
def test_calls_from_other_pages_are_refused_and_no_answer_has_cors_headers(
    origin: str, code: int, caller: Caller
) -> None:
    answer = caller.call("GET", "/api/job-execution/1/status", Origin=origin.format(address=caller.address))
    assert answer.code == code
    assert not [name for name in answer.headers if name.startswith("access-control")]
    preflight = caller.call("OPTIONS", "/api/job-execution/1/trigger", user="", Origin="https://evil.example")
    assert preflight.code == 403
    assert not [name for name in preflight.headers if name.startswith("access-control")]


def test_a_file_of_others_answers_like_a_missing_one(caller: Caller) -> None:
    started = caller.call("POST", "/api/job-execution/2/trigger", user="admin:secret").data["job-execution-id"]
    calls = [
        "GET /api/job-execution/{}/status",
        "POST /api/job-execution/{}/trigger",
        "POST /api/job-execution/{}/stop",
        "GET /rest/job-configuration/job-history/100{}",
    ]
    for call in calls:
        seen, missing = (caller.call(*call.format(one).split(" ")) for one in (2, 9))
        assert (seen.code, seen.text) == (404, missing.text.replace("1009", "1002")), call
    assert caller.call("GET", f"/rest/job-execution/job-details/{started}").code == 404
    assert caller.call("DELETE", f"/rest/data/{started}").code == 404
    assert caller.call("GET", "/api/job-execution/list-running").data == []
    assert len(caller.call("GET", "/api/job-execution/list-running", user="admin:secret").data) == 1


def test_a_sequence_into_files_of_others_is_refused(caller: Caller) -> None:
    assert (caller.sequence(2).code, caller.sequence(1).code) == (404, 404)  # 3 is downstream of 1


def test_the_server_listens_on_loopback_by_default(caller: Caller) -> None:
    assert caller.address.startswith("127.0.0.1:")


def test_bound_everywhere_it_serves_addresses_and_its_own_name_only(tmp_path: Path) -> None:
    data = {"version": 1, "users": [ANALYST], "files": FILES[:1]}
    with RunningServer.start(build_workspace(data, tmp_path), host="0.0.0.0", state=None) as server:
        caller = Caller(server.url)
        hosts = ["10.0.0.1:80", "evil.example", socket.gethostname()]
        codes = [caller.call("GET", "/api/job-execution/1/status", Host=one).code for one in hosts]
        assert codes == [200, 400, 200]
        caller.line.close()
