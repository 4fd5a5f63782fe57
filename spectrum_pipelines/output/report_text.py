"""The run report for people: the verdict, the jobs, and for a run that did not succeed which job, why, and what to do next.

Made from the report alone, which may come from anywhere: it must be valid (`report_read` sees to that), and its texts are foreign.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from spectrum_pipelines.engine.outcome import JobStatus, RunStatus
from spectrum_pipelines.errors import ExitCode
from spectrum_pipelines.output.clean import clean
from spectrum_pipelines.output.report_table import Job, counted, job_table
from spectrum_pipelines.output.wording import (
    JOB_LOOKS,
    RUN_LOOKS,
    counts_in_words,
    many,
    paint,
    span_in_words,
)

_MANY = 10  # findings, warnings, and jobs to explain, before it says how many more there are
_ATTEMPTS = 5
_UNREACHABLE = (
    "nothing was triggered: check the server's address, its certificate and the credentials, then run it again"
)
_ADVICE = {
    ExitCode.FAILED: "find out why above, mend it, then run it again",
    ExitCode.USAGE: "nothing was triggered: correct the pipeline file, then run it again",
    ExitCode.UNREACHABLE: _UNREACHABLE,
    ExitCode.TIMED_OUT: "look first: what is named above may still run on the server",
    ExitCode.UNKNOWN: "do not run it again before it is known what runs on the server",
    ExitCode.CONFLICT: "nothing was triggered: run it again when the job is free, or see `on_running`",
}


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


def _verdict(report: Mapping[str, Any], *, color: bool, glyphs: bool) -> Iterator[str]:
    look = RUN_LOOKS[RunStatus(report["status"])]
    took = "" if report["duration_seconds"] is None else f" after {span_in_words(report['duration_seconds'])}"
    code = report["exit_code"]
    name = clean(report["pipeline"]["name"])
    verdict = paint(f"{look.mark(glyphs=glyphs)} {name} {look.word}", look.style, color=color)
    yield f"{verdict}{took}{f' (exit code {code})' if code else ''}"
    jobs = report["jobs"]
    yield f"  {many(len(jobs), 'job')}: {counts_in_words(counted(jobs))}"
    environment = f", environment {clean(report['environment'])}" if report["environment"] else ""
    again = f", resumed {many(report['resumptions'], 'time')}" if report["resumptions"] else ""
    only = f", only {clean(' '.join(report['only']))}" if report["only"] else ""
    about = f"  run {clean(report['run_id'])} of {clean(report['pipeline']['file'])}{environment}{only}"
    yield paint(f"{about} on {clean(report['server'])}{again}", "dim", color=color)


def _why(report: Mapping[str, Any], *, color: bool, glyphs: bool) -> Iterator[str]:
    """Which job, which execution, and why."""
    if report["status"] in {"running", "succeeded"}:
        return
    findings = report["findings"]
    reason = (
        "the pre-flight stopped the run before anything was triggered:" if findings else clean(report["reason"] or "")
    )
    if reason:
        yield paint(reason, "bold", color=color)
    for one in findings[:_MANY]:
        yield f"  {_about(one)}{clean(one['message'])}"
    yield from _more(findings, "finding")
    blamed = [job for job in report["jobs"] if _needs_explaining(job)]
    for job in blamed[:_MANY]:
        yield from _explained(job, report, color=color, glyphs=glyphs)
    yield from _more(blamed, "job")


def _needs_explaining(job: Job) -> bool:
    """What failed, and what may still run although the run has ended."""
    status = JobStatus(job["status"])
    return status.is_failure or status is JobStatus.RUNNING


def _explained(job: Job, report: Mapping[str, Any], *, color: bool, glyphs: bool) -> Iterator[str]:
    status = JobStatus(job["status"])
    look = JOB_LOOKS[status]
    title = paint(f"{look.mark(glyphs=glyphs)} {clean(job['id'])} {look.word}", look.style, color=color)
    is_allowed = job["allow_failure"] and status.is_failure and status is not JobStatus.UNKNOWN
    allowed = ", which is allowed" if is_allowed else ""
    yield f"  {title}{allowed} ({clean(report['pipeline']['file'])}:{job['line']}, {clean(job['target'])})"
    if job["reason"]:
        yield f"      {clean(job['reason'])}"
    earlier = job["attempts"][:-1]
    for one in earlier[-_ATTEMPTS:]:
        told = f": {clean(one['reason'])}" if one["reason"] else ""
        yield f"      attempt {one['attempt']} {JOB_LOOKS[JobStatus(one['status'])].word}{told}"
    if job["candidates"]:
        yield f"      candidates: execution {', '.join(str(one) for one in job['candidates'])}"
    if job["execution_id"] is not None:
        yield f"      look: spectrum-pipelines job details {job['execution_id']}"


def _warnings(warnings: Sequence[Mapping[str, Any]], *, color: bool) -> Iterator[str]:
    for one in warnings[:_MANY]:
        yield f"{paint('warning:', 'yellow', color=color)} {_about(one)}{clean(one['message'])}"
    yield from _more(warnings, "warning")


def _about(one: Mapping[str, Any]) -> str:
    return f"{clean(one['job'])}: " if one["job"] else ""


def _next(report: Mapping[str, Any], *, color: bool) -> Iterator[str]:
    advice = _ADVICE.get(report["exit_code"])
    if report["next"]:
        yield paint(f"Next: {clean(report['next'])}", "bold", color=color)
    elif advice:
        yield paint(f"Next: {advice}", "bold", color=color)


def _more(every: Sequence[object], noun: str) -> Iterator[str]:
    if len(every) > _MANY:
        yield f"  ... and {many(len(every) - _MANY, f'more {noun}')}"
