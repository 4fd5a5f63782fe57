"""`schema NAME`: the JSON Schemas that ship."""

import click

from spectrum_pipelines.cli.printed import put
from spectrum_pipelines.errors import ExitCode

#: What a user calls it -> the name of the file.
SCHEMAS = {"pipeline": "pipeline", "report": "run-report", "event": "event", "workspace": "workspace", "plan": "plan"}


@click.command("schema")
@click.argument("name", metavar="pipeline|report|event|workspace|plan", type=click.Choice(list(SCHEMAS)))
def command(name: str) -> int:
    """Print a JSON Schema (draft-07) for editors and validators.

    \b
    pipeline    a pipeline file
    report      what `run --report` writes
    event       a line of a run's journal, and of `--progress json`
    workspace   a workspace of the embedded server
    plan        what `plan --format json` writes

    \b
    Example:
      spectrum-pipelines schema pipeline > pipeline.schema.json
    """
    from importlib.resources import files  # noqa: PLC0415 - `--help` needs none

    text = files("spectrum_pipelines.schemas").joinpath(f"{SCHEMAS[name]}.schema.json").read_text(encoding="utf-8")
    put(text)
    return ExitCode.SUCCEEDED
