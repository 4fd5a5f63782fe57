"""Settling an `unknown`: a person says which execution is the job's."""

from collections.abc import Callable
from contextlib import ExitStack

from msgspec import Struct
from msgspec.structs import replace

from spectrum_pipelines.app.connection import Reach
from spectrum_pipelines.app.front import Front
from spectrum_pipelines.app.owner import Owner, owner_of
from spectrum_pipelines.app.prepare import line_to, take_lease
from spectrum_pipelines.app.recall import Again, History, recall
from spectrum_pipelines.document.suggest import closest
from spectrum_pipelines.engine.facts import Event, Settled, Stamped, Warned
from spectrum_pipelines.engine.outcome import JobStatus
from spectrum_pipelines.engine.state.run import JobState
from spectrum_pipelines.errors import UserError
from spectrum_pipelines.pipeline.model.action import JobId, Sequence
from spectrum_pipelines.pipeline.secrets import masked, secrets_of
from spectrum_pipelines.report.commands import FILE, URL, about_run, command, named, where
from spectrum_pipelines.runner.loop import RunClock, resume_at
from spectrum_pipelines.spectrum import ExecutionId
from spectrum_pipelines.store.history import ADOPTED_WITHOUT_PLAN, before_settling
from spectrum_pipelines.store.interface import Store
from spectrum_pipelines.store.leasing import named_run


class SettledJob(Struct, frozen=True, kw_only=True):
    """What was put on record: the status of each execution, a warning, and the command that goes on from here."""

    job_statuses: tuple[str, ...]
    warning: str | None
    next: str


def settle(
    run_id: str,
    job: str,
    execution_ids: tuple[ExecutionId, ...],
    reach: Reach,
    *,
    store: Store,
    again: Again,
    front: Front,
    agreed: Callable[[str], bool] = lambda _: False,
) -> SettledJob:
    """Put on record that these executions are what the job started; none: somebody looked, and it never started. `go_on` goes on.

    Each must exist and be of the job's file; only a sequence has several. Where Spectrum does not say whose it is, or where one
    may be downstream of a sequence, `agreed` is asked with that said in words: does the person vouch for it? Raises UserError for
    what does not belong to the job, and what `errors` lists. A later word replaces an earlier one as long as no process has gone on
    with the run.
    """
    run = named_run(store, run_id)
    with ExitStack() as stack:
        lease = stack.enter_context(take_lease(store, run_id, front))
        recorded = run.facts()
        # What was settled by mistake is settled anew, as if nothing had been said: nobody has acted on it yet.
        facts = before_settling(recorded.facts, JobId(job))
        history = recall(run, replace(recorded, facts=facts), again)
        unknown = _unknown_job(history, job)
        seen = []
        if execution_ids:
            _refuse_several(unknown, execution_ids)
            line = line_to(history.state.pipeline, reach, front, stack)
            for execution_id in execution_ids:
                owner = owner_of(line.api, unknown, execution_id)
                _refuse_foreign(history, unknown, execution_id, owner, agreed, all_=execution_ids)
                seen.append(owner.details.job_status)
        else:
            _nothing_known(unknown)
        clock = RunClock(front.clock, start_at=resume_at(recorded.facts[-1], front.clock.now()))
        warned = _of_a_lost_plan(unknown, execution_ids)
        is_anew = len(facts) < len(recorded.facts)
        first, *others = execution_ids or (None,)
        events: list[Event] = [Settled(job=unknown.job.id, execution_id=first, anew=is_anew)]
        events += [Settled(job=unknown.job.id, execution_id=it) for it in others]
        events += [warned] if warned else []
        with run.journal(lease, recorded) as journal:
            journal.append([Stamped(at=clock.at(), time=clock.time(), event=event) for event in events])
    next_ = about_run(history.started, "resume")
    return SettledJob(job_statuses=tuple(seen), warning=warned.message if warned else None, next=next_)


def _has_lost_its_plan(job: JobState) -> bool:
    """A sequence starts what is downstream, too, and only its execution plan names that."""
    return isinstance(job.job.action, Sequence) and (not job.attempt.complete or not job.current)


def _of_a_lost_plan(job: JobState, execution_ids: tuple[ExecutionId, ...]) -> Warned | None:
    if not execution_ids or not _has_lost_its_plan(job):
        return None
    ids = ", ".join(map(str, sorted({it.execution_id for it in job.current}.union(execution_ids))))
    told = (
        f"the execution plan was lost, and execution {', '.join(map(str, execution_ids))} was adopted by hand: the job is "
        f"judged by execution {ids} alone, and what else its trigger started downstream is in no report"
    )
    return Warned(code=ADOPTED_WITHOUT_PLAN, message=told, job=job.job.id)


