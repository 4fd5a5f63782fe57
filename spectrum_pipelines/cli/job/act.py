"""`job trigger|sequence|stop|delete`: one call that changes something, sent once and never again."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from spectrum_pipelines.cli.console import Terminal
from spectrum_pipelines.cli.groups import TellingCommand
from spectrum_pipelines.cli.ids import FILE_ID, job_file, read_id
from spectrum_pipelines.cli.job.by_hand import F, about, by_hand, details_data, pasted, spectrum
from spectrum_pipelines.cli.options import assignments, option
from spectrum_pipelines.cli.printed import print_json
from spectrum_pipelines.cli.terminal import say
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.errors import ClientError, ExitCode, SpectrumPipelinesError, Unanswered, Unexplained, UserError
from spectrum_pipelines.pipeline.model.durations import format_duration, parse_duration
from spectrum_pipelines.pipeline.model.pipeline import Server
from spectrum_pipelines.spectrum import (
    ConfigurationId,
    DataId,
    DataName,
    Deletion,
    ExecutionId,
    FileId,
    FileReference,
    JobDetails,
    Phase,
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


def waiting(told: str) -> Callable[[F], F]:
    """Add `--wait` and `--timeout`; the command takes them as `wait` and `timeout` in seconds."""

    def add(function: F) -> F:
        limit = option(
            "--timeout",
            callback=_seconds,
            metavar="DURATION",
            envvar=["SPECTRUM_JOB_TIMEOUT", "SPECTRUM_TIMEOUT"],
            help="Wait no longer than this, e.g. 30m. Nothing is stopped then.",
        )
        return option("--wait", is_flag=True, envvar=["SPECTRUM_JOB_WAIT", "SPECTRUM_WAIT"], help=told)(limit(function))

    return add


def _check_timeout(*, wait: bool) -> None:
    """A limit in the environment may be meant for all commands of a CI job, those that wait for nothing included."""
    context = click.get_current_context()
    if not wait and context.get_parameter_source("timeout") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--timeout needs --wait.", context)


@contextmanager
def _unrepeatable(look: str) -> Iterator[None]:
    """A trigger whose answer is lost may have been handled: that is said, and nothing is sent again."""
    hint = f"do not blindly run it again; look first, with `{look}`"
    try:
        yield
    except (Unanswered, Unexplained) as error:
        raise MayRun(f"the trigger may have been handled: {error.message}", hint=hint) from error
    except KeyboardInterrupt:
        raise MayRun("interrupted while the trigger was on its way: it may have been handled", hint=hint) from None


_VERDICTS = {
    Phase.SUCCEEDED: ExitCode.SUCCEEDED,
    Phase.WARNED: ExitCode.SUCCEEDED,
    Phase.FAILED: ExitCode.FAILED,
    Phase.CANCELED: ExitCode.FAILED,
}
#: With several executions the gravest end wins.
_GRAVEST = (ExitCode.INTERRUPTED, ExitCode.UNKNOWN, ExitCode.TIMED_OUT, ExitCode.FAILED, ExitCode.SUCCEEDED)


class _Ends:
    """Executions that are followed one after the other to their ends, within one limit. `code` is the gravest of what was seen."""

    def __init__(self, api: "SpectrumApi", *, timeout: float | None) -> None:
        self.details: list[JobDetails | None] = []
        self.code = ExitCode.SUCCEEDED
        self._api = api
        self._clock = SystemClock()
        self._timeout = timeout
        self._began = self._clock.monotonic()

    def follow(self, executions: Mapping[ExecutionId, ConfigurationId | None], *, file: str | None = None) -> None:
        """Wait for each; what is not seen to end is told with the command that looks again."""
        for execution, configuration in executions.items():
            found = self._end_of(execution, configuration, file)
            self.details.append(found if isinstance(found, JobDetails) else None)
            self.take(_VERDICTS[found.phase] if isinstance(found, JobDetails) else found)
            if found is ExitCode.INTERRUPTED:
                return

    def take(self, code: ExitCode) -> None:
        """Let `code` count if it is graver than what was seen."""
        self.code = min(self.code, code, key=_GRAVEST.index)

    def _end_of(
        self, execution: ExecutionId, configuration: ConfigurationId | None, file: str | None
    ) -> JobDetails | ExitCode:
        from spectrum_pipelines.app.follow import AnotherFile, follow  # noqa: PLC0415 - with --wait only

        look = f"look with `{pasted('job', 'details', execution)}`"
        limit = self._timeout
        left = None if limit is None else max(0.0, limit - (self._clock.monotonic() - self._began))
        try:
            details = follow(
                self._api,
                execution,
                file=file,
                configuration=configuration,
                timeout=left,
                clock=self._clock,
                notices=Terminal(),
            )
        except AnotherFile as error:
            say("error", error.message, hint=look)
            return ExitCode.UNKNOWN
        except ClientError as error:
            say("error", f"execution {execution} may still run: {error.message}", hint=look)
            return ExitCode.TIMED_OUT
        except KeyboardInterrupt:
            say("error", f"interrupted; execution {execution} goes on", hint=look)
            return ExitCode.INTERRUPTED
        if details is None:
            say(
                "error",
                f"execution {execution} has not ended within {format_duration(limit or 0.0)}, and goes on",
                hint=look,
            )
            return ExitCode.TIMED_OUT
        return details


def _show_details(found: Sequence[JobDetails | None]) -> None:
    from spectrum_pipelines.cli.job.text import show_details  # noqa: PLC0415 - text only

    for details in found:
        if details is not None:
            show_details(details)


def _data(found: Sequence[JobDetails | None]) -> list[dict[str, Any] | None]:
    return [None if details is None else details_data(details) for details in found]


def _warn_of_the_end(connection: dict[str, Any]) -> None:
    if connection["local"] is not None:
        say("warning", "the embedded server ends with this command, and the run with it", hint="add --wait")


@click.command("trigger", cls=TellingCommand)
@click.argument("file", metavar="FILE", callback=job_file)
@waiting("Follow the execution to its end, and judge it.")
@by_hand
def trigger(file: str, *, wait: bool, timeout: float | None, form: str, **connection: Any) -> int:
    """Run FILE: a path, a uuid or a file id. One request, never repeated.

    \b
    Examples:
      spectrum-pipelines job trigger /Data/Imports/orders.imp
      spectrum-pipelines job trigger 48 --wait --timeout 30m

    Exit codes: 0 accepted, or succeeded with --wait; 1 refused or failed; 3 not sent; 4 not seen to end, it may still run;
    5 the answer was lost, it may run; or its details are of another file.
    """
    from spectrum_pipelines.cli.job.text import show_triggered  # noqa: PLC0415 - the words of an answer

    _check_timeout(wait=wait)
    with spectrum(connection) as api:
        with _unrepeatable(pasted("job", "status", file)), about(file):
            answer = api.trigger(FileReference(file))
        if form == "text":
            show_triggered(answer)
        elif wait:
            # Whatever happens to the waiting, the id is out.
            say("note", f"execution {answer.execution_id} was triggered")
        if not wait:
            if form == "json":
                print_json(answer)
            _warn_of_the_end(connection)
            return ExitCode.SUCCEEDED
        ends = _Ends(api, timeout=timeout)
        ends.follow({answer.execution_id: None}, file=file)
    if form == "text":
        _show_details(ends.details)
    elif ends.code is not ExitCode.INTERRUPTED:
        print_json({"triggered": answer, "details": _data(ends.details)[0]})
    return ends.code


@click.command("sequence", cls=TellingCommand)
@click.argument("file_ids", metavar="FILE_ID...", nargs=-1, required=True, type=FILE_ID)
@option("--var", metavar="NAME=VALUE", multiple=True, envvar=None, help="A workbook variable, as text.")
@option(
    "--sequence-path",
    metavar="PATH",
    default=Server().sequence_path,
    show_default=True,
    help="The URI of the sequential trigger, which the vendor's page does not name.",
)
@waiting("Follow every execution of the plan to its end, and judge them together.")
@by_hand
def sequence(
    file_ids: tuple[int, ...],
    *,
    var: tuple[str, ...],
    sequence_path: str,
    wait: bool,
    timeout: float | None,
    form: str,
    **connection: Any,
) -> int:
    """Run files and everything downstream of them, with workbook variables. One request, never repeated.

    \b
    Examples:
      spectrum-pipelines job sequence 4 5
      spectrum-pipelines job sequence 51 --var business_date=2026-11-22 --wait

    Exit codes: as those of `job trigger`, and 5 if no execution is of one of the files; with several ends the gravest wins.
    """
    from spectrum_pipelines.cli.job.text import show_plan  # noqa: PLC0415 - the words of an answer

    _check_timeout(wait=wait)
    variables = assignments(var)
    look = pasted("job", "list")
    with spectrum(connection, server=Server(sequence_path=sequence_path)) as api:
        with _unrepeatable(look), about(", ".join(map(str, file_ids))):
            plan = api.trigger_sequence([FileId(it) for it in file_ids], variables)
        started = {one.execution_id: one.configuration_id for one in plan.executions if one.execution_id is not None}
        if form == "text":
            show_plan(plan)
        elif wait and started:
            say("note", f"executions {', '.join(map(str, started))} were triggered")
        ends = _Ends(api, timeout=timeout)
        if wait:
            ends.follow(started)
    if form == "text":
        _show_details(ends.details)
    elif wait and ends.code is not ExitCode.INTERRUPTED:
        print_json({"triggered": plan, "details": _data(ends.details)})
    elif not wait:
        print_json(plan)
    if not started:
        raise MayRun("the server's plan names no execution", hint=f"look first, with `{look}`")
    if wait:
        _refuse_left_out(ends, file_ids, look)
    else:
        _warn_of_the_end(connection)
    return ends.code


def _refuse_left_out(ends: _Ends, file_ids: Sequence[int], look: str) -> None:
    """A sequence has not succeeded if it has left out a file that was asked for."""
    from spectrum_pipelines.app.follow import left_out  # noqa: PLC0415 - with --wait only

    if ends.code is ExitCode.INTERRUPTED:
        return
    if missing := left_out([FileId(it) for it in file_ids], ends.details):
        say("error", f"the server's plan has {missing}", hint=f"look first, with `{look}`")
        ends.take(ExitCode.UNKNOWN)


@click.command("stop", cls=TellingCommand)
@click.argument("file", metavar="FILE", callback=job_file)
@waiting("Wait until what runs now has ended, however it does.")
@by_hand
def stop(file: str, *, wait: bool, timeout: float | None, form: str, **connection: Any) -> int:
    """Stop whatever runs of FILE, whoever started it. Without --wait, whether it has ended is for `job status` to say.

    \b
    Examples:
      spectrum-pipelines job stop /Workbooks/sales.wbk
      spectrum-pipelines job stop 48 --wait --timeout 2m

    Exit codes: 0 accepted, or ended with --wait; 1 refused; 3 not sent, or nobody knows; 4 not seen to end; 5 the details are of
    another file.
    """
    _check_timeout(wait=wait)
    with spectrum(connection) as api, about(file):
        latest = api.status(FileReference(file)) if wait else None
        api.stop(FileReference(file))
        ends = _Ends(api, timeout=timeout)
        if latest is not None and latest.phase.is_active and latest.execution_id is not None:
            ends.follow({latest.execution_id: None}, file=file)
    code = (
        ExitCode.SUCCEEDED if ends.code is ExitCode.FAILED else ends.code
    )  # a stopped job has not succeeded: that was wanted
    ended = ends.details[0] if ends.details else None
    if form == "json":
        told = {"file": file, "accepted": True}
        print_json(told | {"details": None if ended is None else details_data(ended)} if wait else told)
    elif ended is not None:
        _show_details([ended])
    elif code is ExitCode.SUCCEEDED:
        idle = wait and not ends.details
        hint = None if idle else f"see it end with `{pasted('job', 'status', file)}`"
        say("ok", f"the server has accepted the stop of {file}{', where nothing ran' if idle else ''}", hint=hint)
    return code


@click.command("delete", cls=TellingCommand)
@click.argument("data", metavar="DATA_ID|NAME...", nargs=-1, required=True)
@option("--yes", is_flag=True, help="Do not ask. Nobody is asked where there is no terminal.")
@by_hand
def delete(data: tuple[str, ...], *, yes: bool, form: str, **connection: Any) -> int:
    """Mark the data of runs for deletion, by data id, or by the path or name of the file. There is no way back.

    \b
    Examples:
      spectrum-pipelines job delete 272 273
      spectrum-pipelines job delete "/Data/Imports/my orders.imp" --yes

    Exit codes: 0 all are marked or already gone, 1 some were not found or the server refused.
    """
    wanted = list(dict.fromkeys(map(_data_of, data)))
    if not yes and sys.stdin.isatty() and sys.stderr.isatty():
        click.confirm(f"Mark the data of {', '.join(map(str, wanted))} for deletion?", abort=True, err=True)
    found: dict[DataId | DataName, Deletion] = {}
    try:
        with spectrum(connection) as api:
            for one in wanted:
                found[one] = api.delete_data(one)
    finally:
        # What is deleted is deleted, also if the next one fails.
        _show_deletions(found, form)
    return ExitCode.FAILED if Deletion.NOT_FOUND in found.values() else ExitCode.SUCCEEDED


def _data_of(text: str) -> DataId | DataName:
    try:
        data_id = read_id(text, "data")
    except ValueError as error:
        raise UserError(str(error).removesuffix("."), hint="what is no id is given by its path") from None
    return DataName(text) if data_id is None else DataId(data_id)


def _show_deletions(found: dict[DataId | DataName, Deletion], form: str) -> None:
    if form == "json":
        print_json([{"data_id": one, "deletion": deletion} for one, deletion in found.items()])
        return
    from spectrum_pipelines.cli.printed import print_facts  # noqa: PLC0415 - text only

    told = {Deletion.MARKED: "marked for deletion"}
    print_facts((str(one), told.get(deletion, deletion.value)) for one, deletion in found.items())
