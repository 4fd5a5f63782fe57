"""The folds of looks at running executions: what was shown, and when to look again."""

import math
from collections.abc import Callable
from typing import Any

from spectrum_pipelines.engine import sightings as si
from spectrum_pipelines.engine.state.records import execution_with, put_execution, watch, watch_with
from spectrum_pipelines.engine.state.run import Followed, RunState
from spectrum_pipelines.engine.state.watch import Watch, next_look
from spectrum_pipelines.engine.timing.hint import read_hint
from spectrum_pipelines.engine.timing.pace import blind_pause, pause_by_past
from spectrum_pipelines.engine.timing.patience import FEW, LAST_SHARE, LIST_PAUSE, SPARED_MIN, SPARED_PAUSE
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.spectrum import ActiveJob, ExecutionId, FileId, Phase, phase_of


def ask_for_all(state: RunState, at: float) -> None:
    """The shared poll is on its way; its answer will say when the next one is due."""
    state.list_asked_at = at
    state.list_due_at = math.inf


def ask_no_more(state: RunState, job_id: JobId, execution_id: ExecutionId) -> None:
    """Until the answer is in and says when: an old time on the agenda must not ask a second time."""
    followed = (job_id, execution_id)
    if (how := state.following.get(followed)) is not None:
        watch(state, followed, watch_with(how, next_poll_at=math.inf, listed=False))


def look_soon(state: RunState, job_id: JobId, at: float) -> None:
    """A stop is on its way: the end is near, whatever the age says."""
    for execution in state.jobs[job_id].open_executions:
        _look_at(state, (job_id, execution.execution_id), at + state.pipeline.poll.min)


def _look_at(state: RunState, followed: Followed, at: float) -> None:
    if (how := state.following.get(followed)) is not None:
        watch(state, followed, watch_with(how, next_poll_at=at, listed=False))


def _execution_seen(state: RunState, event: si.ExecutionSeen, at: float) -> None:
    followed = (event.job, event.execution_id)
    if (before := state.following.get(followed)) is None:
        return
    _learn_file(state, followed, event.file_id)
    seen = _taken_in(before, event, at)
    if not event.by_details and phase_of(event.job_status) is Phase.RUNNING:
        state.hinting = event.progress is not None or event.estimate_seconds is not None
    if event.by_details and before.over:
        # Not yet over after all, but it cannot be far.
        pause, over = max(0.02, before.hint.error if before.hint else 0.0), False
    else:
        pause, over = next_look(seen, state.pipeline.poll, at=at)
        pause = pause if seen.is_hinted else _spared(state, pause, len(state.following))
    watch(state, followed, watch_with(seen, next_poll_at=at + pause, over=over))
    _wake_if_concerned(state, event.job, before)


def _taken_in(before: Watch, event: si.ExecutionSeen, at: float) -> Watch:
    """The watch after a look at this execution alone."""
    hint, misled = before.hint, before.misled
    if not event.by_details:
        age = max(0.0, at - before.since)
        hint = read_hint(hint, at=at, age=age, progress=event.progress, estimate=event.estimate_seconds)
        misled += hint is not None and hint.contradicts
    return watch_with(
        before,
        since=_since(before, event.job_status, at),
        heard_at=at,
        word=event.job_status,
        listed=False,
        hint=hint,
        misled=misled,
        doubted=False,
        false_alarms=before.false_alarms + before.doubted,
        final_word=None,
        refusals=0,
        eclipsed=before.eclipsed and event.by_details,
        unseen=False,
    )


def _since(before: Watch, word: str, at: float) -> float:
    """Its age counts from when it runs: one that has queued for an hour and starts now is young."""
    return at if before.is_waiting and phase_of(word) is not Phase.WAITING else before.since


def _learn_file(state: RunState, followed: Followed, file_id: FileId | None) -> None:
    if file_id is not None and (execution := state.execution(followed)).file_id is None:
        put_execution(state, followed[0], execution_with(execution, file_id=file_id))


def _wake_if_concerned(state: RunState, job_id: JobId, before: Watch) -> None:
    """Its limits count again; a member of a sequence may have been left behind by another."""
    if before.unseen or len(state.jobs[job_id].executions) > 1:
        state.agenda.wake(job_id)


