"""How Spectrum is reached: what a caller says of it, and the open line that comes of it."""

import random
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import KW_ONLY, dataclass, field
from datetime import tzinfo
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec.structs import replace

from spectrum_pipelines.clock import Clock
from spectrum_pipelines.errors import Unauthorized, UserError
from spectrum_pipelines.pipeline.model.pipeline import Http, Server
from spectrum_pipelines.spectrum import JobDetails

if TYPE_CHECKING:
    from spectrum_pipelines.client.api import SpectrumApi
    from spectrum_pipelines.client.transport.exchange import Exchange
    from spectrum_pipelines.client.transport.http import HttpTransport
    from spectrum_pipelines.engine.requests import Outcome, Request


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a Spectrum server is, and how to log in. Nothing is connected before a run needs it.

    `password` may be a function: it is asked again when the server refuses the login, and a secret that was renewed meanwhile is
    tried once. `verify` is a CA bundle, False for anybody's certificate, or True for the public authorities; `client_cert` a PEM
    file, or a (certificate, key) pair. `proxies` maps schemes to URLs; None is no proxy. `timezone` is that of the server's dates,
    by name; None takes `server.timezone` of the pipeline.
    """

    url: str
    _: KW_ONLY
    username: str
    password: str | Callable[[], str] = field(repr=False)
    verify: bool | str = True
    client_cert: str | tuple[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    proxies: Mapping[str, str] | None = None
    timezone: str | None = None

    @property
    def network(self) -> Mapping[str, str] | None:
        """The process environment, where CA bundles and proxies are to be taken from it; None: they are not."""
        return None

    @property
    def on_exchange(self) -> "Callable[[Exchange], None] | None":
        """Told of every request, its path without secrets, from any thread; None: nobody is."""
        return None


#: The connection for a pipeline's `server`. Raises UserError for what is missing.
Reach = Callable[[Server], Connection]


class _Login:
    """A user and the secret of today."""

    def __init__(self, connection: Connection) -> None:
        self._secret = connection.password
        self.username = connection.username
        self.password = self._secret if isinstance(self._secret, str) else self._secret()

    @property
    def pair(self) -> tuple[str, str]:
        return self.username, self.password

    def renewed(self) -> bool:
        """Ask for the secret again; True if it is another one than before."""
        fresh = self._secret if isinstance(self._secret, str) else self._secret()
        is_new, self.password = fresh != self.password, fresh
        return is_new


class Line:
    """An open connection. `perform` makes an engine's request; `api` is for use by hand."""

    def __init__(
        self,
        *,
        api: "SpectrumApi",
        transport: "HttpTransport",
        login: _Login,
        clock: Clock,
        zone: tzinfo | None,
        redact: Callable[[str], str],
        connection: Connection,
    ) -> None:
        self.api = api
        self.connection = connection
        self._transport = transport
        self._login = login
        self._clock = clock
        self._zone = zone
        self._redact = redact
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The server's address."""
        return self.connection.url

    def perform(self, request: "Request") -> "Outcome":
        """One call; a refused login is tried once more if the secret has changed meanwhile."""
        from spectrum_pipelines.runner.perform import perform  # noqa: PLC0415 - not for use by hand

        used = self._login.password
        outcome = perform(request, self.api)
        if isinstance(outcome, Unauthorized) and self._log_in_again(used):
            # A refused login is not handled, whatever was asked: sending it again starts nothing twice.
            outcome = perform(request, self.api)
        return self._dated(outcome) if isinstance(outcome, JobDetails) else outcome

    def _log_in_again(self, used: str) -> bool:
        """Have another secret than the one that was refused. Calls that were refused together read it once."""
        with self._lock:
            if self._login.password == used and self._login.renewed():
                self._transport.log_in(self._login.pair)
            return self._login.password != used

    def _dated(self, details: JobDetails) -> JobDetails:
        """Read the server's own times, for gates only."""
        from spectrum_pipelines.client.dates import age, run_seconds  # noqa: PLC0415 - few answers need it

        return replace(
            details,
            run_seconds=run_seconds(details.start_time, details.stop_time, zone=self._zone),
            stop_age=age(details.stop_time, zone=self._zone, now=self._clock.now()),
        )


def open_line(
    connection: Connection,
    *,
    server: Server,
    http: Http,
    clock: Clock,
    stack: ExitStack,
    redact: Callable[[str], str] = str,
    stopping: Callable[[], bool] | None = None,
    on_retry: Callable[[str], None] | None = None,
) -> Line:
    """Wire a line that is closed with `stack`. Raises UserError for what cannot be used."""
    from spectrum_pipelines.client.api import SpectrumApi  # noqa: PLC0415 - requests and tenacity
    from spectrum_pipelines.client.retry import RetrySettings  # noqa: PLC0415
    from spectrum_pipelines.client.transport.http import HttpTransport  # noqa: PLC0415

    refuse_login(connection.url)
    zone = _zone(connection.timezone or server.timezone)
    login = _Login(connection)
    network = connection.network
    transport = HttpTransport(
        clock=clock,
        auth=login.pair,
        verify=connection.verify,
        client_cert=connection.client_cert,
        connect_timeout=http.connect_timeout,
        read_timeout=http.read_timeout,
        max_connections=http.max_connections,
        headers=connection.headers,
        proxies=connection.proxies if connection.proxies is not None or network is not None else {},
        environ=network if network is not None else MappingProxyType({}),
    )
    stack.callback(transport.close)
    api = SpectrumApi(
        server=connection.url,
        transport=transport,
        retry=RetrySettings(limit=http.retry_limit, interval=http.retry_interval),
        clock=clock,
        random=random.Random(),  # noqa: S311 - spreads load, guards nothing
        sequence_path=server.sequence_path,
        redact=lambda text: redact(transport.redact(text)),
        stopping=stopping,
        on_retry=None if on_retry is None else lambda line: on_retry(redact(line)),
        on_exchange=connection.on_exchange,
        deadline=max(2 * http.read_timeout, http.connect_timeout + http.read_timeout),
        one_connection=http.max_connections == 1,
    )
    return Line(api=api, transport=transport, login=login, clock=clock, zone=zone, redact=redact, connection=connection)


def refuse_login(url: str) -> None:
    """Refuse an address that holds a login: it would end up in the journal, in logs and in process lists. Raises UserError."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return  # whoever opens the line says what is wrong with it
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        hint = "give the name with --username and the password with SPECTRUM_PASSWORD or SPECTRUM_PASSWORD_FILE"
        raise UserError("the server's URL holds a login; it would end up in logs and process lists", hint=hint)


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - few pipelines name one

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UserError(
            f"server.timezone: there is no time zone `{name}`", hint="e.g. Europe/Berlin, or UTC"
        ) from error
