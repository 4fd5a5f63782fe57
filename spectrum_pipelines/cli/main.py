"""The command line: find the command, run it, and turn whatever goes wrong into one message and an exit code.

A command's module is imported only when the command is used, because start-up counts in CI. Commands take values and return an exit
code; they raise what they cannot answer, and nothing but this module prints an error or exits.
"""

import gc
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from spectrum_pipelines import __version__
from spectrum_pipelines.cli.groups import TellingGroup
from spectrum_pipelines.cli.streams import OutputLost, hold_streams
from spectrum_pipelines.cli.terminal import say
from spectrum_pipelines.errors import ExitCode, SpectrumPipelinesError

#: name -> what `--help` says; the module is `spectrum_pipelines.cli.commands.<name>`, the command its attribute `command`.
COMMANDS = {
    "validate": "Find every fault of pipeline files; no server is asked.",
    "plan": "Show what a run would do: waves, policies, worst case.",
    "run": "Run a pipeline and write its report.",
    "resume": "Go on with a run that was interrupted or killed.",
    "retry": "Run again what failed in a run.",
    "adopt": "Settle an `unknown`: say which execution is the job's.",
    "runs": "List runs: status, time, how to go on.",
    "report": "Show the report of a run, or of a report file.",
    "job": "Use Spectrum's job API by hand.",
    "local": "Start the embedded Spectrum-compatible server.",
    "state": "Make, upgrade or check the place where runs are kept.",
    "schema": "Print a JSON Schema.",
    "init": "Start a new pipeline from a commented example.",
}


PROGRAM = "spectrum-pipelines"
#: The variable by which a shell asks what it may complete; its value is `bash_complete`, `zsh_source` and the like.
ASKED_BY = "_SPECTRUM_PIPELINES_COMPLETE"


class LazyGroup(TellingGroup):
    """Commands by name, imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order of the table, which is that of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        place = "job.group" if cmd_name == "job" else f"commands.{cmd_name}"
        module = importlib.import_module(f"spectrum_pipelines.cli.{place}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """From the table, so that `--help` imports no command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", message="spectrum-pipelines %(version)s")
@click.option("--debug", is_flag=True, envvar="SPECTRUM_DEBUG", help="Show the traceback of a bug in this program.")
def cli(*, debug: bool) -> None:
    """Run chains of Datameer Spectrum jobs from YAML files, and never start one twice.

    \b
    Try it without a Spectrum server:
      spectrum-pipelines init demo
      spectrum-pipelines run demo/pipeline.yaml --local demo/workspace.yaml

    Exit codes: 0 succeeded, 1 a job or a gate failed or findings, 2 usage or invalid file, 3 unreachable,
    4 timed out, 5 unknown (do not blindly run again), 6 busy, 7 login refused,
    70 bug, 130/143 interrupted.
    """


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit."""
    # A process of seconds has more to do than to look for cycles of objects: by default it would do so at each thousand of them.
    gc.set_threshold(50_000, 20, 50)
    hold_streams()
    code = _flushed(run(list(sys.argv[1:] if argv is None else argv)))
    # Everything is closed and written. Python would take a tenth of a second to take its modules apart one by one.
    os._exit(code)


def run(args: list[str]) -> int:
    """Run the program and return its exit code. Says what is wrong on stderr."""
    debug = "--debug" in args or bool(os.environ.get("SPECTRUM_DEBUG"))
    try:
        result = _answered(args)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return ExitCode.USAGE
    except click.ClickException as error:
        return _usage(error)
    except SpectrumPipelinesError as error:
        _show_faults(error)
        say("error", error.message, hint=error.hint, details=error.details)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        say("error", "interrupted; nothing was triggered")
        return ExitCode.INTERRUPTED
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the last resort; click makes SystemExit of a broken pipe
        _tell_bug(error, args, debug=debug)
        return ExitCode.BUG
    return int(result) if isinstance(result, int) else ExitCode.SUCCEEDED


def _answered(args: list[str]) -> object:
    """What the command returns, or what the completion of a shell does."""
    if os.environ.get(ASKED_BY):
        from spectrum_pipelines.cli.completion import answer  # noqa: PLC0415 - not needed to run anything

        return answer(cli, name=PROGRAM, asked_by=ASKED_BY)
    return cli.main(args=args, prog_name=PROGRAM, standalone_mode=False)


def _tell_bug(error: BaseException, args: list[str], *, debug: bool) -> None:
    """One line, or the traceback for `--debug`. A bug may say anything, so what may be secret is masked."""
    import traceback  # noqa: PLC0415 - only a bug needs it

    from spectrum_pipelines.cli.secrets import of_process  # noqa: PLC0415
    from spectrum_pipelines.words.clean import clean  # noqa: PLC0415

    redact = of_process(os.environ, (it.partition("=")[2] for it in args))
    if debug:
        lines = redact("".join(traceback.format_exception(error))).splitlines()
        sys.stderr.write("".join(f"{clean(line)}\n" for line in lines))
    hint = None if debug else "run again with --debug and report what it shows"
    say("bug", redact(f"{type(error).__name__}: {error}"), hint=hint)


def _show_faults(error: SpectrumPipelinesError) -> None:
    """The faults of a file, before the one line that says what they come to."""
    from spectrum_pipelines.document.diagnostic import InvalidFile  # noqa: PLC0415 - only a failure needs it

    if isinstance(error, InvalidFile) and error.shown:
        from spectrum_pipelines.cli.console import show_findings  # noqa: PLC0415

        show_findings(error.diagnostics, error.shown)


def _usage(error: click.ClickException) -> int:
    where = ""
    if isinstance(error, click.UsageError) and error.ctx is not None:
        where = f"see `{error.ctx.command_path} --help`"
    if isinstance(error, click.MissingParameter) and "RUN_ID" in error.format_message():
        where = f"list the runs with `spectrum-pipelines runs`, or {where}"
    say("error", error.format_message(), hint=where or None)
    return ExitCode.USAGE


def _flushed(code: int) -> int:
    """A full disk behind stdout shows only when the buffer is written."""
    try:
        sys.stdout.flush()
    except OutputLost as error:
        say("error", error.message)
        code = code or error.exit_code
    sys.stderr.flush()
    return code
