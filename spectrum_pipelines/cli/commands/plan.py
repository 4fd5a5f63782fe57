"""`plan FILE`: what a run would do, and with `--online` what the server knows of it."""

import sys
from typing import TYPE_CHECKING, Any

import click

from spectrum_pipelines.cli.completion import job_ids
from spectrum_pipelines.cli.console import asking_front
from spectrum_pipelines.cli.groups import TellingCommand
from spectrum_pipelines.cli.options import ConnectionOptions, ValueOptions, connection_options, option, value_options
from spectrum_pipelines.cli.printed import print_json, put
from spectrum_pipelines.cli.reach import reach, server_of
from spectrum_pipelines.cli.terminal import width_of
from spectrum_pipelines.cli.values import load_file, load_unaddressed
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.errors import ExitCode
from spectrum_pipelines.plan.agreed import EMBEDDED
from spectrum_pipelines.plan.facts import PlanFacts

if TYPE_CHECKING:
    from spectrum_pipelines.plan.outlook import Outlook


@click.command("plan", cls=TellingCommand)
@click.argument("file", metavar="FILE", type=click.Path())
@option(
    "--format",
    "form",
    of="PLAN",
    type=click.Choice(["text", "json", "mermaid", "dot"]),
    default="text",
    show_default=True,
)
@value_options
@option(
    "--only",
    metavar="SELECTION",
    multiple=True,
    shell_complete=job_ids,
    help="Plan these jobs: a, +b (and its needs), c+ (and what needs it).",
)
@option(
    "--online",
    of="PLAN",
    is_flag=True,
    help="Ask the server whether all targets exist and how long their past runs took; nothing is changed.",
)
@connection_options
def command(
    file: str,
    *,
    form: str,
    environment: str | None,
    var: tuple[str, ...],
    vars_file: str | None,
    only: tuple[str, ...],
    online: bool,
    **connection: Any,
) -> int:
    """Show what a run would do: its waves, the policy of each job, and how long it takes in the worst case.

    Without --online no server is asked, and --server is only shown.

    \b
    Examples:
      spectrum-pipelines plan pipelines/quickstart.yaml
      spectrum-pipelines plan nightly.yaml -e prod --var business_date=2026-11-22
      spectrum-pipelines plan nightly.yaml --only +publish --format json > plan.json
      spectrum-pipelines plan nightly.yaml --format dot | dot -Tsvg > nightly.svg
      spectrum-pipelines plan nightly.yaml --online

    Exit codes: 0 planned, 1 with --online: a target is not there, 2 invalid, 3 unreachable.
    """
    if online and form in {"mermaid", "dot"}:
        raise click.UsageError("--online goes with --format text and json.", click.get_current_context())
    values = ValueOptions(environment=environment, var=var, vars_file=vars_file)
    options = ConnectionOptions(**connection)
    front = asking_front()
    if not online:
        server = EMBEDDED if options.local else options.server
        put_plan(load_unaddressed(file, values, server=server, only=only, notices=front.notices).planned(), form)
        return ExitCode.SUCCEEDED
    from spectrum_pipelines.app.look_ahead import look_ahead  # noqa: PLC0415 - requests and tenacity

    with server_of(options) as reached:
        facts = load_file(file, values, server=reached.server, only=only, notices=front.notices).planned()
        outlook = look_ahead(facts.pipeline, reach(reached), front)
    put_plan(facts, form, outlook)
    return ExitCode.SUCCEEDED if outlook.can_run else ExitCode.FAILED


def put_plan(facts: PlanFacts, form: str, outlook: "Outlook | None" = None) -> None:
    """Write a plan to stdout, and behind it what the server says."""
    match form:
        case "json":
            from spectrum_pipelines.plan.agreed import with_digest  # noqa: PLC0415 - one of several
            from spectrum_pipelines.plan.data import plan_data  # noqa: PLC0415

            print_json(with_digest(plan_data(facts)) | _online_data(outlook))
        case "mermaid":
            from spectrum_pipelines.render.plan.mermaid import render_mermaid  # noqa: PLC0415

            put(render_mermaid(facts))
        case "dot":
            from spectrum_pipelines.render.plan.dot import render_dot  # noqa: PLC0415

            put(render_dot(facts))
        case _:
            from spectrum_pipelines.render.plan.text import render_text  # noqa: PLC0415

            width = width_of(sys.stdout)
            put(render_text(facts, width=width) + _online_text(outlook, width))


def _online_data(outlook: "Outlook | None") -> dict[str, Any]:
    if outlook is None:
        return {}
    from spectrum_pipelines.render.plan.online import online_data  # noqa: PLC0415 - with --online only

    return {"online": online_data(outlook, now=SystemClock().now())}


def _online_text(outlook: "Outlook | None", width: int) -> str:
    if outlook is None:
        return ""
    from spectrum_pipelines.render.plan.online import online_text  # noqa: PLC0415 - with --online only

    return "\n" + online_text(outlook, now=SystemClock().now(), width=width)
