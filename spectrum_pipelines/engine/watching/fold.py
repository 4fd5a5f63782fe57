"""The folds of looks at executions: what was shown, when to look again, and the end."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine import sightings as si
from spectrum_pipelines.engine.state.execution import Execution
from spectrum_pipelines.engine.state.run import Followed, JobState, RunState
from spectrum_pipelines.engine.state.watch import Watch, next_look
from spectrum_pipelines.engine.timing.hint import read_hint
from spectrum_pipelines.engine.timing.pace import FIRST_LOOK, blind_pause, pause_by_past
from spectrum_pipelines.engine.timing.patience import FEW, LAST_MIN, LAST_PAUSE, LAST_SHARE, OTHERS_TURN, SAVED_LOOKS
from spectrum_pipelines.engine.watching.lessons import lesson_seen
from spectrum_pipelines.pipeline.model.action import JobId, Sequence
from spectrum_pipelines.spectrum import ActiveJob, ExecutionId, FileId, Phase, phase_of

# Beginning and ending to follow


def start_following(state: RunState, job: JobState, executions: Iterable[Execution], at: float) -> None:
    """Add executions to a job and watch each."""
    for execution in executions:
        job.executions.append(execution)
        follow(state, job.job.id, execution, at)


def follow(state: RunState, job_id: JobId, execution: Execution, at: float, *, unseen: bool = False) -> None:
    """Watch an execution from now on."""
    past = state.past.get(job_id)
    watch = Watch(
        since=execution.accepted_at if execution.running_at is None else execution.running_at,
        heard_at=at,
        next_poll_at=at if unseen or execution.adopted is not None else at + _first_look(state),
        past=past,
        file_id=execution.file_id,
        unseen=unseen,
    )
    followed = (job_id, execution.execution_id)
    state.following[followed] = watch
    _schedule(state, followed, watch, watch.next_poll_at)
    state.saved_looks += SAVED_LOOKS
    if past is None:
        state.lesson_times.wake_at(at + state.patience.lesson_after, job_id)
    state.most_followed = max(state.most_followed if len(state.following) > 1 else 0, len(state.following))
    if execution.is_ours:
        # Not what we have only attached to: that may be what another of our triggers has started.
        state.owners.setdefault(execution.execution_id, job_id)


def _first_look(state: RunState) -> float:
    """Seconds until an execution that was just triggered is looked at for the first time."""
    poll = state.pipeline.poll
    return poll.min if state.following or state.hinting is False else min(poll.min, FIRST_LOOK)


def stop_following(state: RunState, job: JobState) -> None:
    """Take all executions of a job off the poll agenda; old times on it are ignored when they come up."""
    for execution in job.executions:
        state.following.pop((job.job.id, execution.execution_id), None)


# When to look


def _schedule(state: RunState, followed: Followed, watch: Watch, at: float) -> None:
    """Look at an execution when the run clock has reached `at`; never, on its own, if that is infinite."""
    watch.next_poll_at = at
    if at < math.inf:
        state.polls.wake_at(at, followed)


def ask_for_all(state: RunState, at: float) -> None:
    """The shared poll is on its way; its answer will say when the next one is due."""
    state.list_poll.asked_at = at
    state.list_poll.due_at = math.inf


def ask_no_more(state: RunState, job_id: JobId, execution_id: ExecutionId) -> None:
    """Plan no look until the answer is in: an old time on the agenda must not ask a second time."""
    if (watch := state.following.get((job_id, execution_id))) is not None:
        watch.next_poll_at = math.inf
        watch.listed = False


def look_soon(state: RunState, job: JobState, at: float) -> None:
    """A stop is on its way: the end is near, whatever the age says."""
    for execution in job.open_executions:
        _look_at(state, (job.job.id, execution.execution_id), at + state.pipeline.poll.min)


def _look_at(state: RunState, followed: Followed, at: float) -> None:
    if (watch := state.following.get(followed)) is not None:
        watch.listed = False
        _schedule(state, followed, watch, at)


# What a look at one execution has shown


def _execution_seen(state: RunState, event: si.ExecutionSeen, at: float) -> None:
    followed = (event.job, event.execution_id)
    if (watch := state.following.get(followed)) is None:
        return
    if not event.by_details or isinstance(state.jobs[event.job].job.action, Sequence):
        # What a target means is told by its status: details may be another file's, which was given our id.
        _learn_file(state, followed, event.file_id)
    _wake_if_concerned(state, event.job, watch)
    expected_end = watch.expects_end
    _take_in(watch, event, at)
    if not event.by_details and phase_of(event.job_status) is Phase.RUNNING:
        state.hinting = event.progress is not None or event.estimate_seconds is not None
    if event.by_details and expected_end:
        # Not yet over after all, but it cannot be far.
        pause, watch.expects_end = max(0.02, watch.hint.error if watch.hint else 0.0), False
    else:
        pause, watch.expects_end = next_look(watch, state.pipeline.poll, at=at)
        pause = pause if watch.is_hinted else _shorter_for_the_last(state, pause, len(state.following))
    _schedule(state, followed, watch, at + pause)


def _take_in(watch: Watch, event: si.ExecutionSeen, at: float) -> None:
    """Take in what a look at this execution alone has shown."""
    if not event.by_details:
        age = max(0.0, at - watch.since)
        hint = read_hint(watch.hint, at=at, age=age, progress=event.progress, estimate=event.estimate_seconds)
        watch.hint = hint
        watch.contradictions += hint is not None and hint.contradicts
        watch.overtaken = False
    watch.details_refused = watch.details_refused and not event.by_details
    watch.since = _since(watch, event.job_status, at)
    watch.heard_at = at
    watch.word = event.job_status
    watch.listed = False
    watch.false_alarms += watch.doubted
    watch.doubted = False
    watch.final_word = None
    watch.refusals, watch.refused_at = 0, None
    watch.unseen = False


def _since(watch: Watch, word: str, at: float) -> float:
    """The second from which an execution's age counts: one that has queued for an hour and starts now is young."""
    return at if watch.is_waiting and phase_of(word) is not Phase.WAITING else watch.since


