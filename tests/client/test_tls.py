"""Whom we trust, and who must not get our login (faults 2, 23, 46)."""

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from spectrum_pipelines.client.transport.exchange import Call
from spectrum_pipelines.client.transport.tls import trusted_bundle
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.errors import ClientError, TlsFailure, Unanswered, Unsent, UserError
from tests.client.conftest import RUNNING, ScriptedServer, Transports, answer, drip, get, hang_up, head, post, silence


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A certificate authority with its bundle on disk."""

    ca: trustme.CA
    bundle: str = ""

    def server(self, *names: str, **more: Any) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*names, **more).configure_cert(context)
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    ca = trustme.CA()
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return Authority(ca=ca, bundle=str(path))


@pytest.fixture
def secure(authority: Authority) -> Iterator[ScriptedServer]:
    with ScriptedServer(answer(RUNNING), tls=authority.server("localhost")) as server:
        yield server


def test_a_bundle_of_ones_own_is_trusted(transport: Transports, authority: Authority, secure: ScriptedServer) -> None:
    line = transport(verify=authority.bundle)
    assert line.send(get(secure)).http_status == line.send(post(secure, body=b"{}")).http_status == 200
    assert [seen.connection for seen in secure.seen] == [1, 2]


def test_a_folder_without_certificates_trusts_nobody(
    transport: Transports, secure: ScriptedServer, tmp_path: Path
) -> None:
    with pytest.raises(TlsFailure):
        transport(verify=str(tmp_path)).send(get(secure))


def expired(authority: Authority) -> ssl.SSLContext:
    then = datetime(2020, 1, 1, tzinfo=UTC)
    return authority.server("localhost", not_before=then, not_after=then + timedelta(days=30))


def self_signed(authority: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    root = trustme.CA()
    with root.private_key_pem.tempfile() as key, root.cert_pem.tempfile() as certificate:
        context.load_cert_chain(certificate, key)
    return context


UNTRUSTED = [
    pytest.param(self_signed, "self-signed certificate", id="self-signed"),
    pytest.param(lambda _: Authority(ca=trustme.CA()).server("localhost"), "issuer", id="unknown-authority"),
    pytest.param(expired, "certificate has expired", id="expired"),
    pytest.param(lambda authority: authority.server("other.example.com"), "mismatch", id="wrong-host"),
]


@pytest.mark.parametrize(("context", "why"), UNTRUSTED)
def test_fault_2_a_certificate_that_is_not_to_be_trusted_ends_it_before_the_login_is_sent(
    transport: Transports, authority: Authority, context: Callable[[Authority], ssl.SSLContext], why: str
) -> None:
    with ScriptedServer(answer({}), tls=context(authority)) as server, pytest.raises(TlsFailure, match=why) as caught:
        transport(verify=authority.bundle).send(post(server))
    assert f"the certificate of localhost:{server.port}" in str(caught.value)
    assert caught.value.hint is not None
    assert "--ca-bundle" in caught.value.hint
    assert server.seen == []


def test_fault_2_no_tls_behind_https(transport: Transports) -> None:
    with ScriptedServer(answer({})) as server:
        call = Call(method="GET", url=server.url.replace("http:", "https:"), deadline=5)
        # The server waits for the end of a line that a TLS greeting may not hold: both ends are failures to connect.
        with pytest.raises(Unsent):
            transport(connect_timeout=0.15).send(call)


def test_a_server_that_hangs_up_in_the_handshake_may_come_back(transport: Transports, authority: Authority) -> None:
    """Not a TlsFailure: restarting servers and load balancers do that."""
    silent = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # has no certificate: its side of the handshake fails
    with ScriptedServer(hang_up, tls=silent) as server, pytest.raises(Unsent):
        transport(verify=authority.bundle).send(get(server))


def test_insecure_asks_for_no_certificate_and_warns_nobody(transport: Transports, secure: ScriptedServer) -> None:
    assert transport(verify=False).send(get(secure)).http_status == 200


BUNDLES = [
    pytest.param(True, {}, "public", id="public-authorities"),
    pytest.param(True, {"REQUESTS_CA_BUNDLE": "env"}, "env", id="environment"),
    pytest.param(True, {"CURL_CA_BUNDLE": "curl"}, "curl", id="curl"),
    pytest.param(True, {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": ""}, "public", id="empty-is-unset"),
    pytest.param("mine", {"REQUESTS_CA_BUNDLE": "env"}, "mine", id="46-ours-wins"),
    pytest.param(False, {"REQUESTS_CA_BUNDLE": "env"}, None, id="46-insecure-wins"),
    pytest.param("", {}, "", id="an-empty-bundle-is-no-permission"),
]


@pytest.mark.parametrize(("verify", "environ", "expected"), BUNDLES)
def test_fault_46_which_bundle_counts(verify: bool | str, environ: dict[str, str], expected: str | None) -> None:
    assert trusted_bundle(verify, environ, otherwise="public") == expected


def test_fault_46_the_environment_does_not_overrule(
    transport: Transports, authority: Authority, secure: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    environ = {"REQUESTS_CA_BUNDLE": "/nowhere.pem"}
    assert transport(verify=authority.bundle, environ=environ).send(get(secure)).http_status == 200
    assert transport(verify=False, environ=environ).send(get(secure)).http_status == 200
    with pytest.raises(TlsFailure, match=r"nowhere\.pem"):
        transport(environ=environ).send(get(secure))


def test_the_environment_may_name_the_bundle(
    transport: Transports, authority: Authority, secure: ScriptedServer
) -> None:
    assert transport(environ={"REQUESTS_CA_BUNDLE": authority.bundle}).send(get(secure)).http_status == 200


def test_a_bundle_that_cannot_be_used_is_refused_at_once(transport: Transports, tmp_path: Path) -> None:
    text = tmp_path / "no.pem"
    text.write_text("no certificate")
    for bundle in ("/nowhere.pem", str(text), ""):
        with pytest.raises(UserError, match="CA bundle") as caught:
            transport(verify=bundle)
        assert bundle in str(caught.value)


def test_a_client_certificate_is_shown(transport: Transports, authority: Authority, tmp_path: Path) -> None:
    demanding = authority.server("localhost")
    demanding.verify_mode = ssl.CERT_REQUIRED
    authority.ca.configure_trust(demanding)
    ours = authority.ca.issue_cert("client")
    both, certificate, key = (tmp_path / name for name in ("both.pem", "cert.pem", "key.pem"))
    ours.private_key_and_cert_chain_pem.write_to_path(str(both))
    ours.cert_chain_pems[0].write_to_path(str(certificate))
    ours.private_key_pem.write_to_path(str(key))
    with ScriptedServer(answer(RUNNING), tls=demanding) as server:
        for shown in (str(both), (str(certificate), str(key))):
            assert transport(verify=authority.bundle, client_cert=shown).send(get(server)).http_status == 200
        with pytest.raises(ClientError):
            transport(verify=authority.bundle).send(get(server))


def test_a_client_certificate_that_cannot_be_used_is_refused_at_once(transport: Transports, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"client certificate.*nowhere\.pem") as caught:
        transport(client_cert=(str(tmp_path / "nowhere.pem"), str(tmp_path / "key.pem")))
    assert caught.value.hint is not None
    assert "--client-cert" in caught.value.hint


def test_an_encrypted_key_does_not_ask_on_the_terminal(transport: Transports, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415  (slow to import, needed here only)

    issued = trustme.CA().issue_cert("client")
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), password=None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"abc"),
        )
        + issued.cert_chain_pems[0].bytes()
    )
    with pytest.raises(UserError, match="client certificate"):
        transport(client_cert=str(locked))


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(drip(b"HTTP/1.1 200 OK\r\n" + b"x" * 10_000), id="headers"),
        pytest.param(drip(b"x" * 10_000, first=head(length=10_000)), id="body"),
        pytest.param(silence, id="silence"),
    ],
)
def test_fault_23_the_deadline_holds_under_tls_too(transport: Transports, authority: Authority, step: Any) -> None:
    with ScriptedServer(step, tls=authority.server("localhost")) as server:
        started = SystemClock().monotonic()
        with pytest.raises(Unanswered, match="no complete answer in time"):
            transport(verify=authority.bundle).send(get(server, deadline=0.15))
        assert 0.1 < SystemClock().monotonic() - started < 2


def test_fault_23_a_handshake_that_never_ends_is_unsent(transport: Transports) -> None:
    """The connection is there, and nobody ever says anything on it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        call = Call(method="POST", url=f"https://localhost:{listener.getsockname()[1]}", deadline=0.15)
        with pytest.raises(Unsent, match="in time"):
            transport().send(call)


def test_fault_25_a_dropped_keep_alive_under_tls(transport: Transports, authority: Authority) -> None:
    with ScriptedServer(answer({}), hang_up, answer(RUNNING), tls=authority.server("localhost")) as server:
        line = transport(verify=authority.bundle)
        line.send(get(server))
        assert b"RUNNING" in line.send(get(server)).body
    assert [seen.connection for seen in server.seen] == [1, 1, 2]
