"""Settling an `unknown`: a person says which execution is the job's."""

from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from spectrum_pipelines.app.connection import Reach
from spectrum_pipelines.app.front import Front
from spectrum_pipelines.app.prepare import line_to, take_lease
from spectrum_pipelines.app.recall import Again, History, recall
from spectrum_pipelines.document.suggest import closest
from spectrum_pipelines.engine.facts import Settled, Stamped
from spectrum_pipelines.engine.outcome import JobStatus
from spectrum_pipelines.engine.state.run import JobState
from spectrum_pipelines.errors import ClientError, UserError
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.report.commands import FILE, URL, about_run, command, named, where
from spectrum_pipelines.runner.loop import RunClock, resume_at
from spectrum_pipelines.spectrum import ExecutionId, JobDetails
from spectrum_pipelines.store.interface import Store
from spectrum_pipelines.store.leasing import named_run

if TYPE_CHECKING:
    from spectrum_pipelines.client.api import SpectrumApi


NEVER_STARTED = "never started"


class SettledJob(Struct, frozen=True, kw_only=True):
    """What was put on record: the status of the execution, and the command that goes on from here."""

    job_status: str
    next: str


def settle(
    run_id: str,
    job: str,
    execution_id: ExecutionId | None,
    reach: Reach,
    *,
    store: Store,
    again: Again,
    front: Front,
) -> SettledJob:
    """Put on record that this execution is what the job started; None: somebody looked, and it never started. `go_on` goes on.

    The execution must exist and belong to the job's file. Raises UserError for one that does not, and what `errors` lists.
    """
    run = named_run(store, run_id)
    with ExitStack() as stack:
        lease = stack.enter_context(take_lease(store, run_id, front))
        recorded = run.facts()
        history = recall(run, recorded, again)
        unknown = _unknown_job(history, job)
        seen = NEVER_STARTED
        if execution_id is not None:
            line = line_to(history.state.pipeline, reach, front, stack)
            details = _named(line.api, execution_id)
            _belongs(unknown, execution_id, details, look=_look(history, unknown))
            seen = details.job_status
        else:
            _nothing_known(unknown)
        clock = RunClock(front.clock, start_at=resume_at(recorded.facts[-1], front.clock.now()))
        settled = Settled(job=unknown.job.id, execution_id=execution_id)
        with run.journal(lease, recorded) as journal:
            journal.append([Stamped(at=clock.at(), time=clock.time(), event=settled)])
    next_ = about_run(history.started, "resume")
    return SettledJob(job_status=seen, next=next_)


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


def _nothing_known(job: JobState) -> None:
    """Refuse to call a job never started whose executions are known."""
    if known := [it.execution_id for it in job.current]:
        listed = ", ".join(map(str, known))
        raise UserError(f"job {job.job.id} has started execution {listed}", hint="adopt that one, or `resume` the run")


def _named(api: "SpectrumApi", execution_id: ExecutionId) -> JobDetails:
    """The execution's details. Those of a running one may not say whose it is; then the list of active jobs does."""
    details = api.details(execution_id)
    if details.file_id is not None or details.uuid is not None:
        return details
    with suppress(ClientError):
        for entry in api.list_running():
            if entry.execution_id == execution_id:
                return replace(details, file_id=entry.file_id, uuid=entry.uuid)
    return details


def _look(history: History, job: JobState) -> str:
    """The command that shows which executions the job's file has."""
    first = next((str(it.file_id or it.target) for it in job.attempt.baselines), FILE)
    on = where(server=named(history.started.server, URL), workspace=history.started.workspace)
    return command("job", "history", "--file", first, options=on)


def _belongs(job: JobState, execution_id: ExecutionId, details: JobDetails, *, look: str) -> None:
    """Refuse an execution of another file, or one that was there before the trigger."""
    files = {b.file_id for b in job.attempt.baselines if b.file_id is not None}
    targets = {b.target for b in job.attempt.baselines}
    named = {str(details.file_id), str(details.uuid)} & targets
    if files and details.file_id is not None and details.file_id not in files and not named:
        message = f"execution {execution_id} belongs to file {details.file_id}, not to {', '.join(sorted(targets))}"
        raise UserError(message, hint=f"`{look}` shows the executions of the job's file")
    before = [b.execution_id for b in job.attempt.baselines if b.execution_id is not None]
    if len(job.attempt.baselines) == 1 and before and execution_id <= before[0]:
        message = f"execution {execution_id} was there before this run triggered (the latest then was {before[0]})"
        raise UserError(message, hint="look for a later one")
