"""The folds of stopping: a stop on its way, and what the looks before it have shown."""

from collections.abc import Callable
from typing import Any

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine import sightings as si
from spectrum_pipelines.engine.outcome import Cause
from spectrum_pipelines.engine.state.run import RunState, Step, StopState
from spectrum_pipelines.engine.watching.fold import look_soon


def _stop_requested(state: RunState, event: ev.StopRequested, at: float) -> None:
    job = state.touch(event.job)
    job.step = Step.STOPPING
    job.attempt.ways += event.cause is Cause.ON_RUNNING
    is_fresh = bool(job.attempt.seen)  # what an earlier process has seen is not here any more
    job.attempt.stop = StopState(cause=event.cause, reason=event.reason, since=at, is_fresh=is_fresh)
    state.agenda.wake_at(at + state.patience.stop_grace, event.job)  # the stop's own answer may take longer


def _stop_cleared(state: RunState, event: si.StopCleared, at: float) -> None:
    if (stop := state.jobs[event.job].attempt.stop) is None:
        return
    state.touch(event.job)
    execution = state.execution((event.job, event.execution_id))
    if execution.file_id is None:
        execution.file_id = event.file_id
    stop.cleared = None if event.need_list else event.execution_id
    stop.need_list = event.need_list
    stop.withheld = None


def _stop_sent(state: RunState, event: si.StopSent, at: float) -> None:
    if (stop := state.jobs[event.job].attempt.stop) is None:
        return
    job = state.touch(event.job)
    stop.sent += 1
    stop.is_fresh = False
    stop.cleared = None
    stop.need_list = False
    state.rest(job, at + state.patience.stop_again)
    look_soon(state, job, at)


def _stop_withheld(state: RunState, event: si.StopWithheld, at: float) -> None:
    if (stop := state.jobs[event.job].attempt.stop) is None:
        return
    job = state.touch(event.job)
    stop.withheld = event.reason
    stop.is_fresh = False
    stop.cleared = None
    stop.need_list = False
    state.rest(job, at + state.patience.stop_look_again)


STOP_FOLDS: dict[type, Callable[[RunState, Any, float], None]] = {
    ev.StopRequested: _stop_requested,
    si.StopCleared: _stop_cleared,
    si.StopSent: _stop_sent,
    si.StopWithheld: _stop_withheld,
}
