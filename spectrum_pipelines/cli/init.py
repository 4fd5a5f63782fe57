"""`init [DIR]`: a first pipeline, and a job server of one's own to run it on."""

import os
from importlib.resources import files
from pathlib import Path

import click

from spectrum_pipelines.cli.printed import put
from spectrum_pipelines.cli.terminal import say
from spectrum_pipelines.errors import ExitCode, UserError

#: What is written, and from where: a folder of this package, or the schemas that ship.
_FILES = {
    "pipeline.yaml": ("spectrum_pipelines.cli", "examples/pipeline.yaml"),
    "workspace.yaml": ("spectrum_pipelines.cli", "examples/workspace.yaml"),
    "data/orders.csv": ("spectrum_pipelines.cli", "examples/data/orders.csv"),
    "data/customers.csv": ("spectrum_pipelines.cli", "examples/data/customers.csv"),
    "schemas/pipeline.schema.json": ("spectrum_pipelines.schemas", "pipeline.schema.json"),
    "schemas/workspace.schema.json": ("spectrum_pipelines.schemas", "workspace.schema.json"),
}


@click.command("init")
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=Path())
def command(folder: Path) -> int:
    r"""Write a commented pipeline into DIR (by default, here), with a workspace and data to run it on. Overwrites nothing.

    \b
    Examples:
      spectrum-pipelines init demo
      spectrum-pipelines init
    """
    there = [name for name in _FILES if os.path.lexists(folder / name)]
    if there:
        listed = ", ".join(str(folder / name) for name in there)
        raise UserError(f"nothing was written: {listed} would be overwritten", hint="choose a new folder: init DIR")
    for name, (package, resource) in _FILES.items():
        _write(folder / name, files(package).joinpath(resource).read_bytes())
        say("created", str(folder / name))
    pipeline, workspace = folder / "pipeline.yaml", folder / "workspace.yaml"
    put(f"spectrum-pipelines validate {_quoted(pipeline)}\n")
    put(f"spectrum-pipelines run {_quoted(pipeline)} --local {_quoted(workspace)}\n")
    return ExitCode.SUCCEEDED


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # `x`: what appeared since we looked stays as well.
        with path.open("xb") as file:
            file.write(content)
    except OSError as error:
        what = (error.strerror or str(error)).lower()
        raise UserError(f"{path} cannot be written: {what}", hint="choose another folder: init DIR") from error


def _quoted(path: Path) -> str:
    import shlex  # noqa: PLC0415 - for the two lines at the end

    return shlex.quote(str(path))
