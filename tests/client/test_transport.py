"""What travels over real sockets, and what is made of it when it does not arrive (faults 1, 3 to 5, 12, 23 to 25)."""

import gzip
import socket
import threading
import tracemalloc
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from spectrum_pipelines.client.transport.exchange import Call
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.errors import AnswerTimeout, ClientError, TlsFailure, Unanswered, Undecodable, Unsent
from tests.client.conftest import (
    RUNNING,
    ScriptedServer,
    Step,
    Transports,
    VirtualClock,
    answer,
    drip,
    get,
    hang_up,
    head,
    post,
    raw,
    reset,
    silence,
)

ENDLESS = b"x" * 10_000
LARGE = bytes(30_000_000)


def test_a_call_carries_login_and_length_and_asks_for_json(transport: Transports) -> None:
    with ScriptedServer(answer({"a": 1}, "X-Name: value")) as server:
        reply = transport(headers={"traceparent": "00-abc"}).send(post(server, "/a%20b?x=1", body=b"{}"))
    seen = server.seen[0]
    assert (reply.http_status, reply.body, reply.header("x-name")) == (200, b'{"a": 1}', "value")
    assert (seen.method, seen.target, seen.body) == ("POST", "/a%20b?x=1", b"{}")
    assert seen.headers["authorization"] == "Basic YW5hbHlzdDpzM2NyJnQgUMOkc3N3b3J0"
    assert seen.headers["content-type"] == seen.headers["accept"] == "application/json"
    assert seen.headers["traceparent"] == "00-abc"


def test_a_post_without_body_says_so(transport: Transports) -> None:
    with ScriptedServer(answer()) as server:
        transport().send(post(server))
    assert server.seen[0].headers["content-length"] == "0"
    assert "content-type" not in server.seen[0].headers


def test_gets_share_a_connection_and_a_post_never_does(transport: Transports) -> None:
    with ScriptedServer(answer({})) as server:
        line = transport()
        for call in (get(server), post(server), get(server), post(server), get(server)):
            line.send(call)
    assert [seen.connection for seen in server.seen] == [1, 2, 1, 3, 1]


def test_whatever_is_no_get_is_on_a_fresh_connection_even_where_the_call_forgets_to_ask(transport: Transports) -> None:
    with ScriptedServer(answer({})) as server:
        line = transport()
        line.send(get(server))
        line.send(Call(method="DELETE", url=server.url, deadline=5))
    assert server.connections == 2


@pytest.mark.parametrize("step", [hang_up, reset], ids=["closed", "reset"])
def test_fault_25_a_dropped_keep_alive_is_replaced_in_silence(transport: Transports, step: Step) -> None:
    """The server takes the second request and closes: it had given up the idle connection while the request was under way."""
    with ScriptedServer(answer({}), step, answer(RUNNING)) as server:
        line = transport()
        line.send(get(server))
        assert b"RUNNING" in line.send(get(server)).body
    assert [seen.connection for seen in server.seen] == [1, 1, 2]


def test_fault_25_a_keep_alive_that_was_closed_long_ago_costs_no_request(transport: Transports) -> None:
    with ScriptedServer(raw(head(length=0)), answer(RUNNING)) as server:
        line = transport()
        line.send(get(server))
        assert line.send(get(server)).http_status == 200
    assert len(server.seen) == 2


def test_a_first_answer_that_never_comes_is_not_a_dropped_keep_alive(transport: Transports) -> None:
    with ScriptedServer(hang_up) as server, pytest.raises(Unanswered):
        transport().send(get(server))
    assert len(server.seen) == 1


Make = Callable[[ScriptedServer], Call]

LOST = [
    pytest.param(hang_up, Unanswered, id="03-closed-without-an-answer"),
    pytest.param(reset, Unanswered, id="03-reset"),
    pytest.param(silence, AnswerTimeout, id="04-slower-than-the-timeout"),
    pytest.param(raw(head(length=50) + b'{"status": "succ'), Undecodable, id="05-shorter-than-promised"),
    pytest.param(raw(head(200, "Transfer-Encoding: chunked") + b'8\r\n{"a": 1\r\n'), Undecodable, id="05-chunks-cut"),
    pytest.param(raw(head(200, "Transfer-Encoding: chunked") + b'8\r\n{"a'), Undecodable, id="05-cut-in-a-chunk"),
    pytest.param(raw(head(200, "Transfer-Encoding: chunked") + b"zz\r\n"), Undecodable, id="05-a-chunk-of-no-length"),
    pytest.param(raw(head(200, "Content-Length: 5", "Content-Length: 7") + b"12345"), Unanswered, id="05-two-lengths"),
    pytest.param(raw(b"SSH-2.0-OpenSSH_9.6\r\n"), Unanswered, id="05-another-protocol"),
    pytest.param(raw(head(200, *(f"H{n}: x" for n in range(200)), length=0)), Unanswered, id="24-two-hundred-headers"),
    pytest.param(raw(head(200, "H: " + "x" * 70_000, length=0)), Unanswered, id="24-an-endless-header-line"),
]


