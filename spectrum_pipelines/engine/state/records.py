"""The few moves that every fold makes on the records of a state, so that the indexes never disagree with them."""

import math
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from spectrum_pipelines.engine.state.execution import Execution
from spectrum_pipelines.engine.state.run import Followed, JobState, RunState
from spectrum_pipelines.engine.state.watch import Watch
from spectrum_pipelines.engine.timing.pace import FIRST_LOOK
from spectrum_pipelines.engine.timing.patience import LESSON_AFTER, LOOKS_TO_SPARE
from spectrum_pipelines.pipeline.model.action import JobId

#: A job's record, an execution's, and how one is looked at, with some fields changed.
job_with = execution_with = watch_with = replace


def put(state: RunState, job_id: JobId, **changes: Any) -> JobState:
    """Replace a job's record and have it looked at, now and at its `wake_at`."""
    changed = job_with(state.jobs[job_id], **changes)
    state.jobs[job_id] = changed
    state.agenda.wake(job_id)
    if changes.get("wake_at") is not None:
        state.agenda.wake_at(changes["wake_at"], job_id)
    return changed


def put_execution(state: RunState, job_id: JobId, changed: Execution) -> None:
    """Replace one execution in its job's record, without waking the job."""
    job = state.jobs[job_id]
    executions = tuple(changed if _same(e, changed) else e for e in job.executions)
    state.jobs[job_id] = job_with(job, executions=executions)


def _same(one: Execution, other: Execution) -> bool:
    return one.execution_id == other.execution_id and one.attempt == other.attempt


def forget_question(job: JobState) -> dict[str, Any]:
    """Whatever was asked belongs to the past: its outcome will be stale, and what was seen no longer counts."""
    return {"busy": False, "turn": job.turn + 1, "seen": {}}


def start_following(state: RunState, job_id: JobId, executions: Iterable[Execution], at: float) -> None:
    """Add executions to a job and watch each."""
    job = state.jobs[job_id]
    added = tuple(executions)
    state.jobs[job_id] = job_with(job, executions=(*job.executions, *added))
    for execution in added:
        follow(state, job_id, execution, at)


def follow(state: RunState, job_id: JobId, execution: Execution, at: float, *, unseen: bool = False) -> None:
    """Watch an execution from now on."""
    how = Watch(
        since=execution.accepted_at if execution.running_at is None else execution.running_at,
        heard_at=at,
        next_poll_at=at if unseen or execution.adopted is not None else at + _first_look(state),
        past=state.past.get(job_id),
        unseen=unseen,
    )
    watch(state, (job_id, execution.execution_id), how)
    state.spare_looks += LOOKS_TO_SPARE
    if how.past is None:
        state.lesson_times.wake_at(at + LESSON_AFTER, job_id)
    state.most_followed = max(state.most_followed if len(state.following) > 1 else 0, len(state.following))
    if execution.is_ours:
        # Not what we have only attached to: that may be what another of our triggers has started.
        state.owners.setdefault(execution.execution_id, job_id)


def _first_look(state: RunState) -> float:
    """Seconds until an execution that was just triggered is looked at for the first time."""
    poll = state.pipeline.poll
    return poll.min if state.following or state.hinting is False else min(poll.min, FIRST_LOOK)


def watch(state: RunState, followed: Followed, how: Watch) -> None:
    """Look at an execution at its `next_poll_at`."""
    state.following[followed] = how
    if how.next_poll_at < math.inf:
        state.polls.wake_at(how.next_poll_at, followed)


def arm_timeouts(state: RunState, job_id: JobId) -> None:
    """Have the job looked at when one of its limits is over."""
    job = state.jobs[job_id]
    policy = job.job.policy
    accepted_at = state.at if job.accepted_at is None else job.accepted_at
    state.agenda.wake_at(accepted_at + policy.timeout, job_id)
    if policy.queue_timeout is not None:
        state.agenda.wake_at(accepted_at + policy.queue_timeout, job_id)
    if policy.retry.max_duration is not None and job.started_at is not None:
        state.agenda.wake_at(job.started_at + policy.retry.max_duration, job_id)


def stop_following(state: RunState, job_id: JobId) -> None:
    """Take all executions of a job off the poll agenda; old times on it are ignored when they come up."""
    for execution in state.jobs[job_id].executions:
        state.following.pop((job_id, execution.execution_id), None)
