"""Proxies of the environment: used, bypassed, refused, and never quoted with their credentials (fault 47)."""

import ssl
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from spectrum_pipelines.client.transport.exchange import Call
from spectrum_pipelines.client.transport.proxy import parse_proxy
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.errors import ClientError, Unanswered, Unsent
from tests.client.conftest import (
    RUNNING,
    Line,
    ScriptedServer,
    Seen,
    Step,
    Transports,
    answer,
    drip,
    get,
    hang_up,
    head,
    post,
)

SECRET = "pr0xy-s3cret"


def tunnel(line: Line, seen: Seen) -> bool:
    line.say(b"HTTP/1.1 200 Connection established\r\n\r\n")
    line.server.relay(line, seen.target)
    return False


def through(monkeypatch: pytest.MonkeyPatch, proxy: ScriptedServer) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, proxy.url.replace("://", f"://corp:{SECRET}@"))


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[ScriptedServer, str]]:
    ca = trustme.CA()
    bundle = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    with ScriptedServer(answer(RUNNING), tls=context) as server:
        yield server, str(bundle)


def test_plain_http_goes_to_the_proxy_with_the_whole_url(
    transport: Transports, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer(answer(RUNNING)) as proxy:
        through(monkeypatch, proxy)
        url = "http://spectrum.example.com:8080/a%20b?x=1"
        assert transport().send(Call(method="GET", url=url, deadline=5)).http_status == 200
    assert proxy.seen[0].target == url
    assert proxy.seen[0].headers["proxy-authorization"].startswith("Basic ")


def test_https_goes_through_a_tunnel_that_sees_no_login(
    transport: Transports, secure: tuple[ScriptedServer, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, bundle = secure
    with ScriptedServer(tunnel) as proxy:
        through(monkeypatch, proxy)
        line = transport(verify=bundle)
        assert line.send(get(server)).http_status == line.send(post(server)).http_status == 200
        line.close()
    assert {(seen.method, seen.target) for seen in proxy.seen} == {("CONNECT", f"localhost:{server.port}")}
    assert all("authorization" not in seen.headers for seen in proxy.seen)
    assert len(proxy.seen) == 2, "a POST gets a tunnel of its own"


def test_tls_inside_tls_for_a_proxy_that_is_encrypted_itself(
    transport: Transports, secure: tuple[ScriptedServer, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, bundle = secure
    with ScriptedServer(tunnel, tls=server.tls) as proxy:
        through(monkeypatch, proxy)
        line = transport(verify=bundle)
        assert line.send(get(server)).http_status == line.send(get(server)).http_status == 200
        line.close()
    assert len(proxy.seen) == 1


def test_fault_23_the_deadline_holds_inside_two_layers_of_tls(
    transport: Transports, secure: tuple[ScriptedServer, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, bundle = secure
    server.steps[:] = [drip(b"x" * 10_000, first=head(length=10_000))]
    with ScriptedServer(tunnel, tls=server.tls) as proxy:
        through(monkeypatch, proxy)
        with pytest.raises(Unanswered, match="no complete answer in time"):
            transport(verify=bundle).send(get(server, deadline=0.2))


def test_no_proxy_is_honoured(transport: Transports, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(answer({})) as proxy, ScriptedServer(answer(RUNNING)) as server:
        through(monkeypatch, proxy)
        monkeypatch.setenv("NO_PROXY", "localhost,10.0.0.0/8")
        assert b"RUNNING" in transport().send(get(server)).body
    assert proxy.connections == 0


def test_proxies_given_by_the_caller_go_before_the_environment(
    transport: Transports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://nowhere.invalid:1")
    with ScriptedServer(answer(RUNNING)) as server:
        assert transport(proxies={}).send(get(server)).http_status == 200


NO_WAY = [
    pytest.param(answer(None, code=407), 5, "the proxy localhost.*407", id="credentials-refused"),
    pytest.param(answer(None, code=502), 5, "the proxy localhost.*502", id="bad-gateway"),
    pytest.param(hang_up, 5, "the proxy localhost", id="hangs-up"),
    pytest.param(drip(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 9999), 0.15, "in time", id="23-drips"),
]


@pytest.mark.parametrize(("step", "deadline", "match"), NO_WAY)
def test_a_tunnel_that_does_not_come_about_is_unsent(
    transport: Transports, monkeypatch: pytest.MonkeyPatch, step: Step, deadline: float, match: str
) -> None:
    with ScriptedServer(step) as proxy:
        through(monkeypatch, proxy)
        started = SystemClock().monotonic()
        with pytest.raises(Unsent, match=match):
            transport().send(Call(method="POST", url="https://spectrum.example.com/x", deadline=deadline))
        assert SystemClock().monotonic() - started < 2


def test_a_proxy_that_loses_a_plain_request_leaves_it_open(
    transport: Transports, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer(hang_up) as proxy:
        through(monkeypatch, proxy)
        with pytest.raises(Unanswered):
            transport().send(Call(method="POST", url="http://spectrum.example.com/x", deadline=5))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_fault_47_the_credentials_of_a_proxy_are_in_no_text(
    transport: Transports, monkeypatch: pytest.MonkeyPatch, closed_port: int, scheme: str
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://corp:{SECRET}@localhost:{closed_port}")
    line = transport()
    with pytest.raises(Unsent, match=f"the proxy localhost:{closed_port} refuses") as caught:
        line.send(Call(method="GET", url=f"{scheme}://spectrum.example.com/x", deadline=5))
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert line.redact(f"echo {SECRET}") == "echo ***"


def test_fault_47_a_proxy_may_echo_what_it_was_sent(transport: Transports, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(hang_up) as proxy:
        through(monkeypatch, proxy)

        def echo(line: Line, seen: Seen) -> bool:
            line.say(f"HTTP/1.1 407 {seen.headers['proxy-authorization']} {SECRET}\r\n\r\n".encode())
            return False

        proxy.steps[:] = [echo]
        with pytest.raises(ClientError) as caught:
            transport().send(Call(method="GET", url="https://spectrum.example.com/x", deadline=5))
    assert SECRET not in str(caught.value)
    assert "***" in str(caught.value)


SPELLINGS = [
    pytest.param("http://proxy:3128", "http://proxy:3128", "proxy:3128", None, id="plain"),
    pytest.param("proxy:3128", "http://proxy:3128", "proxy:3128", None, id="without-a-scheme"),
    pytest.param("https://proxy", "https://proxy", "proxy", None, id="encrypted"),
    pytest.param("http://a:b%40c@proxy:1", "http://a:b%40c@proxy:1", "proxy:1", ("a", "b@c"), id="with-a-login"),
]


@pytest.mark.parametrize(("text", "url", "host", "login"), SPELLINGS)
def test_a_proxy_is_understood_however_it_is_spelled(
    text: str, url: str, host: str, login: tuple[str, str] | None
) -> None:
    proxy = parse_proxy(text)
    assert (proxy.url, proxy.host, proxy.login) == (url, host, login)
    assert "b%40c" not in repr(proxy)


@pytest.mark.parametrize(
    "text", ["socks5://user:pw12@proxy:1", "http://", "http://user:pw12@proxy:port", "http://[::1"]
)
def test_a_proxy_that_cannot_be_used_says_so_without_quoting_itself(
    transport: Transports, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", text)
    with pytest.raises(Unsent, match="proxy") as caught:
        transport().send(Call(method="GET", url="http://spectrum.example.com/", deadline=5))
    assert "pw12" not in "".join(traceback.format_exception(caught.value))
