"""A connection to Spectrum, wired from options: transport, API, credentials, and what every answer goes through on its way in."""

import os
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec.structs import replace

from spectrum_pipelines.app.trace import trace_headers
from spectrum_pipelines.cli.credentials import Credentials, credentials
from spectrum_pipelines.cli.options import ConnectionOptions
from spectrum_pipelines.clock import Clock
from spectrum_pipelines.errors import Unauthorized, UserError
from spectrum_pipelines.pipeline.model.pipeline import Http, Server
from spectrum_pipelines.spectrum import ActiveJob, JobDetails, StatusAnswer

if TYPE_CHECKING:
    from spectrum_pipelines.client.api import SpectrumApi
    from spectrum_pipelines.client.transport.http import HttpTransport
    from spectrum_pipelines.engine.requests import Outcome, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A server that can be talked to. `perform` makes an engine's request; `api` is for use by hand."""

    url: str
    api: "SpectrumApi"
    transport: "HttpTransport"
    login: Credentials
    clock: Clock
    zone: tzinfo | None
    redact: Callable[[str], str] = str
    lock: threading.Lock = field(default_factory=threading.Lock)

    def perform(self, request: "Request") -> "Outcome":
        """One call; a refused login is tried once more if the secret has changed meanwhile."""
        from spectrum_pipelines.runner.perform import perform  # noqa: PLC0415 - not for use by hand

        used = self.login.password
        outcome = perform(request, self.api)
        if isinstance(outcome, Unauthorized) and self._log_in_again(used):
            # A refused login is not handled, whatever was asked: sending it again starts nothing twice.
            outcome = perform(request, self.api)
        outcome = _scrubbed(outcome, self.redact)
        return self._dated(outcome) if isinstance(outcome, JobDetails) else outcome

    def _log_in_again(self, used: str) -> bool:
        """Have another secret than the one that was refused. Calls that were refused together read it once."""
        with self.lock:
            if self.login.password == used and self.login.renewed():
                self.transport.log_in(self.login.pair)
            return self.login.password != used

    def _dated(self, details: JobDetails) -> JobDetails:
        """Read the server's own times, for gates only."""
        from spectrum_pipelines.client.dates import age, run_seconds  # noqa: PLC0415 - few answers need it

        return replace(
            details,
            run_seconds=run_seconds(details.start_time, details.stop_time),
            stop_age=age(details.stop_time, zone=self.zone, now=self.clock.now()),
        )


def _scrubbed(outcome: "Outcome", redact: Callable[[str], str]) -> "Outcome":
    """A server may repeat what it was given in any text of its answers, status words and names of counters among them."""
    match outcome:
        case StatusAnswer() | ActiveJob() if redact(outcome.job_status) != outcome.job_status:
            return replace(outcome, job_status=redact(outcome.job_status))
        case JobDetails():
            counters = {redact(name): value for name, value in outcome.counters.items()}
            return replace(outcome, job_status=redact(outcome.job_status), counters=counters)
        case tuple():
            return tuple(_scrubbed(one, redact) for one in outcome)  # type: ignore[return-value, arg-type]
        case _:
            return outcome


@contextmanager
def server_of(options: ConnectionOptions) -> Iterator[ConnectionOptions]:
    """Start the embedded server if `--local` asks for it; the options then name its address and first user."""
    if options.local is None:
        yield options
        return
    if options.server is not None and "SPECTRUM_URL" not in os.environ:
        raise UserError("--server and --local exclude each other", hint="give one of them")
    from spectrum_pipelines.app.embedded import embedded_server  # noqa: PLC0415 - the extra `local`

    with embedded_server(options.local) as (url, users):
        # A name that the workspace does not know is meant for the real server, and stands in the environment.
        login = None if options.username in users else next(iter(users.items()))
        yield replace(options, server=url, login=login)


def connect(
    options: ConnectionOptions,
    *,
    server: Server,
    http: Http,
    clock: Clock,
    stack: ExitStack,
    redact: Callable[[str], str] = str,
    stopping: Callable[[], bool] | None = None,
    on_retry: Callable[[str], None] | None = None,
) -> Connection:
    """Wire a connection that is closed with `stack`. Raises UserError for whatever the options lack."""
    from spectrum_pipelines.client.api import SpectrumApi  # noqa: PLC0415 - requests and tenacity
    from spectrum_pipelines.client.retry import RetrySettings  # noqa: PLC0415
    from spectrum_pipelines.client.transport.http import HttpTransport  # noqa: PLC0415

    url = _address(options.server or server.url)
    check_allowed(url, os.environ)
    login = credentials(options, os.environ)
    transport = HttpTransport(
        clock=clock,
        auth=login.pair,
        verify=_verify(options),
        client_cert=_client_cert(options),
        connect_timeout=http.connect_timeout,
        read_timeout=http.read_timeout,
        max_connections=http.max_connections,
        headers=trace_headers(os.environ),
        # The embedded server is on this machine and in this process: no proxy of the network leads there.
        proxies=None if options.local is None else {},
    )
    stack.callback(transport.close)
    api = SpectrumApi(
        server=url,
        transport=transport,
        retry=RetrySettings(limit=http.retry_limit, interval=http.retry_interval),
        clock=clock,
        random=random.Random(),  # noqa: S311 - spreads load, guards nothing
        sequence_path=server.sequence_path,
        redact=lambda text: redact(transport.redact(text)),
        stopping=stopping,
        on_retry=on_retry,
        deadline=max(2 * http.read_timeout, http.connect_timeout + http.read_timeout),
    )
    return Connection(
        url=url, api=api, transport=transport, login=login, clock=clock, zone=_zone(server.timezone), redact=redact
    )


def _address(url: str | None) -> str:
    if not url:
        hint = "give --server, set SPECTRUM_URL, write `server: {url: ...}`, or try it with --local WORKSPACE"
        raise UserError("no address of a Spectrum server", hint=hint)
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        hint = "give the name with --username and the password with SPECTRUM_PASSWORD or SPECTRUM_PASSWORD_FILE"
        raise UserError("the server's URL holds a login; it would end up in logs and process lists", hint=hint)
    return url


def check_allowed(url: str, environ: Mapping[str, str]) -> None:
    """Keep a changed pipeline file from sending the login elsewhere. Raises UserError.

    SPECTRUM_ALLOWED_HOSTS lists `host` or `host:port`, separated by commas; without it every host is allowed.
    """
    listed = environ.get("SPECTRUM_ALLOWED_HOSTS")
    if listed is None:
        return
    host = (urlsplit(url).hostname or "").lower()
    port = urlsplit(url).port
    allowed = {name.strip().lower() for name in listed.split(",") if name.strip()}
    if host not in allowed and f"{host}:{port}" not in allowed:
        hint = "was `server.url` changed? if it is right, add the host to SPECTRUM_ALLOWED_HOSTS"
        raise UserError(f"{host} is not among SPECTRUM_ALLOWED_HOSTS; no credentials were sent", hint=hint)


def _verify(options: ConnectionOptions) -> bool | str:
    if options.insecure and options.ca_bundle:
        raise UserError("--insecure and --ca-bundle exclude each other", hint="with --ca-bundle the server is checked")
    return False if options.insecure else options.ca_bundle or True


def _client_cert(options: ConnectionOptions) -> str | tuple[str, str] | None:
    if options.client_key and not options.client_cert:
        raise UserError("--client-key needs --client-cert", hint="a key alone shows nothing to the server")
    if options.client_cert and options.client_key:
        return options.client_cert, options.client_key
    return options.client_cert


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
