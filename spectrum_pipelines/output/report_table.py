"""The table of jobs in the text of a run report."""

from collections.abc import Mapping, Sequence
from typing import Any

from spectrum_pipelines.engine.outcome import JobStatus
from spectrum_pipelines.output.clean import clean
from spectrum_pipelines.output.report_columns import Column, Row, table
from spectrum_pipelines.output.wording import JOB_LOOKS, counts_in_words, span_in_words

Job = Mapping[str, Any]

#: More rows than this are no table any more; then those that went wrong are shown first.
_ROWS = 50
_IDS = 3
_COLUMNS = (
    Column(title="JOB", limit=44),
    Column(title="STATUS", limit=24),
    Column(title="EXECUTION", limit=26),
    Column(title="DURATION", limit=10, is_number=True),
    Column(title="RECORDS", limit=24, is_number=True),
    Column(title="REASON", limit=None),
)
_SETTLED = frozenset({JobStatus.SUCCEEDED, JobStatus.SKIPPED, JobStatus.PENDING})


def job_table(jobs: Sequence[Job], *, width: int, color: bool, glyphs: bool) -> list[str]:
    """The jobs in the order of the pipeline; of very many only those worth a look, and how many more there are."""
    if not jobs:
        return []
    shown = jobs if len(jobs) <= _ROWS else _worth_a_look(jobs)
    rows = [_row(job, glyphs=glyphs) for job in shown]
    lines = table(_COLUMNS, rows, width=width, color=color, dots="…" if glyphs else "...") if rows else []
    left = len(jobs) - len(shown)
    if left:
        seen = {job["id"] for job in shown}
        others = counted([job for job in jobs if job["id"] not in seen])
        lines.append(f"{'... and ' if rows else ''}{left:,} more: {counts_in_words(others)}")
    return lines


def counted(jobs: Sequence[Job]) -> dict[JobStatus, int]:
    """How many jobs stand where."""
    found = dict.fromkeys(JobStatus, 0)
    for job in jobs:
        found[JobStatus(job["status"])] += 1
    return found


def _worth_a_look(jobs: Sequence[Job]) -> list[Job]:
    statuses = [JobStatus(job["status"]) for job in jobs]
    failures = [at for at, status in enumerate(statuses) if status.is_failure]
    others = [at for at, status in enumerate(statuses) if not status.is_failure and status not in _SETTLED]
    return [jobs[at] for at in sorted([*failures, *others][:_ROWS])]


def _row(job: Job, *, glyphs: bool) -> Row:
    look = JOB_LOOKS[JobStatus(job["status"])]
    took = job["duration_seconds"]
    cells = (
        f"{look.mark(glyphs=glyphs)} {clean(job['id'])}",
        look.word,
        _executions(job),
        "" if took is None else span_in_words(took),
        _records(job),
        clean(job["reason"] or ""),
    )
    return Row(cells=cells, style=look.style)


def _executions(job: Job) -> str:
    """The last ids; with several attempts or in a sequence there are more than anybody wants to see in a table."""
    ids = [str(one["execution_id"]) for one in job["executions"]]
    return ", ".join(ids if len(ids) <= _IDS else ["...", *ids[-_IDS:]])


def _records(job: Job) -> str:
    """What the last attempt counted, over all its executions."""
    if not job["executions"]:
        return ""
    last = job["executions"][-1]["attempt"]
    current = [one for one in job["executions"] if one["attempt"] == last]
    good = [one["success_count"] for one in current if one["success_count"] is not None]
    bad = sum(one["failure_count"] or 0 for one in current)
    failed = f"{bad:,} failed" if bad else ""
    return ", ".join(part for part in (f"{sum(good):,}" if good else "", failed) if part)
