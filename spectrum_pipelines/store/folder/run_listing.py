"""What `runs` shows of each run, from the two ends of its journal and its lock."""

from pathlib import Path

from spectrum_pipelines.errors import StateError
from spectrum_pipelines.store.folder.glance import glance
from spectrum_pipelines.store.folder.locks import holder_of
from spectrum_pipelines.store.folder.run_directory import RunDirectory
from spectrum_pipelines.store.folder.run_lock import is_running, run_lock_path
from spectrum_pipelines.store.heads import head_of
from spectrum_pipelines.store.interface import RunHead


def summarize(run: RunDirectory, locks: Path) -> RunHead:
    """Never raises for what a run's folder holds: one broken run must not hide the others."""
    try:
        ends = glance(run.journal)
        running = is_running(locks, run.run_id)
    except StateError as error:
        return RunHead(run_id=run.run_id, fault=error.message)
    holder = holder_of(run_lock_path(locks, run.run_id)) if running else None
    return head_of(run.run_id, ends, is_running=running, holder=holder)
