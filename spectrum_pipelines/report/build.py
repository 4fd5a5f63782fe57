"""The run report (`schemas/run-report.schema.json`): a fold of the run's state, while it runs, at its end, and from the journal.

What may be shown is all there is: texts that hold the value of a secret variable are masked here.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from spectrum_pipelines.clock import rfc3339
from spectrum_pipelines.engine.facts import RunStarted, Stamped
from spectrum_pipelines.engine.outcome import UNSEEN_ENDS, JobStatus, RunStatus
from spectrum_pipelines.engine.run.retry import RetryPlan, plan_retry
from spectrum_pipelines.engine.state.run import JobState, Round, RunState
from spectrum_pipelines.pipeline.model.action import Scalar
from spectrum_pipelines.pipeline.model.pipeline import SwitchedOff
from spectrum_pipelines.pipeline.secrets import masked, secrets_of
from spectrum_pipelines.report.commands import about_run, opens
from spectrum_pipelines.report.critical_path import critical_path
from spectrum_pipelines.report.jobs import Entry, duration, job_entries, moment
from spectrum_pipelines.words.clean import readable
from spectrum_pipelines.words.wording import few

VERSION = 1


class HttpCounts(Struct, frozen=True, kw_only=True):
    """What this process has sent. None where nobody counted: in a report that is made from a journal."""

    requests: int | None = None
    retries: int | None = None


def started_at(fact: Stamped) -> datetime:
    """When the run clock stood at zero, told by its first fact."""
    return fact.time - timedelta(seconds=fact.at)


def build_report(
    state: RunState,
    *,
    started_at: datetime,
    now_at: float,
    http: HttpCounts,
    jobs: list[Entry] | None = None,
) -> dict[str, Any]:
    """The report of a run that has at least begun. `now_at` is the run clock, which matters only while the run goes on.

    `jobs` stand in for the entries that would be made, for who has them in another form.
    """
    facts = state.facts
    assert facts is not None, "a run without its first fact"
    ended = state.ended
    end_at = None if ended is None else state.at
    secrets = secrets_of(state.pipeline)
    reason, next_ = _reason(state), next_command(state)
    return {
        "report_version": VERSION,
        "tool_version": facts.tool_version,
        "run_id": facts.run_id,
        "run_key": facts.run_key,
        "status": (RunStatus.RUNNING if ended is None else ended.status).value,
        "exit_code": None if ended is None else int(ended.exit_code),
        "reason": None if reason is None else masked(reason, secrets),
        "next": None if next_ is None else masked(next_, secrets),
        "pipeline": _pipeline(facts),
        "server": masked(facts.server, secrets),
        "state": facts.state_dir and readable(facts.state_dir),
        "workspace": facts.workspace and readable(facts.workspace),
        "origin": {name: masked(value, secrets) for name, value in facts.origin.items()},
        "environment": facts.environment,
        "only": list(facts.only),
        "variables": {name: _plain(value) for name, value in facts.variables.items()},
        "started_at": rfc3339(started_at),
        "finished_at": moment(started_at, end_at),
        "duration_seconds": duration(0.0, now_at if end_at is None else end_at),
        "resumptions": state.resumptions,
        "rounds": len(state.rounds),
        "retries": [_round(one, started_at) for one in state.rounds],
        "trace_id": facts.trace_id,
        "jobs": job_entries(state, started_at) if jobs is None else jobs,
        **({"off": [_off(one) for one in state.pipeline.off]} if state.pipeline.off else {}),
        "critical_path": critical_path(state),
        "findings": list(_findings(state, secrets)),
        "warnings": list(_warnings(state, secrets)),
        "http": {"requests": http.requests, "retries": http.retries},
    }


def _round(one: Round, started_at: datetime) -> dict[str, Any]:
    return {
        "round": one.number,
        "started_at": moment(started_at, one.at),
        "status_before": one.ended.status.value,
        "again": [{"job": job_id, "reason": reason} for job_id, reason in one.again.items()],
        "removed": [{"job": job_id, "status": status.value} for job_id, status in one.removed.items()],
    }


def _off(one: SwitchedOff) -> dict[str, Any]:
    where = {"line": one.line, **({"fragment": readable(one.file)} if one.file else {}), "environment": one.environment}
    return {"id": one.id, **where, "condition": one.condition}


def _pipeline(facts: RunStarted) -> dict[str, str | None]:
    return {
        "name": facts.pipeline,
        "file": readable(facts.file),
        "digest": facts.digest,
        "git_commit": facts.git_commit,
    }


def _plain(value: Scalar) -> Scalar:
    """JSON knows no infinity and no NaN."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _findings(state: RunState, secrets: tuple[str, ...]) -> Iterator[Mapping[str, str | None]]:
    for one in state.findings:
        yield {"job": one.job, "cause": one.cause.value, "message": masked(one.message, secrets)}


def _warnings(state: RunState, secrets: tuple[str, ...]) -> Iterator[Mapping[str, str | None]]:
    for one in state.warnings:
        yield {"code": one.code, "message": masked(one.message, secrets), "job": one.job}


def _reason(state: RunState) -> str | None:
    """Why the run did not simply succeed: its own reason, else the jobs that are to blame."""
    if state.ended is None or state.ended.status is RunStatus.SUCCEEDED:
        return None
    if state.ended.reason is not None:
        return state.ended.reason
    told = []
    if state.timed_out or state.finally_timed_out:
        told.append(f"timeouts.{'pipeline' if state.timed_out else 'finally'} is over")
    if blamed := [job.job.id for job in state.jobs.values() if _is_to_blame(job)]:
        told.append(f"{len(blamed):,} of {len(state.jobs):,} jobs did not succeed: {few(blamed)}")
    return "; ".join(told) or None


def _is_to_blame(job: JobState) -> bool:
    return job.status.is_failure and (not job.job.allow_failure or job.status is JobStatus.UNKNOWN)


def next_command(state: RunState) -> str | None:
    """What to type next, if a command of ours can help.

    `adopt` for a trigger in doubt, `resume` for what only lost its watcher, `retry` for what failed and runs no more.
    """
    if state.ended is None or state.facts is None or not opens(state.facts.state_dir):
        return None
    if state.ended.status is RunStatus.INTERRUPTED:
        return command_about(state, "resume")
    jobs = state.jobs.values()
    for job in jobs:
        if job.status is JobStatus.UNKNOWN and job.cause not in UNSEEN_ENDS:
            return command_about(state, "adopt", job.job.id, _to_adopt(job))
    if any(job.cause in UNSEEN_ENDS and job.open_executions for job in jobs):
        return command_about(state, "resume")
    triggered = any(job.executions for job in jobs)
    if triggered and not any(job.open_executions for job in jobs) and isinstance(plan_retry(state), RetryPlan):
        return command_about(state, "retry")
    return None


def command_about(state: RunState, verb: str, *words: str) -> str:
    """A command about this run."""
    assert state.facts is not None
    return about_run(state.facts, verb, *words, secrets=secrets_of(state.pipeline))


def _to_adopt(job: JobState) -> str:
    if len(job.attempt.candidates) == 1:
        return str(job.attempt.candidates[0])
    asked = {baseline.target for baseline in job.attempt.baselines}
    of_files = [it for it in job.current if it.file_id is None or str(it.file_id) in asked]
    return str((of_files or job.current)[-1].execution_id) if job.current else "EXECUTION_ID"
