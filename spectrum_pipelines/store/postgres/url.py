"""The URL of a shared store: `postgresql://[user@]host[:port]/db[?sslmode=verify-full&schema=spectrum_pipelines&lease=30s]`.

A password never stands in it: a URL ends up in logs, process lists and journals.
"""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from msgspec import Struct

from spectrum_pipelines.errors import UserError
from spectrum_pipelines.pipeline.model.durations import format_duration, parse_duration
from spectrum_pipelines.words.shell import shell_word

FORM = "postgresql://[user@]host[:port]/db[?sslmode=verify-full&schema=spectrum_pipelines&lease=30s]"
HOW_TO_LOG_IN = "set PGPASSWORD, PGPASSFILE, SPECTRUM_STATE_PASSWORD or SPECTRUM_STATE_PASSWORD_FILE instead"
SCHEMA = "spectrum_pipelines"
LEASE = 30.0
_LEASE_FROM, _LEASE_TO = 1.0, 3600.0
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}", re.ASCII)
#: Parameters of libpq that may stand in the URL; what steers sessions (`options`) does not pass a transaction pooler.
_PARAMETERS = frozenset(
    {"sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "ssl_min_protocol_version", "host", "port", "user", "dbname",
     "connect_timeout", "target_session_attrs", "channel_binding", "gssencmode", "krbsrvname", "require_auth"}
)  # fmt: skip
_SECRETS = frozenset({"password", "passfile", "sslpassword"})


class Target(Struct, frozen=True, kw_only=True):
    """What a URL says. `parameters` are libpq's; `lease` is in seconds."""

    parameters: Mapping[str, str]
    schema: str = SCHEMA
    lease: float = LEASE

    @property
    def name(self) -> str:
        """The URL: for people, for journals, and as the value of `--state`. It holds no secret, as `parse_url` takes none.

        The user belongs to it: a command that names another one than the run's environment has a password for is refused.
        """
        query = dict(self.parameters)
        host, port, database, user = (query.pop(name, "") for name in ("host", "port", "dbname", "user"))
        if self.schema != SCHEMA:
            query["schema"] = self.schema
        if self.lease != LEASE:
            query["lease"] = format_duration(self.lease).replace(" ", "")
        if host.startswith("/") or "," in host:
            query |= {"host": host} | ({"port": port} if port else {})
            host = port = ""
        host = f"[{host}]" if ":" in host else host
        place = f"{host}:{port}" if port else host
        place = f"{quote(user, safe='')}@{place}" if user else place
        asked = f"?{urlencode(query, safe='/,')}" if query else ""
        return f"postgresql://{place}/{quote(database, safe='')}{asked}"

    def command(self, verb: str) -> str:
        """`spectrum-pipelines state VERB` for this database, to be pasted."""
        return f"spectrum-pipelines state {verb} --state {shell_word(self.name)}"

    @property
    def is_near(self) -> bool:
        """Nobody can stand between: a socket, or this machine's loopback."""
        return all(map(_is_near, self.parameters.get("host", "").split(",")))


def parse_url(text: str) -> Target:
    """Raises UserError; no password is ever part of its message."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise UserError("the URL of the state has no valid host or port", hint=f"it looks like {FORM}") from error
    if parts.password is not None:
        raise UserError("the URL of the state holds a password", hint=HOW_TO_LOG_IN)
    asked = parse_qsl(parts.query, keep_blank_values=True)
    names = [name for name, _ in asked]
    if _SECRETS & set(names):
        raise UserError("the URL of the state holds a password", hint=HOW_TO_LOG_IN)
    unheard = sorted(set(names) - _PARAMETERS - {"schema", "lease"})
    if unheard or len(set(names)) != len(names):
        told = f"`{unheard[0]}`" if unheard else "a parameter that is given twice"
        raise UserError(f"the URL of the state has {told}", hint=f"it looks like {FORM}")
    given = dict(asked)
    schema, lease = _schema(given.pop("schema", SCHEMA)), _lease(given.pop("lease", None))
    named = {
        "host": unquote(parts.hostname or ""),
        "port": "" if port is None else str(port),
        "user": unquote(parts.username or ""),
        "dbname": unquote(parts.path.removeprefix("/")),
    }
    parameters = {name: value for name, value in (named | given).items() if value}
    if parts.fragment or "\0" in "".join(parameters.values()) or not parameters.get("dbname"):
        what = "no database" if not parameters.get("dbname") else "what no URL of a database has"
        raise UserError(f"the URL of the state names {what}", hint=f"it looks like {FORM}")
    return Target(parameters=parameters, schema=schema, lease=lease)


def _schema(text: str) -> str:
    if not _SCHEMA.fullmatch(text) or text.startswith("pg_"):
        hint = "a name of small letters, digits and underscores, as in schema=spectrum_pipelines"
        raise UserError("the schema in the URL of the state is no name", hint=hint)
    return text


def _lease(text: str | None) -> float:
    if text is None:
        return LEASE
    try:
        seconds = parse_duration(text)
    except ValueError:
        seconds = 0.0
    if not _LEASE_FROM <= seconds <= _LEASE_TO:
        raise UserError("the lease in the URL of the state is no time from 1s to 1h", hint="for example lease=30s")
    return seconds


def _is_near(host: str) -> bool:
    if host in {"", "localhost"} or host.startswith(("/", "@")):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
