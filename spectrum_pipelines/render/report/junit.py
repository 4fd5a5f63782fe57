"""The run report as JUnit XML: one suite for the run, one test case for each job.

::

    failure   the job ended badly, and that was seen
    error     nobody could learn how it ended: unknown, timed out and not confirmed, unreachable; or the pre-flight held something
              against it
    skipped   the job was not run, or it failed and may (so that a green run has no red test)

CI systems judge by what they find red. So a run that did not succeed, or has not ended, has at least one failure or error: where no
job has one, a case named `(run)` stands for the run itself.
"""

import importlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from xml.etree import ElementTree as ET

from spectrum_pipelines.engine.outcome import JobStatus
from spectrum_pipelines.render.report.explanation import (
    Job,
    Report,
    about,
    explanation,
    is_allowed,
    next_step,
    title,
    verdict,
    why,
)
from spectrum_pipelines.words.clean import clean

Node = Any  # half of junitparser has no types

_RUN = "(run)"
_CASES_GO_HERE = '<testcase name="cases" />'
_UNSEEN = frozenset({"unreachable", "unauthorized", "silence", "ambiguous", "stop_unconfirmed"})
_NOT_XML = re.compile("[\ufffe\uffff]")


def junit_xml(report: Report) -> str:
    """A valid report as a JUnit XML document, with its declaration.

    Each case is written out as soon as it is made: the elements of ten thousand jobs take twenty times the space.
    """
    junit = _junit()
    name, seconds = _text(report["pipeline"]["name"]), _seconds(report)
    counts: Counter[str] = Counter()
    cases = [_written(case, counts) for case in _cases(report)]
    suite = junit.TestSuite(name)
    suite.timestamp = report["started_at"][:19]  # the dialect knows neither fractions nor zones
    for key, value in _facts(report):
        suite.add_property(key, _text(value))
    suite.append(junit.TestCase("cases"))
    if report["warnings"]:
        suite.append(junit.SystemOut("\n".join(_text(f"warning: {about(one)}") for one in report["warnings"])))
    xml = junit.JUnitXml(name)
    for element in (suite, xml):
        element.tests, element.time = len(cases), seconds  # jobs run side by side: the sum of their times means nothing
        element.failures, element.errors, element.skipped = counts["failure"], counts["error"], counts["skipped"]
    xml.append(suite)
    head, tail = _indented(xml, level=0).split(f"    {_CASES_GO_HERE}\n")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}{"".join(cases)}{tail}\n'


def _written(case: Node, counts: "Counter[str]") -> str:
    counts["failure"] += case.is_failure
    counts["error"] += case.is_error
    counts["skipped"] += case.is_skipped
    return f"    {_indented(case, level=2)}\n"


def _indented(element: Node, *, level: int) -> str:
    root = ET.fromstring(element.tostring())  # noqa: S314 - our own
    ET.indent(root, level=level)
    return ET.tostring(root, encoding="unicode")


def _junit() -> Node:
    return importlib.import_module("junitparser")  # few runs ask for it


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    pipeline = report["pipeline"]
    facts = {
        "run_id": report["run_id"],
        "run_key": report["run_key"],
        "status": report["status"],
        "exit_code": report["exit_code"],
        "file": pipeline["file"],
        "digest": pipeline["digest"],
        "git_commit": pipeline["git_commit"],
        "server": report["server"],
        "environment": report["environment"],
        "only": " ".join(report["only"]) or None,
        "next": report["next"],
    }
    return ((name, str(value)) for name, value in facts.items() if value is not None)


def _cases(report: Report) -> Iterator[Node]:
    findings = _findings(report)
    names: set[str] = set()
    is_bad = False
    for job in report["jobs"]:
        case = _case(report, job, _unique(_text(job["id"]), names), findings.get(job["id"]))
        is_bad = is_bad or case.is_failure or case.is_error
        yield case
    if report["status"] != "succeeded" and not is_bad:
        yield _run_case(report, _unique(_RUN, names), findings.get(None))


def _findings(report: Report) -> Mapping[str | None, str]:
    """What the pre-flight holds against each job, and under None against the run."""
    found: dict[str | None, list[str]] = {}
    for one in report["findings"]:
        found.setdefault(one["job"], []).append(clean(one["message"]))
    return {job: "; ".join(messages) for job, messages in found.items()}


