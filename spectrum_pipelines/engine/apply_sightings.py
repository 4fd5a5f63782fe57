"""The folds of sightings: what the running process asked and saw. None of this is ever needed after a restart."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from spectrum_pipelines.engine import sightings as si
from spectrum_pipelines.engine.execution import Execution, Watch, poll_interval, remaining_seconds
from spectrum_pipelines.engine.lookup import after_answer, begin_round
from spectrum_pipelines.engine.patience import HINT_MARGIN, LIST_PAUSE, MISLEADINGS
from spectrum_pipelines.engine.records import put, put_execution, watch
from spectrum_pipelines.engine.requests import AskAllRunning, AskDetails, AskStatus, AskTarget, Purpose
from spectrum_pipelines.engine.state import Followed, RunState, Step
from spectrum_pipelines.pipeline.action import JobId
from spectrum_pipelines.spectrum import ExecutionId


def _issued(state: RunState, event: si.Issued, at: float) -> None:
    match event.request:
        case AskTarget(target=target):
            state.targets_asked.add(target)
        case AskAllRunning():
            state.list_asked_at = at
        case (
            AskStatus(purpose=Purpose.POLL, execution_id=execution_id)
            | AskDetails(purpose=Purpose.POLL, execution_id=execution_id)
        ) if execution_id is not None:
            _ask_no_more(state, event.request.job, execution_id)
        case request:
            job = state.jobs[request.job]
            state.jobs[request.job] = replace(job, busy=True, turn=request.turn)


def _ask_no_more(state: RunState, job_id: JobId, execution_id: ExecutionId) -> None:
    """Until the answer is in and says when: an old time on the agenda must not ask a second time."""
    followed = (job_id, execution_id)
    if (how := state.following.get(followed)) is not None:
        watch(state, followed, replace(how, next_poll_at=math.inf))


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


def _execution_seen(state: RunState, event: si.ExecutionSeen, at: float) -> None:
    followed = (event.job, event.execution_id)
    if (before := state.following.get(followed)) is None:
        return
    execution = state.execution(followed)
    if event.file_id is not None and execution.file_id is None:
        put_execution(state, event.job, replace(execution, file_id=event.file_id))
    age = _age(execution, at)
    interval = poll_interval(state.pipeline.poll, age=age)
    misled = before.misled + before.hinted
    left = remaining_seconds(age=age, progress=event.progress, estimate_seconds=event.estimate_seconds)
    # A hint that was wrong twice is not looked at again: it has cost two questions then, and will cost no more.
    hinted = left is not None and misled < MISLEADINGS and left + HINT_MARGIN < interval
    seen = Watch(
        heard_at=at,
        next_poll_at=at + (left + HINT_MARGIN if hinted and left is not None else interval),
        unlisted=event.alone,
        progress=event.progress,
        estimate_seconds=event.estimate_seconds,
        hinted=hinted,
        misled=misled,
    )
    watch(state, followed, seen)
    if before.unseen or len(state.jobs[event.job].executions) > 1:
        # Its limits count again; a member of a sequence may have been left behind by another.
        state.agenda.wake(event.job)


def _age(execution: Execution, at: float) -> float:
    """It counts from when it runs: one that has queued for an hour and starts now is young."""
    return max(0.0, at - (execution.accepted_at if execution.running_at is None else execution.running_at))


def _soon(state: RunState, job_id: JobId, at: float) -> None:
    """A stop is on its way: the end is near, whatever the age says."""
    for execution in state.jobs[job_id].open_executions:
        _look_at(state, (job_id, execution.execution_id), at + state.pipeline.poll.min)


def _look_at(state: RunState, followed: Followed, at: float) -> None:
    if (how := state.following.get(followed)) is not None:
        watch(state, followed, replace(how, next_poll_at=at))


def _execution_doubted(state: RunState, event: si.ExecutionDoubted, at: float) -> None:
    followed = (event.job, event.execution_id)
    if (how := state.following.get(followed)) is not None:
        word = event.final_word or how.final_word  # a doubt from elsewhere takes nothing back that was shown
        watch(state, followed, replace(how, doubted=True, final_word=word, next_poll_at=at))


def _poll_missed(state: RunState, event: si.PollMissed, at: float) -> None:
    followed = (event.job, event.execution_id)
    if (how := state.following.get(followed)) is None:
        return
    interval = poll_interval(state.pipeline.poll, age=_age(state.execution(followed), at))
    later = at + max(interval, state.pipeline.http.retry_interval)
    watch(state, followed, replace(how, refusals=how.refusals + event.refused, next_poll_at=later))
    state.agenda.wake(event.job)


def _list_missed(state: RunState, event: si.ListMissed, at: float) -> None:
    if event.unusable:
        state.list_off_until = at + LIST_PAUSE
    for followed in list(state.following):
        _look_at(state, followed, at + state.pipeline.http.retry_interval)
        state.agenda.wake(followed[0])


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
            put_execution(state, event.job, replace(execution, file_id=event.file_id))
        cleared = None if event.need_list else event.execution_id
        put(state, event.job, stop=replace(stop, cleared=cleared, need_list=event.need_list, withheld=None))


def _stop_sent(state: RunState, event: si.StopSent, at: float) -> None:
    stop = state.jobs[event.job].stop
    if stop is not None:
        put(state, event.job, stop=replace(stop, sent=stop.sent + 1, cleared=None, need_list=False), wake_at=at + 2.0)
        _soon(state, event.job, at)


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
    si.ExecutionSeen: _execution_seen,
    si.ExecutionDoubted: _execution_doubted,
    si.PollMissed: _poll_missed,
    si.ListMissed: _list_missed,
    si.LookupBegun: _lookup_begun,
    si.LookupSeen: _lookup_seen,
    si.LookupRested: _lookup_rested,
    si.StopCleared: _stop_cleared,
    si.StopSent: _stop_sent,
    si.StopWithheld: _stop_withheld,
    si.CallFailed: _call_failed,
}
