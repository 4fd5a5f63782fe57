"""A proxy's URL, as people write it into HTTPS_PROXY: with or without a scheme, perhaps with credentials."""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from spectrum_pipelines.errors import Unsent

_HINT = (
    "HTTPS_PROXY, HTTP_PROXY and ALL_PROXY take http://host:port; NO_PROXY lists the hosts that are reached directly"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """`host` with its port is what messages may show; `url` and `login` hold credentials."""

    url: str = field(repr=False)
    host: str
    login: tuple[str, str] | None = field(repr=False)


def parse_proxy(text: str) -> Proxy:
    """Raises Unsent, because nothing leaves the machine, for a proxy that cannot be used."""
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Unsent("the URL of the proxy cannot be read", hint=_HINT) from None
    if parts.scheme.lower() not in {"http", "https"}:
        raise Unsent(f"a {parts.scheme} proxy is not supported", hint=_HINT)
    if not host:
        raise Unsent("the URL of the proxy has no host", hint=_HINT)
    login = (unquote(parts.username or ""), unquote(parts.password)) if parts.password else None
    return Proxy(url=url, host=f"{host}:{port}" if port else host, login=login)
