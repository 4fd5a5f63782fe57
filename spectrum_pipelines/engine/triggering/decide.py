"""From a written intent to an execution id: one POST, and after a lost answer only looking."""

from collections.abc import Iterator

from spectrum_pipelines.engine.facts import Adopted, CandidatesFound, StartedExecution, TriggerNotHandled
from spectrum_pipelines.engine.job.looking import Decision, Unresolvable, ended, resolve
from spectrum_pipelines.engine.outcome import AdoptedBy, Cause, JobStatus
from spectrum_pipelines.engine.requests import (
    AskDetails,
    AskHistory,
    AskRunning,
    AskStatus,
    PostSequence,
    PostTrigger,
    Purpose,
    Request,
)
from spectrum_pipelines.engine.sightings import LookupBegun, LookupRested
from spectrum_pipelines.engine.state.run import JobState, RunState, Step
from spectrum_pipelines.engine.triggering.claims import is_taken, rivals
from spectrum_pipelines.engine.triggering.lookup import (
    HISTORY_LENGTH,
    Look,
    LookAtDetails,
    LookAtHistory,
    LookAtList,
    LookAtStatus,
    Lookup,
    has_no_list,
    is_exhausted,
    shows_absence,
    shows_all,
)
from spectrum_pipelines.pipeline.model.action import Sequence
from spectrum_pipelines.pipeline.model.durations import format_duration
from spectrum_pipelines.spectrum import FileId, FileReference


def decide_intended(state: RunState, job: JobState) -> Iterator[Decision]:
    """Send the POST of a written intent. On the way it is `busy`, and nothing but its own outcome moves the job on."""
    if job.attempt.busy:
        return
    turn = job.turn + 1
    if isinstance(job.job.action, Sequence):
        try:
            variables = {name: resolve(state, value) for name, value in job.job.action.variables.items()}
        except Unresolvable as missing:
            yield ended(job, JobStatus.FAILED, Cause.INPUT, str(missing))
            return
        file_ids = tuple(FileId(int(b.target)) for b in job.attempt.baselines)
        yield PostSequence(
            job=job.job.id, turn=turn, attempt=job.attempt.number, file_ids=file_ids, variables=variables
        )
    else:
        target = FileReference(job.attempt.baselines[0].target)
        yield PostTrigger(job=job.job.id, turn=turn, attempt=job.attempt.number, target=target)


def decide_reconciling(state: RunState, job: JobState, now: float) -> Iterator[Decision]:
    """Go on with the search, or judge what a full round has found."""
    lookup = job.attempt.lookup
    if job.attempt.busy or lookup is None or (job.attempt.wake_at is not None and job.attempt.wake_at > now):
        return
    if lookup.todo:
        yield _question(job, lookup.todo[0])
    elif not lookup.in_round:
        yield LookupBegun(job=job.job.id)
    else:
        yield from _judge(state, job, lookup, now)


def _question(job: JobState, look: Look) -> Request:
    job_id, turn = job.job.id, job.turn + 1
    match look:
        case LookAtStatus(target=target):
            return AskStatus(job=job_id, turn=turn, target=FileReference(target), purpose=Purpose.LOOKUP)
        case LookAtList():
            return AskRunning(job=job_id, turn=turn, purpose=Purpose.LOOKUP)
        case LookAtDetails(execution_id=execution_id):
            return AskDetails(job=job_id, turn=turn, execution_id=execution_id, purpose=Purpose.LOOKUP)
        case LookAtHistory(configuration_id=configuration_id):
            return AskHistory(job=job_id, turn=turn, configuration_id=configuration_id, length=HISTORY_LENGTH)


def _judge(state: RunState, job: JobState, lookup: Lookup, now: float) -> Iterator[Decision]:
    if lookup.all_candidates and lookup.all_candidates != job.attempt.candidates:
        yield CandidatesFound(job=job.job.id, attempt=job.attempt.number, execution_ids=lookup.all_candidates)
        return
    waited = _waited(lookup, job, now)
    no_list = has_no_list(lookup, state.patience, grace=job.job.policy.ambiguous_grace, now=now)
    answered = not lookup.round_failed and (no_list or not lookup.unlisted) and (waited or not lookup.blind)
    found = [lookup.candidates.get(b.target, frozenset()) for b in job.attempt.baselines]
    if answered and (doubt := _doubt(job, lookup)) is not None:
        yield _unknown(job, f"{_listed(lookup)} may be ours{doubt}")
    elif any(found) and (doubt := _passing_doubt(state, job, lookup, answered=answered)) is not None:
        is_over = waited and not lookup.has_news and not _may_clear_up(state, job, lookup, now)
        yield _unknown(job, f"{_listed(lookup)} may be ours{doubt}") if is_over else LookupRested(job=job.job.id)
    elif answered and any(found) and (all(found) or waited):
        yield _adopt(job, lookup)
    elif is_exhausted(lookup, state.patience, grace=job.job.policy.ambiguous_grace, now=now):
        yield from _nothing_found(state, job, lookup, now)
    elif no_list:
        yield _unknown(job, "list-running gives no answer, and nothing else shows an execution of it")
    elif now >= lookup.since + max(state.patience.longest_silence, job.job.policy.ambiguous_grace):
        yield _unknown(job, f"the server gave no full answer for {format_duration(round(now - lookup.since))}")
    else:
        yield LookupRested(job=job.job.id)


