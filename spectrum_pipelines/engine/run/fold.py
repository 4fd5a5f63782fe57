"""The folds of the run as a whole: its start, pre-flight, limits, abort and end."""

from collections.abc import Callable
from typing import Any

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine import sightings as si
from spectrum_pipelines.engine.run.reopen import resumed, settled
from spectrum_pipelines.engine.run.retry import fold_retried
from spectrum_pipelines.engine.state.run import Preflight, RunState
from spectrum_pipelines.engine.targets import sharing
from spectrum_pipelines.spectrum import StatusAnswer


def _run_started(state: RunState, event: ev.RunStarted, at: float) -> None:
    state.facts = event
    _wake_first(state)


def _wake_first(state: RunState) -> None:
    for job_id, unmet in state.unmet.items():
        if not unmet:
            state.agenda.wake(job_id)


def _target_seen(state: RunState, event: si.TargetSeen, at: float) -> None:
    state.targets[event.target] = event.answer
    state.targets_seen_at[event.target] = at


def _preflight_passed(state: RunState, event: ev.PreflightPassed, at: float) -> None:
    state.preflight = Preflight.PASSED
    if state.targets:
        answers = state.targets.items()
        file_ids = {
            ref: one.file_id for ref, one in answers if isinstance(one, StatusAnswer) and one.file_id is not None
        }
        state.sharing = sharing(state.pipeline, file_ids)
    if not state.left:
        state.finally_at = at  # nothing stands before the `finally` jobs
    _wake_first(state)


def _preflight_failed(state: RunState, event: ev.PreflightFailed, at: float) -> None:
    state.preflight = Preflight.FAILED
    state.findings = event.findings


def open_finally(state: RunState, at: float) -> None:
    """All jobs before `finally` are done: the `finally` jobs have their turn."""
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


def _warned(state: RunState, event: ev.Warned, at: float) -> None:
    state.warnings.append(event)
    state.warned.add((event.code, event.job))


def _run_ended(state: RunState, event: ev.RunEnded, at: float) -> None:
    state.ended = event


RUN_FOLDS: dict[type, Callable[[RunState, Any, float], None]] = {
    ev.RunStarted: _run_started,
    ev.PreflightPassed: _preflight_passed,
    ev.PreflightFailed: _preflight_failed,
    ev.PipelineTimedOut: _pipeline_timed_out,
    ev.AbortRequested: _abort_requested,
    ev.Warned: _warned,
    ev.RunEnded: _run_ended,
    ev.Resumed: resumed,
    ev.Settled: settled,
    ev.Retried: fold_retried,
    si.TargetSeen: _target_seen,
}
