"""The table of jobs in the text of a run report."""

from collections.abc import Sequence

from spectrum_pipelines.engine.outcome import JobStatus
from spectrum_pipelines.render.report.explanation import Job, counted, execution_ids, records, took
from spectrum_pipelines.words.clean import clean
from spectrum_pipelines.words.columns import Column, Row, table
from spectrum_pipelines.words.wording import JOB_LOOKS, counts_in_words

#: More rows than this are no table any more; then those that went wrong are shown first.
_ROWS = 50
_COLUMNS = (
    Column(title="JOB", limit=44, least=18),
    Column(title="STATUS", limit=24),
    Column(title="EXECUTION", limit=26),
    Column(title="DURATION", limit=10, is_number=True),
    Column(title="RECORDS", limit=24, is_number=True),
    Column(title="REASON", limit=None, least=14, stays=True),
)
_SETTLED = frozenset({JobStatus.SUCCEEDED, JobStatus.SKIPPED, JobStatus.PENDING})


def job_table(jobs: Sequence[Job], *, width: int, color: bool, glyphs: bool) -> list[str]:
    """The jobs in the order of the pipeline; of very many only those worth a look, and how many more there are.

    Nothing where none of very many is worth a look: the tally has told already how they ended.
    """
    if not jobs:
        return []
    shown = jobs if len(jobs) <= _ROWS else _worth_a_look(jobs)
    rows = [_row(job, glyphs=glyphs) for job in shown]
    lines = table(_COLUMNS, rows, width=width, color=color, dots="…" if glyphs else "...") if rows else []
    left = len(jobs) - len(shown)
    if rows and left:
        seen = {job["id"] for job in shown}
        others = counted([job for job in jobs if job["id"] not in seen])
        lines.append(f"... and {left:,} more: {counts_in_words(others)}")
    return lines


def _worth_a_look(jobs: Sequence[Job]) -> list[Job]:
    statuses = [JobStatus(job["status"]) for job in jobs]
    failures = [at for at, status in enumerate(statuses) if status.is_failure]
    others = [at for at, status in enumerate(statuses) if not status.is_failure and status not in _SETTLED]
    return [jobs[at] for at in sorted([*failures, *others][:_ROWS])]


def _row(job: Job, *, glyphs: bool) -> Row:
    look = JOB_LOOKS[JobStatus(job["status"])]
    cells = (
        f"{look.mark(glyphs=glyphs)} {clean(job['id'])}",
        look.word,
        execution_ids(job),
        took(job),
        records(job),
        clean(job["reason"] or ""),
    )
    return Row(cells=cells, style=look.style)
