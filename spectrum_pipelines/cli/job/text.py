"""Spectrum's answers for people: its own words and dates, in columns."""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from spectrum_pipelines.cli.printed import print_facts, put
from spectrum_pipelines.cli.terminal import wants_color, width_of
from spectrum_pipelines.spectrum import (
    ActiveJob,
    ExecutionPlan,
    HistoryEntry,
    JobDetails,
    Phase,
    StatusAnswer,
    TriggerAnswer,
    phase_of,
)
from spectrum_pipelines.words.clean import clean
from spectrum_pipelines.words.columns import Column, Row, table
from spectrum_pipelines.words.wording import can_show_glyphs, span_in_words

_STYLES = {
    Phase.SUCCEEDED: "green",
    Phase.WARNED: "yellow",
    Phase.FAILED: "red",
    Phase.CANCELED: "red",
    Phase.RUNNING: "cyan",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def show_status(answer: StatusAnswer) -> None:
    """The latest run of a file."""
    left = answer.estimate_seconds
    print_facts(
        [
            ("status", answer.job_status),
            ("execution", answer.execution_id),
            ("file", answer.file_id),
            ("started (server's time)", answer.start_time),
            ("stopped (server's time)", answer.stop_time),
            ("progress", None if answer.progress is None else f"{answer.progress:.0f}%"),
            ("remaining", None if left is None else f"about {span_in_words(left)}, says the server"),
        ]
    )


def show_details(answer: JobDetails) -> None:
    """One execution, and its counters."""
    print_facts(
        [
            ("status", answer.job_status),
            ("configuration", answer.configuration_id),
            ("file", answer.file_id),
            ("uuid", answer.uuid),
            ("started (server's time)", answer.start_time),
            ("stopped (server's time)", answer.stop_time),
            ("records", answer.success_count),
            ("dropped", answer.failure_count),
            *sorted(answer.counters.items()),
        ]
    )


def show_triggered(answer: TriggerAnswer) -> None:
    """What a trigger started."""
    print_facts([("execution", answer.execution_id), ("user", answer.user), ("trigger", answer.trigger)])


def show_history(entries: Sequence[HistoryEntry], details: Sequence[JobDetails]) -> None:
    """Executions of a job configuration; with the server's own times where their `details` were asked for."""
    columns = [Column(title="EXECUTION", limit=24), Column(title="STATUS", limit=40)]
    columns += [Column(title=title, limit=32) for title in ("STARTED (SERVER'S TIME)", "STOPPED") if details]
    times: list[tuple[str, ...]] = [(one.start_time or "", one.stop_time or "") for one in details]
    times = times or [()] * len(entries)
    rows = [
        ((str(it.execution_id), it.job_status, *when), it.job_status) for it, when in zip(entries, times, strict=True)
    ]
    _print(columns, rows)


def show_active(jobs: Iterable[ActiveJob]) -> None:
    """The active jobs of the server."""
    columns = [
        Column(title="EXECUTION", limit=24),
        Column(title="STATUS", limit=40),
        Column(title="FILE", limit=24),
        Column(title="CONFIGURATION", limit=24),
        Column(title="STARTED (UTC)", limit=19),
        Column(title="NAME", limit=None),
    ]
    rows = [
        (
            (
                str(it.execution_id),
                it.job_status,
                _text(it.file_id),
                _text(it.configuration_id),
                _moment(it.start_time),
                it.file_name or it.job_name or "",
            ),
            it.job_status,
        )
        for it in jobs
    ]
    _print(columns, rows)


def show_plan(plan: ExecutionPlan) -> None:
    """What a sequential trigger started, in the server's order."""
    columns = [
        Column(title="EXECUTION", limit=24),
        Column(title="CONFIGURATION", limit=24),
        Column(title="NAME", limit=None),
    ]
    rows = [
        (
            (_text(it.execution_id) or "not started", _text(it.configuration_id), it.name or ""),
            "RUNNING" if it.execution_id else "",
        )
        for it in plan.executions
    ]
    _print(columns, rows)


def _print(columns: list[Column], rows: Sequence[tuple[Sequence[str], str]]) -> None:
    glyphs = can_show_glyphs(sys.stdout.encoding)
    lines = table(
        columns,
        [Row(cells=[clean(cell) for cell in cells], style=_STYLES.get(phase_of(word), "dim")) for cells, word in rows],
        width=width_of(sys.stdout),
        color=wants_color(sys.stdout),
        dots="…" if glyphs else "...",
    )
    put("\n".join(lines) + "\n")


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


def _moment(milliseconds: int | None) -> str:
    """The list of active jobs has milliseconds since the epoch, whatever they may be."""
    try:
        return "" if milliseconds is None else f"{_EPOCH + timedelta(milliseconds=milliseconds):%Y-%m-%d %H:%M:%S}"
    except OverflowError:
        return str(milliseconds)
