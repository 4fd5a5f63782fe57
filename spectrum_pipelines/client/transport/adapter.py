"""Connections as this package wants them, under the adapter of requests.

The adapter and not its Session: a Session reads netrc and environment bundles, keeps cookies, follows redirects and costs twice the
CPU. The adapter does one exchange and asks nobody.
"""

from collections.abc import Callable, Mapping
from http.client import HTTPException, RemoteDisconnected
from ssl import SSLContext, SSLEOFError
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, RequestException
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from spectrum_pipelines.client.paths import origin_of
from spectrum_pipelines.client.transport import deadline
from spectrum_pipelines.client.transport.failure import NotConnected

#: Everything that the libraries below may raise: their own trees, http.client's, the operating system's and OpenSSL's (both
#: OSError), and the ValueErrors of header and URL checks. What is not in here is a bug of ours.
FOREIGN = (RequestException, HTTPError, HTTPException, OSError, ValueError)


class Stale(Exception):
    """A reused connection turned out to be closed when the answer was due: the ordinary end of a keep-alive."""


class _Connection(HTTPConnection):
    """Tells a failure to connect from every other, and a kept-alive connection that was dropped from one that died at work."""

    answered = 0

    def connect(self) -> None:
        self.answered = 0
        try:
            super().connect()
        except FOREIGN as error:
            self.close()
            raise NotConnected(error) from error

    @property
    def is_connected(self) -> bool:
        """As far as we know: to ask the system before each call costs more than to ask again the few times that it is not so."""
        return self.sock is not None

    def _new_conn(self) -> deadline.TimedSocket:
        return deadline.connect(self.host.strip("[]"), self.port, options=self.socket_options or ())

    def getresponse(self) -> Any:
        try:
            response = super().getresponse()
        except (RemoteDisconnected, ConnectionResetError, BrokenPipeError, SSLEOFError) as error:
            if self.answered:
                raise Stale from error
            raise
        self.answered += 1
        return response


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Fresh:
    """A pool that lends no connection twice. Who asked for one closes it."""

    _new_conn: Callable[[], Any]

    def _get_conn(self, timeout: float | None = None) -> Any:  # noqa: ARG002
        return self._new_conn()

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.close()


class _FreshPool(_Fresh, _Pool):
    pass


class _FreshTlsPool(_Fresh, _TlsPool):
    pass


KEPT_POOLS = {"http": _Pool, "https": _TlsPool}
FRESH_POOLS = {"http": _FreshPool, "https": _FreshTlsPool}


class Adapter(HTTPAdapter):
    """Connections of ours, and what every call would work out anew settled once: the pool of a route and the TLS context."""

    def __init__(self, *, connections: int, tls: Callable[[], SSLContext], pools: Mapping[str, type]) -> None:
        self._tls = tls
        self._classes = pools
        self._chosen: dict[tuple[str, str | None], Any] = {}
        # max_retries=0 becomes Retry(0, read=False): urllib3 itself sends nothing twice.
        super().__init__(pool_connections=1, pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:  # noqa: FBT001, FBT002
        """Pools of ours."""
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = self._classes

    def get_connection_with_tls_context(
        self, request: PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        """The pool of a route, looked up once."""
        route = origin_of(str(request.url)), next(iter((proxies or {}).values()), None)
        if route not in self._chosen:
            self._chosen[route] = super().get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)
        return self._chosen[route]

    def request_url(self, request: PreparedRequest, proxies: Any) -> str:
        """The path, or for a proxy the whole URL."""
        url = str(request.url)
        return super().request_url(request, proxies) if proxies else url.removeprefix(origin_of(url)) or "/"

    def build_response(self, req: PreparedRequest, resp: Any) -> Any:  # noqa: ARG002
        """Nothing is built: an answer is read from its raw form, with a cap of ours."""
        return resp

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        """Pools of ours behind a proxy, too."""
        if proxy.lower().startswith("https:"):
            proxy_kwargs["proxy_ssl_context"] = self._tls()
        manager = super().proxy_manager_for(proxy, **proxy_kwargs)
        manager.pool_classes_by_scheme = self._classes
        return manager

    def build_connection_pool_key_attributes(self, request: PreparedRequest, verify: Any, cert: Any = None) -> Any:  # noqa: ARG002
        """The host, and the TLS context that was settled."""
        parts = urlsplit(str(request.url))
        host = {"scheme": parts.scheme, "host": parts.hostname, "port": parts.port}
        return host, {"ssl_context": self._tls()} if parts.scheme == "https" else {}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing: the context knows whom to trust."""
