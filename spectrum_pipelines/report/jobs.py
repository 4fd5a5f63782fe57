"""A job's entry in the run report."""

from datetime import datetime, timedelta
from typing import Any

from spectrum_pipelines.clock import rfc3339
from spectrum_pipelines.engine.state.execution import Execution
from spectrum_pipelines.engine.state.run import Attempt, JobState, RunState
from spectrum_pipelines.pipeline.model.action import ACTION_WORDS, DeleteData, Sequence
from spectrum_pipelines.pipeline.secrets import masked, masked_value, secrets_of
from spectrum_pipelines.report.policy import policy_entry
from spectrum_pipelines.report.status import reason_of, status_of
from spectrum_pipelines.words.clean import readable

Entry = dict[str, Any]


def moment(started_at: datetime, at: float | None) -> str | None:
    """A run-clock second on the wall clock, RFC 3339; None for none."""
    return None if at is None else rfc3339(started_at + timedelta(seconds=at))


def duration(since: float | None, until: float | None) -> float | None:
    """Seconds, to the millisecond."""
    return None if since is None or until is None else round(max(0.0, until - since), 3)


def job_entries(state: RunState, started_at: datetime, *, is_left: bool = False) -> list[Entry]:
    """All entries, in the order of the pipeline. `is_left`: nobody works on the run, although it has not ended."""
    secrets = secrets_of(state.pipeline)
    is_over = is_left or state.ended is not None
    return [job_entry(job, started_at, secrets, is_over=is_over) for job in state.jobs.values()]


def job_entry(job: JobState, started_at: datetime, secrets: tuple[str, ...], *, is_over: bool) -> Entry:
    """The entry of one job. `is_over`: the run has ended, so what still runs has lost its watcher."""
    last = job.executions[-1] if job.executions else None
    ended_at = job.ended_at if job.started_at is not None else None  # a skipped job never began, so it did not finish
    return {
        "id": job.job.id,
        "action": ACTION_WORDS[type(job.job.action)],
        "target": masked(_target(job), secrets),
        "line": job.job.line,
        **({"fragment": readable(job.job.file)} if job.job.file else {}),
        "needs": list(job.job.needs),
        "run_if": job.job.run_if.value,
        "allow_failure": job.job.allow_failure,
        "finally": job.job.is_finally,
        "status": status_of(job, is_over=is_over).value,
        "job_status": _shown(last.job_status if last else None, secrets),
        "execution_id": last.execution_id if last else None,
        "cause": job.cause.value if job.cause else None,
        "reason": _shown(reason_of(job, is_over=is_over), secrets),
        "started_at": moment(started_at, job.started_at),
        "finished_at": moment(started_at, ended_at),
        "duration_seconds": duration(job.started_at, ended_at),
        "attempts": [_attempt(one, secrets) for one in job.attempts],
        "executions": [_execution(one, started_at, secrets) for one in job.executions],
        "candidates": list(job.attempt.candidates),
        "data": [
            {"data_id": masked_value(data_id, secrets), "deletion": it.value} for data_id, it in job.attempt.deletions
        ],
        "policy": policy_entry(job.job.policy),
    }


def _target(job: JobState) -> str:
    """What the job acts on: as it was when the job was triggered, else as the file has it, references and all."""
    if job.attempt.baselines:
        return ", ".join(baseline.target for baseline in job.attempt.baselines)
    match job.job.action:
        case Sequence(file_ids=ids) | DeleteData(data_ids=ids):
            return ", ".join(str(one) for one in ids)
        case action:
            return str(action.target)


def _attempt(attempt: Attempt, secrets: tuple[str, ...]) -> Entry:
    return {
        "attempt": attempt.attempt,
        "status": attempt.status.value,
        "cause": attempt.cause.value,
        "reason": _shown(attempt.reason, secrets),
    }


def _execution(execution: Execution, started_at: datetime, secrets: tuple[str, ...]) -> Entry:
    return {
        "attempt": execution.attempt,
        "execution_id": execution.execution_id,
        "job_configuration_id": execution.configuration_id,
        "file_id": execution.file_id,
        "name": _shown(execution.name, secrets),
        "job_status": _shown(execution.job_status, secrets),
        "adopted": execution.adopted is not None,
        "adopted_by": execution.adopted.value if execution.adopted else None,
        "accepted_at": moment(started_at, execution.accepted_at),
        "running_at": moment(started_at, execution.running_at),
        "ended_at": moment(started_at, execution.ended_at),
        "start_time": _shown(execution.start_time, secrets),
        "stop_time": _shown(execution.stop_time, secrets),
        "success_count": execution.success_count,
        "failure_count": execution.failure_count,
        "counters": {masked(name, secrets): amount for name, amount in execution.counters.items()},
    }


def _shown(text: str | None, secrets: tuple[str, ...]) -> str | None:
    return None if text is None else masked(text, secrets)
