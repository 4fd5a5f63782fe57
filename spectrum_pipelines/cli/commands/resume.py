"""`resume RUN_ID [FILE]`: go on with a run that was interrupted or killed."""

import os
from pathlib import Path
from typing import Any

import click

from spectrum_pipelines.app.deliver import Renderings
from spectrum_pipelines.cli.ci import ci_job
from spectrum_pipelines.cli.commit import git_commit
from spectrum_pipelines.cli.completion import run_ids
from spectrum_pipelines.cli.console import Shown, outlive_readers, ready
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
from spectrum_pipelines.cli.reach import asked_of, reach, server_of, workspace_of
from spectrum_pipelines.cli.state import store_of
from spectrum_pipelines.cli.values import given_of


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
    from spectrum_pipelines.app.recall import Again  # noqa: PLC0415
    from spectrum_pipelines.document.source import read_source  # noqa: PLC0415
    from spectrum_pipelines.store.leasing import named_run  # noqa: PLC0415

    options = ConnectionOptions(**connection)
    values = ValueOptions(environment=None, var=var, vars_file=vars_file)
    outlive_readers()
    shown = Shown(report=report, progress=progress, renderings=renderings)
    with (
        ready(shown, patience=patience, run_id=run_id, file=file or "", **asked_of(options, state)) as front,
        store_of(state) as store,
    ):
        source = None if file is None else read_source(file)
        run = named_run(store, run_id)
        with server_of(options) as reached:
            given = given_of(values, server=reached.server)
            again = Again(
                given=given,
                source=source,
                workspace=workspace_of(options),
                origin=ci_job(os.environ),
                git_commit=git_commit(Path(file or "pipeline.yaml"), os.environ),
            )
            ended = go_on(run, reach(reached), store=store, again=again, front=front)
    assert ended.exit_code is not None
    return ended.exit_code
