"""Options that several commands share. Every option has an environment variable: SPECTRUM_<OPTION>."""

import functools
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from click.core import ParameterSource
from msgspec import Struct

from spectrum_pipelines.app.deliver import Renderings
from spectrum_pipelines.cli.completion import environment_names, files, folders, variables
from spectrum_pipelines.errors import UserError
from spectrum_pipelines.pipeline.model.durations import parse_duration
from spectrum_pipelines.render.report.formats import FORMATS, Format

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_STATE = ".spectrum-pipelines"
_SERVER, _GIVEN, _TOLD = "Server and login", "Values", "Report and progress"  # sections of a help


class Option(click.Option):
    """An option that is given empty counts as not given, on the command line as in the environment.

    A name of 0.1.0 that sounds global (SPECTRUM_FORMAT) may be set for another command: what is no choice of this one is
    passed over. `section` is where the help shows it.
    """

    def __init__(self, *arguments: Any, section: str | None = None, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.section = section

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        """The value and where it came from."""
        if opts.get(self.name or "") == "" and self.name not in _MAY_BE_EMPTY:
            opts = {name: value for name, value in opts.items() if name != self.name}
        return super().consume_value(ctx, opts)

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:  # noqa: ARG002 - click's signature
        """The first of the option's variables that is set and says something to it."""
        names = [self.envvar] if isinstance(self.envvar, str) else list(self.envvar or ())
        for name in names:
            value = os.environ.get(name)
            if not value or (name != names[0] and self._is_foreign(value)):
                continue
            return value
        return None

    def _is_foreign(self, value: str) -> bool:
        return isinstance(self.type, click.Choice) and value not in self.type.choices


#: An empty run key is a variable that CI did not set, and is refused.
_MAY_BE_EMPTY = frozenset({"run_key"})


def option(*names: str, of: str | None = None, **settings: Any) -> Callable[[F], F]:
    """`click.option` with `SPECTRUM_<OPTION>` as its environment variable, shown in the help.

    `of`: the command that alone has this option: `SPECTRUM_<COMMAND>_<OPTION>`, and the name of 0.1.0 behind it.
    """
    longest = max(names, key=len).lstrip("-")
    common = "SPECTRUM_" + longest.upper().replace("-", "_")
    settings.setdefault("envvar", common if of is None else [common.replace("SPECTRUM_", f"SPECTRUM_{of}_", 1), common])
    shown = settings["envvar"] is not None
    return click.option(*names, cls=Option, show_envvar=shown, **settings)


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
    trace: bool = False
    login: tuple[str, str] | None = None


def connection_options(function: F) -> F:
    """Add the options of a connection; the command takes them as `**connection` for `ConnectionOptions`."""
    for add in reversed(_CONNECTION):
        function = add(function)
    return function


_CONNECTION: tuple[Callable[[Any], Any], ...] = (
    option(
        "--server",
        metavar="URL",
        envvar="SPECTRUM_URL",
        help="Spectrum's address, e.g. https://spectrum:8080.",
        section=_SERVER,
    ),
    option(
        "--local",
        metavar="WORKSPACE",
        type=click.Path(path_type=Path),
        help="Start the embedded server on this workspace file for the time of the command.",
        section=_SERVER,
    ),
    option(
        "--username",
        metavar="NAME",
        help="Who logs in; the password comes from SPECTRUM_PASSWORD or SPECTRUM_PASSWORD_FILE.",
        section=_SERVER,
    ),
    option("--password-stdin", is_flag=True, help="Read the password from standard input.", section=_SERVER),
    option(
        "--ca-bundle",
        metavar="FILE",
        shell_complete=files,
        help="Trust the certificates in this PEM file.",
        section=_SERVER,
    ),
    option(
        "--client-cert",
        metavar="FILE",
        shell_complete=files,
        help="Show this certificate (PEM) to the server.",
        section=_SERVER,
    ),
    option(
        "--client-key",
        metavar="FILE",
        shell_complete=files,
        help="The key of --client-cert, if it stands in a file of its own.",
        section=_SERVER,
    ),
    option("--insecure", is_flag=True, help="Do not check the server's certificate.", section=_SERVER),
    option(
        "--trace",
        is_flag=True,
        help="Print each request on stderr: method, path, HTTP code, milliseconds.",
        section=_SERVER,
    ),
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
        shell_complete=folders,
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


def var_option(told: str, *, section: str | None = _GIVEN) -> Callable[[F], F]:
    """Add `--var`; the command takes it as `var`."""
    return option(
        "--var",
        metavar="NAME=VALUE",
        multiple=True,
        envvar=None,
        shell_complete=variables,
        help=told,
        section=section,
    )


def _vars_file_option(told: str) -> Callable[[F], F]:
    return option("--vars-file", metavar="FILE", shell_complete=files, help=told, section=_GIVEN)


_VALUES: tuple[Callable[[Any], Any], ...] = (
    option(
        "-e",
        "--environment",
        metavar="NAME",
        shell_complete=environment_names,
        help="Merge this entry of `environments` over the file.",
        section=_GIVEN,
    ),
    var_option("Set a variable; also SPECTRUM_VAR_<NAME>."),
    _vars_file_option("Variables from a YAML or JSON file; --var wins."),
)


def values_again(function: F) -> F:
    """Add `--var` and `--vars-file` as a command takes them that goes on with a run: secret values, and new ones."""
    for add in reversed(_VALUES_AGAIN):
        function = add(function)
    return function


_VALUES_AGAIN: tuple[Callable[[Any], Any], ...] = (
    var_option("A secret value again, which no journal holds, or a new value; also SPECTRUM_VAR_<NAME>."),
    _vars_file_option("The same from a YAML or JSON file; --var wins."),
)


def progress_option(function: F) -> F:
    """Add `--progress`."""
    kinds = click.Choice(["auto", "bar", "plain", "json", "none"])
    told = "How progress is shown on stderr."
    return option("--progress", type=kinds, default="auto", show_default=True, help=told, section=_TOLD)(function)


def report_option(function: F) -> F:
    """Add `--report`."""
    return option(
        "--report",
        metavar="FILE.json",
        type=click.Path(path_type=Path),
        help="Write the run report here too, and keep it current; - for stdout.",
        section=_TOLD,
    )(function)


def seconds(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """Read a duration such as `30m`."""
    try:
        return None if text is None else parse_duration(text)
    except ValueError:
        raise click.BadParameter("Write a duration such as 250ms, 30s or 1h30m.", context, parameter) from None


def patience_option(function: F) -> F:
    """Add `--wait-for-server`; the command takes it as `patience`, in seconds."""
    return option(
        "--wait-for-server",
        "patience",
        metavar="DURATION",
        callback=seconds,
        help="How long to wait for a server that cannot be reached, before anything is triggered, e.g. 10m.",
    )(function)


def rendering_options(function: F) -> F:
    """Add an option for each format of a report that has one; the command takes them together as `renderings`."""

    @functools.wraps(function)
    def bundled(*args: Any, **others: Any) -> Any:
        chosen = wanted(others)
        kept = {name: value for name, value in others.items() if name not in map(_parameter, _WRITTEN.values())}
        return function(*args, renderings=chosen, **kept)

    added: Callable[..., Any] = bundled
    for row in reversed(_WRITTEN.values()):
        added = option(
            row.option or "", metavar=row.metavar, type=click.Path(path_type=Path), help=row.told, section=_TOLD
        )(added)
    return cast("F", added)


_WRITTEN = {form: row for form, row in FORMATS.items() if row.option is not None}


def wanted(parameters: Mapping[str, Any]) -> Renderings:
    """The renderings that the parameters of a command ask for."""
    paths = {form: parameters.get(_parameter(row)) for form, row in _WRITTEN.items()}
    return Renderings(paths={form: path for form, path in paths.items() if path is not None})


def _parameter(row: Format) -> str:
    return (row.option or "").lstrip("-").replace("-", "_")


def assignments(texts: Iterable[str]) -> dict[str, str]:
    """`NAME=VALUE`, each split at its first `=`. Raises UserError."""
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UserError("--var needs NAME=VALUE", hint="e.g. --var region=emea; quote it if the value has spaces")
        values[name] = value
    return values
