"""What a run of a pipeline would do, in which order, and how long and how often at most. Nothing is asked of the server."""

from collections.abc import Mapping

from msgspec import Struct

from spectrum_pipelines.pipeline.graph.order import dependents, heaviest, waves
from spectrum_pipelines.pipeline.graph.selection import select
from spectrum_pipelines.pipeline.model.action import Check, DeleteData, JobId, Sequence, Trigger
from spectrum_pipelines.pipeline.model.pipeline import Job, Pipeline
from spectrum_pipelines.pipeline.model.policy import OnRunning

__all__ = ["JobPlan", "Plan", "plan", "select"]

#: A job without any limit outweighs every chain of jobs that have one; a day is the longest default.
_UNBOUNDED = 1e12
#: Between chains of equal time, the one with more jobs.
_PER_JOB = 1e-6


class JobPlan(Struct, frozen=True, kw_only=True):
    """`worst_case`: seconds from the start to the end of the last attempt, None if nothing bounds it.

    `max_executions` counts what may be started on the server: 0 where the action starts nothing. For `sequence` it counts the
    triggers: how many executions each brings is the server's decision.
    """

    id: JobId
    wave: int
    dependents: tuple[JobId, ...]
    max_executions: int
    worst_case: float | None


class Plan(Struct, frozen=True, kw_only=True):
    """Waves are numbered from 1, those of `finally` follow. `critical_path` is the longest chain of `jobs` in the worst case."""

    waves: tuple[tuple[JobId, ...], ...]
    finally_waves: tuple[tuple[JobId, ...], ...]
    jobs: Mapping[JobId, JobPlan]
    critical_path: tuple[JobId, ...]
    max_executions: int
    worst_case: float | None


def plan(pipeline: Pipeline) -> Plan:
    """Plan a pipeline whose needs have no cycle."""
    needs = {job.id: job.needs for job in pipeline.jobs.values() if not job.is_finally}
    finally_needs = {job.id: job.needs for job in pipeline.jobs.values() if job.is_finally}
    found, last = waves(needs), waves(finally_needs)
    numbers = {name: number for number, wave in enumerate((*found, *last), 1) for name in wave}
    followers = dependents({job.id: job.needs for job in pipeline.jobs.values()})
    jobs = {
        job.id: JobPlan(
            id=job.id,
            wave=numbers[job.id],
            dependents=tuple(followers[job.id]),
            max_executions=_max_executions(job),
            worst_case=worst_case(job),
        )
        for job in pipeline.jobs.values()
    }
    return Plan(
        waves=found,
        finally_waves=last,
        jobs=jobs,
        critical_path=_chain(needs, jobs)[0],
        max_executions=sum(it.max_executions for it in jobs.values()),
        worst_case=_total(
            _limited(_span(needs, jobs, pipeline.concurrency.max_parallel), pipeline.timeout),
            _limited(_span(finally_needs, jobs, pipeline.concurrency.max_parallel), pipeline.finally_timeout),
        ),
    )


def worst_case(job: Job) -> float | None:
    """Seconds that all attempts and waits of a job take at most; None if somebody else's run decides.

    The time to stop an execution and to settle an unanswered trigger comes on top: seconds, not hours.
    """
    policy = job.policy
    match job.action:
        case Check() | DeleteData():
            return 0.0
        case Trigger() | Sequence() if policy.on_running is OnRunning.WAIT:
            return None
        case _:
            attempts = (policy.retry.limit + 1) * policy.timeout + policy.retry.longest_waits
            return attempts if policy.retry.max_duration is None else min(attempts, policy.retry.max_duration)


def _max_executions(job: Job) -> int:
    return 1 + job.policy.retry.limit if isinstance(job.action, (Trigger, Sequence)) else 0


def _chain(needs: Mapping[JobId, tuple[JobId, ...]], jobs: Mapping[JobId, JobPlan]) -> tuple[tuple[JobId, ...], float]:
    seconds = {name: jobs[name].worst_case for name in needs}
    weights = {name: (_UNBOUNDED if it is None else it) + _PER_JOB for name, it in seconds.items()}
    chain, _ = heaviest(needs, weights)
    return tuple(chain), sum(seconds[name] or 0.0 for name in chain)


def _span(
    needs: Mapping[JobId, tuple[JobId, ...]], jobs: Mapping[JobId, JobPlan], max_parallel: int | None
) -> float | None:
    """How long a set of jobs takes at most. With `m` at once, Graham's bound on any order that leaves no place idle."""
    if any(jobs[name].worst_case is None for name in needs):
        return None
    _, longest = _chain(needs, jobs)
    if max_parallel is None:
        return longest
    return longest + (sum(jobs[name].worst_case or 0.0 for name in needs) - longest) / max_parallel


def _limited(seconds: float | None, limit: float | None) -> float | None:
    known = [it for it in (seconds, limit) if it is not None]
    return min(known) if known else None


def _total(*seconds: float | None) -> float | None:
    return None if any(it is None for it in seconds) else sum(it for it in seconds if it is not None)
