"""`validate FILE...`: every fault of pipeline and workspace files; a server is asked only with `--online`."""

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import click
from msgspec.structs import replace

from spectrum_pipelines.app.checkout import named_from, root
from spectrum_pipelines.app.fragments import Fragments
from spectrum_pipelines.app.includers import Includers
from spectrum_pipelines.app.validate import Asked, Checked, ask_nobody, check_file
from spectrum_pipelines.cli.console import asking_front
from spectrum_pipelines.cli.groups import TellingCommand
from spectrum_pipelines.cli.options import (
    ConnectionOptions,
    ValueOptions,
    connection_options,
    option,
    value_options,
)
from spectrum_pipelines.cli.printed import put
from spectrum_pipelines.cli.terminal import say, wants_color, width_to_read
from spectrum_pipelines.document.diagnostic import Diagnostic, Severity
from spectrum_pipelines.document.parse import Document
from spectrum_pipelines.errors import ExitCode, UnreadableFile

_FORMATS = ["auto", "text", "json", "github", "gitlab", "sarif"]


@click.command("validate", cls=TellingCommand)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@option("--format", "form", of="VALIDATE", type=click.Choice(_FORMATS), default="auto", show_default=True)
@option("--strict", of="VALIDATE", is_flag=True, help="Count warnings as findings.")
@option(
    "--online",
    of="VALIDATE",
    is_flag=True,
    help="Also ask the server whether every target exists; needs values and a login.",
)
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

    No server is asked and no variables are needed, unless `--online` wants to know whether the targets exist. A fragment is
    checked by its own form, and in every pipeline of its repository that includes it.

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
    from spectrum_pipelines.pipeline.fill.interpolate import allowed_names  # noqa: PLC0415 - with the rest of the checks

    values = ValueOptions(environment=environment, var=var, vars_file=vars_file)
    asked = _asking(values, ConnectionOptions(**connection)) if online else ask_nobody
    checked: list[Checked] = []
    unreadable: list[UnreadableFile] = []
    fragments, includers, beside = Fragments(), Includers(), frozenset(map(os.path.realpath, files))
    allowed = allowed_names(os.environ)
    for name in dict.fromkeys(files):
        try:
            checked.append(
                check_file(name, asked, fragments=fragments, allowed=allowed, includers=includers, beside=beside)
            )
        except UnreadableFile as error:
            unreadable.append(error)
    _show(checked, form, complete=not unreadable)
    for fault in unreadable:
        say("error", fault.message, hint=fault.hint)
    counted = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    if unreadable:
        return ExitCode.USAGE
    return ExitCode.FAILED if any(it.severity in counted for one in checked for it in one.found) else ExitCode.SUCCEEDED


def _asking(values: ValueOptions, options: ConnectionOptions) -> Asked:
    """What a server says of a pipeline: the network only where it is asked for."""
    from spectrum_pipelines.app.validate_online import check_online  # noqa: PLC0415
    from spectrum_pipelines.cli.reach import reach, server_of, workspace_of  # noqa: PLC0415
    from spectrum_pipelines.cli.values import given_of  # noqa: PLC0415

    def asked(document: Document) -> tuple[Diagnostic, ...]:
        with server_of(options) as reached:
            given = given_of(values, server=reached.server)
            return check_online(document, given, reach(reached), asking_front(), workspace=workspace_of(reached))

    return asked


def _show(checked: Sequence[Checked], form: str, *, complete: bool) -> None:
    # What is wrong with a fragment is told once, however many files share it.
    found = list(dict.fromkeys(it for one in checked for it in one.found))
    if not found and form in {"auto", "text", "github"}:
        if checked:
            from spectrum_pipelines.words.wording import many  # noqa: PLC0415 - most files have faults or are many

            say("ok", f"{many(len(checked), 'file')} without faults")
        return
    if found and form not in {"auto", "text"} and _is_a_file(sys.stdout):
        sys.stderr.write(_as_text(found, checked, sys.stderr))
    match form:
        case "json":
            from spectrum_pipelines.render.findings.text import render_json  # noqa: PLC0415 - one of several

            put(render_json(found))
        case "auto" | "text":
            put(_as_text(found, checked, sys.stdout))
            if form == "auto" and os.environ.get("GITHUB_ACTIONS") == "true":
                from spectrum_pipelines.render.findings.github import SHOWN, render_github  # noqa: PLC0415

                sys.stderr.write(render_github(_from_checkout(found, os.environ), limit=SHOWN))
        case _:
            put(_for_ci(_from_checkout(found, os.environ), form, complete=complete))


def _as_text(found: Sequence[Diagnostic], checked: Sequence[Checked], stream: TextIO) -> str:
    from spectrum_pipelines.cli.given import pasted_hints  # noqa: PLC0415 - a good file needs none
    from spectrum_pipelines.render.findings.text import render_text  # noqa: PLC0415 - one of several

    sources = {shown.name: shown for one in checked for shown in one.shown}
    return render_text(pasted_hints(found, stream), sources, color=wants_color(stream), width=width_to_read(stream))


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
