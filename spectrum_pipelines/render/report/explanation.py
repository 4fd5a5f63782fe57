"""What a run report says in words: the verdict, what went wrong, where, and what to type next. The same in every rendering.

Made from a valid report alone. Every text is cleaned, so it can act on no terminal and no CI system; what the page or the file that
it goes into takes for markup is for the rendering to escape.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from spectrum_pipelines.engine.outcome import LEFT_OUT, UNSEEN_ENDS, Cause, JobStatus, RunStatus
from spectrum_pipelines.errors import ExitCode
from spectrum_pipelines.pipeline.form.matrix import as_text
from spectrum_pipelines.report.commands import FILE, URL, named, opens
from spectrum_pipelines.report.commands import command as command_line
from spectrum_pipelines.report.commands import where as where_to_ask
from spectrum_pipelines.words.clean import clean
from spectrum_pipelines.words.wording import JOB_LOOKS, RUN_LOOKS, counts_in_words, many, span_in_words

Report = Mapping[str, Any]
Job = Mapping[str, Any]

_IDS = 3
_ATTEMPTS = 5
_ADVICE = {
    ExitCode.FAILED: "find out why, mend it, then run it again",
    ExitCode.USAGE: "nothing was triggered: mend that first, then run it again",
    ExitCode.UNREACHABLE: "nothing was triggered: check that the server is up and its address is right, then run it again",
    ExitCode.TIMED_OUT: "look first: what is named here may still run on the server",
    ExitCode.UNKNOWN: "do not run it again before it is known what runs on the server",
    ExitCode.LOGIN_REFUSED: "nothing was triggered: mend login, certificate or rights first; repeated tries lock accounts",
    ExitCode.CONFLICT: "nothing was triggered: run it again when the job is free, or see `on_running`",
}

_MEND = "find out why and mend it, then"
_LOOK_FIRST = "look first: what is named here may still run on the server; when it has ended"
_MEND_LOGIN = "mend login, certificate or rights first (repeated tries lock accounts), then"
_LOOK_DOWNSTREAM = (
    "after `adopt` the job is judged by this execution alone, and what else its trigger started downstream is in no report: "
    "look with `job list` and `job history` first, and name all ids, then"
)
_LOOK_FOR_FILE = (
    "look with `job status` whether the file that is left out has run: `adopt` lets the job be judged without it, then"
)
_ALL_STOPPED = "nothing of it runs any more: find out what took so long, or raise the timeout, then run it again"


class NextStep(Struct, frozen=True, kw_only=True):
    """What to do now: a command to type, advice, or both: what to do first, and the command that goes on then."""

    command: str | None
    advice: str | None

    def __str__(self) -> str:
        return ": ".join(part for part in (self.advice, self.command) if part)


def _may_still_run(report: Report) -> bool:
    return any(one["ended_at"] is None for job in report["jobs"] for one in job["executions"])


def verdict(report: Report) -> str:
    """`nightly-sales failed`."""
    return f"{clean(report['pipeline']['name'])} {RUN_LOOKS[RunStatus(report['status'])].word}"


def how_it_ended(report: Report) -> str:
    """What follows the verdict: ` after 40s (exit code 1)`."""
    took = "" if report["duration_seconds"] is None else f" after {span_in_words(report['duration_seconds'])}"
    code = report["exit_code"]
    return f"{took}{f' (exit code {code})' if code else ''}"


def tally(report: Report) -> str:
    """`6 jobs: 1 failed, 3 succeeded, 2 skipped`."""
    if not report["jobs"]:
        return "the run never began"
    return f"{many(len(report['jobs']), 'job')}: {counts_in_words(counted(report['jobs']))}"


def switched_off(report: Report) -> list[tuple[str, str]]:
    """The jobs that are switched off, and why: `publish`, `${var.publish} is false, night.yaml:31, environment test`."""
    return [(clean(one["id"]), _why_off(report, one)) for one in report.get("off", ())]


def variables(report: Report) -> list[tuple[str, str]]:
    """The variables and their values, spelled as in YAML: `true`, not `True`."""
    return [(name, as_text(value)) for name, value in report["variables"].items()]


def _why_off(report: Report, one: Job) -> str:
    why = "enabled: false" if one["condition"] is None else f"{clean(one['condition'])} is false"
    environment = f", environment {clean(one['environment'])}" if one["environment"] else ""
    return f"{why}, {where(report, one)}{environment}"


def counted(jobs: Sequence[Job]) -> dict[JobStatus, int]:
    """How many jobs stand where."""
    found = dict.fromkeys(JobStatus, 0)
    for job in jobs:
        found[JobStatus(job["status"])] += 1
    return found


def why(report: Report) -> str | None:
    """Why the run did not succeed, in one sentence. None where there is nothing to explain."""
    if _is_good_so_far(report):
        return None
    if report["findings"]:
        return "the pre-flight stopped the run before anything was triggered:"
    return clean(report["reason"] or "") or None


def next_step(report: Report) -> NextStep | None:
    """What to type next, else what to do. None where nothing is to be done."""
    command, advice = report["next"], _ADVICE.get(report["exit_code"])
    if report["exit_code"] == ExitCode.TIMED_OUT:
        if not _may_still_run(report):
            advice = _ALL_STOPPED
        elif not command and report["run_id"] and opens(_asked(report, "state")):
            return NextStep(command=_about_run(report, "retry"), advice=_LOOK_FIRST)
    if command:
        return NextStep(command=clean(command), advice=_first(report, command))
    return NextStep(command=None, advice=advice) if advice else None


def _first(report: Report, command: str) -> str | None:
    """What to do before the command helps."""
    if report["exit_code"] in {ExitCode.FAILED, ExitCode.TIMED_OUT} and " retry " in command:
        return _MEND
    if " adopt " in command and (doubted := _first_in_doubt(report)) and doubted["action"] == "sequence":
        return _LOOK_FOR_FILE if str(doubted["reason"]).startswith(LEFT_OUT) else _LOOK_DOWNSTREAM
    refused = any(job["cause"] == Cause.UNAUTHORIZED.value for job in report["jobs"])
    return _MEND_LOGIN if refused and " resume " in command else None


def _first_in_doubt(report: Report) -> Job | None:
    """The job that the next command adopts for."""
    unseen = {cause.value for cause in UNSEEN_ENDS}
    doubted = (job for job in report["jobs"] if job["status"] == JobStatus.UNKNOWN.value and job["cause"] not in unseen)
    return next(doubted, None)


def explained(report: Report) -> list[Job]:
    """The jobs that need explaining: what failed, and what may still run although the run has ended."""
    return [] if _is_good_so_far(report) else [job for job in report["jobs"] if _needs_explaining(job)]


def _is_good_so_far(report: Report) -> bool:
    return report["status"] in {"running", "succeeded"}


def _needs_explaining(job: Job) -> bool:
    status = JobStatus(job["status"])
    return status.is_failure or status is JobStatus.RUNNING


def is_allowed(job: Job) -> bool:
    """A job failed, and the pipeline allows it to. An unknown is never allowed: it may still run."""
    status = JobStatus(job["status"])
    return bool(job["allow_failure"]) and status.is_failure and status is not JobStatus.UNKNOWN


def title(job: Job) -> str:
    """`sales failed`."""
    return f"{clean(job['id'])} {JOB_LOOKS[JobStatus(job['status'])].word}"


def allowance(job: Job) -> str:
    """What follows the title of a failure that the pipeline allows."""
    return ", which is allowed" if is_allowed(job) else ""


def where(report: Report, job: Job) -> str:
    """`pipelines/nightly-sales.yaml:14`."""
    return f"{clean(job.get('fragment', report['pipeline']['file']))}:{job['line']}"


def earlier_attempts(job: Job) -> Iterator[str]:
    """`attempt 1 failed: execution 13 ended ERROR`: of very many attempts the last ones."""
    for one in job["attempts"][:-1][-_ATTEMPTS:]:
        told = f": {clean(one['reason'])}" if one["reason"] else ""
        yield f"attempt {one['attempt']} {JOB_LOOKS[JobStatus(one['status'])].word}{told}"


def candidates(job: Job) -> str | None:
    """`candidates: execution 21, 22`: what to choose from for `adopt`."""
    return f"candidates: execution {', '.join(map(str, job['candidates']))}" if job["candidates"] else None


def look(report: Report, job: Job) -> str | None:
    """The command that shows the job's last execution; of a trigger in doubt, what executions its file has."""
    if job["execution_id"] is not None:
        return _by_hand(report, "details", job["execution_id"])
    if job["status"] == JobStatus.UNKNOWN.value and job["action"] == "trigger":
        return _by_hand(report, "history", "--file", named(job["target"], FILE))
    return None