@pytest.mark.parametrize(("step", "kind"), LOST)
@pytest.mark.parametrize("make", [get, post], ids=["GET", "POST"])
def test_faults_3_to_5_no_answer_after_the_request_left_is_ambiguous(
    transport: Transports, step: Step, kind: type[ClientError], make: Make
) -> None:
    with ScriptedServer(step) as server, pytest.raises(kind) as caught:
        transport(read_timeout=0.1).send(make(server))
    assert not isinstance(caught.value, Unsent)
    assert type(caught.value) is kind
    assert len(server.seen) == 1, "nobody below may send it again"


def test_fault_3_a_body_that_cannot_be_sent_in_full_is_ambiguous(transport: Transports) -> None:
    """The server reads the head and resets: part of the body had left."""

    def slam() -> None:
        sock, _ = listener.accept()
        sock.recv(1000)
        sock.close()  # with data unread: the kernel sends a reset

    with socket.create_server(("127.0.0.1", 0)) as listener:
        slamming = threading.Thread(target=slam)
        slamming.start()
        call = Call(method="POST", url=f"http://localhost:{listener.getsockname()[1]}/x", body=LARGE, deadline=5)
        with pytest.raises(Unanswered):
            transport().send(call)
        slamming.join()


def test_fault_4_a_server_that_does_not_read_is_given_up(transport: Transports) -> None:
    """Sending blocks as well, where a body is larger than the buffers on the way."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        call = Call(method="POST", url=f"http://localhost:{listener.getsockname()[1]}/x", body=LARGE, deadline=0.15)
        with pytest.raises(Unanswered):
            transport().send(call)


def test_fault_1_a_refused_connection_is_unsent(transport: Transports, closed_port: int) -> None:
    with pytest.raises(Unsent, match=f"localhost:{closed_port} refuses connections") as caught:
        transport().send(Call(method="POST", url=f"http://localhost:{closed_port}/api/x?secret=1", deadline=5))
    assert "secret" not in str(caught.value)
    assert not isinstance(caught.value, TlsFailure)


@pytest.mark.parametrize(
    "host", ["spectrum.invalid", "a..b", "x" * 70 + ".example"], ids=["unknown", "empty-label", "long-label"]
)
def test_fault_1_a_name_that_leads_nowhere_is_unsent(transport: Transports, host: str) -> None:
    with pytest.raises(Unsent, match="cannot be resolved"):
        transport().send(Call(method="GET", url=f"http://{host}:8080/x", deadline=5))


def test_fault_1_a_connect_timeout_is_unsent(transport: Transports) -> None:
    """A listener whose queue is full lets further connections hang."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(address)
        started = SystemClock().monotonic()
        with pytest.raises(Unsent, match="in time"):
            transport(connect_timeout=0.2).send(Call(method="GET", url=f"http://127.0.0.1:{address[1]}/", deadline=5))
        assert SystemClock().monotonic() - started < 2
        for sock in waiting:
            sock.close()


def test_ipv6_literals_are_understood(transport: Transports) -> None:
    with pytest.raises(Unsent, match=r"\[::1\]:1"):
        transport().send(Call(method="GET", url="http://[::1]:1/x", deadline=5))


DRIPPING = [
    pytest.param(drip(b"HTTP/1.1 200 OK\r\n" + ENDLESS), id="status-line-and-headers"),
    pytest.param(drip(ENDLESS, first=head(length=10_000)), id="body"),
    pytest.param(drip(b"1\r\nx\r\n" * 2000, first=head(200, "Transfer-Encoding: chunked")), id="chunks"),
    pytest.param(drip(ENDLESS, first=b"HTTP/1.1 100 Continue\r\n\r\n" * 50), id="interim-answers"),
    pytest.param(drip(gzip.compress(ENDLESS) * 9, first=head(200, "Content-Encoding: gzip", length=9999)), id="gzip"),
]


@pytest.mark.parametrize("step", DRIPPING)
def test_fault_23_one_byte_at_a_time_ends_at_the_deadline(transport: Transports, step: Step) -> None:
    with ScriptedServer(step) as server:
        started = SystemClock().monotonic()
        with pytest.raises(Unanswered, match="no complete answer in time"):
            transport(read_timeout=5).send(get(server, deadline=0.15))
        assert 0.1 < SystemClock().monotonic() - started < 2


