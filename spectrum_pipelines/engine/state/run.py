"""The state of a run: what the fold of its events has come to.

`RunState` is owned by the fold: `apply` changes it in place, because copying ten thousand jobs at each event would make a run
quadratic. Whoever needs an older state folds the journal again. The records in it are frozen, so a job that did not change
is the same object, and renderings may be kept for it.
"""

import math
from collections.abc import Mapping
from enum import Enum

from msgspec import Struct, field

from spectrum_pipelines.engine.facts import AbortRequested, Baseline, Finding, RunEnded, RunStarted, Warned
from spectrum_pipelines.engine.outcome import Cause, JobStatus
from spectrum_pipelines.engine.state.execution import Execution
from spectrum_pipelines.engine.state.lookup import Lookup
from spectrum_pipelines.engine.state.watch import Watch
from spectrum_pipelines.engine.targets import targets_of
from spectrum_pipelines.engine.timing.agenda import Agenda, Budget
from spectrum_pipelines.engine.timing.lesson import Lesson
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.pipeline import Job, Pipeline
from spectrum_pipelines.spectrum import (
    DataId,
    Deletion,
    ExecutionId,
    FileReference,
    StatusAnswer,
)


class Step(Enum):
    """Where a job stands. The table of moves is in `decide`."""

    WAITING = "waiting"  # for the jobs that it needs
    READY = "ready"  # for a free place under max_parallel
    LOOKING = "looking"  # at its target, before acting
    INTENDED = "intended"  # the intent to trigger is on disk
    RECONCILING = "reconciling"  # the trigger was ambiguous: searching
    FOLLOWING = "following"  # executions until they end
    STOPPING = "stopping"  # until the stop is confirmed
    DELETING = "deleting"
    JUDGED = "judged"  # the attempt has ended; retry or end the job
    RESTING = "resting"  # until the next attempt
    DONE = "done"


class StopState(Struct, frozen=True, kw_only=True):
    """A stop on its way. `cleared`: we have looked and it hits only what we mean."""

    cause: Cause
    reason: str
    since: float
    cleared: ExecutionId | None = None
    need_list: bool = False
    sent: int = 0
    withheld: str | None = None


class Attempt(Struct, frozen=True, kw_only=True):
    """How one attempt ended."""

    attempt: int
    status: JobStatus
    cause: Cause
    reason: str | None


class JobState(Struct, frozen=True, kw_only=True):
    """Everything known of one job. Times are run-clock seconds."""

    job: Job
    step: Step = Step.WAITING
    status: JobStatus = JobStatus.PENDING
    cause: Cause | None = None
    reason: str | None = None
    tainted: bool = False
    attempt: int = 0
    attempts: tuple[Attempt, ...] = ()
    executions: tuple[Execution, ...] = ()
    complete: bool = True
    started_at: float | None = None
    attempt_at: float | None = None
    accepted_at: float | None = None
    ended_at: float | None = None
    wake_at: float | None = None
    turn: int = 0
    busy: bool = False
    seen: Mapping[FileReference, StatusAnswer | str] = field(default_factory=dict)
    baselines: tuple[Baseline, ...] = ()
    unsent: int = 0
    sender_died: bool = False
    misses: int = 0
    missing_since: float | None = None
    lookup: Lookup | None = None
    candidates: tuple[ExecutionId, ...] = ()
    stop: StopState | None = None
    deletions: tuple[tuple[DataId, Deletion], ...] = ()

    @property
    def current(self) -> tuple[Execution, ...]:
        """The executions of the attempt that runs now."""
        return tuple(e for e in self.executions if e.attempt == self.attempt)

    @property
    def open_executions(self) -> tuple[Execution, ...]:
        """The executions of this attempt whose end has not been seen."""
        return tuple(e for e in self.executions if e.attempt == self.attempt and not e.is_final)

    @property
    def is_done(self) -> bool:
        """The job has had its final word."""
        return self.step is Step.DONE

    @property
    def is_underway(self) -> bool:
        """The job holds a place under `max_parallel`."""
        return self.step not in {Step.WAITING, Step.READY, Step.DONE}


