"""The chain of jobs that decided when the run ended: what would have to become faster for the run to become faster."""

from spectrum_pipelines.engine.state.run import JobState, RunState
from spectrum_pipelines.pipeline.model.action import JobId


def critical_path(state: RunState) -> list[JobId]:
    """From the last job to end, back along the need that ended last; in running order. Only jobs that ran are listed.

    Taken from the clock alone, so waiting for a place under `max_parallel` counts as part of the job that waited.
    """
    path: list[JobId] = []
    last = _last(list(state.jobs.values()), only_run=True)
    while last is not None:
        if last.started_at is not None:
            path.append(last.job.id)
        last = _before(state, last)
    return path[::-1]


def _before(state: RunState, job: JobState) -> JobState | None:
    if job.job.needs:
        return _last([state.jobs[need] for need in job.job.needs])
    # `finally` waits for everything, so its first jobs follow the last of the others.
    main = [other for other in state.jobs.values() if not other.job.is_finally] if job.job.is_finally else []
    return _last(main, only_run=True)


def _last(jobs: list[JobState], *, only_run: bool = False) -> JobState | None:
    """The last to end; a skipped job ends with what it was skipped for, so it gives way to one that ran."""
    ended = [(job.ended_at, job.started_at is not None, job) for job in jobs if job.ended_at is not None]
    ran = [one for one in ended if one[1] or not only_run]
    return max(ran, key=lambda one: one[:2])[2] if ran else None
