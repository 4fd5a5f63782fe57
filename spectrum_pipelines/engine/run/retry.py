"""Going on from what failed: which jobs of an ended run get new attempts, which keep what they did, and why.

`plan_retry` is a value that can be shown before anything happens; the fact `Retried` made from it opens the next round of the run.
A job that succeeded keeps what it did, with its execution ids, as long as the pipeline of the new round wants the same of it: the
same action (variables included) and the same gates. Its policy, its needs and its place in the file do not count. What a round
removes and a later one brings back is the same job.
"""

from collections.abc import Iterator
from enum import Enum

from msgspec import Struct
from msgspec.structs import asdict

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import Cause, JobStatus, RunStatus
from spectrum_pipelines.engine.run.redefine import is_same_work, pipeline_after, redefine, tell_origin, what_changed
from spectrum_pipelines.engine.run.reopen import count_anew, is_resumable
from spectrum_pipelines.engine.state.run import AttemptState, JobState, Round, RunState, Step, dependents_of
from spectrum_pipelines.engine.targets import outputs_of
from spectrum_pipelines.engine.timing.agenda import Agenda
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.pipeline import Job, Pipeline, RunIf


class Choice(Struct, frozen=True, kw_only=True):
    """A job gets a new attempt in a retry (`again`), or keeps what it did. `status` is its end; None: the job is new."""

    job: JobId
    again: bool
    reason: str
    status: JobStatus | None


class RetryPlan(Struct, frozen=True, kw_only=True):
    """The choices of a retry, job by job in the order of the new pipeline. `removed`: jobs that the new pipeline does not have."""

    round: int
    choices: tuple[Choice, ...]
    removed: tuple[JobId, ...] = ()


class Refusal(Enum):
    """A reason for which a run cannot be retried."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    UNKNOWN = "unknown"
    INTERRUPTED = "interrupted"
    NOTHING_TO_DO = "nothing to do"


class RetryRefused(Struct, frozen=True, kw_only=True):
    """A retry that is refused, in words, and the jobs that stand against it."""

    why: Refusal
    message: str
    jobs: tuple[JobId, ...] = ()


def plan_retry(state: RunState, pipeline: Pipeline | None = None) -> RetryPlan | RetryRefused:
    """Plan a retry of this run with the pipeline that it has now (None: the same as before), or say why it is refused."""
    if refused := _refused(state):
        return refused
    new = pipeline or state.pipeline
    choices = _choices(state, new)
    removed = tuple(job_id for job_id in state.jobs if job_id not in new.jobs)
    failed = [job_id for job_id in removed if _has_failed(state.jobs[job_id])]
    if not failed and not any(choice.again for choice in choices.values()):
        return RetryRefused(why=Refusal.NOTHING_TO_DO, message="every job has succeeded and is unchanged")
    return RetryPlan(round=len(state.rounds) + 2, choices=tuple(choices.values()), removed=removed)


def retried(plan: RetryPlan, *, tool_version: str, changed: ev.Changed | None = None) -> ev.Retried:
    """The fact that opens the round. `changed` tells of another file or other values; None: all is as it was."""
    return ev.Retried(
        round=plan.round,
        again=tuple(ev.Again(job=one.job, reason=one.reason) for one in plan.choices if one.again),
        kept=tuple(one.job for one in plan.choices if not one.again),
        removed=plan.removed,
        tool_version=tool_version,
        **asdict(changed or ev.Changed()),
    )


def _refused(state: RunState) -> RetryRefused | None:
    if state.ended is None:
        return RetryRefused(why=Refusal.RUNNING, message="the run has not ended")
    if state.ended.status is RunStatus.SUCCEEDED:
        return RetryRefused(why=Refusal.SUCCEEDED, message="the run succeeded: nothing of it failed")
    unknown = tuple(job_id for job_id, job in state.jobs.items() if job.status is JobStatus.UNKNOWN)
    in_doubt = tuple(job_id for job_id, job in state.jobs.items() if job.step in {Step.INTENDED, Step.RECONCILING})
    if found := unknown or (in_doubt if state.abort is None else ()):
        message = f"nobody knows yet what became of {', '.join(found)}: another attempt could start it twice"
        return RetryRefused(why=Refusal.UNKNOWN, message=message, jobs=found)
    if state.ended.status is RunStatus.INTERRUPTED or is_resumable(state):
        left = tuple(job_id for job_id, job in state.jobs.items() if job.open_executions)
        message = "the run was interrupted, or lost sight of what runs: `resume` goes on with it first"
        return RetryRefused(why=Refusal.INTERRUPTED, message=message, jobs=left)
    return None


def _choices(state: RunState, new: Pipeline) -> dict[JobId, Choice]:
    """Jobs stand behind their needs here, so what runs again before a job is known when the job's turn comes."""
    choices: dict[JobId, Choice] = {}
    again: set[JobId] = set()
    behind: dict[JobId, JobId] = {}  # a job that runs again and stands before the job, however far back
    for job_id in _needs_first(new):
        before, job = _known(state, job_id), new.jobs[job_id]
        first = next(
            (need if need in again else behind[need] for need in job.needs if need in again or need in behind), None
        )
        if first is not None:
            behind[job_id] = first
        reason = _again(before, job, again, first)
        if reason is not None:
            again.add(job_id)
        status = None if before is None else before.status
        told = reason or ("skipped, and nothing before it runs again" if status is JobStatus.SKIPPED else "succeeded")
        choices[job_id] = Choice(job=job_id, again=reason is not None, reason=told, status=status)
    return {job_id: choices[job_id] for job_id in new.jobs}


