"""The run report as a Markdown summary: the verdict, what went wrong and what to type next, then the table of all jobs.

For GitHub's step summary, which takes 1 MiB for a step and nothing of what is larger; so long texts are cut, and of very many jobs
those that went wrong come first.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from spectrum_pipelines.engine.outcome import JobStatus, RunStatus
from spectrum_pipelines.render.report.explanation import (
    Job,
    Report,
    about,
    allowance,
    counted,
    execution_ids,
    explained,
    explanation,
    how_it_ended,
    next_step,
    records,
    switched_off,
    tally,
    title,
    took,
    variables,
    verdict,
    why,
)
from spectrum_pipelines.words.clean import clean
from spectrum_pipelines.words.wording import JOB_LOOKS, RUN_LOOKS, counts_in_words, many

#: Bytes, well below GitHub's 1 MiB.
LIMIT = 1_000_000

_ROWS = 500
_MANY = 10
_CUT = 500
_CUT_NAME = 150
_FACTS = 50
_TITLES = "| | Job | Status | Execution | Duration | Records | Reason |\n|---|---|---|---:|---:|---:|---|"
# Everything that starts markup in GitHub's Markdown, mentions and formulas included. A backslash takes the meaning from the first
# kind; the second stays active behind one and becomes an entity.
_PUNCTUATION = re.compile(r"[\\`*_{}\[\]()#+!|~]|^[-=]|(?<=^\d)\.|(?<=^\d\d)\.")
_ENTITIES = {ord(character): f"&#{ord(character)};" for character in "&<>$@"}
_LINK = re.compile(r"(?i)(?<=www)\.|:(?=//)")


def markdown(report: Report, *, limit: int = LIMIT) -> str:
    """A valid report as Markdown of at most `limit` bytes; empty if there is no room for the verdict."""
    head = "\n\n".join([*_verdict(report), *_what_went_wrong(report), *_next(report)]) + "\n"
    if _size(head) > limit:
        head = "\n\n".join([*_verdict(report), *_next(report)]) + "\n"
        return head if _size(head) <= limit else ""
    tail = "".join(f"\n{block}\n" for block in (*_warnings(report), *_facts(report)))
    if _size(head) + _size(tail) > limit:
        tail = ""
    table = _table(report, limit - _size(head) - _size(tail))
    return head + table + tail


def escaped(text: str, most: int = _CUT) -> str:
    """Foreign text as itself: one line, at most `most` characters, no markup."""
    short = clean(text).strip()
    short = short if len(short) <= most else f"{short[: most - 1]}…"
    return _LINK.sub(lambda match: f"&#{ord(match[0])};", _PUNCTUATION.sub(r"\\\g<0>", short).translate(_ENTITIES))


def _verdict(report: Report) -> Iterator[str]:
    look = RUN_LOOKS[RunStatus(report["status"])]
    yield f"## {look.glyph} {escaped(verdict(report), _CUT_NAME)}{how_it_ended(report)}"
    yield escaped(tally(report))


def _what_went_wrong(report: Report) -> Iterator[str]:
    if reason := why(report):
        yield f"**{escaped(reason)}**"
    if findings := report["findings"]:
        yield _listed(findings, "finding", lambda one: escaped(about(one)))
    blamed = explained(report)
    for job in blamed[:_MANY]:
        look = JOB_LOOKS[JobStatus(job["status"])]
        yield f"### {look.glyph} {escaped(title(job), _CUT_NAME)}{allowance(job)}"
        if job["reason"]:
            yield escaped(job["reason"])
        yield "\n".join(f"- {escaped(line)}" for line in explanation(report, job))
    if len(blamed) > _MANY:
        yield f"... and {many(len(blamed) - _MANY, 'more job')}"


def _next(report: Report) -> Iterator[str]:
    step = next_step(report)
    if step is not None and step.command is not None:
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", step.command)), default=0))
        first = f" {escaped(step.advice)}:" if step.advice else ""
        yield f"**Next:**{first}\n\n{fence}sh\n{step.command[: 4 * _CUT]}\n{fence}"
    elif step is not None:
        yield f"**Next:** {escaped(str(step))}"


def _table(report: Report, room: int) -> str:
    """As many rows as fit, in the order of the pipeline; if not all do, those that went wrong first."""
    reasons = _reasons(report)
    rows = [(job, _row(job, reason)) for job, reason in zip(report["jobs"], reasons, strict=True)]
    room -= len(_TITLES) + 200  # for the line on what is left out
    if len(rows) > _ROWS or sum(_size(row) for _, row in rows) > room:
        rows.sort(key=lambda one: _rank(one[0]))
    shown = list(_fitting([row for _, row in rows[:_ROWS]], room))
    table = f"\n{_TITLES}\n{''.join(shown)}" if shown else ""
    left = [job for job, _ in rows[len(shown) :]]
    if not left or room < 0:
        return table
    return f"{table}\n{'... and ' if shown else ''}{len(left):,} more: {counts_in_words(counted(left))}\n"


def _fitting(rows: Iterable[str], room: int) -> Iterator[str]:
    for row in rows:
        room -= _size(row)
        if room < 0:
            return
        yield row


def _rank(job: Job) -> int:
    status = JobStatus(job["status"])
    if status.is_failure:
        return 0
    return 2 if status in {JobStatus.SUCCEEDED, JobStatus.SKIPPED, JobStatus.PENDING} else 1


def _reasons(report: Report) -> Iterator[str]:
    """The reason for each row: nothing where it is told above, and `as above` where the row before has the same."""
    told = {id(job) for job in explained(report)[:_MANY]}
    last = why(report)
    for job in report["jobs"]:
        reason = job["reason"] or ""
        if id(job) in told:
            yield "see above" if reason else ""
        elif reason and reason == last:
            yield "as above"
        else:
            yield reason
            last = reason or last


def _row(job: Job, reason: str) -> str:
    look = JOB_LOOKS[JobStatus(job["status"])]
    cells = (
        look.glyph,
        escaped(job["id"], _CUT_NAME),
        f"{look.word}{allowance(job)}",
        execution_ids(job),
        took(job),
        records(job),
        escaped(reason, _CUT),
    )
    return f"| {' | '.join(cells)} |\n"


def _warnings(report: Report) -> Iterator[str]:
    if report["warnings"]:
        yield "**Warnings**\n\n" + _listed(report["warnings"], "warning", lambda one: escaped(about(one)))


def _listed(every: Sequence[Job], noun: str, line: Callable[[Job], str]) -> str:
    lines = [f"- {line(one)}" for one in every[:_MANY]]
    if len(every) > _MANY:
        lines.append(f"- ... and {many(len(every) - _MANY, f'more {noun}')}")
    return "\n".join(lines)


def _facts(report: Report) -> Iterator[str]:
    rows = [f"| {escaped(name, _CUT_NAME)} | {escaped(str(value))} |" for name, value in _named(report) if value]
    more = [f"| ... | {len(rows) - _FACTS:,} more |"] if len(rows) > _FACTS else []
    table = "\n".join(["| | |", "|---|---|", *rows[:_FACTS], *more])
    yield f"<details><summary>About this run</summary>\n\n{table}\n\n</details>"


def _named(report: Report) -> Iterable[tuple[str, object]]:
    pipeline = report["pipeline"]
    yield "Run", report["run_id"]
    yield "Run key", report["run_key"]
    yield "Pipeline file", pipeline["file"]
    yield "Git commit", pipeline["git_commit"]
    yield "Digest", pipeline["digest"]
    yield "Server", report["server"]
    yield "Environment", report["environment"]
    yield "Only", " ".join(report["only"])
    for name, why_off in switched_off(report):
        yield f"Switched off: {name}", why_off
    yield "Started", report["started_at"]
    yield "Finished", report["finished_at"]
    yield "Retried", (rounds := report.get("rounds")) and many(rounds, "time")
    yield "Resumed", report["resumptions"] and many(report["resumptions"], "time")
    for name, value in variables(report):
        yield f"Variable {name}", value


def _size(text: str) -> int:
    return len(text.encode())
