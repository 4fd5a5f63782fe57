"""`plan FILE`: what a run would do, without a server."""

import os

import click

from spectrum_pipelines.cli.loading import given_values, load_pipeline
from spectrum_pipelines.cli.options import ValueOptions, option, value_options
from spectrum_pipelines.cli.printed import put
from spectrum_pipelines.document.source import read_source
from spectrum_pipelines.errors import ExitCode
from spectrum_pipelines.output.plan_facts import PlanFacts
from spectrum_pipelines.pipeline.plan import plan, select

#: Stands for `${run.id}`: only a run has one.
RUN_ID = "RUN_ID"


@click.command("plan")
@click.argument("file", metavar="FILE")
@option("--format", "form", type=click.Choice(["text", "json", "mermaid", "dot"]), default="text", show_default=True)
@value_options
@option(
    "--server", metavar="URL", envvar="SPECTRUM_URL", help="The address to show in place of `server.url`; not asked."
)
@option(
    "--only", metavar="SELECTION", multiple=True, help="Plan these jobs: a, +b (and its needs), c+ (and what needs it)."
)
def command(
    file: str,
    *,
    form: str,
    environment: str | None,
    var: tuple[str, ...],
    vars_file: str | None,
    server: str | None,
    only: tuple[str, ...],
) -> int:
    r"""Show what a run would do: its waves, the policy of each job, and how long it takes in the worst case. No server is asked.

    \b
    Examples:
      spectrum-pipelines plan pipelines/quickstart.yaml
      spectrum-pipelines plan nightly.yaml -e prod --var business_date=2026-11-22
      spectrum-pipelines plan nightly.yaml --only +publish --format json
      spectrum-pipelines plan nightly.yaml --format dot | dot -Tsvg > nightly.svg
    """
    values = ValueOptions(environment=environment, var=var, vars_file=vars_file)
    loaded = load_pipeline(read_source(file), given_values(values, os.environ, server=server), run_id=RUN_ID)
    pipeline = select(loaded.pipeline, only) if only else loaded.pipeline
    facts = PlanFacts(pipeline, plan(pipeline), loaded.document)
    put(_rendered(facts, form))
    return ExitCode.SUCCEEDED


def _rendered(facts: PlanFacts, form: str) -> str:
    match form:
        case "json":
            from spectrum_pipelines.output.plan_json import render_json  # noqa: PLC0415 - one of several

            return render_json(facts)
        case "mermaid":
            from spectrum_pipelines.output.plan_mermaid import render_mermaid  # noqa: PLC0415

            return render_mermaid(facts)
        case "dot":
            from spectrum_pipelines.output.plan_dot import render_dot  # noqa: PLC0415

            return render_dot(facts)
        case _:
            from spectrum_pipelines.output.plan_text import render_text  # noqa: PLC0415

            return render_text(facts)
