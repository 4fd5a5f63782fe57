"""Options that several commands share. Every option has an environment variable: SPECTRUM_<OPTION>."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from msgspec import Struct

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_STATE = ".spectrum-pipelines"


def option(*names: str, **settings: Any) -> Callable[[F], F]:
    """`click.option` with `SPECTRUM_<OPTION>` as its environment variable, shown in the help."""
    longest = max(names, key=len).lstrip("-")
    settings.setdefault("envvar", "SPECTRUM_" + longest.upper().replace("-", "_"))
    return click.option(*names, show_envvar=settings["envvar"] is not None, **settings)


class ConnectionOptions(Struct, frozen=True, kw_only=True):
    """Where Spectrum is and how to log in, as far as the command line says. `login` is that of the embedded server."""

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
    """Add `--state-dir`."""
    return option(
        "--state-dir",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path(DEFAULT_STATE),
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
