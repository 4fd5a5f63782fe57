"""What a run of a pipeline would do, in which order, and how long and how often at most. Nothing is asked of the server."""

from collections.abc import Mapping

from msgspec import Struct

from spectrum_pipelines.engine.targets import sharing
from spectrum_pipelines.engine.timing.patience import Patience
from spectrum_pipelines.pipeline.graph.order import dependents, heaviest, waves
from spectrum_pipelines.pipeline.graph.selection import select
from spectrum_pipelines.pipeline.model.action import Check, DeleteData, JobId, Sequence, Stop, Trigger, WaitFor
from spectrum_pipelines.pipeline.model.pipeline import Http, Job, Pipeline
from spectrum_pipelines.pipeline.model.policy import OnAmbiguous, OnRunning, OnTimeout

__all__ = ["JobPlan", "Plan", "plan", "select"]

#: Between chains of equal time, the one with more jobs.
_PER_JOB = 1e-6
_PATIENCE = Patience()


class JobPlan(Struct, frozen=True, kw_only=True):
    """`worst_case`: seconds from the start to the end of the last attempt, as long as the server answers questions.

    `max_triggers` and `max_executions` count what may be sent and started: 0 where the action starts nothing. A sequence starts
    what stands downstream of its files, too, so nothing bounds its executions (None). An interruption or a `retry` adds to all.
    """

    id: JobId
    wave: int
    dependents: tuple[JobId, ...]
    max_triggers: int
    max_executions: int | None
    worst_case: float


class Plan(Struct, frozen=True, kw_only=True):
    """Waves are numbered from 1, those of `finally` follow. `critical_path` is the longest chain of `jobs` in the worst case."""

    waves: tuple[tuple[JobId, ...], ...]
    finally_waves: tuple[tuple[JobId, ...], ...]
    jobs: Mapping[JobId, JobPlan]
    critical_path: tuple[JobId, ...]
    max_triggers: int
    max_executions: int | None
    worst_case: float


def plan(pipeline: Pipeline) -> Plan:
    """Plan a pipeline whose needs have no cycle."""
    needs = {job.id: job.needs for job in pipeline.jobs.values() if not job.is_finally}
    finally_needs = {job.id: job.needs for job in pipeline.jobs.values() if job.is_finally}
    found, last = waves(needs), waves(finally_needs)
    numbers = {name: number for number, wave in enumerate((*found, *last), 1) for name in wave}
    followers = dependents({job.id: job.needs for job in pipeline.jobs.values()})
    shared = sharing(pipeline)
    # The search for a lost trigger may wait for the answers to others that may be for the same file, however that is named.
    lost = max((_lost(job, pipeline.http) for job in pipeline.jobs.values()), default=0.0)
    rival = lost if sum(_max_triggers(job) > 0 for job in pipeline.jobs.values()) > 1 else 0.0
    jobs = {
        job.id: JobPlan(
            id=job.id,
            wave=numbers[job.id],
            dependents=tuple(followers[job.id]),
            max_triggers=_max_triggers(job),
            max_executions=None if isinstance(job.action, Sequence) else _max_triggers(job),
            worst_case=worst_case(job, pipeline.http, is_shared=job.id in shared, rival=rival),
        )
        for job in pipeline.jobs.values()
    }
    known = [it.max_executions for it in jobs.values() if it.max_executions is not None]
    last_stop = (
        lost + rival + _PATIENCE.stop_grace
    )  # what runs when a limit of the run is over is still found and stopped
    return Plan(
        waves=found,
        finally_waves=last,
        jobs=jobs,
        critical_path=_chain(needs, jobs)[0],
        max_triggers=sum(it.max_triggers for it in jobs.values()),
        max_executions=sum(known) if len(known) == len(jobs) else None,
        worst_case=_limited(_span(needs, jobs, pipeline.concurrency.max_parallel), pipeline.timeout, last_stop)
        + _limited(_span(finally_needs, jobs, pipeline.concurrency.max_parallel), pipeline.finally_timeout, last_stop),
    )


def worst_case(job: Job, http: Http, *, is_shared: bool = False, rival: float = 0.0) -> float:
    """Seconds that all attempts and waits of a job take at most; questions count as answered at once.

    An attempt that triggers waits for other runs of its file, may lose the answer to its trigger and search for what that has
    started, runs for its timeout, and is stopped. `is_shared`: another job of the run names the same file. `rival`: seconds that
    the search may wait for the answers to other triggers.
    """
    policy, attempts = job.policy, _retries(job) + 1
    waits = policy.retry.longest_waits(_retries(job))
    match job.action:
        case Check() | DeleteData():
            return waits
        case Stop():
            return attempts * _PATIENCE.stop_grace + waits
        case WaitFor():
            return attempts * policy.timeout + waits
        case Trigger() | Sequence():
            pass
    before = (policy.queue_timeout or policy.timeout) if is_shared or _waits_for_others(job) else 0.0
    before += _lost(job, http) + rival
    stop = _PATIENCE.stop_grace if policy.on_timeout is OnTimeout.STOP else 0.0
    whole = attempts * (before + policy.timeout + stop) + waits
    if policy.retry.max_duration is None:
        return whole
    # The last attempt begins before that is over, and what it has started is stopped then.
    return min(whole, policy.retry.max_duration + before + stop)


def _waits_for_others(job: Job) -> bool:
    """Whether a job waits where somebody else's run is in its file."""
    match job.policy.on_running:
        case OnRunning.WAIT | OnRunning.STOP:
            return True
        case OnRunning.ATTACH:
            # Where some files of a sequence run and others do not, there is nothing to attach to until all of them have ended.
            return isinstance(job.action, Sequence) and len(set(job.action.file_ids)) > 1
        case OnRunning.FAIL:
            return False


def _lost(job: Job, http: Http) -> float:
    """Seconds until a trigger whose answer is lost is settled: until nobody waits for the answer, and those of the search."""
    if not isinstance(job.action, Trigger | Sequence):
        return 0.0
    return http.connect_timeout + http.read_timeout + job.policy.ambiguous_grace + 2 * _PATIENCE.lookup_longest_rest


def _retries(job: Job) -> int:
    """Attempts after the first."""
    limit = job.policy.retry.limit
    starts = isinstance(job.action, Trigger | Sequence)
    return max(1, limit) if starts and job.policy.on_ambiguous is OnAmbiguous.RETRY else limit


def _max_triggers(job: Job) -> int:
    return 1 + _retries(job) if isinstance(job.action, Trigger | Sequence) else 0


def _chain(needs: Mapping[JobId, tuple[JobId, ...]], jobs: Mapping[JobId, JobPlan]) -> tuple[tuple[JobId, ...], float]:
    seconds = {name: jobs[name].worst_case for name in needs}
    chain, _ = heaviest(needs, {name: it + _PER_JOB for name, it in seconds.items()})
    return tuple(chain), sum(seconds[name] for name in chain)


def _span(needs: Mapping[JobId, tuple[JobId, ...]], jobs: Mapping[JobId, JobPlan], max_parallel: int | None) -> float:
    """How long a set of jobs takes at most. With `m` at once, Graham's bound on any order that leaves no place idle."""
    _, longest = _chain(needs, jobs)
    if max_parallel is None:
        return longest
    return longest + (sum(jobs[name].worst_case for name in needs) - longest) / max_parallel


def _limited(seconds: float, limit: float | None, last_stop: float) -> float:
    return seconds if limit is None else min(seconds, limit + last_stop)
