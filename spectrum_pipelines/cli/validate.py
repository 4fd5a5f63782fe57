"""`validate FILE...`: every fault of pipeline and workspace files, without a server."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from spectrum_pipelines.cli.options import option
from spectrum_pipelines.cli.printed import put
from spectrum_pipelines.cli.terminal import say, wants_color
from spectrum_pipelines.document.diagnostic import Diagnostic, Severity, in_order
from spectrum_pipelines.document.parse import Document, parse
from spectrum_pipelines.document.source import Source, read_source
from spectrum_pipelines.errors import ExitCode, UnreadableFile, UserError

_SCHEMA_LINE = "yaml-language-server: $schema="


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A file and what is wrong with it. `shown` is its text as it may be quoted."""

    shown: Source
    found: tuple[Diagnostic, ...]


@click.command("validate")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@option("--strict", is_flag=True, help="Count warnings as findings.")
def command(files: tuple[str, ...], *, form: str, strict: bool) -> int:
    r"""Find every fault of pipeline files, and of workspace files. No server is asked, and no variables are needed.

    \b
    Examples:
      spectrum-pipelines validate pipelines/*.yaml
      spectrum-pipelines validate --strict nightly.yaml
      spectrum-pipelines validate --format json nightly.yaml | jq -r '.[].message'

    Exit codes: 0 no findings, 1 findings, 2 a file could not be read (the others are checked all the same).
    """
    checked: list[Checked] = []
    unreadable: list[UnreadableFile] = []
    for name in dict.fromkeys(files):
        try:
            checked.append(check_file(name))
        except UnreadableFile as error:
            unreadable.append(error)
    _show(checked, form)
    for fault in unreadable:
        say("error", fault.message, hint=fault.hint)
    counted = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    if unreadable:
        return ExitCode.USAGE
    return ExitCode.FAILED if any(it.severity in counted for one in checked for it in one.found) else ExitCode.SUCCEEDED


def check_file(name: str) -> Checked:
    """Check one file for what it is. Raises UnreadableFile."""
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

    return Checked(shown=document.masked(secret_paths(document)), found=in_order([*found, *check(document)]))


def is_workspace(document: Document) -> bool:
    """Told by the schema line of its editor, else by keys that no pipeline has."""
    for line in document.source.text.splitlines()[:20]:
        if line.startswith("#") and _SCHEMA_LINE in line:
            return "workspace" in line.rpartition("/")[2]
    data = document.data
    return isinstance(data, dict) and {"users", "files"} <= data.keys() and "jobs" not in data


def _workspace_faults(document: Document) -> tuple[Diagnostic, ...]:
    from spectrum_pipelines.cli.embedded import check_workspace_file  # noqa: PLC0415 - the extra `local`

    try:
        return check_workspace_file(document)
    except ImportError as error:
        hint = "install it with: pip install 'spectrum-pipelines[local]'"
        raise UserError(f"a workspace needs the embedded server ({error.name} is missing)", hint=hint) from error


def _show(checked: Iterable[Checked], form: str) -> None:
    found = [it for one in checked for it in one.found]
    if form == "text" and not found:
        say("ok", f"{_many(len(list(checked)))} without faults")
        return
    from spectrum_pipelines.output.diagnostics import render_json, render_text  # noqa: PLC0415 - a good file needs none

    if form == "json":
        put(render_json(found))
    else:
        sources = {one.shown.name: one.shown for one in checked}
        put(render_text(found, sources, color=wants_color(sys.stdout)))


def _many(number: int) -> str:
    return f"{number:,} file{'' if number == 1 else 's'}"