def _unknown_job(history: History, name: str) -> JobState:
    jobs = history.state.jobs
    job = jobs.get(JobId(name))
    unknown = [id_ for id_, state in jobs.items() if state.status is JobStatus.UNKNOWN]
    if job is None:
        near = closest(name, jobs)
        raise UserError(f"the run has no job `{name}`", hint=f"did you mean `{near}`?" if near else None)
    if job.status is not JobStatus.UNKNOWN:
        listed = ", ".join(unknown) or "none"
        raise UserError(f"job {name} is not unknown but {job.status.value}", hint=f"unknown jobs of this run: {listed}")
    return job


def _refuse_several(job: JobState, execution_ids: tuple[ExecutionId, ...]) -> None:
    """Refuse more than one execution for a job whose trigger starts one."""
    if len(execution_ids) > 1 and not isinstance(job.job.action, Sequence):
        hint = "adopt the one that the trigger started; only a sequence starts several"
        raise UserError(f"job {job.job.id} starts one execution, not {len(execution_ids)}", hint=hint)


def _nothing_known(job: JobState) -> None:
    """Refuse to call a job never started whose executions are known."""
    if known := [it.execution_id for it in job.current]:
        listed = ", ".join(map(str, known))
        raise UserError(f"job {job.job.id} has started execution {listed}", hint="adopt that one, or `resume` the run")


def _shown(history: History, target: str) -> str:
    """A target as it may be told: it was found again with the secrets that it holds."""
    return masked(target, secrets_of(history.state.pipeline))


def _look(history: History, job: JobState) -> str:
    """The command that shows which executions the job's file has."""
    first = next((str(it.file_id or named(_shown(history, it.target), FILE)) for it in job.attempt.baselines), FILE)
    on = where(server=named(history.started.server, URL), workspace=history.started.workspace)
    return command("job", "history", "--file", first, options=on)


def _refuse_foreign(
    history: History,
    job: JobState,
    execution_id: ExecutionId,
    owner: Owner,
    agreed: Callable[[str], bool],
    *,
    all_: tuple[ExecutionId, ...],
) -> None:
    """Refuse an execution of another file, of another attempt, or one that was there before the trigger."""
    look = f"`{_look(history, job)}` shows the executions of the job's file"
    targets = ", ".join(sorted(_shown(history, it.target) for it in job.attempt.baselines)) or job.job.id
    if owner.other is not None and not _has_lost_its_plan(job):
        raise UserError(f"execution {execution_id} belongs to {owner.other}, not to {targets}", hint=look)
    for other in history.state.jobs.values():
        taken = [it for it in other.executions if it.execution_id == execution_id]
        if any(other is not job or it.attempt != job.attempt.number for it in taken):
            whose = "an earlier attempt" if other is job else f"job {other.job.id}"
            raise UserError(f"execution {execution_id} is that of {whose} in this run", hint=look)
    _refuse_earlier(job, execution_id, owner, look)
    told = (
        f"Spectrum does not say which file execution {execution_id} is of, so nothing shows that it is one of {targets}"
    )
    if owner.other is not None:
        told = (
            f"execution {execution_id} belongs to {owner.other}, and nothing shows that it is downstream of {targets}"
        )
    if not owner.is_ours and not agreed(told):
        command_ = about_run(history.started, "adopt", job.job.id, *all_, "--yes")
        raise UserError(told, hint=f"look on the server; if it is the job's: `{command_}`")


def _refuse_earlier(job: JobState, execution_id: ExecutionId, owner: Owner, look: str) -> None:
    """The ids of a server that has lost its counter begin anew: what the run itself shows as a candidate may be below."""
    before = [it for it in job.attempt.baselines if it.execution_id is not None]
    if len(before) > 1 and owner.details.file_id is not None:
        before = [it for it in before if it.file_id == owner.details.file_id or it.target == str(owner.details.file_id)]
    if len(before) != 1 or execution_id in job.attempt.candidates:
        return
    latest = before[0].execution_id
    if latest is not None and execution_id <= latest:
        message = f"execution {execution_id} was there before this run triggered (the latest then was {latest})"
        raise UserError(message, hint=f"adopt a later one: {look}")
