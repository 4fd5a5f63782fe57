r"""`decide(state, now) -> decisions`: what to write down and what to ask, given all that is known.

Theory of operation
-------------------
The runner alternates: `decide`, then `apply` every fact and sighting, send every request and apply `Issued` for it; when nothing
is left to decide it waits for outcomes until `next_wake_up`, has them read by `interpret`, and applies what that gives. A
decision is a value: nothing here has a clock, a thread, a file or a socket. `now` is the run clock, in seconds.

The moves of a job::

    WAITING -> READY -> LOOKING -> INTENDED -> FOLLOWING -> JUDGED -> DONE
                          | | |        \-> RECONCILING /  |     \-> RESTING -> LOOKING
                          | | \-> FOLLOWING (attached)    |
                          | \---> STOPPING <--------------/
                          \-----> DELETING -> JUDGED

Deciding takes from the agenda: what was decided once is not decided again until something changes or falls due.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from spectrum_pipelines.engine.facts import AttemptStarted, JobEnded
from spectrum_pipelines.engine.job.deleting import decide_deleting
from spectrum_pipelines.engine.job.following import decide_following, decide_judged, limit_of
from spectrum_pipelines.engine.job.looking import Decision, decide_looking, ended
from spectrum_pipelines.engine.outcome import Cause, JobStatus
from spectrum_pipelines.engine.run.ending import (
    decide_abort,
    decide_end,
    decide_failed_preflight,
    decide_limits,
    limit_times,
)
from spectrum_pipelines.engine.run.preflight import decide_preflight
from spectrum_pipelines.engine.run.starting import admit, starts
from spectrum_pipelines.engine.state.run import JobState, Preflight, RunState, Step
from spectrum_pipelines.engine.stopping.decide import decide_stopping
from spectrum_pipelines.engine.triggering.decide import decide_intended, decide_reconciling
from spectrum_pipelines.engine.watching.decide import decide_polls, poll_times
from spectrum_pipelines.engine.watching.lessons import decide_lessons, next_lesson_at


def decide(state: RunState, now: float) -> list[Decision]:
    """Everything that can be decided now; empty when the run has to wait, or has ended."""
    if state.ended is not None:
        return []
    if state.abort is not None:
        return [*_stopping_jobs(state, now), *decide_polls(state, now), *decide_abort(state, state.abort, now)]
    if state.preflight is Preflight.ASKING:
        return list(decide_preflight(state))
    if state.preflight is Preflight.FAILED:
        return list(decide_failed_preflight(state))
    if over := list(decide_limits(state, now)):
        return list(over)
    if not state.left and not state.left_finally:
        return list(decide_end(state))
    decisions = [d for job_id in state.agenda.take(now) for d in decide_job(state, state.jobs[job_id], now)]
    return [*decisions, *starts(state), *decide_polls(state, now), *decide_lessons(state, now)]


def _stopping_jobs(state: RunState, now: float) -> Iterator[Decision]:
    for job_id in state.agenda.take(now):
        job = state.jobs[job_id]
        if job.step is Step.STOPPING:
            yield from decide_stopping(state, job, now)
        elif job.step is Step.FOLLOWING and not job.open_executions:
            yield from decide_following(state, job, now)
        elif job.step is Step.JUDGED and job.cause is not Cause.ABORT:
            yield from decide_judged(state, job, now)


def decide_job(state: RunState, job: JobState, now: float) -> Iterable[Decision]:
    """The next move of one job."""
    if job.step in _ENDED_BY_THE_CLOCK and state.is_too_late_for(job.job):
        return [_too_late(job)]
    return MOVES[job.step](state, job, now)


def _too_late(job: JobState) -> Decision:
    limit = limit_of(job.job)
    if job.step is Step.RESTING:
        # The attempt has ended already, and there is no time for the next one.
        reason = f"{limit}; {job.reason}" if job.reason else limit
        return JobEnded(job=job.job.id, status=JobStatus.TIMED_OUT, cause=Cause.PIPELINE_TIMEOUT, reason=reason)
    return ended(job, JobStatus.TIMED_OUT, Cause.PIPELINE_TIMEOUT, limit)


def _rest(job: JobState, now: float) -> Iterator[Decision]:
    if job.attempt.wake_at is not None and job.attempt.wake_at <= now:
        yield AttemptStarted(job=job.job.id, attempt=job.attempt.number + 1)


_ENDED_BY_THE_CLOCK = frozenset({Step.LOOKING, Step.DELETING, Step.RESTING})

MOVES: Mapping[Step, Callable[[RunState, JobState, float], Iterable[Decision]]] = {
    Step.WAITING: lambda state, job, _: admit(state, job),
    Step.READY: lambda *_: (),  # `starts` takes it from there
    Step.LOOKING: decide_looking,
    Step.INTENDED: lambda state, job, _: decide_intended(state, job),
    Step.RECONCILING: decide_reconciling,
    Step.FOLLOWING: decide_following,
    Step.STOPPING: decide_stopping,
    Step.DELETING: decide_deleting,
    Step.JUDGED: decide_judged,
    Step.RESTING: lambda _, job, now: _rest(job, now),
    Step.DONE: lambda *_: (),
}


def next_wake_up(state: RunState, now: float) -> float | None:
    """The run-clock second at which to decide again if no outcome comes before; None: only an outcome can help.

    `now` is the second of the last decision, which has found nothing to do. It is always later than that: a time that was over by
    then has brought nothing, and is looked at again after a rest, so that no slip here can have the loop go round without end.
    """
    rest = now + state.patience.stale_rest
    return min((time if time > now else rest for time in wake_ups(state, now)), default=None)


def wake_ups(state: RunState, now: float) -> Iterator[float]:
    """The run-clock seconds at which something may be decided after a decision at `now`; every one of them is later."""
    if state.preflight is Preflight.ASKING and state.abort is None:
        return
    times = [state.agenda.next_at(state.is_done), *poll_times(state)]
    if state.abort is None:
        times += [*limit_times(state), next_lesson_at(state)]
    else:
        times.append(now + state.patience.abort_look)
    yield from (time for time in times if time is not None)
