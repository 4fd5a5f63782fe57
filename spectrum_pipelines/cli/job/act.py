"""`job trigger|sequence|stop|delete`: one call that changes something, sent once and never again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from spectrum_pipelines.cli.console import Terminal
from spectrum_pipelines.cli.job.by_hand import about, by_hand, details_data, spectrum
from spectrum_pipelines.cli.options import assignments, option
from spectrum_pipelines.cli.printed import print_json
from spectrum_pipelines.cli.terminal import say
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.errors import ClientError, ExitCode, SpectrumPipelinesError, Unanswered
from spectrum_pipelines.pipeline.model.durations import format_duration, parse_duration
from spectrum_pipelines.pipeline.model.pipeline import Server
from spectrum_pipelines.spectrum import (
    DataId,
    Deletion,
    ExecutionId,
    FileId,
    FileReference,
    JobDetails,
    Phase,
    Triggered,
)

if TYPE_CHECKING:
    from spectrum_pipelines.client.api import SpectrumApi


class MayRun(SpectrumPipelinesError):
    """A trigger went out and nobody knows what became of it."""

    exit_code = ExitCode.UNKNOWN


def _seconds(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """Read a duration such as `30m`."""
    try:
        return None if text is None else parse_duration(text)
    except ValueError:
        raise click.BadParameter("Write a duration such as 250ms, 30s or 1h30m.", context, parameter) from None


@contextmanager
def _unrepeatable(look: str) -> Iterator[None]:
    """A trigger whose answer is lost may have been handled: that is said, and nothing is sent again."""
    hint = f"do not blindly run it again; look first, with {look}"
    try:
        yield
    except Unanswered as error:
        raise MayRun(f"the trigger may have been handled: {error.message}", hint=hint) from error
    except KeyboardInterrupt:
        raise MayRun("interrupted while the trigger was on its way: it may have been handled", hint=hint) from None


@click.command("trigger")
@click.argument("file", metavar="FILE")
@option("--wait", is_flag=True, help="Follow the execution to its end, and judge it.")
@option(
    "--timeout", callback=_seconds, metavar="DURATION", help="Wait no longer than this, e.g. 30m. Nothing is stopped."
)
@by_hand
def trigger(file: str, *, wait: bool, timeout: float | None, form: str, **connection: Any) -> int:
    """Run FILE: a path, a uuid or a file id. One request, never repeated.

    \b
    Examples:
      spectrum-pipelines job trigger /Data/Imports/orders.imp
      spectrum-pipelines job trigger 48 --wait --timeout 30m

    Exit codes: 0 accepted, or succeeded with --wait; 1 refused or failed; 3 not sent; 4 not seen to end, it may still run;
    5 the answer was lost, it may run.
    """
    context = click.get_current_context()
    # SPECTRUM_TIMEOUT may be set for all commands of a CI job, those that wait for nothing included.
    if not wait and context.get_parameter_source("timeout") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--timeout needs --wait.", context)
    with spectrum(connection) as api:
        with _unrepeatable(f"`spectrum-pipelines job status {file}`"), about(file):
            answer = api.trigger(FileReference(file))
        if wait:
            return _followed(api, answer, timeout, form)
    if form == "json":
        print_json(answer)
    else:
        _show(answer)
    if connection["local"] is not None:
        say("warning", "the embedded server ends with this command, and the run with it", hint="add --wait")
    return ExitCode.SUCCEEDED


def _show(answer: Triggered) -> None:
    from spectrum_pipelines.cli.job.text import show_triggered  # noqa: PLC0415 - text only

    show_triggered(answer)


def _followed(api: "SpectrumApi", answer: Triggered, timeout: float | None, form: str) -> int:
    from spectrum_pipelines.app.follow import follow  # noqa: PLC0415 - with --wait only

    execution = answer.execution_id
    # Whatever happens to the waiting, the id is out.
    if form == "json":
        say("note", f"execution {execution} was triggered")
    else:
        _show(answer)
    look = f"look with `spectrum-pipelines job details {execution}`"
    try:
        details = follow(api, execution, timeout=timeout, clock=SystemClock(), notices=Terminal())
    except ClientError as error:
        say("error", f"execution {execution} was triggered and may still run: {error.message}", hint=look)
        return ExitCode.TIMED_OUT
    except KeyboardInterrupt:
        say("error", f"interrupted; execution {execution} goes on", hint=look)
        return ExitCode.INTERRUPTED
    if form == "json":
        print_json({"triggered": answer, "details": details and details_data(details)})
    elif details is not None:
        from spectrum_pipelines.cli.job.text import show_details  # noqa: PLC0415 - text only

        show_details(details)
    return _verdict(execution, details, timeout)


_VERDICTS = {
    Phase.SUCCEEDED: ExitCode.SUCCEEDED,
    Phase.WARNED: ExitCode.SUCCEEDED,
    Phase.FAILED: ExitCode.FAILED,
    Phase.CANCELED: ExitCode.FAILED,
}


def _verdict(execution: ExecutionId, answer: JobDetails | None, timeout: float | None) -> ExitCode:
    """The exit code of what was seen, with a word on what was not."""
    if answer is None:
        say(
            "error",
            f"execution {execution} has not ended within {format_duration(timeout or 0.0)}, and goes on",
            hint=f"look again with `spectrum-pipelines job details {execution}`; `job stop FILE` ends it",
        )
        return ExitCode.TIMED_OUT
    return _VERDICTS[answer.phase]


@click.command("sequence")
@click.argument("file_ids", metavar="FILE_ID...", nargs=-1, required=True, type=click.IntRange(min=1))
@option("--var", metavar="NAME=VALUE", multiple=True, envvar=None, help="A workbook variable, as text.")
@option(
    "--sequence-path",
    metavar="PATH",
    default=Server().sequence_path,
    show_default=True,
    help="The URI of the sequential trigger, which the vendor's page does not name.",
)
@by_hand
def sequence(
    file_ids: tuple[int, ...], *, var: tuple[str, ...], sequence_path: str, form: str, **connection: Any
) -> int:
    """Run files and everything downstream of them, with workbook variables. One request, never repeated.

    \b
    Examples:
      spectrum-pipelines job sequence 4 5
      spectrum-pipelines job sequence 51 --var business_date=2026-11-22 --format json
    """
    variables = assignments(var)
    server = Server(sequence_path=sequence_path)
    look = "`spectrum-pipelines job list`"
    with spectrum(connection, server=server) as api, _unrepeatable(look), about(", ".join(map(str, file_ids))):
        plan = api.trigger_sequence([FileId(it) for it in file_ids], variables)
    if form == "json":
        print_json(plan)
    else:
        from spectrum_pipelines.cli.job.text import show_plan  # noqa: PLC0415 - text only

        show_plan(plan)
    if all(it.execution_id is None for it in plan.executions):
        raise MayRun("the server's plan names no execution", hint="look first, with `spectrum-pipelines job list`")
    return ExitCode.SUCCEEDED


@click.command("stop")
@click.argument("file", metavar="FILE")
@by_hand
def stop(file: str, *, form: str, **connection: Any) -> int:
    """Stop whatever runs of FILE, whoever started it. Whether it has ended is for `job status` to say.

    \b
    Example:
      spectrum-pipelines job stop /Workbooks/sales.wbk
    """
    with spectrum(connection) as api, about(file):
        api.stop(FileReference(file))
    if form == "json":
        print_json({"file": file, "accepted": True})
    else:
        say(
            "ok",
            f"the server has accepted the stop of {file}",
            hint=f"see it end with `spectrum-pipelines job status {file}`",
        )
    return ExitCode.SUCCEEDED


@click.command("delete")
@click.argument("data_ids", metavar="DATA_ID...", nargs=-1, required=True, type=click.IntRange(min=1))
@by_hand
def delete(data_ids: tuple[int, ...], *, form: str, **connection: Any) -> int:
    """Mark the data of runs for deletion. There is no way back.

    \b
    Example:
      spectrum-pipelines job delete 272 273

    Exit codes: 0 all are marked or already gone, 1 some were not found or the server refused.
    """
    found: dict[int, Deletion] = {}
    try:
        with spectrum(connection) as api:
            for data_id in dict.fromkeys(data_ids):
                found[data_id] = api.delete_data(DataId(data_id))
    finally:
        # What is deleted is deleted, also if the next one fails.
        _show_deletions(found, form)
    return ExitCode.FAILED if Deletion.NOT_FOUND in found.values() else ExitCode.SUCCEEDED


def _show_deletions(found: dict[int, Deletion], form: str) -> None:
    if form == "json":
        print_json([{"data_id": data_id, "deletion": deletion} for data_id, deletion in found.items()])
        return
    from spectrum_pipelines.cli.printed import print_facts  # noqa: PLC0415 - text only

    told = {Deletion.MARKED: "marked for deletion"}
    print_facts((str(data_id), told.get(deletion, deletion.value)) for data_id, deletion in found.items())
