"""Names of files in URIs, bodies, unknown calls, and the older endpoints."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from spectrum_pipelines.local.lenient import as_json
from spectrum_pipelines.local.serving import RunningServer
from spectrum_pipelines.local.workspace import build_workspace
from tests.local.conftest import ADMIN, ANALYST, Caller, Open

UUID = "f8d450cd-f065-4abb-a232-27cd20c48c2b"
PATHS = ["/Data/Imports/orders.imp", "/Exports/Delays by airport.exp", "/Über/Köln.wbk", "/a+b.wbk", "/50% off?#.wbk"]
FILES = [{"id": number, "path": path, "simulate": {}} for number, path in enumerate(PATHS, start=1)]
FILES[0]["uuid"] = UUID
FILES.append({"id": 9, "path": "/status/trigger", "simulate": {"duration": "1h"}})


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    data = {"version": 1, "users": [ANALYST, ADMIN], "files": FILES}
    with RunningServer.start(build_workspace(data, tmp_path_factory.getbasetemp()), state=None) as server:
        caller = Caller(server.url)
        yield caller
        caller.line.close()


@pytest.mark.parametrize(
    ("target", "file"),
    [
        pytest.param("1", 1, id="id"),
        pytest.param(UUID, 1, id="uuid"),
        pytest.param(UUID.upper(), 1, id="uuid-upper-case"),
        pytest.param("/Data/Imports/orders.imp", 1, id="path"),
        pytest.param("Data/Imports/orders.imp", 1, id="path-without-leading-slash"),
        pytest.param("%2FData%2FImports%2Forders.imp", 1, id="encoded-slashes"),
        pytest.param("/Exports/Delays%20by%20airport.exp", 2, id="space-as-percent-20"),
        pytest.param("/Exports/Delays+by+airport.exp", 2, id="space-as-plus"),
        pytest.param("/%C3%9Cber/K%C3%B6ln.wbk", 3, id="umlauts"),
        pytest.param("/U%CC%88ber/Ko%CC%88ln.wbk", 3, id="umlauts-decomposed"),
        pytest.param("/a%2Bb.wbk", 4, id="plus-encoded"),
        pytest.param("/a+b.wbk", 4, id="plus-literal"),
        pytest.param("/50%25%20off%3F%23.wbk", 5, id="percent-question-mark-hash"),
        pytest.param("/status/trigger", 9, id="a-path-like-a-call"),
        pytest.param("99", None, id="unknown-id"),
        pytest.param("0", None, id="zero"),
        pytest.param("-1", None, id="negative"),
        pytest.param("9" * 5000, None, id="endless-number"),
        pytest.param("%D9%A1", None, id="arabic-digit-one"),
        pytest.param("/%FF.wbk", None, id="not-utf-8"),
        pytest.param("/Data/Imports", None, id="folder"),
        pytest.param("/data/imports/orders.imp", None, id="case-matters"),
        pytest.param("../1", None, id="dots"),
    ],
)
def test_a_file_is_found_by_id_uuid_or_path(target: str, file: int | None, caller: Caller) -> None:
    triggered = caller.call("POST", f"/api/job-execution/{target}/trigger")
    assert triggered.code == (200 if file else 404)
    answer = caller.call("GET", f"/api/job-execution/{target}/status")
    assert (answer.code, answer.data.get("file-id")) == (triggered.code, file)
    if file:
        assert answer.data["job-execution-id"] == triggered.data["job-execution-id"]


NESTED = "[" * 100_000


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param("", "not valid JSON", id="empty"),
        pytest.param("{", "not valid JSON", id="torn"),
        pytest.param('{variables: {}, "fileIds": [4,,]}', "not valid JSON", id="two-commas"),
        pytest.param('{variables: {}, "fileIds": [,4]}', "not valid JSON", id="leading-comma"),
        pytest.param('{variables: {a: b}, "fileIds": [4]}', "not valid JSON", id="bare-value"),
        pytest.param('{variables: {}, "fileIds": [4]} more', "not valid JSON", id="more-after-it"),
        pytest.param('{variables: {"a": "}, "fileIds": [4]}', "not valid JSON", id="open-text"),
        pytest.param("{variables: {a: NaN}, fileIds: [4]}", "not valid JSON", id="bare-nan"),
        pytest.param("{fileIds:" + NESTED, "not valid JSON", id="bare-and-deep"),
        pytest.param('{"fileIds": [1], "variables": {"x": NaN}}', "not valid JSON", id="nan"),
        pytest.param(NESTED, "not valid JSON", id="deep"),
        pytest.param('{"fileIds": [' + "9" * 5000 + "]}", "not valid JSON", id="endless-number"),
        pytest.param(b"\xff\xfe\xff", "not valid JSON", id="no-text"),
        pytest.param("[]", "has to be an object", id="list"),
        pytest.param("{}", "'fileIds' has to be", id="no-ids"),
        pytest.param('{"fileIds": []}', "'fileIds' has to be", id="empty-ids"),
        pytest.param('{"fileIds": ["1"]}', "'fileIds' has to be", id="text-id"),
        pytest.param('{"fileIds": [true]}', "'fileIds' has to be", id="boolean-id"),
        pytest.param('{"fileIds": [1.0]}', "'fileIds' has to be", id="float-id"),
        pytest.param('{"fileIds": [1], "variables": []}', "'variables' has to be", id="variables-list"),
        pytest.param('{"fileIds": [1], "variables": {"a": null}}', "'variables' has to be", id="null-variable"),
        pytest.param('{"fileIds": [1], "variables": {"a": [1]}}', "'variables' has to be", id="list-variable"),
        pytest.param('{"fileIds": [1], "variable": {}}', "Unknown key 'variable'", id="unknown-key"),
    ],
)
def test_a_body_that_is_not_as_it_should_be_is_refused(body: str | bytes, reason: str, caller: Caller) -> None:
    answer = caller.call("POST", "/api/job-execution/trigger", body)
    assert (answer.code, answer.data["status"]) == (400, "failure")
    assert reason in answer.data["reason"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param('{"fileIds": [1], "variables": {"a": "b"}}', id="json"),
        pytest.param('{ variables : { "foo": "fooValue" }, "fileIds" : [1, ]}', id="as-on-the-page"),
        pytest.param("{fileIds:[1,],variables:{a:1,},}", id="bare-keys-and-last-commas"),
        pytest.param(
            '{\n\tvariables : { foo: "a, ]} : b: \\", }" }\n, "fileIds" : [\n1\n, \n]\n}\n', id="text-like-code"
        ),
        pytest.param(b"\xff\xfe" + '{"fileIds": [1]}'.encode("utf-16-le"), id="utf-16"),
    ],
)
def test_a_body_is_json_or_written_as_on_the_page(body: str | bytes, caller: Caller) -> None:
    answer = caller.call("POST", "/api/job-execution/trigger", body)
    assert (answer.code, answer.data["status"]) == (200, "success")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{a: "b", }', '{"a":"b"}'),
        ("{a : [true, null, -1e5, ], }", '{"a":[true,null,-1e5]}'),
        ('{"a": "x, ]"}', '{"a":"x, ]"}'),
        ("{1: 2}", "{1:2}"),
        ("{'a': 1}", "{'a':1}"),
        ("[,]", "[]"),
        ('{"a', '{"a'),
        ("", ""),
    ],
)
def test_leniency_ends_at_keys_and_last_commas(text: str, expected: str) -> None:
    assert as_json(text) == expected


def test_a_body_has_a_greatest_size(caller: Caller) -> None:
    body = json.dumps({"fileIds": [1], "variables": {"a": "x" * (1 << 20)}})
    assert caller.call("POST", "/api/job-execution/trigger", body).code == 413
    assert caller.call("GET", "/api/job-execution/1/status").code == 200


def test_an_unknown_file_in_a_sequence_refuses_it_all(caller: Caller) -> None:
    before = caller.status(1)
    assert caller.sequence(1, 99).code == 404
    assert caller.status(1) == before


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("GET /", 404),
        ("GET /api/job-execution/1/nothing", 404),
        ("GET /docs", 404),
        ("DELETE /api/job-execution/1/status", 405),
        ("GET /api/job-execution/1/trigger", 405),
        ("GET /rest/job-execution/job-details/x", 404),
        ("GET /rest/job-execution/job-details/1e1", 404),
        ("GET /rest/job-configuration/job-history/1", 404),
        ("DELETE /rest/data/no+data", 404),
    ],
)
def test_an_unknown_call_answers_as_a_failure_body(call: str, code: int, caller: Caller) -> None:
    answer = caller.call(*call.split(" "))
    assert (answer.code, answer.data["status"], answer.headers["content-type"]) == (code, "failure", "application/json")


def test_the_older_endpoints_answer_too(caller: Caller) -> None:
    status = "/rest/job-configuration/job-status"
    fresh = "/rest/job-configuration/job-status/1006"
    assert caller.call("GET", fresh).code == 404  # there is no file 6
    started = caller.call("POST", "/rest/job-execution?configuration=1009").data["job-execution-id"]
    assert caller.call("GET", f"{status}/1009").data["id"] >= started - 1
    listed = caller.call("GET", "/rest/jobs/list-running").data
    assert started in [one["jobExecutionId"] for one in listed]
    killed = caller.call("POST", f"/rest/job-execution/job-kill/{started}")
    assert (killed.code, killed.text) == (200, "")
    assert caller.call("POST", f"/rest/job-execution/job-kill/{started}").code == 200
    assert caller.call("POST", "/rest/job-execution/job-kill/9999").code == 404
    assert caller.call("POST", "/rest/job-execution?configuration=1").code == 404
    assert caller.call("POST", "/rest/job-execution").code == 400
    assert caller.call("DELETE", f"/rest/data/{started}").code == 404  # a canceled run has no data


def test_the_older_status_of_a_file_that_never_ran_is_empty(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = {"version": 1, "users": [ANALYST], "files": FILES[:1]}
    with RunningServer.start(build_workspace(data, tmp_path_factory.getbasetemp()), state=None) as server:
        caller = Caller(server.url)
        assert caller.call("GET", "/rest/job-configuration/job-status/1001").text == "{}"
        caller.line.close()


@pytest.mark.parametrize(
    ("target", "file"),
    [
        pytest.param("/Exports/Delays+by+airport.wbk", 2, id="path-with-plus"),
        pytest.param("/Exports/Delays%20by%20airport.wbk", 2, id="path-with-percent-20"),
        pytest.param("Delays+by+airport", 2, id="name"),
        pytest.param("Delays+by+airport.wbk", 2, id="name-with-its-ending"),
        pytest.param("Bestellungen+K%C3%B6ln", 3, id="umlaut"),
        pytest.param("twice", None, id="two-of-a-name"),
        pytest.param("Delays", None, id="half-a-name"),
        pytest.param("never+ran", None, id="without-a-run"),
        pytest.param("hidden", None, id="of-another-user"),
    ],
)
def test_data_is_deleted_by_the_name_of_its_file_too(target: str, file: int | None, site: Open) -> None:
    paths = [
        "/Exports/Delays by airport.wbk",
        "/Bestellungen Köln.imp",
        "/a/twice.wbk",
        "/b/twice.wbk",
        "/never ran.wbk",
    ]
    files: list[dict[str, Any]] = [{"id": n, "path": path, "simulate": {}} for n, path in enumerate(paths, start=2)]
    files.append({"id": 9, "path": "/hidden.wbk", "users": ["admin"], "simulate": {}})
    server = site(*files)
    for one in (2, 2, 3, 4, 5):
        server.until(server.trigger(one))
    answers = [server.call("DELETE", f"/rest/data/{target}") for _ in range(2)]
    if file is None:
        assert [one.code for one in answers] == [404, 404]
        assert answers[0].data["reason"].startswith("Entity of type 'Data' with id '")
    else:
        assert [one.data for one in answers] == [{"status": True}, {"status": False}]
        deleted = [one for one in server.server.executions() if one.data_deleted]
        assert [(one.file_id, one.id) for one in deleted] == [(file, {2: 2, 3: 3}[file])]
