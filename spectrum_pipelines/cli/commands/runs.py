"""`runs`: what the state directory knows."""

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from spectrum_pipelines.cli.options import option, state_option
from spectrum_pipelines.cli.printed import print_json, put, width_of_stdout
from spectrum_pipelines.cli.state import store_of
from spectrum_pipelines.cli.terminal import say, wants_color
from spectrum_pipelines.clock import SystemClock, rfc3339
from spectrum_pipelines.engine.outcome import RunStatus
from spectrum_pipelines.errors import ExitCode
from spectrum_pipelines.store.interface import RunHead

if TYPE_CHECKING:
    from spectrum_pipelines.words.columns import Row


@click.command("runs")
@option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@state_option
def command(*, form: str, state: str) -> int:
    """List the runs in the state directory, the newest first.

    \b
    Examples:
      spectrum-pipelines runs
      spectrum-pipelines runs --format json | jq -r '.[] | select(.resumable) | .run_id'
    """
    with store_of(state) as store:
        runs = list(store.newest())
    if form == "json":
        print_json([_as_dict(run) for run in runs])
    elif runs:
        put("\n".join(_table(runs)) + "\n")
    else:
        say("note", f"no runs in {store.name} yet", hint="begin one with `spectrum-pipelines run FILE`")
    return ExitCode.SUCCEEDED


def _as_dict(run: RunHead) -> dict[str, Any]:
    """`duration_seconds` is null for a run that has not ended; `fault` says why nothing else is known."""
    return {
        "run_id": run.run_id,
        "pipeline": run.pipeline,
        "run_key": run.run_key,
        "status": run.status.value if run.status else None,
        "started_at": rfc3339(run.started) if run.started else None,
        "finished_at": rfc3339(run.ended) if run.ended else None,
        "duration_seconds": _seconds(run.started, run.ended),
        "exit_code": run.exit_code,
        "resumable": run.resumable,
        "fault": run.fault,
    }


def _seconds(started: datetime | None, ended: datetime | None) -> float | None:
    return None if started is None or ended is None else round(max(0.0, (ended - started).total_seconds()), 3)


def _table(runs: Sequence[RunHead]) -> list[str]:
    from spectrum_pipelines.words.columns import Column, table  # noqa: PLC0415 - text only
    from spectrum_pipelines.words.wording import can_show_glyphs  # noqa: PLC0415

    glyphs = can_show_glyphs(sys.stdout.encoding)
    columns = [
        Column(title="RUN", limit=40),
        Column(title="STATUS", limit=24),
        Column(title="STARTED (UTC)", limit=19),
        Column(title="TOOK", limit=10, is_number=True),
        Column(title="EXIT", limit=4, is_number=True),
        Column(title="RESUME", limit=8),
        Column(title="PIPELINE", limit=None),
    ]
    return table(
        columns,
        [_row(run, glyphs=glyphs) for run in runs],
        width=width_of_stdout(),
        color=wants_color(sys.stdout),
        dots="…" if glyphs else "...",
    )


def _row(run: RunHead, *, glyphs: bool) -> "Row":
    from spectrum_pipelines.words.clean import clean  # noqa: PLC0415 - text only
    from spectrum_pipelines.words.columns import Row  # noqa: PLC0415
    from spectrum_pipelines.words.wording import RUN_LOOKS, span_in_words  # noqa: PLC0415

    look = RUN_LOOKS[run.status] if run.status else None
    seconds = _seconds(run.started, SystemClock().now() if run.status is RunStatus.RUNNING else run.ended)
    cells = (
        run.run_id,
        f"{look.mark(glyphs=glyphs)} {look.word}" if look else "?",
        f"{run.started:%Y-%m-%d %H:%M:%S}" if run.started else "",
        span_in_words(seconds) if seconds is not None else "",
        "" if run.exit_code is None else str(run.exit_code),
        "yes" if run.resumable else "",
        clean(run.pipeline or run.fault or ""),
    )
    return Row(cells=cells, style=look.style if look else "dim")