def _learn_file(state: RunState, followed: Followed, file_id: FileId | None) -> None:
    if file_id is not None and (execution := state.execution(followed)).file_id is None:
        execution.file_id = file_id
        state.jobs[followed[0]].version += 1
        if (watch := state.following.get(followed)) is not None:
            watch.file_id = file_id


def _wake_if_concerned(state: RunState, job_id: JobId, watch: Watch) -> None:
    """Decide on the job if its execution was unseen until now, or if a member of its sequence may have been left behind."""
    if watch.unseen or len(state.jobs[job_id].executions) > 1:
        state.agenda.wake(job_id)


# What the shared list has shown


def _list_seen(state: RunState, event: si.ListSeen, at: float) -> None:
    """Nearly all of them are as they were: those cost a look-up and no more, however many there are."""
    state.list_poll.heard_at = at
    poll = state.pipeline.poll
    youngest, pause, going_on, on_their_own, is_only_listed = -math.inf, math.inf, 0, 0, False
    for followed, watch in state.following.items():
        entry = event.entries.get(followed[1])
        going_on += not watch.doubted and (entry is not None or not watch.unlisted)
        if entry is None or watch.doubted:
            if watch.next_poll_at <= at and not (watch.doubted or watch.unlisted):
                _schedule(state, followed, watch, at + poll.min)  # younger than the question
            continue
        _wake_if_concerned(state, followed[0], watch)
        if not watch.listed or watch.word != entry.job_status:
            _take_in_entry(state, followed, watch, entry, at, may_stay_alone=on_their_own < FEW)
        if not watch.listed:
            on_their_own += 1
            continue
        is_only_listed = is_only_listed or watch.details_refused
        if watch.past is None or watch.is_waiting:
            youngest = max(youngest, watch.since)
        else:
            pause = min(pause, pause_by_past(poll, age=at - watch.since, past=watch.past))
    if youngest > -math.inf:
        pause = min(pause, blind_pause(poll, age=at - youngest))
    if pause < math.inf:
        # When few are left, each is asked for its own hints: the last of them is the end of the run, or of its layer.
        is_time_for_hints = going_on <= FEW and state.gives_hints and not is_only_listed
        state.list_poll.rests_until = at + _turn_of_others(state, at)
        due_at = max(at + _shorter_for_the_last(state, pause, going_on), state.list_poll.rests_until)
        state.list_poll.due_at = at if is_time_for_hints else due_at


def _take_in_entry(
    state: RunState, followed: Followed, watch: Watch, entry: ActiveJob, at: float, *, may_stay_alone: bool
) -> None:
    _learn_file(state, followed, entry.file_id)
    execution = state.execution(followed)
    execution.listed_configuration_id = execution.listed_configuration_id or entry.configuration_id
    execution.listed_uuid = execution.listed_uuid or entry.uuid
    watch.since = _since(watch, entry.job_status, at)
    watch.heard_at = at
    watch.word = entry.job_status
    # A few that have hints keep their own times; a crowd of them, which a list that did not work has left, would cost too much.
    watch.listed = not (may_stay_alone and watch.is_hinted and watch.next_poll_at < math.inf)
    if watch.listed:
        watch.next_poll_at = math.inf
    elif watch.next_poll_at <= at:
        _schedule(state, followed, watch, at)  # its own time came, and was given to the list that has just answered
    watch.unlisted = False
    watch.final_word = None
    watch.refusals, watch.refused_at = 0, None
    watch.unseen = False


def _turn_of_others(state: RunState, at: float) -> float:
    """Seconds for which a connection is left to jobs that are about to start, after an answer of the list."""
    asked_at = state.list_poll.asked_at
    return OTHERS_TURN * (at - asked_at) if state.is_anybody_starting and asked_at is not None else 0.0