#: An execution, and the job that follows it: two jobs may wait for the same one.
Followed = tuple[JobId, ExecutionId]


class Preflight(Enum):
    """How far the pre-flight is."""

    ASKING = "asking"
    PASSED = "passed"
    FAILED = "failed"


class RunState:
    """The whole run: the records, and the indexes that keep a decision's cost independent of the number of jobs.

    `past` has the seconds that jobs took in earlier runs, as far as they are known: it paces the looks and decides nothing.
    """

    def __init__(self, pipeline: Pipeline, run_id: str) -> None:
        self.pipeline = pipeline
        self.run_id = run_id
        self.facts: RunStarted | None = None
        self.jobs: dict[JobId, JobState] = {id_: JobState(job=job) for id_, job in pipeline.jobs.items()}
        self.dependents: dict[JobId, list[JobId]] = {id_: [] for id_ in pipeline.jobs}
        self.unmet: dict[JobId, int] = {}
        for id_, job in pipeline.jobs.items():
            self.unmet[id_] = len(job.needs)
            for need in job.needs:
                self.dependents[need].append(id_)
        self.left = sum(not job.is_finally for job in pipeline.jobs.values())
        self.left_finally = len(pipeline.jobs) - self.left
        self.ready: dict[JobId, None] = {}
        self.underway: dict[JobId, None] = {}
        self.following: dict[Followed, Watch] = {}
        self.owners: dict[ExecutionId, JobId] = {}
        self.agenda: Agenda[JobId] = Agenda()
        self.polls: Agenda[Followed] = Agenda()
        self.past: dict[JobId, float] = {}
        self.lessons: dict[JobId, Lesson] = {}
        self.lesson_asked = False
        self.lesson_times: Agenda[JobId] = Agenda()
        self.budget = Budget(per_second=pipeline.poll.max_per_second)
        self.preflight = Preflight.ASKING
        self.findings: tuple[Finding, ...] = ()
        self.targets_wanted = tuple({t: None for job in pipeline.jobs.values() for t in targets_of(job.action)})
        self.targets: dict[FileReference, StatusAnswer | str] = {}
        self.targets_asked: set[FileReference] = set()
        self.targets_seen_at: dict[FileReference, float] = {}
        self.failed_first: JobId | None = None
        self.triggers = 0
        self.finally_at: float | None = None
        self.timed_out = False
        self.finally_timed_out = False
        self.abort: AbortRequested | None = None
        self.abort_at = 0.0
        self.warnings: list[Warned] = []
        self.warned: set[tuple[str, JobId | None]] = set()
        self.list_asked_at: float | None = None
        self.list_heard_at = 0.0
        self.list_due_at = math.inf
        self.list_off_until = 0.0
        self.list_again_at = 0.0
        self.hinting: bool | None = None  # whether the server says how long its jobs will go on; None: not known yet
        self.spare_looks = 0.0
        self.most_followed = 0
        self.ended: RunEnded | None = None
        self.resumptions = 0
        self.at = 0.0

    @property
    def gives_hints(self) -> bool:
        """The server says, or may say, how long what runs now will go on, and somebody still listens."""
        return self.hinting is not False and any(not how.is_deaf for how in self.following.values())

    def last_heard(self, how: Watch) -> float:
        """The run-clock second of the last usable answer about it, alone or with all."""
        return max(how.heard_at, self.list_heard_at) if how.listed else how.heard_at

    def execution(self, followed: Followed) -> Execution:
        """Find an execution of a job. Raises KeyError."""
        job, execution_id = followed
        for execution in reversed(self.jobs[job].executions):
            if execution.execution_id == execution_id:
                return execution
        raise KeyError(followed)

    def is_done(self, job: JobId) -> bool:
        """The job has had its final word."""
        return self.jobs[job].is_done

    def is_too_late_for(self, job: Job) -> bool:
        """The pipeline's own timeout is over; a `finally` job has one of its own, and runs after the other."""
        return self.finally_timed_out if job.is_finally else self.timed_out
