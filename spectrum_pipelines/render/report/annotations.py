"""What went wrong in a run, at the job's line of the pipeline file: annotations by GitHub's workflow commands.

GitHub shows ten errors and ten warnings of a step and drops the rest in silence, so a notice says how many more there are.
"""

import posixpath
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from spectrum_pipelines.engine.outcome import JobStatus
from spectrum_pipelines.render.report.explanation import (
    Job,
    Report,
    about,
    allowance,
    explained,
    explanation,
    how_it_ended,
    is_allowed,
    next_step,
    title,
    verdict,
    why,
)
from spectrum_pipelines.words.clean import clean
from spectrum_pipelines.words.wording import many
from spectrum_pipelines.words.workflow_command import workflow_command

_MANY = 10
_CUT = 500  # of a line; GitHub cuts a message at 4 KiB


class Annotation(Struct, frozen=True, kw_only=True):
    """A remark at a line of the pipeline file, or at none. `level` is GitHub's: `error`, `warning` or `notice`.

    `file` is the fragment that the line is of, if it is one, as seen from the folder of the pipeline file.
    """

    level: str
    title: str
    lines: tuple[str, ...]
    line: int | None = None
    file: str | None = None


def annotations(report: Report) -> list[Annotation]:
    """What a valid report has to say: at most ten errors, ten warnings, and a notice on what was left out."""
    errors = [*_findings(report), *_failures(report)]
    if not errors and report["status"] not in {"running", "succeeded"}:
        errors = [_of_the_run(report)]
    warnings = [*_allowed(report), *_warnings(report)]
    return [*_capped(errors, "failure"), *_capped(warnings, "warning")]


def workflow_commands(remarks: Iterable[Annotation], *, file: str | None) -> str:
    """The remarks as lines of a log that GitHub Actions reads. `file` is relative to the repository; None: it is not in it."""
    return "".join(f"{_command(one, file)}\n" for one in remarks)


def _findings(report: Report) -> Iterator[Annotation]:
    places = {job["id"]: _place(report, job) for job in report["jobs"]}
    for one in report["findings"]:
        yield Annotation(
            level="error", title="pre-flight", lines=(about(one), *_next(report)), **places.get(one["job"], {})
        )


def _failures(report: Report) -> Iterator[Annotation]:
    for job in explained(report):
        if not is_allowed(job):
            lines = (_reason(job["reason"]), *explanation(report, job), *_next(report))
            yield Annotation(level="error", title=title(job), lines=lines, **_place(report, job))


def _of_the_run(report: Report) -> Annotation:
    told = f"{verdict(report)}{how_it_ended(report)}"
    return Annotation(level="error", title=verdict(report), lines=(why(report) or told, *_next(report)))


def _allowed(report: Report) -> Iterator[Annotation]:
    """Failures that are allowed, and successes with warnings."""
    for job in report["jobs"]:
        if is_allowed(job) or job["status"] == JobStatus.WARNED.value:
            lines = (_reason(job["reason"]), *explanation(report, job))
            yield Annotation(level="warning", title=f"{title(job)}{allowance(job)}", lines=lines, **_place(report, job))


def _warnings(report: Report) -> Iterator[Annotation]:
    places = {job["id"]: _place(report, job) for job in report["jobs"]}
    for one in report["warnings"]:
        yield Annotation(level="warning", title=clean(one["code"]), lines=(about(one),), **places.get(one["job"], {}))


def _place(report: Report, job: Job) -> dict[str, Any]:
    if "fragment" not in job:
        return {"line": job["line"]}
    folder = posixpath.dirname(report["pipeline"]["file"])
    return {"line": job["line"], "file": posixpath.relpath(job["fragment"], folder or ".")}


def _capped(remarks: list[Annotation], noun: str) -> Iterator[Annotation]:
    yield from remarks[:_MANY]
    if len(remarks) > _MANY:
        told = f"and {many(len(remarks) - _MANY, f'more {noun}')}"
        yield Annotation(level="notice", title=told, lines=(f"{told}: see the summary and the report",))


def _reason(reason: str | None) -> str:
    return clean(reason) if reason else "no reason is known"


def _next(report: Report) -> Iterator[str]:
    if step := next_step(report):
        yield f"Next: {step}"


def _command(remark: Annotation, file: str | None) -> str:
    places: dict[str, object] = {}
    if file is not None and remark.line:
        beside = posixpath.join(posixpath.dirname(file), remark.file or "")
        places = {"file": posixpath.normpath(beside) if remark.file else file, "line": remark.line}
    return workflow_command(remark.level, {**places, "title": remark.title}, (line[:_CUT] for line in remark.lines))
