"""`retry RUN_ID [FILE]`: go on from what failed."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spectrum_pipelines.app.deliver import Renderings
from spectrum_pipelines.cli.again import carry_on
from spectrum_pipelines.cli.completion import run_ids
from spectrum_pipelines.cli.console import Shown
from spectrum_pipelines.cli.misuse import Reporting
from spectrum_pipelines.cli.options import (
    ConnectionOptions,
    ValueOptions,
    connection_options,
    option,
    patience_option,
    progress_option,
    rendering_options,
    report_option,
    state_option,
    values_again,
)
from spectrum_pipelines.cli.printed import put
from spectrum_pipelines.cli.state import store_of
from spectrum_pipelines.cli.values import given_of
from spectrum_pipelines.errors import ExitCode

if TYPE_CHECKING:
    from spectrum_pipelines.app.retry import Planned


@click.command("retry", cls=Reporting)
@click.argument("run_id", metavar="RUN_ID", shell_complete=run_ids)
@click.argument("file", metavar="[FILE]", required=False, type=click.Path())
@option("--dry-run", is_flag=True, envvar=None, help="Show which jobs would run again, and why; nothing is done.")
@connection_options
@values_again
@report_option
@rendering_options
@progress_option
@patience_option
@state_option
def command(
    run_id: str,
    *,
    file: str | None,
    dry_run: bool,
    var: tuple[str, ...],
    vars_file: str | None,
    report: Path | None,
    renderings: Renderings,
    progress: str,
    patience: float | None,
    state: str,
    **connection: Any,
) -> int:
    """Give what failed a new attempt, and what was skipped because of it: the same run, a new round, one report.

    Jobs that succeeded stay as they are, with their execution ids; `finally` runs again, and so may a job with `run_if:
    any_failed`. A run that succeeded, that goes on, or that holds an `unknown` is refused. If the file was mended, what succeeded
    stays as long as its action, variables and gates are unchanged; what is new or changed runs, and what failed may be left out.
    FILE is the pipeline file, where it stands elsewhere by now. A value that is given
    counts as a change of the file; values that are not given, and dates, stay those of the first start.

    \b
    Examples:
      spectrum-pipelines retry 20261123T150405Z-7f3a --dry-run
      spectrum-pipelines retry 20261123T150405Z-7f3a --report report.json
      spectrum-pipelines retry 20261123T150405Z-7f3a --var region=apac --dry-run
    """
    from spectrum_pipelines.app.recall import Again  # noqa: PLC0415 - `--help` needs none of the engine
    from spectrum_pipelines.app.retry import retry, retry_plan  # noqa: PLC0415
    from spectrum_pipelines.document.source import read_source  # noqa: PLC0415
    from spectrum_pipelines.store.leasing import named_run  # noqa: PLC0415

    options = ConnectionOptions(**connection)
    values = ValueOptions(environment=None, var=var, vars_file=vars_file)
    if dry_run:
        with store_of(state) as store:
            source = None if file is None else read_source(file)
            given = given_of(values, server=options.server)
            put(_shown(retry_plan(named_run(store, run_id), store=store, again=Again(given=given, source=source))))
        return ExitCode.SUCCEEDED
    return carry_on(
        retry,
        run_id,
        file,
        values=values,
        shown=Shown(report=report, progress=progress, renderings=renderings),
        patience=patience,
        state=state,
        options=options,
    )


def _shown(planned: "Planned") -> str:
    """A line for each new value and what is new in the policy, then for each job: what runs again first, and why."""
    from spectrum_pipelines.words.clean import clean  # noqa: PLC0415 - text only
    from spectrum_pipelines.words.columns import padded, width_of  # noqa: PLC0415

    rows = [("again" if one.again else "stays", clean(one.job), clean(one.reason)) for one in planned.plan.choices]
    width = max(width_of(job) for _, job, _ in rows)
    lines = [f"{word}  {padded(job, width)}  {reason}" for word, job, reason in sorted(rows, key=lambda row: row[0])]
    values = (f"value  {clean(value)}" for value in planned.values)
    policy = (f"policy {clean(change)}" for change in planned.policy)
    return "\n".join([*values, *policy, *lines, *(f"gone   {clean(job)}" for job in planned.plan.removed)]) + "\n"
