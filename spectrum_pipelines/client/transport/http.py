"""HTTP over requests: the only module of the package that speaks to the network."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import urllib3
from requests import PreparedRequest
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies, select_proxy
from urllib3.exceptions import InsecureRequestWarning

from spectrum_pipelines.client.paths import origin_of
from spectrum_pipelines.client.transport import deadline
from spectrum_pipelines.client.transport.adapter import FOREIGN, FRESH_POOLS, KEPT_POOLS, Adapter, Stale
from spectrum_pipelines.client.transport.body import collect
from spectrum_pipelines.client.transport.credentials import Credentials
from spectrum_pipelines.client.transport.deadline import Deadline
from spectrum_pipelines.client.transport.exchange import Call, Reply
from spectrum_pipelines.client.transport.failure import NotConnected, unanswered, unsent
from spectrum_pipelines.client.transport.proxy import Proxy, parse_proxy
from spectrum_pipelines.client.transport.tls import tls_context, trusted_bundle
from spectrum_pipelines.clock import Clock
from spectrum_pipelines.errors import TlsFailure, UserError

_CHUNK = 65536
_HEADERS = {"User-Agent": "spectrum-pipelines", "Accept": "application/json", "Accept-Encoding": "gzip"}
_MAX_BODY = 32 * 2**20


class HttpTransport:
    """The real network under `SpectrumApi`. Safe to call from many threads at once. Timeouts in seconds.

    `auth` is (user, password) and goes with every request. `verify` is a CA bundle or folder, False for anybody's certificate, or
    True for REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE of `environ` and, without them, the public authorities. `client_cert` is a PEM
    file or a (certificate, key) pair. `proxies` maps schemes to URLs; None takes those of the process environment. An answer may
    have `max_body` decompressed bytes. `max_connections` are kept alive; fresh connections come on top.

    Raises UserError for files that cannot be used.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        auth: tuple[str, str] | None = None,
        verify: bool | str = True,
        client_cert: str | tuple[str, str] | None = None,
        connect_timeout: float = 10.0,
        read_timeout: float = 60.0,
        max_connections: int = 8,
        headers: Mapping[str, str] | None = None,
        proxies: Mapping[str, str] | None = None,
        environ: Mapping[str, str] = os.environ,
        max_body: int = _MAX_BODY,
    ) -> None:
        self._clock = clock
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        # That of the connect is in the deadline, and a change back and forth would cost calls of the system.
        self._timeout = urllib3.Timeout(connect=read_timeout, read=read_timeout)
        self._proxies = proxies
        self._max_body = max_body
        self._headers = _HEADERS | dict(headers or {})
        bundle = trusted_bundle(verify, environ, otherwise=DEFAULT_CA_BUNDLE_PATH)
        self._tls = cache(lambda: tls_context(bundle=bundle, client_cert=client_cert))
        if isinstance(verify, str) or client_cert is not None:
            self._tls()  # the user's own files: better refused now than at the first call
        if verify is False:
            # It was asked for, and the command line says so in its own words.
            urllib3.disable_warnings(InsecureRequestWarning)
        self._credentials = Credentials(auth)
        self._routes: dict[str, Proxy | None] = {}
        self._kept = Adapter(connections=max_connections, tls=self._tls, pools=KEPT_POOLS)
        self._fresh = Adapter(connections=1, tls=self._tls, pools=FRESH_POOLS)

    def log_in(self, auth: tuple[str, str] | None) -> None:
        """Use these credentials from the next call on; earlier ones stay redacted."""
        self._credentials.log_in(auth)

    def redact(self, text: str) -> str:
        """The text without the passwords and tokens that this transport has ever held."""
        return self._credentials.redact(text)

    def close(self) -> None:
        """Close the connections that are kept alive. A later call opens new ones."""
        self._kept.close()
        self._fresh.close()

    def send(self, call: Call) -> Reply:
        """See `Transport.send`."""
        ends_at = self._clock.monotonic() + call.deadline
        limits = Deadline(self._clock, ends_at, connect=self._connect_timeout, silence=self._read_timeout)
        with deadline.applies(limits), self._mapped(call):
            # Only a GET may go over a connection that others have used: whatever goes wrong there, it can be asked again.
            if call.method == "GET" and not call.fresh_connection:
                with suppress(Stale):
                    return self._perform(self._kept, call, keep=True)
            return self._perform(self._fresh, call, keep=False)

    def _perform(self, adapter: Adapter, call: Call, *, keep: bool) -> Reply:
        proxy = self._proxy_for(call.url)
        raw: Any = adapter.send(
            self._prepared(call, keep=keep),
            stream=True,
            timeout=self._timeout,
            proxies={} if proxy is None else {urlsplit(call.url).scheme: proxy.url},
        )
        connection = raw.connection
        encoding = raw.headers.get("content-encoding", "")
        chunks = raw.stream(_CHUNK, decode_content=False)
        try:
            body = collect(chunks, encoding, cap=self._max_body, where=call.where)
        except BaseException:
            keep = False
            raise
        finally:
            if keep:
                raw.release_conn()
            else:
                raw.close()
                connection.close()
        return Reply(http_status=raw.status, headers=raw.headers, body=body)

    def _prepared(self, call: Call, *, keep: bool) -> PreparedRequest:
        # By hand: prepare() would look for credentials in the URL and re-quote a path that is already quoted.
        request: Any = PreparedRequest()
        request.method, request.url, request.body = call.method, call.url, call.body
        request.headers = headers = {**self._headers, **self._credentials.headers}
        if call.body is not None:
            headers.update({"Content-Type": "application/json", "Content-Length": str(len(call.body))})
        if not keep:
            headers["Connection"] = "close"
        return request  # type: ignore[no-any-return]

    @contextmanager
    def _mapped(self, call: Call) -> Iterator[None]:
        # `from None` everywhere: the texts of the libraries' exceptions may hold a proxy's password.
        try:
            yield
        except UserError as unusable:
            raise TlsFailure(unusable.message, hint=unusable.hint) from None
        except NotConnected as failure:
            proxy = self._proxy_for(call.url)
            host = f"the proxy {proxy.host}" if proxy else urlsplit(call.url).netloc
            raise unsent(failure, where=call.where, host=host, redact=self.redact) from None
        except FOREIGN as error:
            patience = f"{self._read_timeout:g}s of silence, {call.deadline:g}s in all"
            raise unanswered(error, where=call.where, patience=patience, redact=self.redact) from None

    def _proxy_for(self, url: str) -> Proxy | None:
        # Cached: requests walks the whole environment for every question.
        origin = origin_of(url)
        if origin not in self._routes:
            proxies = get_environ_proxies(url) if self._proxies is None else dict(self._proxies)
            chosen = select_proxy(url, proxies)
            proxy = parse_proxy(chosen) if chosen else None
            if proxy and proxy.login:
                self._credentials.hide(proxy.login)
            self._routes[origin] = proxy
        return self._routes[origin]
