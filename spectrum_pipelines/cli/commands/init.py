"""`init [DIR]`: a first pipeline, and a job server of one's own to run it on."""

import os
import sys
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from spectrum_pipelines.cli.console import asking_front
from spectrum_pipelines.cli.groups import TellingCommand
from spectrum_pipelines.cli.ids import job_file
from spectrum_pipelines.cli.options import ConnectionOptions, connection_options, option
from spectrum_pipelines.cli.printed import put
from spectrum_pipelines.cli.reach import reach, server_of
from spectrum_pipelines.cli.terminal import say
from spectrum_pipelines.document.source import leaves_its_checkout
from spectrum_pipelines.errors import ExitCode, UserError
from spectrum_pipelines.words.shell import shell_word

#: What is written, and from where: a folder of this package, or the schemas that ship.
_FILES = {
    "pipeline.yaml": ("spectrum_pipelines.cli", "examples/pipeline.yaml"),
    "workspace.yaml": ("spectrum_pipelines.cli", "examples/workspace.yaml"),
    "data/orders.csv": ("spectrum_pipelines.cli", "examples/data/orders.csv"),
    "data/customers.csv": ("spectrum_pipelines.cli", "examples/data/customers.csv"),
    "schemas/pipeline.schema.json": ("spectrum_pipelines.schemas", "pipeline.schema.json"),
    "schemas/workspace.schema.json": ("spectrum_pipelines.schemas", "workspace.schema.json"),
}


@click.command("init", cls=TellingCommand)
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=Path())
@option(
    "--from-server",
    of="INIT",
    is_flag=True,
    help="Write jobs for the --file that the server has, in place of the example.",
)
@option(
    "--file",
    "wanted",
    of="INIT",
    metavar="FILE",
    multiple=True,
    callback=job_file,
    help="A path, a uuid or a file id; may be repeated.",
)
@connection_options
def command(folder: Path, *, from_server: bool, wanted: tuple[str, ...], **connection: Any) -> int:
    """Write a commented pipeline into DIR (by default, here), with a workspace and data to run it on. Overwrites nothing.

    With --from-server, the pipeline triggers files of your own Spectrum, with their ids, last runs and usual times; DIR gets no
    workspace then. The server is only asked.

    \b
    Examples:
      spectrum-pipelines init demo
      spectrum-pipelines init
      spectrum-pipelines init nightly --from-server --file /Data/Imports/orders.imp --file 48
    """
    if from_server != bool(wanted):
        raise click.UsageError("--from-server and --file go together.", click.get_current_context())
    pipeline, workspace = folder / "pipeline.yaml", folder / "workspace.yaml"
    if from_server:
        names = {"pipeline.yaml", "schemas/pipeline.schema.json"}
        _refuse_to_overwrite(folder, names)
        _put_all(folder, _contents(names) | {"pipeline.yaml": _from_server(wanted, connection)})
        from spectrum_pipelines.cli.given import server_given  # noqa: PLC0415 - for the line at the end

        _put_command("plan", str(pipeline), "--online", options=server_given())
        return ExitCode.SUCCEEDED
    _refuse_to_overwrite(folder, _FILES)
    _put_all(folder, _contents(_FILES))
    _put_command("validate", str(pipeline), options={})
    _put_command("run", str(pipeline), options={"--local": str(workspace)})
    return ExitCode.SUCCEEDED


def _from_server(wanted: tuple[str, ...], connection: Mapping[str, Any]) -> bytes:
    from spectrum_pipelines.app.first_pipeline import first_pipeline  # noqa: PLC0415 - requests and tenacity

    options = ConnectionOptions(**connection)
    with server_of(options) as reached:
        return first_pipeline(wanted, reach(reached), asking_front(), embedded=options.local is not None).encode()


def _refuse_to_overwrite(folder: Path, names: Iterable[str]) -> None:
    if leaves_its_checkout(str(folder / "pipeline.yaml")):
        target = os.path.realpath(folder)
        message = f"nothing was written: {folder} leads out of the checkout by a link, to {target}"
        raise UserError(message, hint=f"if that is meant, give that folder itself: init {shell_word(target)}")
    there = [name for name in _FILES if name in names and os.path.lexists(folder / name)]
    if there:
        listed = ", ".join(str(folder / name) for name in there)
        raise UserError(f"nothing was written: {listed} would be overwritten", hint="choose a new folder: init DIR")


def _contents(names: Iterable[str]) -> dict[str, bytes]:
    wanted = {name: place for name, place in _FILES.items() if name in names}
    return {name: files(package).joinpath(resource).read_bytes() for name, (package, resource) in wanted.items()}


def _put_all(folder: Path, contents: Mapping[str, bytes]) -> None:
    for name, content in contents.items():
        _write(folder / name, content)
        say("created", str(folder / name))


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # `x`: what appeared since we looked stays as well.
        with path.open("xb") as file:
            file.write(content)
    except OSError as error:
        what = (error.strerror or str(error)).lower()
        raise UserError(f"{path} cannot be written: {what}", hint="choose another folder: init DIR") from error


def _put_command(*words: str, options: Mapping[str, str | None]) -> None:
    from spectrum_pipelines.cli.given import pasted  # noqa: PLC0415 - for the lines at the end
    from spectrum_pipelines.report.commands import command as line  # noqa: PLC0415

    put(pasted(line(*words, options=options), sys.stdout) + "\n")