def _may_clear_up(state: RunState, job: JobState, lookup: Lookup, now: float) -> bool:
    """Each rival's own trigger is answered soon, or its search has nothing in sight yet: either may show that ours is not its."""
    if now >= lookup.since + state.patience.longest_silence:
        return False
    others = [state.jobs[job_id] for job_id in rivals(state, job)]
    return bool(others) and all(_is_undecided(other) for other in others)


def _is_undecided(other: JobState) -> bool:
    if other.attempt.lookup is None:
        return other.step is Step.INTENDED
    return not other.attempt.lookup.all_candidates


def _doubt(job: JobState, lookup: Lookup) -> str | None:
    """Why nobody will ever know which candidate is ours."""
    if lookup.lost_counter:
        return "; the server gives ids that are not above those before the trigger, as if it had lost its counter"
    if any(len(candidates) > 1 for candidates in lookup.candidates.values()):
        return ""
    if lookup.all_candidates and not all(b.is_known for b in job.attempt.baselines):
        return "; the server named no execution before the trigger"
    return None


def _passing_doubt(state: RunState, job: JobState, lookup: Lookup, *, answered: bool) -> str | None:
    """Why the only candidate may be another's, as long as no later round shows more."""
    if (contested := next(rivals(state, job, lookup.all_candidates), None)) is not None:
        # The other's answer takes its own away, and the next round sees what is left.
        return f" or that of job {contested}"
    if lookup.earlier or any(is_taken(state, job, one) for one in lookup.all_candidates):
        return ""
    if answered and not shows_all(lookup, job.attempt.baselines):
        return ", and nothing shows all executions since the trigger"
    return None


def _waited(lookup: Lookup, job: JobState, now: float) -> bool:
    return now >= lookup.since + job.job.policy.ambiguous_grace


def _adopt(job: JobState, lookup: Lookup) -> Adopted:
    """What a sequence starts downstream is named only by its lost answer, so the plan can not be known to be complete."""
    executions = tuple(
        StartedExecution(execution_id=execution_id, file_id=lookup.file_ids.get(target))
        for target, candidates in lookup.candidates.items()
        for execution_id in sorted(candidates)
    )
    complete = not isinstance(job.job.action, Sequence)
    by = AdoptedBy.RECONCILED
    return Adopted(job=job.job.id, attempt=job.attempt.number, executions=executions, by=by, complete=complete)


def _nothing_found(state: RunState, job: JobState, lookup: Lookup, now: float) -> Iterator[Decision]:
    grace = job.job.policy.ambiguous_grace
    is_absent = shows_absence(lookup, job.attempt.baselines, state.patience, grace=grace, now=now)
    if lookup.all_candidates:
        yield _unknown(job, f"{_listed(lookup)} may be ours")
    elif job.attempt.answered:
        yield _unknown(job, "the answer named an execution that was there before")
    elif not is_absent:
        hidden = "others came after the trigger, and nothing shows all executions since then"
        yield _unknown(job, f"no execution of it showed up in {lookup.full_rounds} look-ups, but {hidden}")
    elif job.attempt.refused is not None:
        yield ended(job, JobStatus.FAILED, job.attempt.refused, f"{job.reason}; no execution of it exists")
    elif job.attempt.sender_died:
        # Nobody is left who could still deliver that request, and for the whole grace time nothing has shown up: it never was.
        reason = "the runner ended between the intent and the trigger; no execution of it exists"
        yield TriggerNotHandled(job=job.job.id, attempt=job.attempt.number, reason=reason, wait=0.0)
    else:
        yield _unknown(job, f"no execution of it showed up in {lookup.full_rounds} look-ups")


def _unknown(job: JobState, found: str) -> Decision:
    return ended(job, JobStatus.UNKNOWN, Cause.AMBIGUOUS, f"{job.reason}; {found}")


def _listed(lookup: Lookup) -> str:
    return "executions " + ", ".join(str(i) for i in lookup.all_candidates)
