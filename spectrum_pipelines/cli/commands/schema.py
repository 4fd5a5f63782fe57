"""`schema NAME`: the JSON Schemas that ship, and the reference that is made from that of pipelines."""

import click

from spectrum_pipelines.cli.groups import TellingCommand
from spectrum_pipelines.cli.options import option
from spectrum_pipelines.cli.printed import put
from spectrum_pipelines.errors import ExitCode, UserError

#: What a user calls it -> the name of the file.
SCHEMAS = {"pipeline": "pipeline", "report": "run-report", "event": "event", "workspace": "workspace", "plan": "plan"}


@click.command("schema", cls=TellingCommand)
@click.argument("name", metavar="pipeline|report|event|workspace|plan", type=click.Choice(list(SCHEMAS)))
@option("--markdown", is_flag=True, help="For people: every key of a pipeline file, its default, an example.")
def command(name: str, *, markdown: bool) -> int:
    """Print a JSON Schema (draft-07) for editors and validators.

    \b
    pipeline    a pipeline file
    report      what `run --report` writes
    event       a line of a run's journal, and of `--progress json`
    workspace   a workspace of the embedded server
    plan        what `plan --format json` writes

    \b
    Examples:
      spectrum-pipelines schema pipeline > pipeline.schema.json
      spectrum-pipelines schema pipeline --markdown | less
    """
    from importlib.resources import files  # noqa: PLC0415 - `--help` needs none

    if markdown and name != "pipeline":
        raise UserError(
            f"the schema `{name}` is printed as JSON only", hint="the reference is that of `schema pipeline`"
        )
    file = "README.md" if markdown else f"{SCHEMAS[name]}.schema.json"
    put(files("spectrum_pipelines.schemas").joinpath(file).read_text(encoding="utf-8"))
    return ExitCode.SUCCEEDED
