"""The folds of triggering: intents, answers, and the search for a trigger whose answer was lost."""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine import sightings as si
from spectrum_pipelines.engine.outcome import AdoptedBy
from spectrum_pipelines.engine.state.execution import Execution
from spectrum_pipelines.engine.state.run import RunState, Step
from spectrum_pipelines.engine.triggering.claims import owned_by_others
from spectrum_pipelines.engine.triggering.lookup import Lookup, after_answer, begin_round
from spectrum_pipelines.engine.watching.fold import start_following


def _trigger_intended(state: RunState, event: ev.TriggerIntended, at: float) -> None:
    state.triggers += 1
    job = state.touch(event.job)
    job.step = Step.INTENDED
    # What ran in the file was made to end for this trigger; the journal has no word of its own for that.
    job.attempt.stop = None
    job.attempt.baselines = event.baselines
    job.attempt.owned_before = len(state.owners)


def _trigger_not_handled(state: RunState, event: ev.TriggerNotHandled, at: float) -> None:
    state.triggers -= 1  # provably nothing reached Spectrum: exit codes may still say "nothing was triggered"
    job = state.touch(event.job)
    attempt = job.attempt
    # Only the network's own refusals use up `http.retry`: for a process that died or was told to end, nothing was even tried.
    attempt.unsent += event.tried and not attempt.sender_died and state.abort is None
    if attempt.sender_died:
        attempt.began_at = at  # the search took its time, and the job has not waited yet
    attempt.sender_died = False
    attempt.lookup = None
    attempt.accepted_at = None
    attempt.seen = {}
    job.step = Step.LOOKING
    job.reason = event.reason
    state.rest(job, at + event.wait)


def _trigger_ambiguous(state: RunState, event: ev.TriggerAmbiguous, at: float) -> None:
    job = state.touch(event.job)
    job.step = Step.RECONCILING
    job.reason = event.reason
    job.attempt.accepted_at = at
    job.attempt.lookup = Lookup(since=at)
    job.attempt.refused = event.refused
    job.attempt.sender_died = False


def _candidates_found(state: RunState, event: ev.CandidatesFound, at: float) -> None:
    job = state.touch(event.job)
    if job.step is Step.INTENDED:
        job.attempt.answered = event.execution_ids
    job.attempt.candidates = tuple(sorted({*event.execution_ids, *job.attempt.answered}))


def _triggered(state: RunState, event: ev.Triggered, at: float) -> None:
    _follow(state, event, at, by=None, complete=event.complete)


def _adopted(state: RunState, event: ev.Adopted, at: float) -> None:
    _follow(state, event, at, by=event.by, complete=event.complete)


def _follow(
    state: RunState,
    event: ev.Triggered | ev.Adopted,
    at: float,
    *,
    by: AdoptedBy | None,
    complete: bool,
) -> None:
    job = state.touch(event.job)
    known = {e.execution_id for e in job.executions if e.attempt == event.attempt}
    started = [e for e in event.executions if e.execution_id not in known]
    start_following(state, job, _executions(started, event.attempt, at, by), at)
    job.step = Step.FOLLOWING
    job.reason = None
    job.attempt.accepted_at = at
    job.attempt.complete = complete
    job.attempt.misses = 0
    state.arm_timeouts(job)


def _executions(
    started: Iterable[ev.StartedExecution],
    attempt: int,
    at: float,
    by: AdoptedBy | None,
) -> list[Execution]:
    return [
        Execution(
            execution_id=one.execution_id,
            attempt=attempt,
            accepted_at=at,
            adopted=by,
            name=one.name,
            configuration_id=one.configuration_id,
            file_id=one.file_id,
        )
        for one in started
    ]


def _lookup_begun(state: RunState, event: si.LookupBegun, at: float) -> None:
    job = state.jobs[event.job]
    attempt = job.attempt
    if attempt.lookup is not None:
        others = owned_by_others(state, job) - set(attempt.answered)
        state.touch(event.job).attempt.lookup = begin_round(
            attempt.lookup, attempt.baselines, attempt.candidates, others
        )


def _lookup_seen(state: RunState, event: si.LookupSeen, at: float) -> None:
    job = state.jobs[event.job]
    lookup = job.attempt.lookup
    if lookup is None or not lookup.todo:
        return
    ours = owned_by_others(state, job)
    found = after_answer(lookup, event, baselines=job.attempt.baselines, ours=ours, at=at)
    state.touch(event.job).attempt.lookup = found


def _lookup_rested(state: RunState, event: si.LookupRested, at: float) -> None:
    lookup = state.jobs[event.job].attempt.lookup
    if lookup is not None:
        job = state.touch(event.job)
        job.attempt.lookup = replace(lookup, in_round=False)
        state.rest(job, at + lookup.rest(state.patience))


TRIGGER_FOLDS: dict[type, Callable[[RunState, Any, float], None]] = {
    ev.TriggerIntended: _trigger_intended,
    ev.TriggerNotHandled: _trigger_not_handled,
    ev.TriggerAmbiguous: _trigger_ambiguous,
    ev.CandidatesFound: _candidates_found,
    ev.Triggered: _triggered,
    ev.Adopted: _adopted,
    si.LookupBegun: _lookup_begun,
    si.LookupSeen: _lookup_seen,
    si.LookupRested: _lookup_rested,
}
