"""What the server's past says about a run to come: how long each job usually takes, and with them the whole.

A forecast and no promise: medians of past successful runs, all jobs succeeding at the first attempt, nobody else's jobs in the way.
The server's dates are good enough for that; nothing of the run itself is decided by them.
"""

import heapq
import math
from collections.abc import Collection, Mapping

from msgspec import Struct

from spectrum_pipelines.engine.run.preflight import tolerates_missing
from spectrum_pipelines.engine.targets import targets_of
from spectrum_pipelines.pipeline.graph.order import dependents, heaviest, in_order
from spectrum_pipelines.pipeline.model.action import Check, DeleteData, JobId, Sequence, Stop, Trigger
from spectrum_pipelines.pipeline.model.pipeline import Job, Pipeline, RunIf
from spectrum_pipelines.pipeline.model.policy import OnRunning
from spectrum_pipelines.spectrum import ConfigurationId, ExecutionId, FileId, FileReference


class Target(Struct, frozen=True, kw_only=True):
    """A file as the server knows it. `refusal` is the server's reason if it does not; all else is empty then.

    `durations` are the seconds of past successful runs, the newest first. `active` are executions that wait or run. `name` is the
    file's own, which Spectrum tells only while the file waits or runs.
    """

    reference: FileReference
    refusal: str | None = None
    file_id: FileId | None = None
    configuration_id: ConfigurationId | None = None
    job_status: str | None = None
    execution_id: ExecutionId | None = None
    active: tuple[ExecutionId, ...] = ()
    durations: tuple[float, ...] = ()
    name: str | None = None

    def percentile(self, share: float) -> float | None:
        """The duration that this share of past runs did not exceed (nearest rank); None without any."""
        if not self.durations:
            return None
        return sorted(self.durations)[max(math.ceil(share * len(self.durations)), 1) - 1]


class Forecast(Struct, frozen=True, kw_only=True):
    """Seconds of the whole run, `finally` included, and the chain of `jobs` that takes the longest."""

    seconds: float
    critical_path: tuple[JobId, ...]


class Outlook(Struct, frozen=True, kw_only=True):
    """Every target of a pipeline, and how busy the server is."""

    pipeline: Pipeline
    targets: Mapping[FileReference, Target]
    server: str
    active_jobs: int
    requests: int

    def of(self, job: Job) -> tuple[Target, ...]:
        """The targets of a job; none where it names no file, or one that only the run will know."""
        return tuple(self.targets[it] for it in targets_of(job.action))

    def seconds(self, job: Job, share: float) -> float | None:
        """How long a job takes; None if nothing is known. A sequence takes at least as long as its longest file."""
        if isinstance(job.action, Check | DeleteData | Stop):
            return 0.0
        known = [it.percentile(share) for it in self.of(job)]
        found = [it for it in known if it is not None]
        return max(found) if found and len(found) == len(known) else None

    def missing(self, job: Job) -> tuple[Target, ...]:
        """The targets that a run would stumble over because the server does not know them, or refuses to."""
        return () if tolerates_missing(job.action) else tuple(it for it in self.of(job) if it.refusal is not None)

    def is_in_the_way(self, job: Job) -> bool:
        """A run that began now would be refused, because this job's file already runs."""
        starts_one = isinstance(job.action, Trigger | Sequence)
        return starts_one and job.policy.on_running is OnRunning.FAIL and any(it.active for it in self.of(job))

    @property
    def can_run(self) -> bool:
        """The server knows every target that a run needs."""
        return not any(self.missing(job) for job in self.pipeline.jobs.values())

    def unknown(self) -> list[JobId]:
        """Jobs of the forecast whose past says nothing: they count as if they took no time."""
        jobs = self.pipeline.jobs
        return [name for name in expected_jobs(self.pipeline) if self.seconds(jobs[name], 0.5) is None]

    def at_least(self) -> list[JobId]:
        """Jobs that start more than they name: what stands downstream of a sequence is the server's to know."""
        jobs = self.pipeline.jobs
        return [name for name in expected_jobs(self.pipeline) if isinstance(jobs[name].action, Sequence)]

    def forecast(self, share: float) -> Forecast:
        """The whole run, if each job takes as long as this share of its past runs at most."""
        jobs, runs = self.pipeline.jobs, expected_jobs(self.pipeline)
        chain: list[JobId] = []
        total = 0.0
        for is_finally in (False, True):
            names = [name for name in runs if jobs[name].is_finally is is_finally]
            needs = {name: tuple(it for it in jobs[name].needs if it in runs) for name in names}
            weights = {name: self.seconds(jobs[name], share) or 0.0 for name in names}
            total += makespan(needs, weights, self.pipeline.concurrency.max_parallel)
            chain = chain or heaviest(needs, weights)[0]
        return Forecast(seconds=total, critical_path=tuple(chain))


def expected_jobs(pipeline: Pipeline) -> dict[JobId, None]:
    """The jobs that run when none fails, each after all that it needs."""
    runs: dict[JobId, None] = {}
    for name in in_order({job.id: job.needs for job in pipeline.jobs.values()}):
        job = pipeline.jobs[name]
        match job.run_if:
            case RunIf.ANY_FAILED:
                continue
            case RunIf.ALL_SUCCESS if not all(it in runs for it in job.needs):
                continue
            case _:
                runs[name] = None
    return runs


def makespan(
    needs: Mapping[JobId, Collection[JobId]], seconds: Mapping[JobId, float], max_parallel: int | None
) -> float:
    """When the last job ends if each starts as soon as it may, in file order where places are scarce."""
    place = {name: number for number, name in enumerate(needs)}
    followers = dependents(needs)
    waiting = {name: sum(it in place for it in needed) for name, needed in needs.items()}
    ready = [number for name, number in place.items() if not waiting[name]]
    names = list(needs)
    heapq.heapify(ready)
    running: list[tuple[float, int]] = []
    now = 0.0
    while ready or running:
        while ready and (max_parallel is None or len(running) < max_parallel):
            started = heapq.heappop(ready)
            heapq.heappush(running, (now + seconds[names[started]], started))
        now, ended = heapq.heappop(running)
        for follower in followers[names[ended]]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(ready, place[follower])
    return now
