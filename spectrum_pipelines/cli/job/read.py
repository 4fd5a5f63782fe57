"""`job status|history|details|list`: questions, which change nothing and are asked again when they get lost."""

from typing import Any

import click

from spectrum_pipelines.cli.groups import TellingCommand
from spectrum_pipelines.cli.ids import CONFIGURATION_ID, EXECUTION_ID, MOST, job_file
from spectrum_pipelines.cli.job.by_hand import about, by_hand, details_data, pasted, spectrum
from spectrum_pipelines.cli.options import option
from spectrum_pipelines.cli.printed import print_json
from spectrum_pipelines.cli.terminal import say
from spectrum_pipelines.errors import ExitCode, Refused
from spectrum_pipelines.spectrum import ConfigurationId, ExecutionId, FileReference, HistoryEntry, JobDetails


@click.command("status", cls=TellingCommand)
@click.argument("file", metavar="FILE", callback=job_file)
@by_hand
def status(file: str, *, form: str, **connection: Any) -> int:
    """Show the latest run of FILE: a path, a uuid or a file id. It may be somebody else's run.

    \b
    Examples:
      spectrum-pipelines job status 48
      spectrum-pipelines job status "/Data/Imports/my orders.imp" --format json | jq -r .job_status
    """
    with spectrum(connection) as api, about(file):
        answer = api.status(FileReference(file))
    if form == "json":
        print_json(answer)
    else:
        from spectrum_pipelines.cli.job.text import show_status  # noqa: PLC0415 - text only

        show_status(answer)
    return ExitCode.SUCCEEDED


@click.command("history", cls=TellingCommand)
@click.argument("configuration_id", metavar="[CONFIGURATION_ID]", type=CONFIGURATION_ID, required=False)
@option(
    "--file",
    of="JOB",
    metavar="FILE",
    callback=job_file,
    help="Find the job configuration of this file: a path, a uuid or a file id.",
)
@option(
    "--start",
    of="JOB",
    type=click.IntRange(0, MOST),
    default=0,
    show_default=True,
    help="Leave out this many, newest first.",
)
@option(
    "--length", of="JOB", type=click.IntRange(1, 10_000), default=10, show_default=True, help="Show this many at most."
)
@option("--times", is_flag=True, help="Ask for the details of each, and show when it began and ended.")
@by_hand
def history(
    configuration_id: int | None,
    *,
    file: str | None,
    start: int,
    length: int,
    times: bool,
    form: str,
    **connection: Any,
) -> int:
    """List past executions, the newest first, of a job configuration. Its id is not the file id: `job details` shows it.

    \b
    Examples:
      spectrum-pipelines job history 1004
      spectrum-pipelines job history --file /Data/Imports/orders.imp --times
    """
    if (configuration_id is None) == (file is None):
        raise click.UsageError("Give a CONFIGURATION_ID or --file FILE.", click.get_current_context())
    hint = None
    if configuration_id is not None:
        by_file = pasted("job", "history", "--file", configuration_id)
        hint = f"the id of a job configuration is not that of its file, which `{by_file}` takes"
    with spectrum(connection) as api:
        if file is not None:
            latest = api.status(FileReference(file)).execution_id
            if latest is None:
                say("note", f"{file} has never run")
                return _nothing(form)
            configuration_id = api.details(latest).configuration_id
            if configuration_id is None:
                hint = "give the id of the job configuration instead of --file"
                raise Refused(f"the details of execution {latest} name no job configuration", hint=hint)
        assert configuration_id is not None
        with about(f"configuration {configuration_id}", hint):
            entries = api.history(ConfigurationId(configuration_id), start=start, length=length)
        details = [api.details(entry.execution_id) for entry in entries] if times else []
    if not entries:
        say("note", f"no executions of job configuration {configuration_id}{f' from {start} on' if start else ''}")
        return _nothing(form)
    if form == "json":
        print_json([_timed(entry, one) for entry, one in zip(entries, details, strict=True)] if times else entries)
    else:
        from spectrum_pipelines.cli.job.text import show_history  # noqa: PLC0415 - text only

        show_history(entries, details)
    return ExitCode.SUCCEEDED


@click.command("details", cls=TellingCommand)
@click.argument("execution_id", metavar="EXECUTION_ID", type=EXECUTION_ID)
@by_hand
def details(execution_id: int, *, form: str, **connection: Any) -> int:
    """Show one execution: its status, times and counters.

    \b
    Examples:
      spectrum-pipelines job details 11
      spectrum-pipelines job details 11 --format json | jq .counters
    """
    with spectrum(connection) as api:
        answer = api.details(ExecutionId(execution_id))
    if form == "json":
        print_json(details_data(answer))
    else:
        from spectrum_pipelines.cli.job.text import show_details  # noqa: PLC0415 - text only

        show_details(answer)
    return ExitCode.SUCCEEDED


@click.command("list", cls=TellingCommand)
@by_hand
def active(*, form: str, **connection: Any) -> int:
    """List all active jobs of the server: running, queued, and waiting for other jobs.

    \b
    Examples:
      spectrum-pipelines job list
      spectrum-pipelines job list --format json | jq -r '.[].execution_id'
    """
    with spectrum(connection) as api:
        jobs = api.list_running()
    if not jobs:
        say("note", "no active jobs")
        return _nothing(form)
    if form == "json":
        print_json(jobs)
    else:
        from spectrum_pipelines.cli.job.text import show_active  # noqa: PLC0415 - text only

        show_active(jobs)
    return ExitCode.SUCCEEDED


def _timed(entry: HistoryEntry, details: JobDetails) -> dict[str, Any]:
    return {
        "execution_id": entry.execution_id,
        "job_status": entry.job_status,
        "start_time": details.start_time,
        "stop_time": details.stop_time,
    }


def _nothing(form: str) -> int:
    if form == "json":
        print_json([])
    return ExitCode.SUCCEEDED