def stop(report: Report, job: Job) -> str | None:
    """The command that ends what a time limit has left running. None for several files: each has a name of its own."""
    left = job["status"] == JobStatus.TIMED_OUT.value and any(one["ended_at"] is None for one in job["executions"])
    return _by_hand(report, "stop", named(job["target"], FILE)) if left and job["action"] == "trigger" else None


def never_started(report: Report, job: Job) -> str | None:
    """What to type if a look has shown that a trigger in doubt never started anything."""
    in_doubt = job["status"] == JobStatus.UNKNOWN.value and job["execution_id"] is None
    if not in_doubt or not report["run_id"] or not opens(_asked(report, "state")):
        return None
    return _about_run(report, "adopt", job["id"], "--none")


def _about_run(report: Report, verb: str, *words: str) -> str:
    options = {"--state": _asked(report, "state"), **_asked_server(report)}
    return clean(command_line(verb, report["run_id"], *words, options=options))


def _by_hand(report: Report, verb: str, *words: str | int) -> str:
    return clean(command_line("job", verb, *words, options=_asked_server(report)))


def _asked_server(report: Report) -> dict[str, str | None]:
    server = _asked(report, "server")
    return where_to_ask(server=server and named(server, URL), workspace=_asked(report, "workspace"))


def _asked(report: Report, name: str) -> str | None:
    """A field that reports of version 0.1.0 do not have."""
    value = report.get(name)
    return value if isinstance(value, str) else None


