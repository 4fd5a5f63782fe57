"""`validate FILE...`: every fault of pipeline and workspace files; a server is asked only with `--online`."""

import os
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import click
from msgspec import Struct
from msgspec.structs import replace

from spectrum_pipelines.app.checkout import named_from, root
from spectrum_pipelines.cli.options import (
    ConnectionOptions,
    ValueOptions,
    connection_options,
    option,
    value_options,
)
from spectrum_pipelines.cli.printed import put
from spectrum_pipelines.cli.terminal import say, wants_color
from spectrum_pipelines.document.diagnostic import Diagnostic, Severity, in_order
from spectrum_pipelines.document.parse import Document, parse
from spectrum_pipelines.document.source import Source, read_source
from spectrum_pipelines.errors import ExitCode, UnreadableFile, UserError

_SCHEMA_LINE = "yaml-language-server: $schema="
_FORMATS = ["auto", "text", "json", "github", "gitlab", "sarif"]


Asked = Callable[[Document], tuple[Diagnostic, ...]]


class Checked(Struct, frozen=True, kw_only=True):
    """A file and what is wrong with it. `shown` is its text as it may be quoted."""

    shown: Source
    found: tuple[Diagnostic, ...]


@click.command("validate")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@option("--format", "form", type=click.Choice(_FORMATS), default="auto", show_default=True)
@option("--strict", is_flag=True, help="Count warnings as findings.")
@option("--online", is_flag=True, help="Also ask the server whether every target exists; wants values and a login.")
@value_options
@connection_options
def command(
    files: tuple[str, ...],
    *,
    form: str,
    strict: bool,
    online: bool,
    environment: str | None,
    var: tuple[str, ...],
    vars_file: str | None,
    **connection: Any,
) -> int:
    """Find every fault of pipeline files, and of workspace files.

    No server is asked and no variables are needed, unless `--online` wants to know whether the targets exist.

    \b
    Examples:
      spectrum-pipelines validate pipelines/*.yaml
      spectrum-pipelines validate --strict nightly.yaml
      spectrum-pipelines validate --online -e prod nightly.yaml
      spectrum-pipelines validate --format json nightly.yaml | jq -r '.[].message'
      spectrum-pipelines validate --format gitlab pipelines/*.yaml > gl-code-quality-report.json

    `auto` is text; in a step of GitHub Actions, annotations stand in the log as well.

    Exit codes: 0 no findings, 1 findings, 2 a file could not be read (the others are checked all the same).
    """
    values = ValueOptions(environment=environment, var=var, vars_file=vars_file)
    asked = (lambda document: _ask(document, values, ConnectionOptions(**connection))) if online else _ask_nobody
    checked: list[Checked] = []
    unreadable: list[UnreadableFile] = []
    for name in dict.fromkeys(files):
        try:
            checked.append(check_file(name, asked))
        except UnreadableFile as error:
            unreadable.append(error)
    _show(checked, form, complete=not unreadable)
    for fault in unreadable:
        say("error", fault.message, hint=fault.hint)
    counted = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    if unreadable:
        return ExitCode.USAGE
    return ExitCode.FAILED if any(it.severity in counted for one in checked for it in one.found) else ExitCode.SUCCEEDED


def _ask_nobody(document: Document) -> tuple[Diagnostic, ...]:  # noqa: ARG001 - in the place of `_ask`
    return ()


def _ask(document: Document, values: ValueOptions, options: ConnectionOptions) -> tuple[Diagnostic, ...]:
    from spectrum_pipelines.app.connection import server_of  # noqa: PLC0415 - the network only where it is asked for
    from spectrum_pipelines.app.validate_online import check_online  # noqa: PLC0415

    with server_of(options) as reached:
        return check_online(document, values, reached)


