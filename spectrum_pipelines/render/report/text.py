"""The run report for people: the verdict, the jobs, and for a run that did not succeed which job, why, and what to do next.

Made from the report alone, which may come from anywhere: it must be valid (`report_read` sees to that), and its texts are foreign.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from spectrum_pipelines.engine.outcome import JobStatus, RunStatus
from spectrum_pipelines.render.report.explanation import (
    Job,
    about,
    allowance,
    candidates,
    earlier_attempts,
    explained,
    how_it_ended,
    look,
    never_started,
    next_step,
    stop,
    tally,
    title,
    verdict,
    where,
    why,
)
from spectrum_pipelines.render.report.table import job_table
from spectrum_pipelines.words.clean import clean
from spectrum_pipelines.words.wording import JOB_LOOKS, RUN_LOOKS, many, paint

_MANY = 10  # findings, warnings, and jobs to explain, before it says how many more there are


def report_text(report: Mapping[str, Any], *, color: bool, width: int, glyphs: bool = True) -> str:
    """A valid report as text for a terminal of `width` cells; without `glyphs`, for a stream that knows ASCII only."""
    blocks = [
        list(_verdict(report, color=color, glyphs=glyphs)),
        job_table(report["jobs"], width=width, color=color, glyphs=glyphs),
        list(_why(report, color=color, glyphs=glyphs)),
        list(_warnings(report["warnings"], color=color)),
        list(_next(report, color=color)),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _waits_at_the_end(job: Mapping[str, Any]) -> bool:
    return bool(job["finally"]) and job["status"] == JobStatus.PENDING.value


def _verdict(report: Mapping[str, Any], *, color: bool, glyphs: bool) -> Iterator[str]:
    shown = RUN_LOOKS[RunStatus(report["status"])]
    told = paint(f"{shown.mark(glyphs=glyphs)} {verdict(report)}", shown.style, color=color)
    yield f"{told}{how_it_ended(report)}"
    yield f"  {tally(report)}"
    environment = f", environment {clean(report['environment'])}" if report["environment"] else ""
    only = f", only {clean(' '.join(report['only']))}" if report["only"] else ""
    again = f", resumed {many(report['resumptions'], 'time')}" if report["resumptions"] else ""
    again += f", retried {many(rounds, 'time')}" if (rounds := report.get("rounds")) else ""
    run = f"run {clean(report['run_id'])}" if report["run_id"] else "no run"
    file = f" of {clean(report['pipeline']['file'])}" if report["pipeline"]["file"] else ""
    on = f" on {clean(report['server'])}" if report["server"] else ""
    yield paint(f"  {run}{file}{environment}{only}{on}{again}", "dim", color=color)


def _why(report: Mapping[str, Any], *, color: bool, glyphs: bool) -> Iterator[str]:
    """Which job, which execution, and why."""
    if reason := why(report):
        yield paint(reason, "bold", color=color)
    for one in report["findings"][:_MANY]:
        yield f"  {about(one)}"
    yield from _more(report["findings"], "finding")
    blamed = explained(report)
    for job in blamed[:_MANY]:
        yield from _explained(job, report, color=color, glyphs=glyphs)
    yield from _more(blamed, "job")
    if report["status"] == RunStatus.INTERRUPTED.value and any(_waits_at_the_end(job) for job in report["jobs"]):
        yield "`finally` has not run: it does when the run is resumed"


def _explained(job: Job, report: Mapping[str, Any], *, color: bool, glyphs: bool) -> Iterator[str]:
    shown = JOB_LOOKS[JobStatus(job["status"])]
    name = paint(f"{shown.mark(glyphs=glyphs)} {title(job)}", shown.style, color=color)
    yield f"  {name}{allowance(job)} ({where(report, job)}, {job['action']} {clean(job['target'])})"
    if job["reason"]:
        yield f"      {clean(job['reason'])}"
    for told in earlier_attempts(job):
        yield f"      {told}"
    if told_ids := candidates(job):
        yield f"      {told_ids}"
    if command := look(report, job):
        yield f"      look: {command}"
    if command := stop(report, job):
        yield f"      if it is to end: {command}"
    if command := never_started(report, job):
        yield f"      if it never started: {command}"


def _warnings(warnings: Sequence[Mapping[str, Any]], *, color: bool) -> Iterator[str]:
    for one in warnings[:_MANY]:
        yield f"{paint('warning:', 'yellow', color=color)} {about(one)}"
    yield from _more(warnings, "warning")


def _next(report: Mapping[str, Any], *, color: bool) -> Iterator[str]:
    if step := next_step(report):
        yield paint(f"Next: {step}", "bold", color=color)


def _more(every: Sequence[object], noun: str) -> Iterator[str]:
    if len(every) > _MANY:
        yield f"  ... and {many(len(every) - _MANY, f'more {noun}')}"
