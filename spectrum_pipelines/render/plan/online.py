"""What the server says of a plan: behind the plan as text, and as its `online` in JSON.

::

    "online": {"server", "asked_at", "requests", "active_jobs", "can_run",
               "targets": [{"target", "exists", "reason", "job_status", "execution_id", "active": [execution id], "runs",
                            "p50_seconds", "p90_seconds"}],
               "would_conflict": [job id], "without_history": [job id], "at_least": [job id], "critical_path": [job id],
               "expected": {"p50_seconds", "p90_seconds", "finished_at"}}

`runs` counts the past runs that the percentiles are made of, `finished_at` is that of a run that begins now and takes as long as
usual.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from spectrum_pipelines.clock import rfc3339
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.pipeline import Job
from spectrum_pipelines.plan.outlook import Outlook, Target
from spectrum_pipelines.render.plan.job import listed
from spectrum_pipelines.render.plan.text import WIDTH, id_column, under_id
from spectrum_pipelines.words.clean import clean
from spectrum_pipelines.words.columns import UNBOUNDED, wrapped
from spectrum_pipelines.words.wording import many, span_in_words

_USUAL, _SLOW = 0.5, 0.9


def online_data(outlook: Outlook, *, now: datetime) -> dict[str, Any]:
    """The answers as data."""
    usual, slow = outlook.forecast(_USUAL), outlook.forecast(_SLOW)
    return {
        "server": outlook.server,
        "asked_at": rfc3339(now),
        "requests": outlook.requests,
        "active_jobs": outlook.active_jobs,
        "can_run": outlook.can_run,
        "targets": [_target_data(it) for it in outlook.targets.values()],
        "would_conflict": [job.id for job in outlook.pipeline.jobs.values() if outlook.is_in_the_way(job)],
        "without_history": outlook.unknown(),
        "at_least": outlook.at_least(),
        "critical_path": list(usual.critical_path),
        "expected": {
            "p50_seconds": usual.seconds,
            "p90_seconds": slow.seconds,
            "finished_at": rfc3339(now + timedelta(seconds=usual.seconds)),
        },
    }


def online_text(outlook: Outlook, *, now: datetime, width: int = UNBOUNDED) -> str:
    """The answers for people, in at most 100 cells a line, with a line break at the end."""
    width = min(width, WIDTH)
    return "\n".join([*_jobs(outlook, width), "", *_forecast(outlook, now, width)]) + "\n"


def _target_data(target: Target) -> dict[str, Any]:
    return {
        "target": target.reference,
        "exists": target.refusal is None,
        "reason": target.refusal,
        "job_status": target.job_status,
        "execution_id": target.execution_id,
        "active": list(target.active),
        "runs": len(target.durations),
        "p50_seconds": target.percentile(_USUAL),
        "p90_seconds": target.percentile(_SLOW),
    }


def _jobs(outlook: Outlook, width: int) -> Iterator[str]:
    yield from wrapped(f"On {clean(outlook.server)}, where {_busy(outlook.active_jobs)} now", width, indent=2)
    column = id_column(outlook.pipeline.jobs, width)
    for job in outlook.pipeline.jobs.values():
        yield from under_id(job.id, _job(outlook, job), column, width)


def _job(outlook: Outlook, job: Job) -> Iterator[str]:
    targets = outlook.of(job)
    if not targets:
        yield "names no file to ask about"
    for target in targets:
        name = f"{clean(target.reference)}: " if len(targets) > 1 else ""
        if target.refusal is not None:
            accepted = "" if outlook.missing(job) else " (if_missing: ok)"
            yield f"{name}NOT THERE: {clean(target.refusal)}{accepted}"
        else:
            yield f"{name}{_known(target)}"
    if outlook.is_in_the_way(job):
        yield "a run would be refused now (on_running: fail)"


def _known(target: Target) -> str:
    parts = [f"last {clean(target.job_status or 'unknown')}"]
    if target.execution_id is None:
        parts = ["has never run"]
    if target.active:
        parts = [f"RUNS NOW as execution {listed(map(str, target.active))}"]
    usual, slow = target.percentile(_USUAL), target.percentile(_SLOW)
    if usual is not None and slow is not None:
        past = f"{many(len(target.durations), 'run')}"
        parts.append(f"usually {span_in_words(usual)}, p90 {span_in_words(slow)}, of {past}")
    return ", ".join(parts)


def _forecast(outlook: Outlook, now: datetime, width: int) -> Iterator[str]:
    usual, slow = outlook.forecast(_USUAL), outlook.forecast(_SLOW)
    ends = (now + timedelta(seconds=usual.seconds)).astimezone(UTC)
    way = listed(map(clean, usual.critical_path), " -> ")
    yield from wrapped(
        f"Expected, if nothing fails: {span_in_words(usual.seconds)} (p90 {span_in_words(slow.seconds)}), so started now it "
        f"ends at {ends:%Y-%m-%d %H:%M:%S} UTC. The critical path is {way or 'none'}.",
        width,
        indent=2,
    )
    for names, told in (
        (outlook.unknown(), "No past run is known of {}, which are not counted."),
        (outlook.at_least(), "The server alone knows what runs downstream of {}: it may take longer."),
    ):
        if names:
            yield from wrapped(told.format(_named(names)), width, indent=2)


def _named(names: Iterable[JobId]) -> str:
    return listed(map(clean, names))


def _busy(jobs: int) -> str:
    return f"{many(jobs, 'job')} {'is' if jobs == 1 else 'are'} active" if jobs else "no job is active"
