"""`apply(state, event, at) -> state`: the fold of facts. No decision is taken here.

Facts are folded in the running process and again from the journal by `resume` and `report`; both must come to the same state, so
nothing here may look at anything but the state and the fact. `at` is the run clock, in seconds.
"""

from collections.abc import Callable, Iterable
from typing import Any

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.apply_ends import END_FOLDS
from spectrum_pipelines.engine.apply_sightings import SIGHTING_FOLDS
from spectrum_pipelines.engine.outcome import AdoptedBy, JobStatus
from spectrum_pipelines.engine.sightings import Sighting
from spectrum_pipelines.engine.state.execution import Execution
from spectrum_pipelines.engine.state.lookup import Lookup
from spectrum_pipelines.engine.state.records import arm_timeouts, execution_with, forget_question, put, start_following
from spectrum_pipelines.engine.state.run import Preflight, RunState, Step, StopState
from spectrum_pipelines.pipeline.model.action import DeleteData

Fold = Callable[[RunState, Any, float], None]


def apply(state: RunState, event: ev.Event | Sighting, at: float) -> RunState:
    """Fold one event in. Returns the same object, changed."""
    state.at = max(state.at, at)
    _FOLDS[type(event)](state, event, at)
    return state


def _run_started(state: RunState, event: ev.RunStarted, at: float) -> None:
    state.facts = event
    for job_id, unmet in state.unmet.items():
        if not unmet:
            state.agenda.wake(job_id)


def _preflight_passed(state: RunState, event: ev.PreflightPassed, at: float) -> None:
    state.preflight = Preflight.PASSED
    if not state.left:
        state.finally_at = at  # nothing stands before the `finally` jobs
    for job_id, unmet in state.unmet.items():
        if not unmet:
            state.agenda.wake(job_id)


def _preflight_failed(state: RunState, event: ev.PreflightFailed, at: float) -> None:
    state.preflight = Preflight.FAILED
    state.findings = event.findings


def _attempt_started(state: RunState, event: ev.AttemptStarted, at: float) -> None:
    job = state.jobs[event.job]
    state.ready.pop(event.job, None)
    state.underway[event.job] = None
    step = Step.DELETING if isinstance(job.job.action, DeleteData) else Step.LOOKING
    put(
        state,
        event.job,
        step=step,
        status=JobStatus.RUNNING,
        attempt=event.attempt,
        started_at=at if job.started_at is None else job.started_at,
        attempt_at=at,
        accepted_at=None,
        complete=True,
        stop=None,
        lookup=None,
        unsent=0,
        sender_died=False,
        candidates=(),
        misses=0,
        missing_since=None,
        wake_at=None,
        baselines=(),
        deletions=(),
        **forget_question(job),
    )


def _trigger_intended(state: RunState, event: ev.TriggerIntended, at: float) -> None:
    state.triggers += 1
    put(state, event.job, step=Step.INTENDED, baselines=event.baselines)


def _trigger_not_handled(state: RunState, event: ev.TriggerNotHandled, at: float) -> None:
    job = state.jobs[event.job]
    # Only the network's own refusals use up `http.retry`: for a process that died or was told to end, nothing was even tried.
    tried = not job.sender_died and state.abort is None
    state.triggers -= 1  # provably nothing reached Spectrum: exit codes may still say "nothing was triggered"
    put(
        state,
        event.job,
        step=Step.LOOKING,
        lookup=None,
        accepted_at=None,
        sender_died=False,
        attempt_at=at
        if job.sender_died
        else job.attempt_at,  # the search cost its time, and the job has not waited yet
        unsent=job.unsent + tried,
        reason=event.reason,
        seen={},
        wake_at=at + event.wait,
    )


def _trigger_ambiguous(state: RunState, event: ev.TriggerAmbiguous, at: float) -> None:
    lookup = Lookup(since=at)
    put(state, event.job, step=Step.RECONCILING, reason=event.reason, accepted_at=at, lookup=lookup, sender_died=False)


def _candidates_found(state: RunState, event: ev.CandidatesFound, at: float) -> None:
    put(state, event.job, candidates=event.execution_ids)


def _follow(
    state: RunState,
    event: ev.Triggered | ev.Adopted,
    at: float,
    *,
    by: AdoptedBy | None,
    complete: bool,
) -> None:
    known = {e.execution_id for e in state.jobs[event.job].executions if e.attempt == event.attempt}
    started = [e for e in event.executions if e.execution_id not in known]
    start_following(state, event.job, _executions(started, event.attempt, at, by), at)
    put(state, event.job, step=Step.FOLLOWING, accepted_at=at, complete=complete, reason=None, misses=0)
    arm_timeouts(state, event.job)


def _executions(
    started: Iterable[ev.StartedExecution],
    attempt: int,
    at: float,
    by: AdoptedBy | None,
) -> tuple[Execution, ...]:
    return tuple(
        Execution(
            execution_id=one.execution_id,
            attempt=attempt,
            accepted_at=at,
            adopted=by,
            name=one.name,
            configuration_id=one.configuration_id,
            file_id=one.file_id,
        )
        for one in started
    )


def _triggered(state: RunState, event: ev.Triggered, at: float) -> None:
    _follow(state, event, at, by=None, complete=event.complete)


def _adopted(state: RunState, event: ev.Adopted, at: float) -> None:
    _follow(state, event, at, by=event.by, complete=event.complete)


def _execution_changed(state: RunState, event: ev.ExecutionChanged, at: float) -> None:
    execution = state.execution((event.job, event.execution_id))
    changed = execution_with(execution, job_status=event.job_status)
    if changed.phase.is_active and changed.phase.value == "running" and execution.running_at is None:
        changed = execution_with(changed, running_at=at)
    executions = tuple(changed if e is execution else e for e in state.jobs[event.job].executions)
    put(state, event.job, executions=executions)


def _stop_requested(state: RunState, event: ev.StopRequested, at: float) -> None:
    put(state, event.job, step=Step.STOPPING, stop=StopState(cause=event.cause, reason=event.reason, since=at))


def _data_deleted(state: RunState, event: ev.DataDeleted, at: float) -> None:
    job = state.jobs[event.job]
    put(state, event.job, deletions=(*job.deletions, (event.data_id, event.deletion)), misses=0)


def _warned(state: RunState, event: ev.Warned, at: float) -> None:
    state.warnings.append(event)
    state.warned.add((event.code, event.job))


_FOLDS: dict[type, Fold] = {
    ev.RunStarted: _run_started,
    ev.PreflightPassed: _preflight_passed,
    ev.PreflightFailed: _preflight_failed,
    ev.AttemptStarted: _attempt_started,
    ev.TriggerIntended: _trigger_intended,
    ev.TriggerNotHandled: _trigger_not_handled,
    ev.TriggerAmbiguous: _trigger_ambiguous,
    ev.CandidatesFound: _candidates_found,
    ev.Triggered: _triggered,
    ev.Adopted: _adopted,
    ev.ExecutionChanged: _execution_changed,
    ev.StopRequested: _stop_requested,
    ev.DataDeleted: _data_deleted,
    ev.Warned: _warned,
    **END_FOLDS,
    **SIGHTING_FOLDS,
}
