"""What journals say: of a run, as a report, also while the run goes on and after its process was killed; and of a run key."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from spectrum_pipelines.app.prepare import ourselves
from spectrum_pipelines.clock import Clock
from spectrum_pipelines.engine.facts import Resumed, Retried, RunEnded, RunStarted
from spectrum_pipelines.engine.outcome import RunStatus
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.plan.recorded import planned_pipeline
from spectrum_pipelines.report.build import HttpCounts, build_report, command_about, started_at
from spectrum_pipelines.report.commands import opens
from spectrum_pipelines.report.jobs import Entry, job_entries
from spectrum_pipelines.spectrum import ExecutionId
from spectrum_pipelines.store.history import changes, replay, settled_last
from spectrum_pipelines.store.interface import Busy, Existing, RunStore, Store, run_lease
from spectrum_pipelines.words.wording import few


def recorded_report(run: RunStore, store: Store, *, clock: Clock) -> dict[str, Any]:
    """The report of a run as its journal has it now. Raises StateError."""
    # Asked before the journal is read: a run that ends in between has written its end.
    goes_on = store.holder(run_lease(run.run_id)) is not None
    facts = run.facts().facts
    if not facts:
        raise StateError(f"run {run.run_id} never began", hint="nothing was triggered: start a new run")
    later = {
        one.plan_digest: planned_pipeline(one.plan.encode("utf-8", "surrogatepass"), place=run.place)
        for one in changes(facts)
        if one.plan_digest is not None and one.plan is not None
    }
    state = replay(planned_pipeline(run.plan(), place=run.place), run.run_id, facts, later=later)
    start = started_at(facts[0])
    # The wall clock bridges the time since the last fact; a clock that was set back must not shorten the run.
    now_at = max(facts[-1].at, (clock.now() - start).total_seconds()) if goes_on else facts[-1].at
    settled = {} if goes_on else settled_last(facts)
    jobs = _entries(state, start, settled) if settled else None
    report = build_report(state, started_at=start, now_at=now_at, http=HttpCounts(), jobs=jobs)
    if state.ended is not None or goes_on:
        return report
    return report | {
        "status": RunStatus.INTERRUPTED.value,
        "reason": _settled(settled) or "its process ended without a report; what it started may still run",
        "next": command_about(state, "resume") if opens(report["state"]) else None,
    }


def _entries(state: RunState, start: datetime, settled: Mapping[JobId, Sequence[ExecutionId]]) -> list[Entry]:
    """The entries of a run of which a person has settled these jobs; all others had ended before."""
    never = {job for job, executions in settled.items() if not executions}
    told = {"reason": "a person has settled that its trigger started nothing: it is triggered when the run goes on"}
    return [one | (told if one["id"] in never else {}) for one in job_entries(state, start, is_left=True)]


def _settled(settled: Mapping[JobId, Sequence[ExecutionId]]) -> str | None:
    """What a person has settled; nothing has acted on it yet."""
    if not settled:
        return None
    told = [f"{job} {f'is execution {few(map(str, it))}' if it else 'never started'}" for job, it in settled.items()]
    return f"a person has settled that {few(told)}, and nobody has gone on with the run since"


class LastOfKey(Struct, frozen=True, kw_only=True):
    """The run of a key. `origin` is that of the process that worked on it last.

    `status` is None while it has no end, and while somebody works on it; then the store may not know more.
    """

    run_id: str | None
    status: RunStatus | None
    origin: Mapping[str, str]


class _NoRunError(Exception):
    """The key stands for no run."""


def last_of_key(store: Store, key: str) -> LastOfKey | None:
    """The run that a key stands for; None where the key is free. Makes none. Raises UserError and StateError."""

    def no_run() -> RunStore:
        raise _NoRunError

    try:
        claimed = store.claim(key, no_run, ourselves())
    except _NoRunError:
        return None
    except Busy as error:
        run_id = None if error.holder is None else error.holder.run_id
        return LastOfKey(run_id=run_id, status=None, origin={})
    assert isinstance(claimed, Existing)
    events = [fact.event for fact in claimed.run.facts().facts]
    origins = [event.origin for event in events if isinstance(event, RunStarted | Resumed | Retried)]
    last = events[-1]
    status = last.status if isinstance(last, RunEnded) else None
    return LastOfKey(run_id=claimed.run.run_id, status=status, origin=origins[-1] if origins else {})