def test_the_deadline_of_one_call_does_not_reach_into_the_next(transport: Transports) -> None:
    clock = VirtualClock()
    with ScriptedServer(answer({})) as server:
        line = transport(clock=clock)
        line.send(get(server, deadline=5))
        clock.sleep(60)
        assert line.send(get(server, deadline=5)).http_status == 200
    assert server.connections == 1


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([*(packer.compress(bytes(2**20)) for _ in range(size // 2**20)), packer.flush()])


#: Made when they are needed: a bomb takes a second to pack.
TOO_LARGE = [
    pytest.param(lambda: answer(b"[" + b" " * 3_000_000 + b"]"), id="plain"),
    pytest.param(lambda: raw(head() + b" " * 3_000_000), id="without-a-length"),
    pytest.param(
        lambda: raw(
            head(200, "Transfer-Encoding: chunked")
            + b"10000\r\n"
            + b" " * 65536
            + b"\r\n"
            + b"ffffff\r\n"
            + b" " * 2**21
        ),
        id="chunked",
    ),
    pytest.param(lambda: answer(bomb(2**28), "Content-Encoding: gzip"), id="gzip-bomb"),
    pytest.param(lambda: answer(gzip.compress(bomb(2**24)), "Content-Encoding: gzip, gzip"), id="bomb-in-a-bomb"),
]


@pytest.mark.parametrize("make", TOO_LARGE)
def test_fault_24_an_answer_beyond_the_cap_is_cut_there(transport: Transports, make: Callable[[], Step]) -> None:
    with ScriptedServer(make()) as server:
        tracemalloc.start()
        with pytest.raises(Undecodable):
            transport(max_body=2**20).send(get(server))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 12 * 2**20, "a 256 MiB bomb must not unfold"


def test_an_answer_as_large_as_the_cap_is_read(transport: Transports) -> None:
    data = b" " * 2**20
    with ScriptedServer(answer(data), answer(gzip.compress(data), "Content-Encoding: gzip")) as server:
        line = transport(max_body=2**20)
        assert line.send(get(server)).body == line.send(get(server)).body == data


def test_a_connection_is_not_reused_after_an_answer_that_was_given_up(transport: Transports) -> None:
    with ScriptedServer(answer(b" " * 3_000_000), answer({})) as server:
        line = transport(max_body=1000)
        with pytest.raises(Undecodable):
            line.send(get(server))
        assert line.send(get(server)).body == b"{}"
    assert server.connections == 2


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_fault_12_a_redirect_comes_back_as_it_is(transport: Transports, code: int) -> None:
    with (
        ScriptedServer(answer({})) as target,
        ScriptedServer(answer(None, f"Location: {target.url}/", code=code)) as server,
    ):
        reply = transport().send(post(server))
        assert (reply.http_status, reply.header("Location")) == (code, f"{target.url}/")
    assert target.connections == 0


@pytest.mark.parametrize("code", [413, 429, 503])
def test_retry_after_makes_nobody_below_send_again(transport: Transports, code: int) -> None:
    with ScriptedServer(answer(None, "Retry-After: 0", code=code)) as server:
        assert transport().send(post(server)).http_status == code
    assert len(server.seen) == 1


def test_cookies_are_not_kept(transport: Transports) -> None:
    with ScriptedServer(answer({}, "Set-Cookie: JSESSIONID=abc; Path=/")) as server:
        line = transport()
        line.send(get(server))
        line.send(get(server))
    assert "cookie" not in server.seen[1].headers


def test_new_credentials_count_from_the_next_call_on(transport: Transports) -> None:
    with ScriptedServer(answer({})) as server:
        line = transport(auth=("a", "first password"))
        line.send(get(server))
        line.log_in(("a", "second password"))
        line.send(get(server))
        line.log_in(None)
        line.send(get(server))
    sent = [seen.headers.get("authorization") for seen in server.seen]
    assert len(set(sent)) == 3
    assert sent[2] is None
    assert line.redact("first password, second password") == "***, ***"


def test_many_threads_share_one_transport(transport: Transports) -> None:
    with ScriptedServer(answer(RUNNING)) as server, ThreadPoolExecutor(8) as pool:
        line = transport(max_connections=8)
        replies = list(pool.map(lambda n: line.send(post(server) if n % 5 == 0 else get(server)), range(100)))
    assert {reply.http_status for reply in replies} == {200}
    assert len(server.seen) == 100
    assert server.connections <= 20 + 8
