"""`resume RUN_ID [FILE]`: go on with a run that was interrupted or killed."""

from pathlib import Path
from typing import Any

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
    patience_option,
    progress_option,
    rendering_options,
    report_option,
    state_option,
    values_again,
)


@click.command("resume", cls=Reporting)
@click.argument("run_id", metavar="RUN_ID", shell_complete=run_ids)
@click.argument("file", metavar="[FILE]", required=False, type=click.Path())
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
    var: tuple[str, ...],
    vars_file: str | None,
    report: Path | None,
    renderings: Renderings,
    progress: str,
    patience: float | None,
    state: str,
    **connection: Any,
) -> int:
    """Go on with a run that was interrupted or killed.

    What runs is followed again under its execution id, what may have been triggered is looked for, and only what never was is
    triggered. The pipeline must be the one that the run began with; secret variables are given again. FILE is that pipeline with
    another policy (timeouts, retries, polling ...), under which the run goes on from here; one that wants other jobs, targets,
    variables, gates or needs is refused: `retry` takes it when the run has ended.

    \b
    Examples:
      spectrum-pipelines runs
      spectrum-pipelines resume 20261123T150405Z-7f3a --report report.json
      spectrum-pipelines resume 20261123T150405Z-7f3a nightly.yaml
    """
    from spectrum_pipelines.app.go_on import go_on  # noqa: PLC0415 - `--help` needs none of the engine

    return carry_on(
        go_on,
        run_id,
        file,
        values=ValueOptions(environment=None, var=var, vars_file=vars_file),
        shown=Shown(report=report, progress=progress, renderings=renderings),
        patience=patience,
        state=state,
        options=ConnectionOptions(**connection),
    )
