"""`adopt RUN_ID JOB EXECUTION_ID`: a person settles what the run could not know."""

import os
import socket
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from spectrum_pipelines.app.connection import connect, server_of
from spectrum_pipelines.app.prepare import RunOptions, open_journal, without_secrets
from spectrum_pipelines.app.session import Shown
from spectrum_pipelines.cli.commands.resume import History, recall
from spectrum_pipelines.cli.options import ConnectionOptions, ValueOptions, connection_options, option, state_option
from spectrum_pipelines.cli.terminal import say
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.document.suggest import closest
from spectrum_pipelines.engine.facts import Settled, Stamped
from spectrum_pipelines.engine.outcome import JobStatus
from spectrum_pipelines.engine.state.run import JobState
from spectrum_pipelines.errors import ClientError, ExitCode, UserError
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.runner.loop import RunClock, resume_at
from spectrum_pipelines.spectrum import ExecutionId, JobDetails
from spectrum_pipelines.store.folder.journal import scan
from spectrum_pipelines.store.folder.locks import Process
from spectrum_pipelines.store.folder.run_lock import lock_run
from spectrum_pipelines.store.folder.state_directory import StateDirectory

if TYPE_CHECKING:
    from spectrum_pipelines.client.api import SpectrumApi


@click.command("adopt")
@click.argument("run_id", metavar="RUN_ID")
@click.argument("job", metavar="JOB")
@click.argument("execution_id", metavar="EXECUTION_ID", type=click.IntRange(min=1))
@connection_options
@option(
    "--var", metavar="NAME=VALUE", multiple=True, envvar=None, help="A secret variable: no journal holds its value."
)
@state_option
def command(
    run_id: str, job: str, execution_id: int, *, var: tuple[str, ...], state_dir: Path, **connection: Any
) -> int:
    """Settle an `unknown`: say that EXECUTION_ID is what JOB started in run RUN_ID.

    The execution must exist and belong to the job's file. `resume` then follows it and goes on with the run.

    \b
    Example:
      spectrum-pipelines adopt 20261123T150405Z-7f3a sales 11
    """
    options = RunOptions(
        connection=ConnectionOptions(**connection),
        values=ValueOptions(environment=None, var=var, vars_file=None),
        shown=Shown(report=None, progress="none"),
        only=(),
        state_dir=state_dir,
        run_key=None,
    )
    with server_of(options.connection) as reached, ExitStack() as stack:
        return _settle(run_id, job, ExecutionId(execution_id), replace(options, connection=reached), stack)


def _settle(run_id: str, job: str, execution_id: ExecutionId, options: RunOptions, stack: ExitStack) -> int:
    clock = SystemClock()
    directory = StateDirectory(options.state_dir)
    run = directory.run(run_id)
    process = Process(pid=os.getpid(), host=socket.gethostname())
    stack.enter_context(lock_run(directory.locks, run_id, process=process, clock=clock))
    recorded = scan(run.journal)
    history = recall(run, recorded.facts, options, source=None)
    unknown = _unknown_job(history, job)
    connection = connect(
        options.connection,
        server=history.state.pipeline.server,
        http=history.state.pipeline.http,
        clock=clock,
        stack=stack,
        redact=without_secrets(history.state.pipeline),
    )
    details = _named(connection.api, execution_id)
    _belongs(unknown, execution_id, details)
    at = resume_at(recorded.facts[-1], clock.now())
    fact = Stamped(
        at=RunClock(clock, start_at=at).at(),
        time=clock.now(),
        event=Settled(job=unknown.job.id, execution_id=execution_id),
    )
    with open_journal(run, recorded) as journal:
        journal.append([fact])
    say("note", f"{job} is settled: execution {execution_id}, {details.job_status}")
    say("next", f"spectrum-pipelines resume {run_id}")
    return ExitCode.SUCCEEDED


def _unknown_job(history: History, name: str) -> JobState:
    jobs = history.state.jobs
    job = jobs.get(JobId(name))
    unknown = [id_ for id_, state in jobs.items() if state.status is JobStatus.UNKNOWN]
    if job is None:
        near = closest(name, jobs)
        raise UserError(f"the run has no job `{name}`", hint=f"did you mean `{near}`?" if near else None)
    if job.status is not JobStatus.UNKNOWN:
        listed = ", ".join(unknown) or "none"
        raise UserError(f"job {name} is not unknown but {job.status.value}", hint=f"unknown jobs of this run: {listed}")
    return job


def _named(api: "SpectrumApi", execution_id: ExecutionId) -> JobDetails:
    """The execution's details. Those of a running one may not say whose it is; then the list of active jobs does."""
    details = api.details(execution_id)
    if details.file_id is not None or details.uuid is not None:
        return details
    with suppress(ClientError):
        for entry in api.list_running():
            if entry.execution_id == execution_id:
                return replace(details, file_id=entry.file_id, uuid=entry.uuid)
    return details


def _belongs(job: JobState, execution_id: ExecutionId, details: JobDetails) -> None:
    """Refuse an execution of another file, or one that was there before the trigger."""
    files = {b.file_id for b in job.attempt.baselines if b.file_id is not None}
    targets = {b.target for b in job.attempt.baselines}
    named = {str(details.file_id), str(details.uuid)} & targets
    if files and details.file_id is not None and details.file_id not in files and not named:
        message = f"execution {execution_id} belongs to file {details.file_id}, not to {', '.join(sorted(targets))}"
        raise UserError(message, hint="`spectrum-pipelines job status FILE` shows the file's latest execution")
    before = [b.execution_id for b in job.attempt.baselines if b.execution_id is not None]
    if len(job.attempt.baselines) == 1 and before and execution_id <= before[0]:
        message = f"execution {execution_id} was there before this run triggered (the latest then was {before[0]})"
        raise UserError(message, hint="look for a later one")
