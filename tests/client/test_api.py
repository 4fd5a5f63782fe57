"""The operations over a scripted transport: what is sent, how often, and what comes of it."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from spectrum_pipelines.client.latency import Latency
from spectrum_pipelines.client.retry import RetrySettings
from spectrum_pipelines.client.transport.exchange import Exchange
from spectrum_pipelines.errors import (
    AnswerTimeout,
    ClientError,
    NotSpectrum,
    Refused,
    ServerFault,
    Throttled,
    TlsFailure,
    Unanswered,
    Unauthorized,
    Undecodable,
    Unsent,
    UserError,
)
from spectrum_pipelines.spectrum import ConfigurationId, DataId, Deletion, ExecutionId, FileId, FileReference
from tests.client.conftest import RUNNING, STARTED, bench, reply

FILE = FileReference("/Data/my orders.imp")
HOST = "https://spectrum.example.com"
FAILURE = {"status": "failure", "reason": "File doesn\u2019t exist or isn\u2019t accessible with current permissions"}


def sent(method: str, path: str) -> tuple[str, str]:
    return method, HOST + path


QUESTIONS: list[Any] = [
    pytest.param(lambda api: api.status(FILE), RUNNING, "/api/job-execution/Data/my%20orders.imp/status", id="status"),
    pytest.param(
        lambda api: api.history(ConfigurationId(4)),
        [],
        "/rest/job-configuration/job-history/4?start=0&length=10",
        id="history",
    ),
    pytest.param(
        lambda api: api.details(ExecutionId(11)),
        {"jobStatus": "ERROR"},
        "/rest/job-execution/job-details/11",
        id="details",
    ),
    pytest.param(lambda api: api.list_running(), [], "/api/job-execution/list-running", id="list-running"),
]
DEEDS: list[Any] = [
    pytest.param(
        lambda api: api.trigger(FILE),
        STARTED,
        ("POST", "/api/job-execution/Data/my%20orders.imp/trigger"),
        id="trigger",
    ),
    pytest.param(
        lambda api: api.trigger_sequence([FileId(4)], {}),
        {"execution-plan": []},
        ("POST", "/api/job-execution/trigger"),
        id="sequence",
    ),
    pytest.param(lambda api: api.stop(FILE), None, ("POST", "/api/job-execution/Data/my%20orders.imp/stop"), id="stop"),
    pytest.param(lambda api: api.delete_data(DataId(272)), {"status": True}, ("DELETE", "/rest/data/272"), id="delete"),
]
TRANSIENT = [
    pytest.param(Unsent("x"), Unsent, id="unsent"),
    pytest.param(Unanswered("x"), Unanswered, id="unanswered"),
    pytest.param(Undecodable("x"), Undecodable, id="too-large"),
    pytest.param(reply(FAILURE, 500), ServerFault, id="500"),
    pytest.param(reply(code=503), ServerFault, id="503"),
    pytest.param(reply(b'{"cut'), Undecodable, id="cut"),
    pytest.param(reply(code=408), Unanswered, id="408"),
    pytest.param(reply(code=429), Throttled, id="429"),
]
FINAL = [
    pytest.param(TlsFailure("x"), TlsFailure, id="tls"),
    pytest.param(reply(code=401), Unauthorized, id="401"),
    pytest.param(reply(code=403), Refused, id="403"),
    pytest.param(reply(FAILURE), Refused, id="failure"),
    pytest.param(reply(b"<html>"), NotSpectrum, id="html"),
    pytest.param(reply(code=302, Location="/login"), NotSpectrum, id="redirect"),
    pytest.param(reply("a word"), NotSpectrum, id="foreign-shape"),
]


@pytest.mark.parametrize(("ask", "body", "path"), QUESTIONS)
def test_a_question_is_a_get_over_a_shared_connection(ask: Any, body: object, path: str) -> None:
    it = bench(reply(body), deadline=17.0)
    ask(it.api)
    call = it.transport.calls[0]
    assert (call.method, call.url) == sent("GET", path)
    assert (call.body, call.fresh_connection, call.deadline) == (None, False, 17.0)
    assert (it.api.requests, it.api.retries) == (1, 0)


@pytest.mark.parametrize(("ask", "body", "path"), QUESTIONS)
@pytest.mark.parametrize(("trouble", "kind"), TRANSIENT)
def test_fault_19_a_lost_question_is_asked_again(
    ask: Any, body: object, path: str, trouble: Any, kind: type[ClientError]
) -> None:
    it = bench(trouble, trouble, reply(body))
    ask(it.api)
    assert [call.url for call in it.transport.calls] == [HOST + path] * 3
    assert (it.api.requests, it.api.retries, len(it.lines)) == (3, 2, 2)


@pytest.mark.parametrize(("trouble", "kind"), TRANSIENT)
def test_a_question_that_stays_lost_raises_its_last_trouble(trouble: Any, kind: type[ClientError]) -> None:
    it = bench(trouble, retry=RetrySettings(limit=3))
    with pytest.raises(kind):
        it.api.status(FILE)
    assert it.api.requests == 4


@pytest.mark.parametrize(("trouble", "kind"), FINAL)
def test_what_will_not_change_is_asked_once(trouble: Any, kind: type[ClientError]) -> None:
    it = bench(trouble)
    with pytest.raises(kind):
        it.api.status(FILE)
    assert it.api.requests == 1


@pytest.mark.parametrize(("do", "body", "target"), DEEDS)
def test_a_deed_goes_over_a_connection_of_its_own(do: Any, body: object, target: tuple[str, str]) -> None:
    it = bench(reply(body))
    do(it.api)
    call = it.transport.calls[0]
    assert (call.method, call.url) == sent(*target)
    assert call.fresh_connection


@pytest.mark.parametrize(("do", "body", "target"), DEEDS)
@pytest.mark.parametrize(("trouble", "kind"), TRANSIENT + FINAL[:-1])
def test_promise_1_a_deed_is_never_sent_twice(
    do: Any, body: object, target: tuple[str, str], trouble: Any, kind: type[ClientError]
) -> None:
    it = bench(trouble, reply(body))
    with pytest.raises(kind):
        do(it.api)
    assert (it.api.requests, it.api.retries, it.clock.slept) == (1, 0, [])


@pytest.mark.parametrize("answer", [reply(), reply({"status": "success"}), reply(STARTED | {"job-execution-id": None})])
def test_fault_11_a_trigger_that_was_accepted_without_an_id_is_ambiguous(answer: Any) -> None:
    with pytest.raises(Unanswered):
        bench(answer).api.trigger(FILE)


def test_the_body_of_a_sequence_is_strict_json() -> None:
    it = bench(reply({"execution-plan": []}), sequence_path="/custom/path")
    it.api.trigger_sequence([FileId(4), FileId(7)], {"date": "2026-11-22", "größe": 3, "share": 0.5, "full": True})
    call = it.transport.calls[0]
    assert call.url == f"{HOST}/custom/path"
    assert json.loads(call.body or b"") == {
        "variables": {"date": "2026-11-22", "größe": 3, "share": 0.5, "full": True},
        "fileIds": [4, 7],
    }
    assert (call.body or b"").isascii()
    assert "2026" not in repr(call), "a variable may be secret"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()], ids=["nan", "inf", "object"])
def test_a_variable_that_is_not_json_is_refused_before_anything_is_sent(value: Any) -> None:
    it = bench(reply())
    with pytest.raises(Refused, match="JSON"):
        it.api.trigger_sequence([FileId(4)], {"x": value})
    assert it.api.requests == 0


@pytest.mark.parametrize(
    "answer", [reply(), reply(code=204), reply({"status": "success"}), reply("stopped"), reply(b" ")]
)
def test_a_stop_needs_no_words(answer: Any) -> None:
    bench(answer).api.stop(FILE)


@pytest.mark.parametrize(
    ("answer", "kind"), [(reply(FAILURE), Refused), (reply(b"<html>"), NotSpectrum), (reply(b"{"), Undecodable)]
)
def test_a_stop_may_still_be_refused(answer: Any, kind: type[ClientError]) -> None:
    with pytest.raises(kind):
        bench(answer).api.stop(FILE)


DELETIONS = [
    pytest.param(reply({"status": True}), Deletion.MARKED, id="marked"),
    pytest.param(reply({"status": False}), Deletion.ALREADY_GONE, id="already-gone"),
    pytest.param(
        reply({"status": "failure", "reason": "Entity of type 'Data' with id '272' not found."}),
        Deletion.NOT_FOUND,
        id="vendor",
    ),
    pytest.param(reply({"status": "failure", "reason": "Data NOT FOUND"}, 404), Deletion.NOT_FOUND, id="404"),
    pytest.param(reply({"status": "failure", "reason": "Data not found"}, 500), Deletion.NOT_FOUND, id="500"),
    pytest.param(reply({"error": "data 272 not found"}), Deletion.NOT_FOUND, id="older-versions"),
]


@pytest.mark.parametrize(("answer", "outcome"), DELETIONS)
def test_the_outcomes_of_a_deletion(answer: Any, outcome: Deletion) -> None:
    assert bench(answer).api.delete_data(DataId(272)) is outcome


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(reply({"status": "failure", "reason": "no permission"}), id="another-reason"),
        pytest.param(reply(b"<h1>Not Found</h1>", 404), id="a-404-of-somebody-else"),
        pytest.param(reply({"status": 404, "error": "Not Found"}, 404), id="a-404-of-the-framework"),
    ],
)
def test_a_deletion_that_is_refused_is_not_one_that_found_nothing(answer: Any) -> None:
    with pytest.raises(Refused):
        bench(answer).api.delete_data(DataId(272))


def test_a_deletion_under_a_500_for_another_reason_is_a_fault() -> None:
    with pytest.raises(ServerFault):
        bench(reply(b"<h1>Not Found</h1>", 500)).api.delete_data(DataId(272))


def test_the_vendors_reason_comes_as_it_is() -> None:
    with pytest.raises(Refused) as caught:
        bench(reply(FAILURE)).api.status(FILE)
    assert caught.value.message == FAILURE["reason"]


@pytest.mark.parametrize("reference", ["/a/../b", ""])
def test_a_path_that_climbs_sends_nothing(reference: str) -> None:
    it = bench(reply(STARTED))
    for act in (it.api.status, it.api.trigger, it.api.stop):
        with pytest.raises(Refused):
            act(FileReference(reference))
    assert it.api.requests == 0


def test_a_server_with_a_base_path_keeps_it() -> None:
    it = bench(reply([]), server="https://host/spectrum/")
    it.api.list_running()
    assert it.transport.calls[0].url == "https://host/spectrum/api/job-execution/list-running"


def test_fault_44_a_password_in_the_url_is_refused() -> None:
    with pytest.raises(UserError) as caught:
        bench(reply(), server="https://me:s3cret@host")
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"
    assert "SPECTRUM_PASSWORD" in (caught.value.hint or "")


def test_server_texts_pass_the_redactor() -> None:
    it = bench(reply({"status": "failure", "reason": "bad s3cret"}), redact=lambda text: text.replace("s3cret", "***"))
    with pytest.raises(Refused, match=r"^bad \*\*\*$"):
        it.api.status(FILE)


def test_an_abort_ends_the_repetitions() -> None:
    stopping = threading.Event()
    it = bench(Unsent("x"), stopping=stopping.is_set)
    stopping.set()
    with pytest.raises(Unsent):
        it.api.status(FILE)
    assert it.api.requests == 1


def test_the_counters_of_many_threads_add_up() -> None:
    it = bench(reply(RUNNING))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: it.api.status(FILE), range(400)))
    assert it.api.requests == 400


_USUAL = [reply(RUNNING)] * 8


def test_a_question_that_takes_far_longer_than_usual_is_asked_again_at_once() -> None:
    it = bench(*_USUAL, AnswerTimeout("no answer"), reply(RUNNING), deadline=120.0)
    for _ in range(9):
        it.api.status(FILE)
    assert [call.deadline for call in it.transport.calls[-2:]] == [5.0, 120.0]
    assert it.clock.slept == []
    assert it.api.retries == 1
    assert it.lines == ["no answer; asked again at once"]


@pytest.mark.parametrize(
    ("seconds", "deadline"),
    [
        pytest.param(0.001, 5.0, id="fast answers: never less than five seconds"),
        pytest.param(2.0, 8.0, id="slow answers: four times the slowest"),
        pytest.param(50.0, 120.0, id="never more than the call has"),
    ],
)
def test_the_first_try_has_a_deadline_from_what_answers_take(seconds: float, deadline: float) -> None:
    latency = Latency()
    for _ in range(7):
        latency.add(seconds)
    assert latency.first_try(120.0) == 120.0, "too few answers to conclude anything"
    latency.add(seconds)
    assert latency.first_try(120.0) == deadline


def test_a_list_that_hangs_on_the_only_connection_is_given_up_soon_and_not_asked_again() -> None:
    it = bench(AnswerTimeout("no answer"), deadline=120.0, one_connection=True)
    with pytest.raises(AnswerTimeout):
        it.api.list_running()
    assert [call.deadline for call in it.transport.calls] == [5.0]


def test_a_list_that_got_lost_on_the_only_connection_is_asked_again() -> None:
    it = bench(Unanswered("reset"), reply([]), deadline=120.0, one_connection=True)
    assert it.api.list_running() == ()
    assert [call.deadline for call in it.transport.calls] == [5.0, 5.0]


def test_a_trigger_has_its_whole_deadline() -> None:
    it = bench(*_USUAL, reply(STARTED), deadline=120.0)
    for _ in range(8):
        it.api.status(FILE)
    it.api.trigger(FILE)
    assert it.transport.calls[-1].deadline == 120.0


def test_every_request_is_told_with_its_code_and_its_time() -> None:
    told: list[Exchange] = []
    it = bench(Unsent("x"), reply(RUNNING), reply(b"", 401), on_exchange=told.append)
    it.api.status(FILE)
    with pytest.raises(Unauthorized):
        it.api.trigger(FILE)
    path = "/api/job-execution/Data/my%20orders.imp"
    assert [(one.method, one.path, one.http_status) for one in told] == [
        ("GET", f"{path}/status", None),
        ("GET", f"{path}/status", 200),
        ("POST", f"{path}/trigger", 401),
    ]
    assert all(one.seconds >= 0 for one in told)
