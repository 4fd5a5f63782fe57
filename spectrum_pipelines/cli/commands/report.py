"""`report RUN_ID|FILE`: what a run did."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from spectrum_pipelines.app.deliver import FORMATS, rendered
from spectrum_pipelines.cli.options import option, state_option
from spectrum_pipelines.cli.printed import put
from spectrum_pipelines.cli.terminal import wants_color
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.engine.outcome import RunStatus
from spectrum_pipelines.errors import ExitCode, StateError
from spectrum_pipelines.store.folder.run_directory import RunDirectory
from spectrum_pipelines.store.folder.state_directory import StateDirectory
from spectrum_pipelines.store.heads import is_run_id

_WIDTH = 100  # of a stream that is no terminal


@click.command("report")
@click.argument("run", metavar="RUN_ID|FILE")
@option("--format", "form", type=click.Choice(["text", "json", *FORMATS]), default="text", show_default=True)
@option("--exit-code", is_flag=True, help="Exit with the run's own code instead of 0.")
@state_option
def command(run: str, *, form: str, exit_code: bool, state_dir: Path) -> int:
    """Show what a run did: the jobs, their execution ids and statuses, and what to do next.

    RUN_ID is read from the journal in the state directory: also while the run goes on, and after it was killed. FILE is a report
    that `run --report` wrote. The command exits with 0 if there is a report to show, whatever stands in it; with --exit-code, as
    the run did, and with 5 for a run that has not ended.

    \b
    Examples:
      spectrum-pipelines report 20261123T150405Z-7f3a
      spectrum-pipelines report report.json --format json | jq .jobs
      spectrum-pipelines report report.json --exit-code
      spectrum-pipelines report report.json --format html > report.html
    """
    report = _report(run, StateDirectory(state_dir))
    if form == "json":
        from spectrum_pipelines.report.json_text import report_json  # noqa: PLC0415 - one of several formats

        put(report_json(report))
    elif form in FORMATS:
        click.echo(rendered(report, form).encode(), nl=False)  # UTF-8, whatever the locale says
    else:
        put(_text(report))
    if not exit_code:
        return ExitCode.SUCCEEDED
    return ExitCode.UNKNOWN if report["exit_code"] is None else int(report["exit_code"])


def _report(run: str, directory: StateDirectory) -> dict[str, Any]:
    # A run id is never taken for a file, and a file is only looked for where no run can be meant.
    if is_run_id(run) or not (os.sep in run or Path(run).is_file() or Path(run).suffix):
        return recorded_report(directory.run(run), directory.locks)
    from spectrum_pipelines.report.read import read_report  # noqa: PLC0415 - foreign files only

    return read_report(Path(run))


def recorded_report(run: RunDirectory, locks: Path) -> dict[str, Any]:
    """The report of a run as its journal has it now. Raises StateError."""
    from spectrum_pipelines.plan.recorded import planned_pipeline  # noqa: PLC0415 - a file needs none of these
    from spectrum_pipelines.report.build import HttpCounts, build_report, started_at  # noqa: PLC0415
    from spectrum_pipelines.store.folder.journal import read_journal, replay  # noqa: PLC0415
    from spectrum_pipelines.store.folder.run_lock import is_running  # noqa: PLC0415

    # Asked before the journal is read: a run that ends in between has written its end.
    goes_on = is_running(locks, run.run_id)
    facts = read_journal(run.journal)
    if not facts:
        raise StateError(f"run {run.run_id} never began", hint="nothing was triggered: start a new run")
    state = replay(planned_pipeline(run), run.run_id, facts)
    start = started_at(facts[0])
    # The wall clock bridges the time since the last fact; a clock that was set back must not shorten the run.
    now_at = max(facts[-1].at, (SystemClock().now() - start).total_seconds()) if goes_on else facts[-1].at
    report = build_report(state, started_at=start, now_at=now_at, http=HttpCounts())
    if state.ended is not None or goes_on:
        return report
    return report | {
        "status": RunStatus.INTERRUPTED.value,
        "reason": "its process ended without a word; what it started may still run",
        "next": f"spectrum-pipelines resume {run.run_id}",
    }


def _text(report: dict[str, Any]) -> str:
    from spectrum_pipelines.render.report.text import report_text  # noqa: PLC0415 - one of several formats
    from spectrum_pipelines.words.wording import can_show_glyphs  # noqa: PLC0415

    return report_text(
        report,
        color=wants_color(sys.stdout),
        width=shutil.get_terminal_size((_WIDTH, 24)).columns,
        glyphs=can_show_glyphs(sys.stdout.encoding),
    )
