"""What to say about each fact that changes something for people. The texts hold whatever a server or a person wrote."""
# ruff: noqa: ARG001 - the tellers of a table share one signature

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import Cause
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.pipeline import OnAbort
from spectrum_pipelines.progress.doing import executions_in_words
from spectrum_pipelines.report.status import counts
from spectrum_pipelines.words.wording import (
    ADOPTED,
    JOB_LOOKS,
    RUN_LOOKS,
    counts_in_words,
    few,
    many,
    span_in_words,
)

_FINDINGS = 20  # ten thousand jobs on a server without rights are one fault, not ten thousand lines


@dataclass(frozen=True, slots=True)
class Said:
    """One line. `job` is None where it is about the run; `style` is one of `wording.paint`."""

    text: str
    job: JobId | None = None
    style: str | None = None


def said_of(event: ev.Event, state: RunState) -> Iterator[Said]:
    """The lines for a fact. `state` is the one after it, and perhaps after other facts of the same moment."""
    if isinstance(event, ev.PreflightFailed):
        yield from _findings(event)
    elif tell := _TOLD.get(type(event)):
        said = tell(event, state)
        if said is not None:
            yield said


def _findings(event: ev.PreflightFailed) -> Iterator[Said]:
    for one in event.findings[:_FINDINGS]:
        yield Said(f"pre-flight: {one.message}", one.job, "red")
    if len(event.findings) > _FINDINGS:
        yield Said(f"pre-flight: {len(event.findings) - _FINDINGS:,} more findings", style="red")


def _run_started(event: ev.RunStarted, state: RunState) -> Said:
    what = f"run {event.run_id} of {event.pipeline}: {many(len(state.jobs), 'job')} on {event.server}"
    return Said(what, style="bold")


def _resumed(event: ev.Resumed, state: RunState) -> Said:
    told = counts_in_words(counts(state))
    now = "" if event.changed is None else f" with the policy of {event.changed.file}"
    return Said(f"run {state.run_id} of {state.pipeline.name} is resumed{now}: {told}", style="bold")


def _retried(event: ev.Retried, state: RunState) -> Said:
    again = few((f"{one.job} ({one.reason})" for one in event.again), _FINDINGS)
    told = [f"again {again}"] if again else []
    told += [f"{many(len(event.kept), 'job')} kept"] if event.kept else []
    told += [f"without {few(event.removed, _FINDINGS)}"] if event.removed else []
    return Said(f"round {event.round} of run {state.run_id}: {'; '.join(told)}", style="bold")


def _preflight_passed(event: ev.PreflightPassed, state: RunState) -> Said:
    return Said(f"pre-flight passed: {many(len(state.targets_wanted), 'target')}")


def _attempt_started(event: ev.AttemptStarted, state: RunState) -> Said | None:
    return None if event.attempt == 1 else Said(f"attempt {event.attempt} begins", event.job)


def _skipped(event: ev.JobSkipped, state: RunState) -> Said | None:
    # Of a failed pre-flight the findings have told already.
    return None if event.cause is Cause.PREFLIGHT else Said(f"skipped: {event.reason}", event.job, "dim")


def _triggered(event: ev.Triggered, state: RunState) -> Said:
    return Said(f"triggered ({executions_in_words([e.execution_id for e in event.executions])})", event.job)


def _not_handled(event: ev.TriggerNotHandled, state: RunState) -> Said:
    again = f"; again in {span_in_words(event.wait)}" if event.wait else ""
    return Said(f"not triggered: {event.reason}{again}", event.job, "yellow")


def _ambiguous(event: ev.TriggerAmbiguous, state: RunState) -> Said:
    return Said(f"{event.reason}; looking for its execution, not triggering again", event.job, "yellow")


def _candidates(event: ev.CandidatesFound, state: RunState) -> Said:
    return Said(f"{executions_in_words(event.execution_ids)} may be its own", event.job, "yellow")


def _adopted(event: ev.Adopted, state: RunState) -> Said:
    ids = executions_in_words([e.execution_id for e in event.executions])
    return Said(f"{ADOPTED[event.by]} {ids}", event.job)


