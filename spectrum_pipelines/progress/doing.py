"""What a job is doing just now, in words, for those who watch."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from spectrum_pipelines.engine.state.execution import Execution
from spectrum_pipelines.engine.state.run import JobState, RunState, Step
from spectrum_pipelines.engine.state.watch import Watch
from spectrum_pipelines.spectrum import ExecutionId, Phase
from spectrum_pipelines.words.wording import few, span_in_words


def jobs_underway(state: RunState) -> Iterator[JobState]:
    """The jobs that hold a place, those that began first in front."""
    # A copy: whoever calls may do so while the loop goes on.
    return (state.jobs[job_id] for job_id in list(state.underway))


def executions_in_words(ids: Sequence[ExecutionId]) -> str:
    """`execution 11`, `executions 16, 17`."""
    return f"execution{'' if len(ids) == 1 else 's'} {few(map(str, ids))}"


def doing(state: RunState, job: JobState, now_at: float) -> str:
    """`RUNNING (execution 11), 40%, about 12s left`: Spectrum's word where there is one. Foreign text, not yet cleaned."""
    match job.step:
        case Step.WAITING | Step.READY:
            return "pending"
        case Step.LOOKING:
            return "looking at its target"
        case Step.INTENDED:
            return "being triggered"
        case Step.RECONCILING:
            return "its trigger got no answer; looking for its execution"
        case Step.FOLLOWING:
            return _following(state, job)
        case Step.STOPPING:
            return f"stopping {_all_open(job)}" if job.open_executions else "stopping what runs on its file"
        case Step.DELETING:
            return "deleting data"
        case Step.RESTING:
            return f"attempt {job.attempt.number + 1} in {span_in_words(max(0.0, (job.attempt.wake_at or now_at) - now_at))}"
        case Step.JUDGED | Step.DONE:
            return job.status.value
        case _:
            assert_never(job.step)


def shown_execution(job: JobState) -> Execution | None:
    """The execution that tells most: one that runs, else one that waits, else the last of this attempt."""
    still = job.open_executions
    running = [execution for execution in still if execution.phase is Phase.RUNNING]
    return next(iter(running or still), job.current[-1] if job.current else None)


def hints(state: RunState, job: JobState, shown: Execution) -> Watch | None:
    """The server's own progress and estimate for an execution, as far as it gave any; None once it has ended."""
    return state.following.get((job.job.id, shown.execution_id))


def _following(state: RunState, job: JobState) -> str:
    shown = shown_execution(job)
    if shown is None:
        return "running"
    parts = [shown.job_status if shown.is_final else f"{shown.job_status} ({_all_open(job)})"]
    watch = hints(state, job, shown)
    if watch is not None and watch.hint is not None:
        if watch.hint.progress is not None:
            parts.append(f"{watch.hint.progress:.0f}%")
        if watch.hint.estimate:
            parts.append(f"about {span_in_words(watch.hint.estimate)} left")
    return ", ".join(parts)


def _all_open(job: JobState) -> str:
    return executions_in_words([execution.execution_id for execution in job.open_executions])
