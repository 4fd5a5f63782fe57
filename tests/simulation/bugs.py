"""Bugs that the simulator must see: each is planted in the real code, and each breaks a promise.

They are the slips that this kind of program is prone to. If one of them goes unnoticed, the simulator has gone blind.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace

from spectrum_pipelines import spectrum as vocabulary
from spectrum_pipelines.app import recall as recalling
from spectrum_pipelines.app.loading import recorded_values
from spectrum_pipelines.engine import apply, decide, interpret
from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.job import following, looking, verdict
from spectrum_pipelines.engine.job.looking import Decision
from spectrum_pipelines.engine.outcome import UNSEEN_ENDS, Cause
from spectrum_pipelines.engine.requests import AskStatus, Outcome, PostSequence, PostStop, PostTrigger
from spectrum_pipelines.engine.run import reopen, retry
from spectrum_pipelines.engine.run.ending import limit_times
from spectrum_pipelines.engine.run.retry import RetryRefused
from spectrum_pipelines.engine.sightings import LookupRested, Sighting
from spectrum_pipelines.engine.state.execution import Execution
from spectrum_pipelines.engine.state.run import AttemptState, JobState, RunState, Step, StopState
from spectrum_pipelines.engine.stopping import decide as stopping
from spectrum_pipelines.engine.timing.patience import Patience
from spectrum_pipelines.engine.triggering import decide as decide_triggers
from spectrum_pipelines.engine.triggering import fold as fold_triggers
from spectrum_pipelines.engine.triggering import interpret as interpret_trigger
from spectrum_pipelines.engine.triggering import lookup as lookup_rounds
from spectrum_pipelines.engine.triggering.lookup import Lookup
from spectrum_pipelines.engine.watching import interpret as interpret_polls
from spectrum_pipelines.errors import AnswerTimeout, ClientError, Unanswered
from spectrum_pipelines.pipeline.build import Given
from spectrum_pipelines.pipeline.model.action import JobOutput
from spectrum_pipelines.pipeline.model.pipeline import Job
from spectrum_pipelines.runner import loop
from spectrum_pipelines.spectrum import Phase, StatusAnswer
from tests.promises import Promise
from tests.simulation import process
from tests.simulation.disk import Disk

Patch = pytest.MonkeyPatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """`promise` is the one that breaks. `seen_at`: a seed that shows it, to be looked at first; a wrong one costs only time."""

    name: str
    promise: Promise
    plant: Callable[[Patch], None]
    seen_at: int = 0


def _no_sync(patch: Patch) -> None:
    patch.setattr(Disk, "fsync", lambda _, __: None)


def _intent_is_no_promise(patch: Patch) -> None:
    patch.setattr(ev.TriggerIntended, "is_promise", False)


def _id_is_no_promise(patch: Patch) -> None:
    patch.setattr(ev.Triggered, "is_promise", False)


def _post_again_on_a_timeout(patch: Patch) -> None:
    real = interpret_trigger._failed

    def failed(state: RunState, job: JobState, request: PostTrigger | PostSequence, error: ClientError) -> ev.Event:
        if type(error) in {AnswerTimeout, Unanswered}:
            return ev.TriggerNotHandled(job=request.job, attempt=request.attempt, reason="no answer", wait=1.0)
        return real(state, job, request, error)

    patch.setattr(interpret_trigger, "_failed", failed)


def _trust_the_latest_execution(patch: Patch) -> None:
    real = interpret_polls.interpret_status

    def status(state: RunState, request: AskStatus, outcome: Outcome) -> Any:
        ours = request.execution_id
        if isinstance(outcome, StatusAnswer) and outcome.phase.is_final and ours is not None:
            is_awaited = (request.job, ours) in state.following
            return [ev.ExecutionEnded(job=request.job, execution_id=ours, job_status=outcome.job_status)] * is_awaited
        return real(state, request, outcome)

    patch.setattr(interpret, "interpret_status", status)


def _drop_a_candidate(patch: Patch) -> None:
    real = lookup_rounds.after_answer

    def after_answer(*asked: Any, **more: Any) -> Lookup:
        found = real(*asked, **more)
        return replace(found, candidates={target: frozenset({max(ids)}) for target, ids in found.candidates.items()})

    patch.setattr(fold_triggers, "after_answer", after_answer)


def _post_again_after_a_crash(patch: Patch) -> None:
    real = reopen._take_up

    def take_up(state: RunState, job: JobState, at: float) -> None:
        if job.step is not Step.INTENDED:
            real(state, job, at)

    patch.setattr(reopen, "_take_up", take_up)


def _believe_an_unknown_word(patch: Patch) -> None:
    patch.setitem(vocabulary._PHASES, "STOPPING", Phase.SUCCEEDED)
    patch.setitem(vocabulary._PHASES, "PREPARING", Phase.SUCCEEDED)


def _forget_to_wake_up(patch: Patch) -> None:
    def rested(state: RunState, event: LookupRested, _: float) -> None:
        attempt = state.jobs[event.job].attempt
        assert attempt.lookup is not None
        attempt.lookup = replace(attempt.lookup, in_round=False)

    patch.setitem(apply.FOLDS, LookupRested, rested)


def _stop_without_looking(patch: Patch) -> None:
    def next_stop(_: RunState, job: JobState, __: StopState) -> Iterator[Decision]:
        execution: Execution = stopping._first(job)
        if (target := stopping.file_of(job, execution)) is not None:
            yield PostStop(job=job.job.id, turn=job.turn + 1, target=target, execution_id=execution.execution_id)

    patch.setattr(stopping, "_next_stop", next_stop)


def _follow_the_first_of_a_plan(patch: Patch) -> None:
    real = interpret_trigger._planned

    def planned(*asked: Any) -> list[ev.Event | Sighting]:
        return [first_of(event) for event in real(*asked)]

    def first_of(event: ev.Event | Sighting) -> ev.Event | Sighting:
        return replace(event, executions=event.executions[:1]) if isinstance(event, ev.Triggered) else event

    patch.setattr(interpret_trigger, "_planned", planned)


def _judge_the_first_of_a_plan(patch: Patch) -> None:
    real = verdict.judge
    for place in (following, looking):
        patch.setattr(place, "judge", lambda executions, *more: real(executions[:1], *more))


def _tell_secrets(patch: Patch) -> None:
    patch.setattr(process, "masked", lambda text, _: text)


def _wait_for_stops_for_ever(patch: Patch) -> None:
    patch.setattr(decide, "decide_abort", lambda *_: ())


def _take_what_is_hidden_for_absent(patch: Patch) -> None:
    def shows_absence(lookup: Lookup, _: Any, patience: Patience, **times: float) -> bool:
        return not lookup.all_candidates and lookup_rounds.is_exhausted(lookup, patience, **times)

    for place in (decide_triggers, following):
        patch.setattr(place, "shows_absence", shows_absence)


def _adopt_the_only_one_in_sight(patch: Patch) -> None:
    patch.setattr(decide_triggers, "shows_all", lambda *_: True)


def _forget_candidates(patch: Patch) -> None:
    real = lookup_rounds.begin_round

    def begin_round(lookup: Lookup, baselines: Any, *_: Any) -> Lookup:
        return real(replace(lookup, candidates={}, below={}, earlier=frozenset()), baselines)

    patch.setattr(fold_triggers, "begin_round", begin_round)


def _throw_low_ids_away(patch: Patch) -> None:
    patch.setattr(interpret_trigger, "_kept", lambda *_: [])


def _believe_details_of_another_file(patch: Patch) -> None:
    patch.setattr(interpret_polls, "other_file", lambda *_: None)


def _resume_a_stop_blindly(patch: Patch) -> None:
    patch.setattr(reopen, "StopState", lambda **told: StopState(**{**told, "is_fresh": True}))


def _count_the_time_of_nobody(patch: Patch) -> None:
    patch.setattr(apply, "pause", lambda *_: None)


def _wake_up_for_limits_in_an_abort(patch: Patch) -> None:
    real = decide.next_wake_up

    def next_wake_up(state: RunState, now: float) -> float | None:
        known = [at for at in (real(state, now), *limit_times(state)) if at is not None]
        return min(known) if known else None

    patch.setattr(loop, "next_wake_up", next_wake_up)


def _leave_an_unconfirmed_stop_alone(patch: Patch) -> None:
    patch.setattr(reopen, "UNSEEN_ENDS", UNSEEN_ENDS - {Cause.STOP_UNCONFIRMED})


def _count_days_from_today(patch: Patch) -> None:
    def from_now(given: Given, _: Mapping[str, Any], **more: Any) -> Given:
        return recorded_values(given, {}, **{**more, "now": given.now, "run_date": None})

    patch.setattr(recalling, "recorded_values", from_now)
    patch.setattr(recalling, "_hold_to", lambda *_: None)


def _use_any_output(patch: Patch) -> None:
    def output(state: RunState, wanted: JobOutput) -> int:
        every = [one for job in state.jobs.values() for one in job.executions]
        return every[-1].execution_id if wanted.output == "execution_id" and every else 7

    patch.setattr(looking, "_output", output)


def _do_all_again_in_a_retry(patch: Patch) -> None:
    patch.setattr(retry, "is_same_work", lambda *_: False)


def _keep_what_has_changed(patch: Patch) -> None:
    patch.setattr(retry, "is_same_work", lambda *_: True)


def _open_too_much_in_a_retry(patch: Patch) -> None:
    real = retry._reopened

    def reopened(before: JobState | None, job: Job, again: bool) -> JobState:
        return real(before, job, again or before is not None)

    patch.setattr(retry, "_reopened", reopened)


def _count_attempts_anew_in_a_retry(patch: Patch) -> None:
    real = retry._reopened

    def reopened(before: JobState | None, job: Job, again: bool) -> JobState:
        opened = real(before, job, again)
        if again:
            opened.attempt = AttemptState(number=0)
        return opened

    patch.setattr(retry, "_reopened", reopened)


def _retry_what_is_unknown(patch: Patch) -> None:
    real = retry._refused

    def refused(state: RunState) -> RetryRefused | None:
        found = real(state)
        return None if found is not None and found.why is retry.Refusal.UNKNOWN else found

    patch.setattr(retry, "_refused", refused)


BUGS = (
    Bug(name="skip the fsync", promise=Promise.KEPT_FIRST, plant=_no_sync),
    Bug(name="trigger before the intent is on disk", promise=Promise.KEPT_FIRST, plant=_intent_is_no_promise),
    Bug(name="show an id before it is on disk", promise=Promise.KEPT_FIRST, plant=_id_is_no_promise),
    Bug(
        name="trigger again after a read timeout",
        promise=Promise.NEVER_TWICE,
        plant=_post_again_on_a_timeout,
        seen_at=17,
    ),
    Bug(name="trigger again after a crash", promise=Promise.KEPT_FIRST, plant=_post_again_after_a_crash, seen_at=10),
    Bug(name="trust the latest execution", promise=Promise.NEVER_A_LIE, plant=_trust_the_latest_execution, seen_at=16),
    Bug(name="drop a candidate", promise=Promise.NEVER_A_LIE, plant=_drop_a_candidate, seen_at=122),
    Bug(
        name="take an unknown word for success", promise=Promise.NEVER_A_LIE, plant=_believe_an_unknown_word, seen_at=14
    ),
    Bug(
        name="judge the first of a plan only", promise=Promise.NEVER_A_LIE, plant=_judge_the_first_of_a_plan, seen_at=34
    ),
    Bug(
        name="follow the first of a plan only", promise=Promise.KEPT_FIRST, plant=_follow_the_first_of_a_plan, seen_at=2
    ),
    Bug(name="stop without looking", promise=Promise.NEVER_A_LIE, plant=_stop_without_looking, seen_at=3),
    Bug(name="let the server tell our secrets", promise=Promise.NO_SECRET, plant=_tell_secrets, seen_at=4),
    Bug(name="forget to wake up", promise=Promise.EVERY_WAIT_ENDS, plant=_forget_to_wake_up, seen_at=5),
    Bug(
        name="take what is hidden for absent",
        promise=Promise.NEVER_TWICE,
        plant=_take_what_is_hidden_for_absent,
        seen_at=494,
    ),
    Bug(
        name="adopt the only one in sight", promise=Promise.NEVER_A_LIE, plant=_adopt_the_only_one_in_sight, seen_at=26
    ),
    Bug(name="forget candidates", promise=Promise.NEVER_A_LIE, plant=_forget_candidates, seen_at=122),
    Bug(name="throw low ids away", promise=Promise.KEPT_FIRST, plant=_throw_low_ids_away, seen_at=175),
    Bug(
        name="believe details of another file",
        promise=Promise.NEVER_A_LIE,
        plant=_believe_details_of_another_file,
        seen_at=2,
    ),
    Bug(name="resume a stop blindly", promise=Promise.NEVER_A_LIE, plant=_resume_a_stop_blindly, seen_at=5),
    Bug(name="count the time of nobody", promise=Promise.NEVER_A_LIE, plant=_count_the_time_of_nobody, seen_at=21),
    Bug(
        name="wake up for limits in an abort",
        promise=Promise.EVERY_WAIT_ENDS,
        plant=_wake_up_for_limits_in_an_abort,
        seen_at=22,
    ),
    Bug(name="wait for ever in an abort", promise=Promise.EVERY_WAIT_ENDS, plant=_wait_for_stops_for_ever, seen_at=5),
    Bug(
        name="leave an unconfirmed stop alone",
        promise=Promise.EVERY_WAIT_ENDS,
        plant=_leave_an_unconfirmed_stop_alone,
        seen_at=5,
    ),
    Bug(name="count days from today", promise=Promise.NEVER_A_LIE, plant=_count_days_from_today, seen_at=177),
    Bug(name="use any output", promise=Promise.NEVER_A_LIE, plant=_use_any_output, seen_at=141),
    Bug(name="do all again in a retry", promise=Promise.NEVER_TWICE, plant=_do_all_again_in_a_retry, seen_at=3),
    Bug(name="keep what has changed in a retry", promise=Promise.NEVER_A_LIE, plant=_keep_what_has_changed, seen_at=3),
    Bug(name="open too much in a retry", promise=Promise.NEVER_TWICE, plant=_open_too_much_in_a_retry, seen_at=3),
    Bug(
        name="count attempts anew in a retry",
        promise=Promise.NEVER_TWICE,
        plant=_count_attempts_anew_in_a_retry,
        seen_at=3,
    ),
    Bug(name="retry what is unknown", promise=Promise.NEVER_TWICE, plant=_retry_what_is_unknown, seen_at=5),
)
