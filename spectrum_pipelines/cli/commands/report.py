"""`report RUN_ID|FILE`: what a run did."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from spectrum_pipelines.app.checkout import root
from spectrum_pipelines.app.deliver import rendered
from spectrum_pipelines.cli.completion import run_ids_and_files
from spectrum_pipelines.cli.groups import TellingCommand
from spectrum_pipelines.cli.options import option, state_option
from spectrum_pipelines.cli.printed import put, put_bytes
from spectrum_pipelines.cli.state import store_of
from spectrum_pipelines.cli.terminal import wants_color, width_of
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.errors import ExitCode
from spectrum_pipelines.render.report.formats import FORMATS
from spectrum_pipelines.store.heads import is_run_id


@click.command("report", cls=TellingCommand)
@click.argument("run", metavar="RUN_ID|FILE", shell_complete=run_ids_and_files)
@option("--format", "form", of="REPORT", type=click.Choice(["text", *FORMATS]), default="text", show_default=True)
@option("--exit-code", of="REPORT", is_flag=True, help="Exit with the run's own code instead of 0.")
@state_option
def command(run: str, *, form: str, exit_code: bool, state: str) -> int:
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
    report = _report(run, state)
    if form == "text":
        put(_text(report))
    elif form == "json":
        put(rendered(report, form, checkout=root(os.environ)))
    else:
        put_bytes(rendered(report, form, checkout=root(os.environ)).encode())
    if not exit_code:
        return ExitCode.SUCCEEDED
    return ExitCode.UNKNOWN if report["exit_code"] is None else int(report["exit_code"])


def _report(run: str, state: str) -> dict[str, Any]:
    # A run id is never taken for a file, and a file is only looked for where no run can be meant.
    if is_run_id(run) or not (os.sep in run or Path(run).is_file() or Path(run).suffix):
        from spectrum_pipelines.app.recorded import recorded_report  # noqa: PLC0415 - a file needs none of these
        from spectrum_pipelines.store.leasing import named_run  # noqa: PLC0415

        with store_of(state) as store:
            return recorded_report(named_run(store, run), store, clock=SystemClock())
    from spectrum_pipelines.report.read import read_report  # noqa: PLC0415 - foreign files only

    return read_report(Path(run))


def _text(report: dict[str, Any]) -> str:
    from spectrum_pipelines.cli.given import pasted  # noqa: PLC0415 - one of several formats
    from spectrum_pipelines.render.report.text import report_text  # noqa: PLC0415
    from spectrum_pipelines.words.wording import can_show_glyphs  # noqa: PLC0415

    return report_text(
        report,
        color=wants_color(sys.stdout),
        width=width_of(sys.stdout),
        glyphs=can_show_glyphs(sys.stdout.encoding),
        pasted=lambda command: pasted(command, sys.stdout),
    )