def _shorter_for_the_last(state: RunState, pause: float, going_on: int) -> float:
    """Looking at many together has saved questions, which are spent on the last of them: those end the run."""
    is_late = going_on <= state.most_followed * LAST_SHARE
    if not is_late or state.saved_looks < 1.0:
        return pause
    state.saved_looks -= 1.0
    return max(pause * LAST_PAUSE, state.pipeline.poll.min * LAST_MIN)


# What no look has shown


def _execution_doubted(state: RunState, event: si.ExecutionDoubted, at: float) -> None:
    followed = (event.job, event.execution_id)
    if (watch := state.following.get(followed)) is None:
        return
    wait = blind_pause(state.pipeline.poll, age=max(0.0, at - watch.since)) if watch.doubt_can_wait else 0.0
    look_at = min(at + wait, watch.next_poll_at) if watch.doubted else at + wait
    watch.doubted = True
    watch.listed = False
    watch.expects_end = False
    watch.final_word = event.final_word or watch.final_word  # a doubt from elsewhere takes nothing back that was shown
    watch.unlisted = watch.unlisted or event.unlisted
    watch.overtaken = watch.overtaken or event.overtaken
    watch.never_ran = event.never_ran
    watch.file_shown = watch.file_shown or event.file_shown
    _learn_file(state, followed, event.file_id)
    _schedule(state, followed, watch, look_at)


def _file_unknown(state: RunState, event: si.FileUnknown, at: float) -> None:
    followed = (event.job, event.execution_id)
    if (watch := state.following.get(followed)) is not None:
        watch.file_asked = True
        watch.doubted = watch.listed = watch.overtaken = watch.expects_end = False
        _schedule(state, followed, watch, at)


def _poll_missed(state: RunState, event: si.PollMissed, at: float) -> None:
    followed = (event.job, event.execution_id)
    if (watch := state.following.get(followed)) is None:
        return
    pause = state.pipeline.http.retry_interval
    if watch.never_ran:
        pause = max(pause, state.patience.status_lag)  # the status may be behind
    if not event.mixed_up:
        pause = max(pause, blind_pause(state.pipeline.poll, age=max(0.0, at - watch.since)))
    # Who did not say why may not be Spectrum: whether Spectrum answers, the status of its file shows.
    watch.overtaken = watch.overtaken and not event.unexplained
    # Refused details do not say that it is gone: its file's status may show it, unless that shows another one.
    is_elsewhere = event.refused and watch.final_word is None and not watch.overtaken
    watch.refusals += event.refused
    if event.refused and watch.refused_at is None:
        watch.refused_at, watch.file_shown = at, False
    watch.details_refused = watch.details_refused or (event.refused and not event.mixed_up)
    watch.file_asked = watch.file_asked and not event.mixed_up  # the status is asked again
    watch.doubted = watch.doubted and not is_elsewhere
    watch.expects_end = False
    _schedule(state, followed, watch, at + pause)
    state.agenda.wake(event.job)


def _list_missed(state: RunState, event: si.ListMissed, at: float) -> None:
    state.list_poll.is_late = state.list_poll.is_late or event.late
    if event.unusable:
        state.list_poll.off_until = at + state.patience.list_pause
    state.list_poll.due_at = math.inf
    for followed in list(state.following):
        _look_at(state, followed, at + state.pipeline.http.retry_interval)
        state.agenda.wake(followed[0])


# What is known of an execution


def _execution_changed(state: RunState, event: ev.ExecutionChanged, at: float) -> None:
    state.touch(event.job)
    execution = state.execution((event.job, event.execution_id))
    execution.job_status = event.job_status
    execution.changes += 1
    execution.shown_file_id = execution.shown_file_id or event.file_id
    if execution.phase is Phase.RUNNING and execution.running_at is None:
        execution.running_at = at


def _execution_ended(state: RunState, event: ev.ExecutionEnded, at: float) -> None:
    state.touch(event.job)
    execution = state.execution((event.job, event.execution_id))
    execution.job_status = event.job_status
    execution.configuration_id = event.configuration_id or execution.configuration_id
    execution.file_id = event.file_id or execution.file_id
    execution.start_time = event.start_time
    execution.stop_time = event.stop_time
    execution.success_count = event.success_count
    execution.failure_count = event.failure_count
    execution.run_seconds = event.run_seconds
    execution.stop_age = event.stop_age
    execution.counters = event.counters
    execution.ended_at = at
    state.following.pop((event.job, event.execution_id), None)
    if state.jobs[event.job].open_executions:
        state.agenda.wake_at(at + state.patience.left_behind_after, event.job)


WATCH_FOLDS: dict[type, Callable[[RunState, Any, float], None]] = {
    ev.ExecutionChanged: _execution_changed,
    ev.ExecutionEnded: _execution_ended,
    si.ExecutionSeen: _execution_seen,
    si.ListSeen: _list_seen,
    si.ExecutionDoubted: _execution_doubted,
    si.FileUnknown: _file_unknown,
    si.PollMissed: _poll_missed,
    si.ListMissed: _list_missed,
    si.LessonSeen: lesson_seen,
}