def _settled(event: ev.Settled, state: RunState) -> Said:
    if event.execution_id is None:
        return Said("settled by hand: its trigger never started anything", event.job)
    return Said(f"execution {event.execution_id} named by hand", event.job)


def _changed(event: ev.ExecutionChanged, state: RunState) -> Said:
    return Said(f"{event.job_status} (execution {event.execution_id})", event.job)


def _execution_ended(event: ev.ExecutionEnded, state: RunState) -> Said:
    told = [many(event.success_count, "record")] if event.success_count is not None else []
    told += [f"{event.failure_count:,} failed"] if event.failure_count else []
    return Said(
        f"{event.job_status} (execution {event.execution_id}){': ' if told else ''}{', '.join(told)}", event.job
    )


def _stop_requested(event: ev.StopRequested, state: RunState) -> Said:
    still = [execution.execution_id for execution in state.jobs[event.job].open_executions]
    what = f"stopping {executions_in_words(still)}" if still else "stopping what runs on its file"
    return Said(f"{what}: {event.reason}", event.job, "yellow")


def _data_deleted(event: ev.DataDeleted, state: RunState) -> Said:
    return Said(f"data {event.data_id}: {event.deletion.value}", event.job)


def _retry_scheduled(event: ev.RetryScheduled, state: RunState) -> Said:
    attempts = state.jobs[event.job].attempts
    last = attempts[-1] if attempts else None
    told = f"{JOB_LOOKS[last.status].word}{f': {last.reason}' if last.reason else ''}; " if last else ""
    return Said(f"{told}retry in {span_in_words(event.wait)} (attempt {event.attempt})", event.job, "yellow")


def _job_ended(event: ev.JobEnded, state: RunState) -> Said:
    look, job = JOB_LOOKS[event.status], state.jobs[event.job]
    took = ""
    if job.started_at is not None and job.ended_at is not None:
        took = f" after {span_in_words(job.ended_at - job.started_at)}"
    return Said(f"{look.word}{took}{f': {event.reason}' if event.reason else ''}", event.job, look.style)


def _warned(event: ev.Warned, state: RunState) -> Said:
    return Said(f"warning: {event.message}", event.job, "yellow")


def _timed_out(event: ev.PipelineTimedOut, state: RunState) -> Said:
    which = "finally" if event.during_finally else "pipeline"
    return Said(f"timeouts.{which} is over: nothing more starts", style="red")


def _abort(event: ev.AbortRequested, state: RunState) -> Said:
    running = many(len(state.underway), "job")
    leaves = event.detach or state.pipeline.on_abort is OnAbort.DETACH
    what = f"leaving {running} running" if leaves else f"ending {running}"
    return Said(f"interrupted by {event.signal}: {what}", style="yellow")


def _run_ended(event: ev.RunEnded, state: RunState) -> Said:
    look = RUN_LOOKS[event.status]
    why = f": {event.reason}" if event.reason else ""
    after = f"after {span_in_words(state.at)} ({counts_in_words(counts(state))})"
    return Said(f"run {state.run_id} {look.word} {after}{why}", style=look.style)


_TOLD: Mapping[type, Callable[[Any, RunState], Said | None]] = {
    ev.RunStarted: _run_started,
    ev.Resumed: _resumed,
    ev.Retried: _retried,
    ev.PreflightPassed: _preflight_passed,
    ev.AttemptStarted: _attempt_started,
    ev.JobSkipped: _skipped,
    ev.Triggered: _triggered,
    ev.TriggerNotHandled: _not_handled,
    ev.TriggerAmbiguous: _ambiguous,
    ev.CandidatesFound: _candidates,
    ev.Adopted: _adopted,
    ev.Settled: _settled,
    ev.ExecutionChanged: _changed,
    ev.ExecutionEnded: _execution_ended,
    ev.StopRequested: _stop_requested,
    ev.DataDeleted: _data_deleted,
    ev.RetryScheduled: _retry_scheduled,
    ev.JobEnded: _job_ended,
    ev.Warned: _warned,
    ev.PipelineTimedOut: _timed_out,
    ev.AbortRequested: _abort,
    ev.RunEnded: _run_ended,
}
