"""The folds of sightings: what the running process asked and saw. None of this is ever needed after a restart."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from spectrum_pipelines.engine import sightings as si
from spectrum_pipelines.engine.requests import AskAllRunning, AskDetails, AskHistory, AskStatus, AskTarget, Purpose
from spectrum_pipelines.engine.state.lookup import after_answer, begin_round
from spectrum_pipelines.engine.state.records import execution_with, job_with, put, put_execution
from spectrum_pipelines.engine.state.run import RunState, Step
from spectrum_pipelines.engine.watching.apply import POLL_FOLDS, ask_for_all, ask_no_more, look_soon
from spectrum_pipelines.engine.watching.lessons import lesson_seen


def _issued(state: RunState, event: si.Issued, at: float) -> None:
    match event.request:
        case AskTarget(target=target):
            state.targets_asked.add(target)
        case AskAllRunning():
            ask_for_all(state, at)
        case (
            AskStatus(purpose=Purpose.POLL, execution_id=execution_id)
            | AskDetails(purpose=Purpose.POLL, execution_id=execution_id)
        ) if execution_id is not None:
            ask_no_more(state, event.request.job, execution_id)
        case AskDetails(purpose=Purpose.LESSON) | AskHistory(purpose=Purpose.LESSON):
            pass
        case request:
            job = state.jobs[request.job]
            state.jobs[request.job] = job_with(job, busy=True, turn=request.turn)


def _answered(state: RunState, event: si.Answered, at: float) -> None:
    match event.request:
        case AskTarget():
            pass
        case AskAllRunning():
            state.list_asked_at = None
        case request:
            if request.turn and state.jobs[request.job].turn == request.turn:
                put(state, request.job, busy=False)


def _target_seen(state: RunState, event: si.TargetSeen, at: float) -> None:
    state.targets[event.target] = event.answer
    state.targets_seen_at[event.target] = at


def _job_ready(state: RunState, event: si.JobReady, at: float) -> None:
    put(state, event.job, step=Step.READY)
    state.ready[event.job] = None


def _status_seen(state: RunState, event: si.StatusSeen, at: float) -> None:
    job = state.jobs[event.job]
    put(state, event.job, seen={**job.seen, event.target: event.answer}, misses=0, missing_since=None)


def _looked_in_vain(state: RunState, event: si.LookedInVain, at: float) -> None:
    put(state, event.job, step=Step.LOOKING, stop=None, seen={}, wake_at=at + event.wait)


def _lookup_begun(state: RunState, event: si.LookupBegun, at: float) -> None:
    job = state.jobs[event.job]
    if job.lookup is not None:
        put(state, event.job, lookup=begin_round(job.lookup, job.baselines))


def _lookup_seen(state: RunState, event: si.LookupSeen, at: float) -> None:
    job = state.jobs[event.job]
    if job.lookup is None or not job.lookup.todo:
        return
    mine = {e.execution_id for e in job.current}
    ours = frozenset(owned for owned in state.owners if owned not in mine)
    lookup = after_answer(job.lookup, event, baselines=job.baselines, ours=ours, at=at)
    put(state, event.job, lookup=lookup)


def _lookup_rested(state: RunState, event: si.LookupRested, at: float) -> None:
    job = state.jobs[event.job]
    if job.lookup is not None:
        put(state, event.job, lookup=replace(job.lookup, in_round=False), wake_at=at + job.lookup.rest())


def _stop_cleared(state: RunState, event: si.StopCleared, at: float) -> None:
    stop = state.jobs[event.job].stop
    if stop is not None:
        execution = state.execution((event.job, event.execution_id))
        if execution.file_id is None:
            put_execution(state, event.job, execution_with(execution, file_id=event.file_id))
        cleared = None if event.need_list else event.execution_id
        put(state, event.job, stop=replace(stop, cleared=cleared, need_list=event.need_list, withheld=None))


def _stop_sent(state: RunState, event: si.StopSent, at: float) -> None:
    stop = state.jobs[event.job].stop
    if stop is not None:
        put(state, event.job, stop=replace(stop, sent=stop.sent + 1, cleared=None, need_list=False), wake_at=at + 2.0)
        look_soon(state, event.job, at)


def _stop_withheld(state: RunState, event: si.StopWithheld, at: float) -> None:
    stop = state.jobs[event.job].stop
    if stop is not None:
        stop = replace(stop, withheld=event.reason, cleared=None, need_list=False)
        put(state, event.job, stop=stop, wake_at=at + 1.0)


def _call_failed(state: RunState, event: si.CallFailed, at: float) -> None:
    job = state.jobs[event.job]
    put(
        state,
        event.job,
        misses=job.misses + 1,
        missing_since=at if job.missing_since is None else job.missing_since,
        reason=event.message,
        wake_at=at + state.pipeline.http.retry_interval,
        # A stop that could not be sent must not go out later on the strength of an old look.
        stop=None if job.stop is None else replace(job.stop, cleared=None, need_list=False),
    )


SIGHTING_FOLDS: dict[type, Callable[[RunState, Any, float], None]] = {
    si.Issued: _issued,
    si.Answered: _answered,
    si.TargetSeen: _target_seen,
    si.JobReady: _job_ready,
    si.StatusSeen: _status_seen,
    si.LookedInVain: _looked_in_vain,
    **POLL_FOLDS,
    si.LookupBegun: _lookup_begun,
    si.LookupSeen: _lookup_seen,
    si.LookupRested: _lookup_rested,
    si.StopCleared: _stop_cleared,
    si.StopSent: _stop_sent,
    si.StopWithheld: _stop_withheld,
    si.LessonSeen: lesson_seen,
    si.CallFailed: _call_failed,
}