def explanation(report: Report, job: Job) -> Iterator[str]:
    """What to know of a job beside its reason, line by line: where it stands, what ran, what to look at."""
    yield f"in {where(report, job)}: {job['action']} {clean(job['target'])}"
    if job["executions"]:
        yield f"execution {execution_ids(job)}"
    yield from earlier_attempts(job)
    if told := candidates(job):
        yield told
    if command := look(report, job):
        yield f"look: {command}"
    if command := stop(report, job):
        yield f"if it is to end: {command}"
    if command := never_started(report, job):
        yield f"if it never started: {command}"


def execution_ids(job: Job) -> str:
    """The ids, three or more in a row as `1-4`; of many only the last, for nobody wants to see all of them in a table."""
    spans: list[tuple[int, int]] = []
    for one in job["executions"]:
        number = one["execution_id"]
        if spans and number == spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    shown: list[str] = []
    for first, last in spans:
        shown += [f"{first}-{last}"] if last - first >= 2 else [str(number) for number in range(first, last + 1)]
    return ", ".join(shown if len(shown) <= _IDS else ["...", *shown[-_IDS:]])


def records(job: Job) -> str:
    """What the last attempt counted: `7, 2 failed`. Several executions count unlike things, so each has its own figure: `7 + 7`."""
    if not job["executions"]:
        return ""
    last = job["executions"][-1]["attempt"]
    current = [one for one in job["executions"] if one["attempt"] == last]
    good = [one["success_count"] for one in current if one["success_count"] is not None]
    bad = sum(one["failure_count"] or 0 for one in current)
    failed = f"{bad:,} failed" if bad else ""
    shown = " + ".join(f"{number:,}" for number in good[:_IDS]) + (" + ..." if len(good) > _IDS else "")
    return ", ".join(part for part in (shown, failed) if part)


def took(job: Job) -> str:
    """`3m 05s`; nothing for a job that has not ended or never began."""
    return "" if job["duration_seconds"] is None else span_in_words(job["duration_seconds"])


def about(one: Mapping[str, Any]) -> str:
    """A warning or a finding, with its job in front."""
    return f"{clean(one['job'])}: {clean(one['message'])}" if one["job"] else clean(one["message"])
