"""From the options of a connection to the connection itself: the login, the certificates, and the environment of this process."""

import os
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec.structs import replace

from spectrum_pipelines.address import read_address
from spectrum_pipelines.app.connection import Connection, Reach, refuse_login
from spectrum_pipelines.app.trace import trace_headers
from spectrum_pipelines.cli.credentials import credentials
from spectrum_pipelines.cli.options import ConnectionOptions
from spectrum_pipelines.cli.state import named_state
from spectrum_pipelines.cli.terminal import say
from spectrum_pipelines.errors import UserError
from spectrum_pipelines.pipeline.model.pipeline import Server

if TYPE_CHECKING:
    from spectrum_pipelines.client.transport.exchange import Exchange


@dataclass(frozen=True, slots=True)
class ShellConnection(Connection):
    """A connection from a shell: what it does not name, CA bundles and proxies, comes from the environment."""

    environ: Mapping[str, str] = field(default_factory=dict, kw_only=True, repr=False)
    traced: bool = field(default=False, kw_only=True)

    @property
    def network(self) -> Mapping[str, str] | None:
        """The environment of the shell."""
        return self.environ

    @property
    def on_exchange(self) -> "Callable[[Exchange], None] | None":
        """`--trace`: a line for each request."""
        return _tell_of_exchange if self.traced else None


def reach(options: ConnectionOptions) -> Reach:
    """How the options of a command reach the server of a pipeline."""

    def reached(server: Server) -> Connection:
        url = _address(options.server or server.url)
        check_allowed(url, os.environ)
        if options.local is None and read_address(url).is_in_clear:
            say(
                "warning",
                f"http:// sends the login over the network to {urlsplit(url).hostname} in clear: use https://",
            )
        username, password = credentials(options, os.environ)
        return ShellConnection(
            url,
            username=username,
            password=password,
            verify=_verify(options),
            client_cert=_client_cert(options),
            headers=trace_headers(os.environ.get("TRACEPARENT")),
            # The embedded server is on this machine and in this process: no proxy of the network leads there.
            proxies=None if options.local is None else {},
            environ=os.environ,
            traced=options.trace,
        )

    return reached


def _tell_of_exchange(exchange: "Exchange") -> None:
    code = exchange.http_status or "no answer"
    say("trace", f"{exchange.method} {exchange.path} {code} {exchange.seconds * 1000:.0f} ms")


def workspace_of(options: ConnectionOptions) -> str | None:
    """The workspace of the embedded server, as a command must name it."""
    return None if options.local is None else str(options.local)


def asked_of(options: ConnectionOptions, state: str) -> dict[str, str | None]:
    """What the options say of a run that may never begin; an address with a login is not repeated."""
    server = None if options.server is None or "@" in options.server else options.server
    return {"server": server, "state": named_state(state), "workspace": workspace_of(options)}


def tell_of_trace() -> None:
    """Say that a trace context that cannot be one is ignored."""
    value = os.environ.get("TRACEPARENT")
    if value and not trace_headers(value):
        say("note", "TRACEPARENT is not a W3C trace context (00-<32 hex>-<16 hex>-<2 hex>) and is ignored")


@contextmanager
def server_of(options: ConnectionOptions) -> Iterator[ConnectionOptions]:
    """Start the embedded server if `--local` asks for it; the options then name its address and first user."""
    if options.local is None:
        yield options
        return
    if options.server is not None and not os.environ.get("SPECTRUM_URL"):
        raise UserError("--server and --local exclude each other", hint="give one of them")
    from spectrum_pipelines.app.embedded import embedded_server  # noqa: PLC0415 - the extra `local`

    with embedded_server(options.local) as (url, users):
        # A name that the workspace does not know is meant for the real server, and stands in the environment.
        login = None if options.username in users else next(iter(users.items()))
        yield replace(options, server=url, login=login)


def _address(url: str | None) -> str:
    if not url:
        hint = "give --server, set SPECTRUM_URL, write `server: {url: ...}`, or try it with --local WORKSPACE"
        raise UserError("no address of a Spectrum server", hint=hint)
    refuse_login(url)
    return url


def check_allowed(url: str, environ: Mapping[str, str]) -> None:
    """Keep a changed pipeline file from sending the login elsewhere. Raises UserError.

    SPECTRUM_ALLOWED_HOSTS lists `host` or `host:port`, separated by commas; without it every host is allowed.
    """
    listed = environ.get("SPECTRUM_ALLOWED_HOSTS")
    if listed is None:
        return
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise UserError(f"`{url}` is no address of a server; no credentials were sent", hint="check its port") from None
    allowed = {name.strip().lower() for name in listed.split(",") if name.strip()}
    if host not in allowed and f"{host}:{port}" not in allowed:
        hint = "was `server.url` changed? if it is right, add the host to SPECTRUM_ALLOWED_HOSTS"
        raise UserError(f"{host} is not among SPECTRUM_ALLOWED_HOSTS; no credentials were sent", hint=hint)
    proxy = _proxy_of(parts.scheme.lower(), host, port, environ)
    if proxy is not None and not proxy & allowed:
        hint = "add the proxy to SPECTRUM_ALLOWED_HOSTS, or the host to NO_PROXY"
        message = f"the proxy {min(proxy, key=len)} on the way to {host} is not among SPECTRUM_ALLOWED_HOSTS"
        raise UserError(f"{message}; no credentials were sent", hint=hint)


def _proxy_of(scheme: str, host: str, port: int | None, environ: Mapping[str, str]) -> AbstractSet[str] | None:
    """The names of the proxy on the way to a host, as requests would choose it; None without one."""
    if not any(name.lower().endswith("_proxy") for name in environ):
        return None
    from urllib.request import (  # type: ignore[attr-defined]  # noqa: PLC0415 - typeshed lacks one; few lists are given
        getproxies_environment,
        proxy_bypass_environment,
    )

    proxies = getproxies_environment()
    target = host if port is None else f"{host}:{port}"
    named = proxies.get(scheme) or proxies.get("all")
    if not named or proxy_bypass_environment(target, proxies) or proxy_bypass_environment(host, proxies):
        return None
    try:
        parts = urlsplit(named if "://" in named else f"http://{named}")
        proxy, its_port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise UserError(
            "the URL of the proxy cannot be read; no credentials were sent", hint="see HTTPS_PROXY"
        ) from None
    return {proxy, f"{proxy}:{its_port}"}


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