def _case(report: Report, job: Job, name: str, finding: str | None) -> Node:
    junit = _junit()
    case = _placed(report, junit.TestCase(name, time=_seconds(job)), job=job)
    properties = junit.Properties()
    for key, value in _job_facts(job):
        properties.add_property(junit.Property(key, _text(value)))
    case.append(properties)
    if (result := _result(report, job, finding)) is not None:
        case.append(result)
    elif job["reason"]:
        case.append(junit.SystemOut(_text(f"{title(job)}: {clean(job['reason'])}")))
    return case


def _placed(report: Report, case: Node, *, job: Job | None = None) -> Node:
    """A case of the pipeline, at its line of the file: GitLab links `file`, and the dialect has `line` beside it."""
    attribute = _junit().Attr
    case.classname = _text(report["pipeline"]["name"])
    file = report["pipeline"]["file"]
    attribute("file").__set__(case, _text(file if job is None else job.get("fragment", file)))
    if job is not None:
        attribute("line").__set__(case, str(job["line"]))
    return case


def _job_facts(job: Job) -> Iterator[tuple[str, str]]:
    yield "status", job["status"]
    yield "action", job["action"]
    yield "target", job["target"]
    if job["execution_id"] is not None:
        yield "execution_id", str(job["execution_id"])
        yield "execution_ids", ", ".join(str(one["execution_id"]) for one in job["executions"])
        yield "job_status", job["job_status"] or ""
        yield "attempts", str(max((one["attempt"] for one in job["executions"]), default=1))


def _result(report: Report, job: Job, finding: str | None) -> Node | None:
    """None for a job that succeeded, with warnings or without."""
    status = JobStatus(job["status"])
    kind = job["cause"] or job["status"]
    if status.is_success:
        return None
    if finding is None and not (status.is_failure or _may_run_on(report, status)):
        return _junit().Skipped(_text(_not_run(report, job, status)), kind)
    message = finding or clean(job["reason"] or "") or title(job)
    if is_allowed(job):
        result = _junit().Skipped(_text(f"{title(job)}, which is allowed: {message}"), kind)
    elif finding is not None or _is_unseen(job, status):
        result = _junit().Error(_text(message), kind)
    else:
        result = _junit().Failure(_text(message), kind)
    result.text = _lines(report, [message, *explanation(report, job)])
    return result


def _may_run_on(report: Report, status: JobStatus) -> bool:
    return status is JobStatus.RUNNING and report["status"] != "running"


def _is_unseen(job: Job, status: JobStatus) -> bool:
    """Something of the job may still run, or nobody could look."""
    is_open = any(one["ended_at"] is None for one in job["executions"])
    return is_open or job["cause"] in _UNSEEN or status in {JobStatus.UNKNOWN, JobStatus.RUNNING}


def _not_run(report: Report, job: Job, status: JobStatus) -> str:
    match status:
        case JobStatus.SKIPPED:
            return clean(job["reason"] or "") or title(job)
        case JobStatus.RUNNING:
            return "still running"
        case _:
            return f"not run: {why(report)}" if why(report) else "not run yet"


def _run_case(report: Report, name: str, finding: str | None) -> Node:
    case = _placed(report, _junit().TestCase(name, time=0.0))
    told = finding or why(report) or f"{verdict(report)}: it goes on, or its process died without a report"
    error = _junit().Error(_text(told), report["status"])
    error.text = _lines(report, [told])
    case.append(error)
    return case


def _seconds(one: Mapping[str, Any]) -> float:
    """The dialect has no exponents, which only an absurd number would need."""
    return min(float(one["duration_seconds"] or 0.0), 1e12)


def _lines(report: Report, lines: Iterable[str]) -> str:
    step = next_step(report)
    return "\n".join(map(_text, [*lines, f"Next: {step}"] if step else lines))


def _unique(name: str, names: set[str]) -> str:
    """CI systems merge cases of one name; two ids may look the same once they are cleaned."""
    candidate, number = name, 2
    while candidate in names:
        candidate, number = f"{name} ({number})", number + 1
    names.add(candidate)
    return candidate


def _text(text: str) -> str:
    """One line that XML can hold."""
    return _NOT_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", clean(text))
