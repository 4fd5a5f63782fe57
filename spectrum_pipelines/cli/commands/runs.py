"""`runs`: what the state directory knows."""

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from spectrum_pipelines.cli.groups import TellingGroup
from spectrum_pipelines.cli.ids import MOST
from spectrum_pipelines.cli.options import option, state_option
from spectrum_pipelines.cli.printed import print_json, put
from spectrum_pipelines.cli.state import store_of
from spectrum_pipelines.cli.terminal import say, wants_color, width_of
from spectrum_pipelines.clock import SystemClock, rfc3339
from spectrum_pipelines.engine.outcome import RunStatus
from spectrum_pipelines.errors import ExitCode, UserError
from spectrum_pipelines.pipeline.model.durations import parse_duration
from spectrum_pipelines.store.interface import RunHead

if TYPE_CHECKING:
    from spectrum_pipelines.words.columns import Row


@click.group("runs", cls=TellingGroup, invoke_without_command=True)
@option("--format", "form", of="RUNS", type=click.Choice(["text", "json"]), default="text", show_default=True)
@option("--pipeline", metavar="NAME", envvar="SPECTRUM_RUNS_PIPELINE", help="Only the runs of this pipeline.")
@option(
    "--limit", metavar="N", type=click.IntRange(1, MOST), envvar="SPECTRUM_RUNS_LIMIT", help="Only the newest ones."
)
@state_option
@click.pass_context
def command(context: click.Context, *, form: str, pipeline: str | None, limit: int | None, state: str) -> int | None:
    """List the runs in the store, the newest first.

    \b
    Examples:
      spectrum-pipelines runs --pipeline nightly-sales --limit 10
      spectrum-pipelines runs --format json | jq -r '.[] | select(.resumable) | .run_id'
      spectrum-pipelines runs prune --older-than 90d --keep 20
    """
    if context.invoked_subcommand is not None:
        return None
    with store_of(state) as store:
        runs = list(store.newest(limit=limit, pipeline=pipeline))
    if form == "json":
        print_json([_as_dict(run) for run in runs])
    elif runs:
        put("\n".join(_table(runs)) + "\n")
    else:
        say("note", f"no runs in {store.name} yet", hint="begin one with `spectrum-pipelines run FILE`")
    return ExitCode.SUCCEEDED


@command.command("prune", short_help="Delete old runs.")
@option("--older-than", of="RUNS", metavar="TIME", required=True, help="Delete what began longer ago: 90d, 12h.")
@option(
    "--keep",
    of="RUNS",
    metavar="N",
    type=click.IntRange(0, MOST),
    default=20,
    show_default=True,
    help="Keep the newest N runs of each pipeline, however old.",
)
@state_option
@click.pass_context
def _prune(context: click.Context, *, older_than: str, keep: int, state: str) -> int:
    """Delete runs that began long ago, with their journals and reports.

    A run that somebody works on stays, and so does one that cannot be read. The run key of a deleted run is free again: the same
    key then begins a new run. In PostgreSQL this needs a role that may delete.

    \b
    Example:
      spectrum-pipelines runs prune --older-than 90d --keep 20
    """
    try:
        age = timedelta(seconds=parse_duration(older_than))
    except (ValueError, OverflowError) as error:
        hint = "give a time such as 90d or 12h"
        raise UserError(f"--older-than is no time: `{older_than}`", hint=hint) from error
    above = context.parent
    given = context.get_parameter_source("state") is not click.core.ParameterSource.DEFAULT
    with store_of(state if given or above is None else above.params["state"]) as store:
        gone = store.prune(older_than=age, keep=keep)
    say("note", f"{gone} {'run' if gone == 1 else 'runs'} deleted from {store.name}")
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
        "holder": None
        if run.holder is None
        else {"pid": run.holder.pid, "host": run.holder.host, "since": run.holder.since},
    }


def _seconds(started: datetime | None, ended: datetime | None) -> float | None:
    return None if started is None or ended is None else round(max(0.0, (ended - started).total_seconds()), 3)


def _table(runs: Sequence[RunHead]) -> list[str]:
    from spectrum_pipelines.words.columns import Column, table  # noqa: PLC0415 - text only
    from spectrum_pipelines.words.wording import can_show_glyphs  # noqa: PLC0415

    glyphs = can_show_glyphs(sys.stdout.encoding)
    has_keys, is_held = any(run.run_key for run in runs), any(run.holder for run in runs)
    columns = [
        Column(title="RUN", limit=40),
        Column(title="STATUS", limit=24),
        Column(title="STARTED (UTC)", limit=19),
        Column(title="TOOK", limit=10, is_number=True),
        Column(title="EXIT", limit=4, is_number=True),
        Column(title="RESUME", limit=8),
        *([Column(title="KEY", limit=24)] if has_keys else []),
        *([Column(title="HELD BY", limit=32)] if is_held else []),
        Column(title="PIPELINE", limit=None, least=12, stays=True),
    ]
    return table(
        columns,
        [_row(run, glyphs=glyphs, has_keys=has_keys, is_held=is_held) for run in runs],
        width=width_of(sys.stdout),
        color=wants_color(sys.stdout),
        dots="…" if glyphs else "...",
    )


def _row(run: RunHead, *, glyphs: bool, has_keys: bool, is_held: bool) -> "Row":
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
        *([clean(run.run_key or "")] if has_keys else []),
        *([f"{run.holder.pid} on {run.holder.host}" if run.holder else ""] if is_held else []),
        clean(run.pipeline or run.fault or ""),
    )
    return Row(cells=cells, style=look.style if look else "dim")