def _has_failed(job: JobState) -> bool:
    return not job.status.is_success and job.status is not JobStatus.SKIPPED


def _known(state: RunState, job_id: JobId) -> JobState | None:
    """What the run knows of a job, even if a round before has removed it; None: the job is new."""
    return state.jobs.get(job_id) or state.former.get(job_id)


def _again(before: JobState | None, job: Job, again: set[JobId], first: JobId | None) -> str | None:
    """The reason for which a job gets a new attempt; None: it gets none. `first` stands before it and runs again."""
    if before is None:
        return "new in the pipeline"
    if not is_same_work(before.job, job):
        return f"its {what_changed(before.job, job)} has changed"
    if _has_failed(before):
        ended: str = before.status.value
        return ended.replace("_", " ")
    if job.is_finally:
        return "`finally` runs in each round"
    if before.status is JobStatus.SKIPPED:
        if first is not None:
            return f"was skipped, and {first} runs again"
        return f"was skipped: {before.reason}" if before.cause is not Cause.RUN_IF else None
    if job.run_if is RunIf.ANY_FAILED and first is not None:
        return f"runs if something before it fails, and {first} runs again"
    used = next((need for need in outputs_of(job) if need in again), None)
    return None if used is None else f"uses an output of {used}, which runs again"


def _needs_first(pipeline: Pipeline) -> Iterator[JobId]:
    """All jobs, each behind those that it needs; `finally` last. A chain may be long, so there is no recursion."""
    unmet = {job_id: len(job.needs) for job_id, job in pipeline.jobs.items()}
    dependents = dependents_of(pipeline)
    free = [job_id for job_id, count in unmet.items() if not count]
    for job_id in free:  # grows as it goes
        yield job_id
        for dependent in dependents[job_id]:
            unmet[dependent] -= 1
            if not unmet[dependent]:
                free.append(dependent)


def fold_retried(state: RunState, event: ev.Retried, at: float) -> None:
    """Fold `Retried`: the run is open again, with the pipeline of the new round.

    Raises LookupError if that pipeline is not at hand, ValueError if the run has not ended.
    """
    if state.ended is None:
        raise ValueError("a run that has not ended is not retried")
    pipeline = pipeline_after(state, event)
    opened = {one.job: one.reason for one in event.again}
    gone = {job_id: state.jobs[job_id] for job_id in event.removed}
    ends = {job_id: job.status for job_id, job in gone.items()}
    state.rounds.append(Round(number=event.round, at=at, ended=state.ended, again=opened, removed=ends))
    jobs = {job_id: _reopened(_known(state, job_id), job, job_id in opened) for job_id, job in pipeline.jobs.items()}
    state.former = {job_id: job for job_id, job in {**state.former, **gone}.items() if job_id not in jobs}
    state.jobs = jobs
    redefine(state, pipeline, event.changed)
    tell_origin(state, event)
    state.behind = {}
    state.ended = state.abort = None
    state.timed_out = state.finally_timed_out = False
    state.paused = at  # the limit of the pipeline begins anew
    state.finally_at = None
    state.begin_preflight()
    state.agenda = Agenda()  # jobs that the new pipeline does not have must not come up any more
    state.begin_looks()
    count_anew(state)


def _reopened(before: JobState | None, job: Job, again: bool) -> JobState:  # noqa: FBT001 - the fold's own word
    if before is None:
        return JobState(job=job)
    before.stands = before.status.is_success and is_same_work(before.job, job)
    before.job = job
    before.version += 1
    if again:
        before.step = Step.WAITING
        before.status = JobStatus.PENDING
        before.cause = before.reason = before.ended_at = None
        before.tainted = False
        before.attempt = AttemptState(number=before.attempt.number)
        before.counts_from = before.attempt.number + 1
        before.round_at = None
        before.close_question()
    return before
