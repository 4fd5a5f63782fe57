"""Leaving a run while its executions go on in Spectrum, for a scheduler that wakes us up: when, for what, and until when.

The journal of a run that is left like this ends without `RunEnded`, and `Resumed` goes on with it.
"""

from spectrum_pipelines.engine.run.ending import limit_times
from spectrum_pipelines.engine.state.run import JobState, Preflight, RunState, Step
from spectrum_pipelines.spectrum import ExecutionId


def is_settled(state: RunState, now: float) -> bool:
    """All that is under way are known executions, or jobs at rest. To be asked only where `decide` has nothing to do at `now`."""
    if state.ended is not None or state.abort is not None or state.preflight is not Preflight.PASSED:
        return False
    if any(watch.unseen or watch.doubted for watch in state.following.values()):
        return False
    return bool(state.underway) and all(_is_settled(state, state.jobs[job_id], now) for job_id in state.underway)


def _is_settled(state: RunState, job: JobState, now: float) -> bool:
    if job.attempt.busy:
        return False
    match job.step:
        case Step.FOLLOWING:
            return bool(job.open_executions)
        case Step.LOOKING if job.attempt.behind is not None:
            return True  # the other job of this run is under way itself
        case Step.RESTING | Step.LOOKING:
            return job.attempt.wake_at is not None and job.attempt.wake_at >= now + state.patience.rest_worth_leaving
        case _:
            return False


def awaited(state: RunState) -> tuple[ExecutionId, ...]:
    """The executions whose end the run waits for, ascending."""
    return tuple(sorted({execution_id for _, execution_id in state.following}))


def wake_at(state: RunState) -> float | None:
    """The run-clock second at which the run has something to do even if no execution ends: a limit, a retry. None: nothing."""
    times = [state.agenda.next_at(state.is_done), *limit_times(state)]
    known = [time for time in times if time is not None]
    return min(known) if known else None
