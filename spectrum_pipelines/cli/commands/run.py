"""`run FILE`: the main job."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from spectrum_pipelines.app.deliver import Renderings
from spectrum_pipelines.app.prepare import Circumstances
from spectrum_pipelines.cli.ci import ci_job
from spectrum_pipelines.cli.commit import git_commit
from spectrum_pipelines.cli.completion import job_ids, run_keys
from spectrum_pipelines.cli.console import Shown, ready
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
    value_options,
)
from spectrum_pipelines.cli.reach import asked_of, reach, server_of, tell_of_trace, workspace_of
from spectrum_pipelines.cli.state import recorded_state, store_of
from spectrum_pipelines.cli.values import load_file


@click.command("run", cls=Reporting)
@click.argument("file", metavar="FILE", type=click.Path())
@connection_options
@value_options
@option(
    "--only",
    metavar="SELECTION",
    multiple=True,
    shell_complete=job_ids,
    help="Run these jobs: a, +b (and its needs), c+ (and what needs it).",
)
@report_option
@rendering_options
@progress_option
@patience_option
@state_option
@option(
    "--plan",
    "agreed",
    metavar="FILE.json",
    type=click.Path(path_type=Path),
    help="Run only what `plan --format json` has written there.",
)
@option(
    "--retry-failed", is_flag=True, help="If the run of --run-key has failed, go on from what failed, as `retry` does."
)
@option(
    "--run-key",
    metavar="KEY",
    shell_complete=run_keys,
    help="The same key again adopts or resumes that run, and never triggers anew.",
)
def command(
    file: str,
    *,
    environment: str | None,
    var: tuple[str, ...],
    vars_file: str | None,
    only: tuple[str, ...],
    report: Path | None,
    renderings: Renderings,
    progress: str,
    patience: float | None,
    state: str,
    run_key: str | None,
    retry_failed: bool,
    agreed: Path | None,
    **connection: Any,
) -> int:
    """Run the pipeline in FILE and write its report.

    \b
    Examples:
      spectrum-pipelines run pipelines/quickstart.yaml --local pipelines/workspace/workspace.yaml
      spectrum-pipelines run nightly.yaml -e prod --var business_date=2026-11-22 --report report.json
      spectrum-pipelines run deploy.yaml --run-key "$GITHUB_SHA"
      spectrum-pipelines run nightly.yaml --plan plan.json

    Exit codes: 0 succeeded, 1 failed, 2 invalid, 3 unreachable, 4 timed out, 5 unknown, 6 busy,
    7 login refused, 130/143 interrupted.
    """
    from spectrum_pipelines.app.start import start  # noqa: PLC0415 - `--help` needs none of the engine

    run_key = _key(run_key, os.environ)
    options = ConnectionOptions(**connection)
    values = ValueOptions(environment=environment, var=var, vars_file=vars_file)
    shown = Shown(report=report, progress=progress, renderings=renderings)
    known = {"run_key": run_key, "environment": environment, "only": only, **asked_of(options, state)}
    with (
        ready(shown, patience=patience, file=file, **known) as front,
        store_of(state) as store,
        server_of(options) as reached,
    ):
        tell_of_trace()
        ended = start(
            load_file(file, values, server=reached.server, only=only, notices=front.notices),
            reach(reached),
            store=store,
            run_key=run_key,
            when_ended="retry" if retry_failed else "report",
            front=front,
            circumstances=Circumstances(
                git_commit=git_commit(Path(file), os.environ),
                workspace=workspace_of(options),
                state=recorded_state(state, store),
                origin=ci_job(os.environ),
            ),
            agreed=agreed,
        )
    assert ended.exit_code is not None
    return ended.exit_code


def _key(given: str | None, environ: Mapping[str, str]) -> str | None:
    """The run key. An empty variable counts as a key, which is refused: without one the pipeline would run again each time."""
    return environ.get("SPECTRUM_RUN_KEY") if given is None else given
