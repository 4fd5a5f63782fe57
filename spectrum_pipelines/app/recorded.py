"""The report of a run as its journal has it, also while the run goes on and after its process was killed."""

from typing import Any

from spectrum_pipelines.clock import Clock
from spectrum_pipelines.engine.outcome import RunStatus
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.plan.recorded import planned_pipeline
from spectrum_pipelines.report.build import HttpCounts, build_report, command_about, started_at
from spectrum_pipelines.store.history import replay
from spectrum_pipelines.store.interface import RunStore, Store, run_lease


def recorded_report(run: RunStore, store: Store, *, clock: Clock) -> dict[str, Any]:
    """The report of a run as its journal has it now. Raises StateError."""
    # Asked before the journal is read: a run that ends in between has written its end.
    goes_on = store.holder(run_lease(run.run_id)) is not None
    facts = run.facts().facts
    if not facts:
        raise StateError(f"run {run.run_id} never began", hint="nothing was triggered: start a new run")
    state = replay(planned_pipeline(run.plan(), place=run.place), run.run_id, facts)
    start = started_at(facts[0])
    # The wall clock bridges the time since the last fact; a clock that was set back must not shorten the run.
    now_at = max(facts[-1].at, (clock.now() - start).total_seconds()) if goes_on else facts[-1].at
    report = build_report(state, started_at=start, now_at=now_at, http=HttpCounts())
    if state.ended is not None or goes_on:
        return report
    return report | {
        "status": RunStatus.INTERRUPTED.value,
        "reason": "its process ended without a word; what it started may still run",
        "next": command_about(state, "resume"),
    }
