"""`adopt RUN_ID JOB EXECUTION_ID...`: a person settles what the run could not know."""

import sys
from typing import Any

import click

from spectrum_pipelines.cli.completion import jobs_of_run, run_ids
from spectrum_pipelines.cli.console import asking_front
from spectrum_pipelines.cli.groups import TellingCommand
from spectrum_pipelines.cli.ids import EXECUTION_ID
from spectrum_pipelines.cli.options import (
    ConnectionOptions,
    ValueOptions,
    connection_options,
    option,
    state_option,
    var_option,
)
from spectrum_pipelines.cli.reach import reach, server_of, workspace_of
from spectrum_pipelines.cli.state import store_of
from spectrum_pipelines.cli.terminal import say
from spectrum_pipelines.cli.values import given_of
from spectrum_pipelines.errors import ExitCode
from spectrum_pipelines.spectrum import ExecutionId


@click.command("adopt", cls=TellingCommand)
@click.argument("run_id", metavar="RUN_ID", shell_complete=run_ids)
@click.argument("job", metavar="JOB", shell_complete=jobs_of_run)
@click.argument("execution_ids", metavar="EXECUTION_ID...", type=EXECUTION_ID, nargs=-1)
@option("--none", "never", is_flag=True, envvar=None, help="I have looked: the trigger never started an execution.")
@option(
    "--yes",
    "vouches",
    is_flag=True,
    envvar=None,
    help="Take it even if Spectrum does not say which file it is of, or that it is downstream of the sequence.",
)
@connection_options
@var_option("A secret variable: no journal holds its value.", section=None)
@state_option
def command(
    run_id: str,
    job: str,
    execution_ids: tuple[int, ...],
    *,
    never: bool,
    vouches: bool,
    var: tuple[str, ...],
    state: str,
    **connection: Any,
) -> int:
    """Settle an `unknown`: say that EXECUTION_ID is what JOB started in run RUN_ID, or with --none that it never started.

    The execution must exist and belong to the job's file. `resume` then follows it and goes on with the run; a job that never
    started is triggered then. Look first: `job history --file FILE` shows what there is. Who started an execution Spectrum does not
    say; where it does not say either which file the execution is of, you are asked to vouch for it.

    A sequence whose execution plan was lost is judged by the executions that you name: name those downstream, too. For them you are
    asked to vouch, since nothing but the plan names them.

    \b
    Examples:
      spectrum-pipelines adopt 20261123T150405Z-7f3a sales 11
      spectrum-pipelines adopt 20261123T150405Z-7f3a sales 11 12
      spectrum-pipelines adopt 20261123T150405Z-7f3a sales --none
    """
    from spectrum_pipelines.app.recall import Again  # noqa: PLC0415 - `--help` needs none of the engine
    from spectrum_pipelines.app.settle import settle  # noqa: PLC0415

    if never == bool(execution_ids):
        raise click.UsageError("Give an EXECUTION_ID or --none.", click.get_current_context())

    def vouched(told: str) -> bool:
        is_asked = not vouches and sys.stdin.isatty() and sys.stderr.isatty()
        return vouches or (is_asked and click.confirm(f"{told}. Is it?", err=True))

    options = ConnectionOptions(**connection)
    values = ValueOptions(environment=None, var=var, vars_file=None)
    with store_of(state) as store, server_of(options) as reached:
        again = Again(given=given_of(values, server=reached.server), workspace=workspace_of(options))
        named = tuple(map(ExecutionId, dict.fromkeys(execution_ids)))
        settled = settle(
            run_id, job, named, reach(reached), store=store, again=again, front=asking_front(), agreed=vouched
        )
    ended = [f"execution {it}, {word}" for it, word in zip(named, settled.job_statuses, strict=True)]
    say("note", f"{job} is settled: {'; '.join(ended) or 'never started'}")
    if settled.warning is not None:
        say("warning", settled.warning)
    say("next", settled.next)
    return ExitCode.SUCCEEDED