def check_file(name: str, asked: Asked = _ask_nobody) -> Checked:
    """Check one file for what it is; `asked` adds what a server says of a pipeline. Raises UnreadableFile."""
    if Path(name).is_dir():
        raise UnreadableFile(f"{name} is a directory, not a file", hint=f"name its files: {Path(name) / '*.yaml'}")
    source = read_source(name)
    document, found = parse(source)
    if document is None:
        return Checked(shown=source, found=found)
    if is_workspace(document):
        return Checked(shown=source, found=in_order([*found, *_workspace_faults(document)]))
    from spectrum_pipelines.pipeline.check import check  # noqa: PLC0415 - not for workspaces
    from spectrum_pipelines.pipeline.secrets import secret_paths  # noqa: PLC0415

    return Checked(
        shown=document.masked(secret_paths(document)), found=in_order([*found, *check(document), *asked(document)])
    )


def is_workspace(document: Document) -> bool:
    """Told by the schema line of its editor, else by keys that no pipeline has."""
    for line in document.source.text.splitlines()[:20]:
        if line.startswith("#") and _SCHEMA_LINE in line:
            return "workspace" in line.rpartition("/")[2]
    data = document.data
    return isinstance(data, dict) and {"users", "files"} <= data.keys() and "jobs" not in data


def _workspace_faults(document: Document) -> tuple[Diagnostic, ...]:
    from spectrum_pipelines.app.embedded import check_workspace_file  # noqa: PLC0415 - the extra `local`

    try:
        return check_workspace_file(document)
    except ImportError as error:
        hint = "install it with: pip install 'spectrum-pipelines[local]'"
        raise UserError(f"a workspace needs the embedded server ({error.name} is missing)", hint=hint) from error


def _show(checked: Sequence[Checked], form: str, *, complete: bool) -> None:
    found = [it for one in checked for it in one.found]
    if not found and form in {"auto", "text", "github"}:
        if checked:
            say("ok", f"{_many(len(checked))} without faults")
        return
    if found and form not in {"auto", "text"} and _is_a_file(sys.stdout):
        sys.stderr.write(_as_text(found, checked, color=wants_color(sys.stderr)))
    match form:
        case "json":
            from spectrum_pipelines.render.findings.text import render_json  # noqa: PLC0415 - one of several

            put(render_json(found))
        case "auto" | "text":
            put(_as_text(found, checked, color=wants_color(sys.stdout)))
            if form == "auto" and os.environ.get("GITHUB_ACTIONS") == "true":
                from spectrum_pipelines.render.findings.github import SHOWN, render_github  # noqa: PLC0415

                sys.stderr.write(render_github(_from_checkout(found, os.environ), limit=SHOWN))
        case _:
            put(_for_ci(_from_checkout(found, os.environ), form, complete=complete))


def _as_text(found: Sequence[Diagnostic], checked: Sequence[Checked], *, color: bool) -> str:
    from spectrum_pipelines.render.findings.text import render_text  # noqa: PLC0415 - one of several

    return render_text(found, {one.shown.name: one.shown for one in checked}, color=color)


def _is_a_file(stream: TextIO) -> bool:
    """The stream ends in a file: a CI job that keeps the findings for another program shows nobody why it is red."""
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False


def _for_ci(found: Sequence[Diagnostic], form: str, *, complete: bool) -> str:
    match form:
        case "github":
            from spectrum_pipelines.render.findings.github import render_github  # noqa: PLC0415 - one of several

            return render_github(found)
        case "gitlab":
            from spectrum_pipelines.render.findings.gitlab import render_gitlab  # noqa: PLC0415

            return render_gitlab(found)
        case _:
            from spectrum_pipelines import __version__  # noqa: PLC0415
            from spectrum_pipelines.render.findings.sarif import render_sarif  # noqa: PLC0415

            return render_sarif(found, version=__version__, complete=complete)


def _from_checkout(found: Sequence[Diagnostic], environ: Mapping[str, str]) -> list[Diagnostic]:
    """The findings with their files named from the root of the repository, as CI systems name them."""
    names = {it.file: named_from(root(environ), it.file) for it in found}
    return [replace(it, file=names[it.file]) for it in found]


def _many(number: int) -> str:
    return f"{number:,} file{'' if number == 1 else 's'}"