def _list_seen(state: RunState, event: si.ListSeen, at: float) -> None:
    """Nearly all of them are as they were: those cost a look-up and no more, however many there are."""
    state.list_heard_at = at
    poll = state.pipeline.poll
    youngest, pause, going_on = -math.inf, math.inf, 0
    for followed, how in state.following.items():
        entry = event.entries.get(followed[1])
        going_on += not how.doubted and (entry is not None or not how.unlisted)
        if entry is None or how.doubted:
            if how.next_poll_at <= at and not (how.doubted or how.unlisted):
                watch(state, followed, watch_with(how, next_poll_at=at + poll.min))  # younger than the question
            continue
        _wake_if_concerned(state, followed[0], how)
        if not how.listed or how.word != entry.job_status:
            how = _listed(state, followed, how, entry, at)  # noqa: PLW2901 - the same one, a moment later
        if not how.listed:
            continue
        if how.past is None or how.is_waiting:
            youngest = max(youngest, how.since)
        else:
            pause = min(pause, pause_by_past(poll, age=at - how.since, past=how.past))
    if youngest > -math.inf:
        pause = min(pause, blind_pause(poll, age=at - youngest))
    if pause < math.inf:
        # When few are left, each is asked for its own hints: the last of them is the end of the run, or of its layer.
        is_time_for_hints = going_on <= FEW and state.gives_hints
        state.list_due_at = at if is_time_for_hints else at + _spared(state, pause, going_on)


def _listed(state: RunState, followed: Followed, how: Watch, entry: ActiveJob, at: float) -> Watch:
    _learn_file(state, followed, entry.file_id)
    # What has a hint of its own keeps its own time.
    is_own = how.is_hinted and how.next_poll_at < math.inf
    seen = watch_with(
        how,
        since=_since(how, entry.job_status, at),
        heard_at=at,
        word=entry.job_status,
        listed=not is_own,
        next_poll_at=how.next_poll_at if is_own else math.inf,
        unlisted=False,
        final_word=None,
        refusals=0,
        unseen=False,
    )
    state.following[followed] = seen
    return seen


def _spared(state: RunState, pause: float, going_on: int) -> float:
    """What many shared has cost each of them little, so there are questions to spare for the last of them, who end the run."""
    is_late = going_on <= state.most_followed * LAST_SHARE
    if not is_late or state.spare_looks < 1.0:
        return pause
    state.spare_looks -= 1.0
    return max(pause * SPARED_PAUSE, state.pipeline.poll.min * SPARED_MIN)


def _execution_doubted(state: RunState, event: si.ExecutionDoubted, at: float) -> None:
    followed = (event.job, event.execution_id)
    if (how := state.following.get(followed)) is not None:
        wait = 0.0 if not how.is_wolf else blind_pause(state.pipeline.poll, age=max(0.0, at - how.since))
        doubted = watch_with(
            how,
            doubted=True,
            listed=False,
            over=False,
            next_poll_at=min(at + wait, how.next_poll_at) if how.doubted else at + wait,
            final_word=event.final_word or how.final_word,  # a doubt from elsewhere takes nothing back that was shown
            unlisted=how.unlisted or event.unlisted,
            eclipsed=how.eclipsed or event.eclipsed,
        )
        watch(state, followed, doubted)


def _poll_missed(state: RunState, event: si.PollMissed, at: float) -> None:
    followed = (event.job, event.execution_id)
    if (how := state.following.get(followed)) is None:
        return
    pause = max(blind_pause(state.pipeline.poll, age=max(0.0, at - how.since)), state.pipeline.http.retry_interval)
    # Refused details do not say that it is gone: its file's status may show it, unless that shows another one.
    is_elsewhere = event.refused and how.final_word is None and not how.eclipsed
    missed = watch_with(
        how,
        refusals=how.refusals + event.refused,
        doubted=how.doubted and not is_elsewhere,
        over=False,
        next_poll_at=at + pause,
    )
    watch(state, followed, missed)
    state.agenda.wake(event.job)


def _list_missed(state: RunState, event: si.ListMissed, at: float) -> None:
    if event.unusable:
        state.list_off_until = at + LIST_PAUSE
    state.list_due_at = math.inf
    for followed in list(state.following):
        _look_at(state, followed, at + state.pipeline.http.retry_interval)
        state.agenda.wake(followed[0])


POLL_FOLDS: dict[type, Callable[[RunState, Any, float], None]] = {
    si.ExecutionSeen: _execution_seen,
    si.ListSeen: _list_seen,
    si.ExecutionDoubted: _execution_doubted,
    si.PollMissed: _poll_missed,
    si.ListMissed: _list_missed,
}
