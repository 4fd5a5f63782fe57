"""How long jobs took in earlier runs of the same pipeline, from the reports in the store. It paces looks, and decides nothing.

A report may have been put there by anybody, and any number of them: a few of the newest are looked at, and what does not look like
a report of this pipeline on this server counts as none.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from statistics import median
from typing import Any

from spectrum_pipelines.clock import parse_rfc3339
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.pipeline import Pipeline
from spectrum_pipelines.store.interface import Store

_LOOKED_AT = 10
_USED = 3
_MAX_BYTES = 4_000_000
_GOOD = frozenset({"succeeded", "warned"})


def past_durations(store: Store, pipeline: Pipeline, server: str) -> dict[JobId, float]:
    """Seconds by job: the median of the last few good runs of a job that had one execution. Never raises."""
    took: dict[JobId, list[float]] = {}
    try:
        for report in islice(_reports(store, pipeline.name, server), _USED):
            for job_id, seconds in _durations(report):
                if job_id in pipeline.jobs:
                    took.setdefault(JobId(job_id), []).append(seconds)
    except StateError:
        return {}
    return {job_id: median(seconds) for job_id, seconds in took.items()}


def _reports(store: Store, name: str, server: str) -> Iterator[dict[str, Any]]:
    for head in store.newest(limit=_LOOKED_AT, pipeline=name):
        report = _read(store, head.run_id)
        named = report.get("pipeline")
        if isinstance(named, dict) and named.get("name") == name and report.get("server") == server:
            yield report


def _read(store: Store, run_id: str) -> dict[str, Any]:
    try:
        run = store.find(run_id)
        data = None if run is None else run.report()
        report = json.loads(data) if data is not None and len(data) <= _MAX_BYTES else None
    except (StateError, ValueError, RecursionError):
        return {}
    return report if isinstance(report, dict) else {}


def _durations(report: dict[str, Any]) -> Iterator[tuple[str, float]]:
    jobs = report.get("jobs")
    for job in jobs if isinstance(jobs, list) else []:
        if not isinstance(job, dict) or not isinstance(job.get("id"), str):
            continue
        if not isinstance(job.get("status"), str) or job["status"] not in _GOOD:
            continue
        executions = job.get("executions")
        if not isinstance(executions, list) or len(executions) != 1 or not isinstance(executions[0], dict):
            continue
        begin = _moment(executions[0].get("running_at")) or _moment(executions[0].get("accepted_at"))
        end = _moment(executions[0].get("ended_at"))
        if begin is not None and end is not None and end > begin:
            yield job["id"], (end - begin).total_seconds()


def _moment(text: object) -> datetime | None:
    try:
        moment = parse_rfc3339(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
