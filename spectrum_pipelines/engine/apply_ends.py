"""The folds of everything that ends or begins again: executions, attempts, jobs, the run, and its resumption."""

from collections.abc import Callable
from typing import Any

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import JobStatus
from spectrum_pipelines.engine.run.reopen import resumed, settled
from spectrum_pipelines.engine.state.records import execution_with, forget_question, put, put_execution, stop_following
from spectrum_pipelines.engine.state.run import Attempt, RunState, Step
from spectrum_pipelines.engine.timing.patience import LEFT_BEHIND_AFTER
from spectrum_pipelines.pipeline.model.action import JobId


def _execution_ended(state: RunState, event: ev.ExecutionEnded, at: float) -> None:
    execution = state.execution((event.job, event.execution_id))
    put_execution(
        state,
        event.job,
        execution_with(
            execution,
            job_status=event.job_status,
            configuration_id=event.configuration_id or execution.configuration_id,
            file_id=event.file_id or execution.file_id,
            start_time=event.start_time,
            stop_time=event.stop_time,
            success_count=event.success_count,
            failure_count=event.failure_count,
            run_seconds=event.run_seconds,
            stop_age=event.stop_age,
            counters=event.counters,
            ended_at=at,
        ),
    )
    state.following.pop((event.job, event.execution_id), None)
    state.agenda.wake(event.job)
    state.agenda.wake_at(at + LEFT_BEHIND_AFTER, event.job)


def _attempt_ended(state: RunState, event: ev.AttemptEnded, at: float) -> None:
    job = state.jobs[event.job]
    ended = Attempt(attempt=event.attempt, status=event.status, cause=event.cause, reason=event.reason)
    stop_following(state, event.job)
    if job.step is Step.INTENDED:
        state.triggers -= 1  # refused, or never sent: exit codes may still say "nothing was triggered"
    put(
        state,
        event.job,
        step=Step.JUDGED,
        attempts=(*job.attempts, ended),
        cause=event.cause,
        reason=event.reason,
        **forget_question(job),
    )


def _retry_scheduled(state: RunState, event: ev.RetryScheduled, at: float) -> None:
    put(state, event.job, step=Step.RESTING, wake_at=at + event.wait)


def _job_ended(state: RunState, event: ev.JobEnded, at: float) -> None:
    job = state.jobs[event.job].job
    if event.status.is_failure and not job.allow_failure and not job.is_finally and state.failed_first is None:
        state.failed_first = event.job
    _done(state, event.job, at, status=event.status, cause=event.cause, reason=event.reason)


def _job_skipped(state: RunState, event: ev.JobSkipped, at: float) -> None:
    _done(
        state,
        event.job,
        at,
        status=JobStatus.SKIPPED,
        cause=event.cause,
        reason=event.reason,
        tainted=event.tainted,
    )


def _done(state: RunState, job_id: JobId, at: float, **final: Any) -> None:
    job = state.jobs[job_id]
    stop_following(state, job_id)
    put(state, job_id, step=Step.DONE, ended_at=at, wake_at=None, **final, **forget_question(job))
    state.ready.pop(job_id, None)
    state.underway.pop(job_id, None)
    for dependent in state.dependents[job_id]:
        state.unmet[dependent] -= 1
        if not state.unmet[dependent]:
            state.agenda.wake(dependent)
    if job.job.is_finally:
        state.left_finally -= 1
    else:
        state.left -= 1
        if not state.left:
            _open_finally(state, at)


def _open_finally(state: RunState, at: float) -> None:
    state.finally_at = at
    for job_id, job in state.jobs.items():
        if job.job.is_finally and not state.unmet[job_id]:
            state.agenda.wake(job_id)


def _pipeline_timed_out(state: RunState, event: ev.PipelineTimedOut, at: float) -> None:
    if event.during_finally:
        state.finally_timed_out = True
    else:
        state.timed_out = True
    for job_id, job in state.jobs.items():
        if not job.is_done:
            state.agenda.wake(job_id)


def _abort_requested(state: RunState, event: ev.AbortRequested, at: float) -> None:
    state.abort = event
    state.abort_at = at
    for job_id in state.underway:
        state.agenda.wake(job_id)


def _run_ended(state: RunState, event: ev.RunEnded, at: float) -> None:
    state.ended = event


END_FOLDS: dict[type, Callable[[RunState, Any, float], None]] = {
    ev.ExecutionEnded: _execution_ended,
    ev.AttemptEnded: _attempt_ended,
    ev.RetryScheduled: _retry_scheduled,
    ev.JobEnded: _job_ended,
    ev.JobSkipped: _job_skipped,
    ev.PipelineTimedOut: _pipeline_timed_out,
    ev.AbortRequested: _abort_requested,
    ev.RunEnded: _run_ended,
    ev.Resumed: resumed,
    ev.Settled: settled,
}
