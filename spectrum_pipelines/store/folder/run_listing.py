"""What `runs` shows of each run, from the two ends of its journal and its lock."""

from datetime import datetime
from pathlib import Path

from msgspec import Struct

from spectrum_pipelines.engine.events import RunEnded, RunStarted
from spectrum_pipelines.engine.outcome import RunStatus
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.store.folder.glance import glance
from spectrum_pipelines.store.folder.run_directory import RunDirectory
from spectrum_pipelines.store.folder.run_lock import is_running


class RunSummary(Struct, frozen=True, kw_only=True):
    """One line of the list. `fault` says why nothing is known of a run; then all that is not known is None."""

    run_id: str
    pipeline: str | None = None
    run_key: str | None = None
    status: RunStatus | None = None
    started: datetime | None = None
    ended: datetime | None = None
    exit_code: int | None = None
    resumable: bool = False
    fault: str | None = None


def summarize(run: RunDirectory, locks: Path) -> RunSummary:
    """Never raises for what a run's folder holds: one broken run must not hide the others."""
    try:
        ends = glance(run.journal)
        running = is_running(locks, run.run_id)
    except StateError as error:
        return RunSummary(run_id=run.run_id, fault=error.message)
    if ends is None:
        fault = "about to begin" if running else "never began: nothing was triggered"
        return RunSummary(run_id=run.run_id, fault=fault)
    first, last = ends
    if not isinstance(first.event, RunStarted):
        return RunSummary(run_id=run.run_id, fault="the journal does not begin with the start of a run")
    status, ended, code = _end(last.event, running=running)
    return RunSummary(
        run_id=run.run_id,
        pipeline=first.event.pipeline,
        run_key=first.event.run_key,
        status=status,
        started=first.time,
        ended=last.time if ended else None,
        exit_code=code,
        resumable=status is RunStatus.INTERRUPTED and not running,
    )


def _end(last: object, *, running: bool) -> tuple[RunStatus, bool, int | None]:
    """A journal that nobody writes and that has no end is that of a killed process: interrupted, with no exit code."""
    if isinstance(last, RunEnded):
        return last.status, True, last.exit_code
    return (RunStatus.RUNNING if running else RunStatus.INTERRUPTED), False, None
