"""The run report for people: the verdict, the jobs, and for a run that did not succeed which job, why, and what to do next.

Made from the report alone, which may come from anywhere: it must be valid (`report_read` sees to that), and its texts are foreign.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
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
    switched_off,
    tally,
    title,
    verdict,
    where,
    why,
)
from spectrum_pipelines.render.report.table import job_table
from spectrum_pipelines.words.clean import clean
from spectrum_pipelines.words.columns import wrapped
from spectrum_pipelines.words.wording import JOB_LOOKS, RUN_LOOKS, many, paint

_MANY = 10  # findings, warnings, and jobs to explain, before it says how many more there are
_INDENT = " " * 6  # under the name of a job


def report_text(
    report: Mapping[str, Any],
    *,
    color: bool,
    width: int,
    glyphs: bool = True,
    kept: str | None = None,
    pasted: Callable[[str], str] = str,
) -> str:
    """A valid report as text for a terminal of `width` cells; without `glyphs`, for a stream that knows ASCII only.

    `kept` is the file in which the report stands. The last line is what to do next. No command is wrapped: it may be pasted.
    `pasted` makes of a command one that works at this terminal.
    """
    blocks = [
        list(_verdict(report, kept, color=color, glyphs=glyphs, width=width)),
        _table(report, color=color, glyphs=glyphs, width=width),
        list(_why(report, color=color, glyphs=glyphs, width=width, pasted=pasted)),
        list(_warnings(report["warnings"], color=color)),
        list(_next(report, color=color, width=width, pasted=pasted)),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _table(report: Mapping[str, Any], *, color: bool, glyphs: bool, width: int) -> list[str]:
    """Nothing where the pre-flight has stopped the run: no job did anything, and its findings are told below."""
    return [] if report["findings"] else job_table(report["jobs"], width=width, color=color, glyphs=glyphs)


def _waits_at_the_end(job: Mapping[str, Any]) -> bool:
    return bool(job["finally"]) and job["status"] == JobStatus.PENDING.value


def _verdict(report: Mapping[str, Any], kept: str | None, *, color: bool, glyphs: bool, width: int) -> Iterator[str]:
    shown = RUN_LOOKS[RunStatus(report["status"])]
    mark = shown.mark(glyphs=glyphs)
    yield from _painted(mark, verdict(report), how_it_ended(report), shown.style, color=color, width=width)
    yield from wrapped(tally(report), width, lead="  ")
    for line in _off(report, width):
        yield paint(line, "dim", color=color)
    environment = f", environment {clean(report['environment'])}" if report["environment"] else ""
    only = f", only {clean(' '.join(report['only']))}" if report["only"] else ""
    again = f", resumed {many(report['resumptions'], 'time')}" if report["resumptions"] else ""
    again += f", retried {many(rounds, 'time')}" if (rounds := report.get("rounds")) else ""
    run = f"run {clean(report['run_id'])}" if report["run_id"] else "no run"
    file = f" of {clean(report['pipeline']['file'])}" if report["pipeline"]["file"] else ""
    on = f" on {clean(report['server'])}" if report["server"] else ""
    for line in wrapped(f"{run}{file}{environment}{only}{on}{again}", width, lead="  "):
        yield paint(line, "dim", color=color)
    if kept is not None:
        yield paint(f"  report {clean(kept)}", "dim", color=color)


def _off(report: Mapping[str, Any], width: int) -> Iterator[str]:
    """The jobs that are switched off; each says where, because nothing else here tells of it."""
    off = switched_off(report)
    told = [f"{name} ({why_off})" for name, why_off in off[:_MANY]]
    told += [f"and {len(off) - _MANY:,} more"] if len(off) > _MANY else []
    if told:
        yield from wrapped(f"switched off: {', '.join(told)}", width, lead="  ", indent=4)


def _why(
    report: Mapping[str, Any], *, color: bool, glyphs: bool, width: int, pasted: Callable[[str], str]
) -> Iterator[str]:
    """Which job, which execution, and why."""
    if reason := why(report):
        yield from (paint(line, "bold", color=color) for line in wrapped(reason, width))
    for one in report["findings"][:_MANY]:
        yield from wrapped(about(one), width, lead="  ", indent=4)
    yield from _more(report["findings"], "finding")
    blamed = explained(report)
    for job in blamed[:_MANY]:
        yield from _explained(job, report, color=color, glyphs=glyphs, width=width, pasted=pasted)
    yield from _more(blamed, "job")
    if report["status"] == RunStatus.INTERRUPTED.value and any(_waits_at_the_end(job) for job in report["jobs"]):
        yield "`finally` has not run: it does when the run is resumed"


def _explained(
    job: Job, report: Mapping[str, Any], *, color: bool, glyphs: bool, width: int, pasted: Callable[[str], str]
) -> Iterator[str]:
    shown = JOB_LOOKS[JobStatus(job["status"])]
    name, place = title(job), f"({where(report, job)}, {job['action']} {clean(job['target'])})"
    mark = shown.mark(glyphs=glyphs)
    yield from _painted(mark, name, f"{allowance(job)} {place}", shown.style, color=color, width=width, lead="  ")
    for told in (clean(job["reason"] or ""), *earlier_attempts(job), candidates(job)):
        if told:
            yield from wrapped(told, width, lead=_INDENT, indent=len(_INDENT) + 2)
    if command := look(report, job):
        yield f"{_INDENT}look: {pasted(command)}"
    if command := stop(report, job):
        yield f"{_INDENT}if it is to end: {pasted(command)}"
    if command := never_started(report, job):
        yield f"{_INDENT}if it never started: {pasted(command)}"


def _painted(mark: str, name: str, more: str, style: str, *, color: bool, width: int, lead: str = "") -> Iterator[str]:
    """A line that begins with a mark and a name in a colour, wrapped."""
    head = f"{mark} {name}"
    for line in wrapped(f"{head}{more}", width, lead=lead, indent=len(lead) + 4):
        yield line.replace(head, paint(head, style, color=color), 1)


def _warnings(warnings: Sequence[Mapping[str, Any]], *, color: bool) -> Iterator[str]:
    for one in warnings[:_MANY]:
        yield f"{paint('warning:', 'yellow', color=color)} {about(one)}"
    yield from _more(warnings, "warning")


def _next(report: Mapping[str, Any], *, color: bool, width: int, pasted: Callable[[str], str]) -> Iterator[str]:
    """The command has a line of its own, so that a click or two take all of it."""
    step = next_step(report)
    if step is None:
        return
    command = step.command and pasted(step.command)
    if step.advice is None:
        yield paint(f"Next: {command}", "bold", color=color)
        return
    advice = wrapped(f"{step.advice}{':' if step.command else ''}", width, lead="Next: ", indent=2)
    yield from (paint(line, "bold", color=color) for line in advice)
    if command:
        yield paint(f"  {command}", "bold", color=color)


def _more(every: Sequence[object], noun: str) -> Iterator[str]:
    if len(every) > _MANY:
        yield f"  ... and {many(len(every) - _MANY, f'more {noun}')}"
