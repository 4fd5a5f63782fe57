"""Options that several commands share. Every option has an environment variable: SPECTRUM_<OPTION>."""

import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from msgspec import Struct

from spectrum_pipelines.app.deliver import Renderings
from spectrum_pipelines.errors import UserError
from spectrum_pipelines.render.report.formats import FORMATS, Format

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_STATE = ".spectrum-pipelines"


def option(*names: str, **settings: Any) -> Callable[[F], F]:
    """`click.option` with `SPECTRUM_<OPTION>` as its environment variable, shown in the help."""
    longest = max(names, key=len).lstrip("-")
    settings.setdefault("envvar", "SPECTRUM_" + longest.upper().replace("-", "_"))
    return click.option(*names, show_envvar=settings["envvar"] is not None, **settings)


class ConnectionOptions(Struct, frozen=True, kw_only=True):
    """Where Spectrum is and how to log in, as far as the command line says. `login` is that of an embedded server that runs."""

    server: str | None
    local: Path | None
    username: str | None
    password_stdin: bool
    ca_bundle: str | None
    client_cert: str | None
    client_key: str | None
    insecure: bool
    login: tuple[str, str] | None = None


def connection_options(function: F) -> F:
    """Add the options of a connection; the command takes them as `**connection` for `ConnectionOptions`."""
    for add in reversed(_CONNECTION):
        function = add(function)
    return function


_CONNECTION: tuple[Callable[[Any], Any], ...] = (
    option("--server", metavar="URL", envvar="SPECTRUM_URL", help="Spectrum's address, e.g. https://spectrum:8080."),
    option(
        "--local",
        metavar="WORKSPACE",
        type=click.Path(path_type=Path),
        help="Start the embedded server on this workspace file for the time of the command.",
    ),
    option("--username", metavar="NAME", help="The password comes from SPECTRUM_PASSWORD or SPECTRUM_PASSWORD_FILE."),
    option("--password-stdin", is_flag=True, help="Read the password from standard input."),
    option("--ca-bundle", metavar="FILE", help="Trust the certificates in this PEM file."),
    option("--client-cert", metavar="FILE", help="Show this certificate (PEM) to the server."),
    option("--client-key", metavar="FILE", help="The key of --client-cert, if it stands in a file of its own."),
    option("--insecure", is_flag=True, help="Do not check the server's certificate."),
)


def state_option(function: F) -> F:
    """Add `--state`; the command takes it as `state`. `--state-dir` and SPECTRUM_STATE_DIR are its names of 0.1.0."""
    return option(
        "--state",
        "--state-dir",
        "state",
        metavar="DIR|URL",
        envvar=["SPECTRUM_STATE", "SPECTRUM_STATE_DIR"],
        default=DEFAULT_STATE,
        show_default=True,
        help="Where journals, locks and reports of runs are kept.",
    )(function)


class ValueOptions(Struct, frozen=True, kw_only=True):
    """What a pipeline is given from outside."""

    environment: str | None
    var: tuple[str, ...]
    vars_file: str | None


def value_options(function: F) -> F:
    """Add `-e`, `--var` and `--vars-file`; the command takes them as `environment`, `var` and `vars_file`."""
    for add in reversed(_VALUES):
        function = add(function)
    return function


_VALUES: tuple[Callable[[Any], Any], ...] = (
    option("-e", "--environment", metavar="NAME", help="Merge this entry of `environments` over the file."),
    option("--var", metavar="NAME=VALUE", multiple=True, envvar=None, help="Set a variable; also SPECTRUM_VAR_<NAME>."),
    option("--vars-file", metavar="FILE", help="Variables from a YAML or JSON file; --var wins."),
)


def progress_option(function: F) -> F:
    """Add `--progress`."""
    kinds = click.Choice(["auto", "bar", "plain", "json", "none"])
    told = "How progress is told on stderr."
    return option("--progress", type=kinds, default="auto", show_default=True, help=told)(function)


def report_option(function: F) -> F:
    """Add `--report`."""
    return option(
        "--report",
        metavar="FILE.json",
        type=click.Path(path_type=Path),
        help="Write the run report here too, and keep it current; - for stdout.",
    )(function)


def rendering_options(function: F) -> F:
    """Add an option for each format of a report that has one; the command takes them together as `renderings`."""
    written = {form: row for form, row in FORMATS.items() if row.option is not None}

    @functools.wraps(function)
    def bundled(*args: Any, **others: Any) -> Any:
        paths = {form: others.pop(_parameter(row)) for form, row in written.items()}
        chosen = {form: path for form, path in paths.items() if path is not None}
        return function(*args, renderings=Renderings(paths=chosen), **others)

    added: Callable[..., Any] = bundled
    for row in reversed(written.values()):
        added = option(row.option or "", metavar=row.metavar, type=click.Path(path_type=Path), help=row.told)(added)
    return cast("F", added)


def _parameter(row: Format) -> str:
    return (row.option or "").lstrip("-").replace("-", "_")


def assignments(texts: Iterable[str]) -> dict[str, str]:
    """`NAME=VALUE`, each split at its first `=`. Raises UserError."""
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UserError("--var wants NAME=VALUE", hint="e.g. --var region=emea; quote it if the value has spaces")
        values[name] = value
    return values
