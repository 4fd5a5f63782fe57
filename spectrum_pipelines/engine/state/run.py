"""The state of a run: what the fold of its facts and sightings has come to.

`RunState` is owned by the folds: `apply` changes it in place, because copying ten thousand jobs at each fact would make a run
quadratic. Whoever needs an older state folds the journal again. Only folds write here, by plain assignment, so that the type
checker sees each write. A job's `version` grows with each change, so that renderings may be kept for a version.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from msgspec import Struct

from spectrum_pipelines.engine.facts import AbortRequested, Baseline, Finding, RunEnded, RunStarted, Warned
from spectrum_pipelines.engine.outcome import Cause, JobStatus
from spectrum_pipelines.engine.state.execution import Execution
from spectrum_pipelines.engine.state.watch import Watch
from spectrum_pipelines.engine.targets import sharing, targets_of
from spectrum_pipelines.engine.timing.agenda import Agenda, Budget
from spectrum_pipelines.engine.timing.patience import Patience
from spectrum_pipelines.engine.triggering.lookup import Lookup
from spectrum_pipelines.engine.watching.lesson import Lesson
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.pipeline import Job, Pipeline
from spectrum_pipelines.spectrum import (
    DataReference,
    Deletion,
    ExecutionId,
    FileReference,
    StatusAnswer,
)


class Step(Enum):
    """The step of a job on its way. The table of moves is in `decide`."""

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


_ABOUT_TO_START = frozenset({Step.LOOKING, Step.INTENDED})


@dataclass(slots=True, kw_only=True)
class StopState:
    """A stop on its way."""

    cause: Cause  # why: a limit, an abort, the action itself, `on_running: stop`
    reason: str  # the same for people
    since: float  # run clock, seconds: when this process began to stop
    cleared: ExecutionId | None = None  # the last look has shown that a stop hits this execution and nothing else
    need_list: bool = False  # the file's status could not tell what a stop would hit: list-running must
    sent: int = 0  # stops that the server took, or may have taken
    withheld: str | None = None  # why the last stop was not sent, or was refused
    is_fresh: bool = False  # asked for on the strength of a look of this process, and nothing was sent since


class Attempt(Struct, frozen=True, kw_only=True):
    """The end of one attempt."""

    attempt: int
    status: JobStatus
    cause: Cause
    reason: str | None


@dataclass(slots=True, kw_only=True)
class AttemptState:
    """All that belongs to the attempt that runs now; a new attempt replaces the whole of it. Times are run-clock seconds."""

    number: int = 0  # from 1; 0: no attempt has begun
    began_at: float | None = (
        None  # when it had its turn; moved on while no process worked and while a lost trigger was searched
    )
    accepted_at: float | None = None  # when its trigger was answered or its execution adopted: timeouts count from here
    wake_at: float | None = None  # not before then is anything asked or decided
    behind: JobId | None = None  # another job of this run that has the same file, and that it waits for
    busy: bool = False  # a question of its own has no answer yet
    seen: Mapping[FileReference, StatusAnswer | str] = field(
        default_factory=dict
    )  # fresh looks at its files, or refusals
    baselines: tuple[Baseline, ...] = ()  # of the last intent
    owned_before: int = 0  # so many executions this run had started when the intent was written
    settled: bool = False  # a person has said which executions are its own
    complete: bool = True  # no execution that its trigger has started can be missing
    unsent: int = 0  # triggers that provably did not reach Spectrum
    sender_died: bool = False  # the process that wrote the intent is gone, so nobody can still deliver that trigger
    misses: int = 0  # questions without a usable answer, in a row
    missing_since: float | None = None  # the first of these
    refused: Cause | None = None  # why it has failed, if the search shows that somebody's no was true
    lookup: Lookup | None = None  # the search for a trigger whose answer was lost
    candidates: tuple[
        ExecutionId, ...
    ] = ()  # what the search has found, or an answer has named that cannot be believed
    answered: tuple[ExecutionId, ...] = ()  # the latter: whatever a search finds, that trigger was handled
    stop: StopState | None = None  # a stop on its way
    ways: int = 0  # stops of somebody else's execution that was in the way
    deletions: tuple[tuple[DataReference, Deletion], ...] = ()  # what `delete_data` has been answered


@dataclass(slots=True, kw_only=True)
class JobState:
    """Everything known of one job. Times are run-clock seconds."""

    job: Job
    version: int = 0  # grows with each change of what a rendering shows
    step: Step = Step.WAITING
    status: JobStatus = JobStatus.PENDING
    cause: Cause | None = None  # of the last attempt's end, or of the job's
    reason: str | None = None  # the same for people, or why the job has not got further yet
    tainted: bool = False  # skipped because something before it failed
    attempt: AttemptState = field(default_factory=AttemptState)  # the attempt that runs now, or was the last
    attempts: list[Attempt] = field(default_factory=list)  # those that have ended
    executions: list[Execution] = field(default_factory=list)  # of all attempts, in the order in which we came by them
    started_at: float | None = None  # the first attempt's turn
    round_at: float | None = None  # the turn of this round's first attempt: `retry.max_duration` counts from here
    counts_from: int = 1  # the number of this round's first attempt: `retry.limit` counts from here
    stands: bool = False  # it had succeeded before this round, which wants the same of it
    ended_at: float | None = None  # the job's final word
    turn: int = 0  # the number of the job's latest question: an answer to an earlier one is stale

    @property
    def current(self) -> tuple[Execution, ...]:
        """The executions of the attempt that runs now."""
        return tuple(e for e in self.executions if e.attempt == self.attempt.number)

    @property
    def open_executions(self) -> tuple[Execution, ...]:
        """The executions of this attempt whose end has not been seen."""
        return tuple(e for e in self.executions if e.attempt == self.attempt.number and not e.is_final)

    @property
    def is_done(self) -> bool:
        """The job has had its final word."""
        return self.step is Step.DONE

    @property
    def is_underway(self) -> bool:
        """The job holds a place under `max_parallel`."""
        return self.step not in {Step.WAITING, Step.READY, Step.DONE}

    def close_question(self) -> None:
        """Have the answer to whatever was asked count as stale, and forget what was seen."""
        self.turn += 1
        self.attempt.busy = False
        self.attempt.seen = {}


#: An execution, and the job that follows it: two jobs may wait for the same one.
Followed = tuple[JobId, ExecutionId]


class Preflight(Enum):
    """The progress of the pre-flight."""

    ASKING = "asking"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(slots=True, kw_only=True)
class ListPoll:
    """The shared poll: one list-running call for all executions. Times are run-clock seconds."""

    asked_at: float | None = None  # when the call was made that has no answer yet
    heard_at: float = 0.0  # the last usable answer
    due_at: float = math.inf  # the next call
    rests_until: float = 0.0  # until then the connection is left to jobs that are about to start, whoever wants a look
    is_late: bool = False  # the answer is awaited for so long that executions are asked for one by one meanwhile
    was_late: bool = False  # the same of the answer before this one
    off_until: float = 0.0  # the call did not work: executions are asked for one by one until then
    again_at: float = 0.0  # not before then are executions looked for in the list that it has left out


class Round(Struct, frozen=True, kw_only=True):
    """A retry of the run: its number (2 is the first), when it began on the run clock, and how the round before it ended.

    `again`: the jobs that got new attempts, and why. `removed`: how jobs had ended that this round's pipeline does not have.
    """

    number: int
    at: float
    ended: RunEnded
    again: Mapping[JobId, str]
    removed: Mapping[JobId, JobStatus]


def dependents_of(pipeline: Pipeline) -> dict[JobId, list[JobId]]:
    """The jobs that need each job."""
    dependents: dict[JobId, list[JobId]] = {id_: [] for id_ in pipeline.jobs}
    for id_, job in pipeline.jobs.items():
        for need in job.needs:
            dependents[need].append(id_)
    return dependents


class RunState:
    """The whole run: the records, and the indexes that keep a decision's cost independent of the number of jobs."""

    def __init__(
        self,
        pipeline: Pipeline,
        run_id: str,
        *,
        patience: Patience | None = None,
        later: Mapping[str, Pipeline] | None = None,
    ) -> None:
        self.pipeline = pipeline  # with which the run goes on now
        self.later = later or {}  # pipelines that a retry or a resume has brought, by the digest of their plan
        self.rounds: list[Round] = []  # retries of the run
        self.run_id = run_id
        self.patience = patience or Patience()  # the engine's own time limits
        self.facts: RunStarted | None = None  # the first fact, with what a retry or a resume has changed of it
        self.at = 0.0  # run clock, seconds: the latest fact or sighting
        self.ended: RunEnded | None = None
        self.abort: AbortRequested | None = None
        self.abort_at = 0.0  # run clock, seconds
        self.resumptions = 0  # processes that took the run over
        self.paused = 0.0  # seconds of the run clock without a process: timeouts.pipeline does not count them
        self.calls_left = (
            0.0  # seconds for which triggers of the process before may still arrive; set by who takes over
        )

        self.jobs: dict[JobId, JobState] = {id_: JobState(job=job) for id_, job in pipeline.jobs.items()}
        self.former: dict[JobId, JobState] = {}  # jobs that a round has removed: one that comes back goes on from there
        self.dependents = dependents_of(pipeline)  # who needs the job
        self.unmet = {id_: len(job.needs) for id_, job in pipeline.jobs.items()}  # needs that are not met
        self.left = sum(not job.is_finally for job in pipeline.jobs.values())  # jobs that are not done
        self.left_finally = len(pipeline.jobs) - self.left  # the same of `finally`
        self.sharing = sharing(pipeline)  # jobs that start the same file, in the order of the pipeline
        self.behind: dict[JobId, set[JobId]] = {}  # who waits for a job that has the same file
        self.ready: dict[JobId, None] = {}  # jobs that wait for a place, in their order
        self.underway: dict[JobId, None] = {}  # jobs that hold one
        self.failed_first: JobId | None = None  # what fail_fast goes by
        self.triggers = 0  # POSTs that were sent, or may have been
        self.owners: dict[ExecutionId, JobId] = {}  # whose trigger has started an execution
        self.agenda: Agenda[JobId] = Agenda()  # jobs to be decided on

        self._begin_limits()
        self.begin_preflight()

        self.warnings: list[Warned] = []
        self.warned: set[tuple[str, JobId | None]] = set()  # code and job of each warning: each is told once

        self.past: dict[
            JobId, float
        ] = {}  # seconds that jobs took in earlier runs: paces the looks and decides nothing
        self.begin_looks()

    def _begin_limits(self) -> None:
        self.finally_at: float | None = None  # run clock, seconds: timeouts.finally counts from here
        self.timed_out = False  # timeouts.pipeline is over
        self.finally_timed_out = False  # timeouts.finally is over

    def begin_preflight(self) -> None:
        """Have every target of a job that is not done asked for."""
        self.preflight = Preflight.ASKING
        self.findings: tuple[Finding, ...] = ()  # of a pre-flight that failed
        self.targets_wanted = tuple(
            {t: None for job in self.jobs.values() if not job.is_done for t in targets_of(job.job.action)}
        )
        self.targets: dict[FileReference, StatusAnswer | str] = {}  # the pre-flight's answers, or refusals
        self.targets_asked: set[FileReference] = set()
        self.targets_seen_at: dict[FileReference, float] = {}  # run clock, seconds

    def begin_looks(self) -> None:
        """Nothing is followed yet, or any more."""
        self.following: dict[Followed, Watch] = {}  # every execution whose end has not been seen
        self.polls: Agenda[Followed] = Agenda()  # executions to be looked at on their own
        self.list_poll = ListPoll()
        self.budget = Budget(per_second=self.pipeline.poll.max_per_second)  # of looks at executions
        self.hinting: bool | None = None  # whether the server says how long its jobs will go on; None: not known yet
        # Questions that looking at many together has saved, for looking at the last of them more often.
        self.saved_looks = 0.0
        self.most_followed = 0  # executions that were followed at once

        self.lessons: dict[JobId, Lesson] = {}  # what is being learnt of that
        self.lesson_asked = False  # a question of a lesson has no answer yet
        self.lesson_times: Agenda[JobId] = Agenda()  # when a job is worth a lesson

    @property
    def gives_hints(self) -> bool:
        """The server says, or may say, how long what runs now will go on, and its hints are still read."""
        return self.hinting is not False and any(not watch.ignores_hints for watch in self.following.values())

    @property
    def is_anybody_starting(self) -> bool:
        """A job looks at its files, or its trigger is on the way."""
        return any(self.jobs[job_id].step in _ABOUT_TO_START for job_id in self.underway)

    def last_heard(self, watch: Watch) -> float:
        """The run-clock second of the last usable answer about an execution, alone or with all."""
        return max(watch.heard_at, self.list_poll.heard_at) if watch.listed else watch.heard_at

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

    # What folds do with a job

    def touch(self, job_id: JobId) -> JobState:
        """The job, about to be changed: its renderings are old, and it is decided on again."""
        job = self.jobs[job_id]
        job.version += 1
        self.agenda.wake(job_id)
        return job

    def count_unmet(self) -> None:
        """Count anew, for every job, the needs that are not met."""
        self.unmet = {id_: len(job.job.needs) for id_, job in self.jobs.items()}
        for id_, job in self.jobs.items():
            if job.is_done and not job.job.needs:
                self.meet_needs(id_)

    def meet_needs(self, job_id: JobId) -> None:
        """A job and all before it are done, which meets a need of those behind it, through jobs that a retry keeps."""
        met = [job_id]
        for one in met:  # grows as it goes
            for dependent in self.dependents[one]:
                self.unmet[dependent] -= 1
                if not self.unmet[dependent]:
                    if self.jobs[dependent].is_done:
                        met.append(dependent)
                    else:
                        self.agenda.wake(dependent)

    def rest(self, job: JobState, until: float) -> None:
        """Ask and decide nothing for the job before the run clock has reached `until`."""
        job.attempt.wake_at = until
        self.agenda.wake_at(until, job.job.id)

    def arm_timeouts(self, job: JobState) -> None:
        """Have the job decided on when one of its limits is over."""
        policy = job.job.policy
        accepted_at = self.at if job.attempt.accepted_at is None else job.attempt.accepted_at
        self.agenda.wake_at(accepted_at + policy.timeout, job.job.id)
        if policy.queue_timeout is not None:
            self.agenda.wake_at(accepted_at + policy.queue_timeout, job.job.id)
        if policy.retry.max_duration is not None and job.round_at is not None:
            self.agenda.wake_at(job.round_at + policy.retry.max_duration, job.job.id)
