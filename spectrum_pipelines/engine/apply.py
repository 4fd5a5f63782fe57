"""`apply(state, event, at) -> state`: the fold of facts and sightings. No decision is taken here.

Facts are folded in the running process and again from the journal by `resume` and `report`; both must come to the same state, so
no fold may look at anything but the state and the event. `at` is the run clock, in seconds. The folds stand in the rooms of their
concern; this table has one for each fact and each sighting, and a test holds it to that.
"""

from collections.abc import Callable
from typing import Any

from spectrum_pipelines.engine.facts import Event, Fact, Resumed, Settled
from spectrum_pipelines.engine.job.fold import JOB_FOLDS
from spectrum_pipelines.engine.run.fold import RUN_FOLDS
from spectrum_pipelines.engine.run.reopen import pause
from spectrum_pipelines.engine.sightings import Sighting
from spectrum_pipelines.engine.state.run import RunState, Step
from spectrum_pipelines.engine.stopping.fold import STOP_FOLDS
from spectrum_pipelines.engine.triggering.fold import TRIGGER_FOLDS
from spectrum_pipelines.engine.watching.fold import WATCH_FOLDS
from spectrum_pipelines.pipeline.model.action import JobId

FOLDS: dict[type, Callable[[RunState, Any, float], None]] = {
    **RUN_FOLDS,
    **JOB_FOLDS,
    **TRIGGER_FOLDS,
    **WATCH_FOLDS,
    **STOP_FOLDS,
}


def apply(state: RunState, event: Event | Sighting, at: float) -> RunState:
    """Fold one event in. Returns the same object, changed."""
    if isinstance(event, Settled) or (isinstance(event, Resumed) and not event.waited):
        pause(state, max(0.0, at - state.at))
    state.at = max(state.at, at)
    FOLDS[type(event)](state, event, at)
    if state.behind and isinstance(event, Fact):
        _wake_those_behind(state, getattr(event, "job", None))
    return state


def _wake_those_behind(state: RunState, job_id: JobId | None) -> None:
    """Something has happened to a job that has a file which others wait for."""
    for waiting in state.behind.pop(job_id, ()) if job_id is not None else ():
        job = state.jobs[waiting]
        if job.step is Step.LOOKING and job.attempt.behind == job_id:  # by now it may rest before its next attempt
            job.attempt.wake_at = None
            state.agenda.wake(waiting)
