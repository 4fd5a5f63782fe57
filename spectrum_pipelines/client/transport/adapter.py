"""Connections as this package wants them, behind an adapter for requests.

An adapter and not a Session: a Session reads netrc and environment bundles, keeps cookies, follows redirects and costs twice the
CPU. An adapter of our own, by the interface that requests has for that: the one that it brings along repeats nothing either, but
it cannot be told which connections to use, and its answer reads a body without a cap.
"""

from collections.abc import Callable, Mapping
from http.client import HTTPException, RemoteDisconnected
from ssl import SSLContext, SSLEOFError
from typing import Any

from requests import PreparedRequest, RequestException
from requests.adapters import BaseAdapter
from urllib3 import PoolManager, ProxyManager, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from spectrum_pipelines.client.paths import origin_of
from spectrum_pipelines.client.transport import deadline
from spectrum_pipelines.client.transport.failure import NotConnected
from spectrum_pipelines.client.transport.proxy import parse_proxy
from spectrum_pipelines.redaction import basic_token

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


#: urllib3 itself sends nothing twice.
_ONCE = Retry(0, read=False)


class Adapter(BaseAdapter):
    """One exchange at a time over connections of ours; what every call would work out anew is settled once for each route."""

    def __init__(self, *, connections: int, tls: Callable[[], SSLContext], pools: Mapping[str, type]) -> None:
        super().__init__()
        self._connections = connections
        self._tls = tls
        self._classes = pools
        self._managers: dict[tuple[str, str | None], PoolManager] = {}
        self._pools: dict[tuple[str, str | None], HTTPConnectionPool] = {}

    def send(  # noqa: PLR0917 - requests' signature
        self,
        request: PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002, ARG002
        timeout: Any = None,
        verify: Any = True,  # noqa: FBT002, ARG002 - the TLS context knows whom to trust
        cert: Any = None,  # noqa: ARG002 - likewise
        proxies: Mapping[str, str] | None = None,
    ) -> Any:
        """The raw answer, whose body is still to be read: with a cap of ours, which a Response of requests does not have."""
        url = str(request.url)
        origin, proxy = origin_of(url), next(iter((proxies or {}).values()), None)
        # A proxy is told the whole URL, unless it only passes TLS on.
        is_told_all = proxy is not None and not origin.startswith("https:")
        return self._pool(origin, proxy).urlopen(
            str(request.method),
            url if is_told_all else url.removeprefix(origin) or "/",
            body=request.body,
            headers=request.headers,
            retries=_ONCE,
            redirect=False,
            assert_same_host=False,
            timeout=timeout,
            preload_content=False,
            decode_content=False,
        )

    def close(self) -> None:
        """Close the connections that are kept alive. A later call opens new ones."""
        for manager in self._managers.values():
            manager.clear()
        self._pools.clear()

    def _pool(self, origin: str, proxy: str | None) -> HTTPConnectionPool:
        route = origin, proxy
        if (pool := self._pools.get(route)) is not None:
            return pool
        # Of two threads that come first, both get the same.
        manager = self._managers.get(route) or self._managers.setdefault(route, self._manager(origin, proxy))
        return self._pools.setdefault(route, manager.connection_from_url(origin))

    def _manager(self, origin: str, proxy: str | None) -> PoolManager:
        settings: dict[str, Any] = {"num_pools": 1, "maxsize": self._connections, "block": False}
        if origin.startswith("https:"):
            settings["ssl_context"] = self._tls()
        manager = PoolManager(**settings) if proxy is None else self._proxied(proxy, settings)
        manager.pool_classes_by_scheme = self._classes  # type: ignore[assignment] # a Mapping is enough
        return manager

    def _proxied(self, proxy: str, settings: dict[str, Any]) -> ProxyManager:
        login = parse_proxy(proxy).login
        headers = {} if login is None else {"Proxy-Authorization": f"Basic {basic_token(*login)}"}
        if proxy.lower().startswith("https:"):
            settings["proxy_ssl_context"] = self._tls()
        return ProxyManager(proxy, proxy_headers=headers, **settings)
