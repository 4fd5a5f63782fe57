"""The state directory: what outlives a process.

::

    .spectrum-pipelines/
        .gitignore              so that nobody commits it
        runs/RUN_ID/            journal.jsonl  pipeline.yaml  plan.json  report.json
        locks/                  one file per concurrency group, run and run key; see `locks`
        keys/                   which run a run key stands for; see `run_keys`
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from spectrum_pipelines.errors import StateError
from spectrum_pipelines.files import in_words, open_regular, sync_folder, write_all
from spectrum_pipelines.store.folder.run_directory import RunDirectory
from spectrum_pipelines.store.folder.run_listing import summarize
from spectrum_pipelines.store.heads import is_run_id, run_id_of
from spectrum_pipelines.store.interface import RunHead

#: What a short run needs at least; a disk with less left would fail it in the middle.
_PROBE_BYTES = 1 << 18
_TRIES = 100
_ELSEWHERE = "make it writable, or choose another directory with --state-dir"


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """A state directory that may not exist yet: only `prepare`, `probe` and `new_run` create anything."""

    path: Path

    @property
    def runs_folder(self) -> Path:
        """One folder per run."""
        return self.path / "runs"

    @property
    def locks(self) -> Path:
        """Lock files, kept for ever: a lock file that is removed while somebody waits for it would be two locks."""
        return self.path / "locks"

    @property
    def keys(self) -> Path:
        """Run keys."""
        return self.path / "keys"

    def prepare(self) -> None:
        """Create what is missing. Raises StateError."""
        try:
            self._create()
        except OSError as error:
            message = f"the state directory {self.path} cannot be used: {in_words(error)}"
            raise StateError(message, hint=_ELSEWHERE) from error
        for folder in (self.runs_folder, self.locks, self.keys):
            if folder.is_symlink():
                hint = "remove it; to keep the state elsewhere, give that directory with --state-dir"
                raise StateError(f"{folder} is a symbolic link, which is not followed", hint=hint)

    def _create(self) -> None:
        if not self.path.exists():
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if next(self.path.iterdir(), None) is None:
            # Only where there is nothing else: in a directory that the user has shared with other files, `*` would hide those.
            with suppress(FileExistsError):
                descriptor = open_regular(self.path / ".gitignore", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
                try:
                    write_all(descriptor, b"*\n")
                finally:
                    os.close(descriptor)
        for folder in (self.runs_folder, self.locks, self.keys):
            folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(self.path)

    def probe(self) -> None:
        """Find out before the first trigger whether a journal can be kept here. Raises StateError."""
        self.prepare()
        probe = self.runs_folder / f".probe-{os.getpid()}"
        try:
            descriptor = open_regular(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            try:
                write_all(descriptor, bytes(_PROBE_BYTES))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
                probe.unlink(missing_ok=True)
        except OSError as error:
            message = f"nothing can be written to the state directory {self.path}: {in_words(error)}"
            raise StateError(message, hint="make room there, or choose another directory with --state-dir") from error

    def new_run(self, started: datetime, token: Callable[[], str]) -> RunDirectory:
        """Create the folder of a new run. `token` gives four random hex digits, each time others. Raises StateError."""
        self.prepare()
        for _ in range(_TRIES):
            run_id = run_id_of(started, token())
            run = RunDirectory(self.runs_folder / run_id)
            try:
                run.make()
                sync_folder(self.runs_folder)
            except FileExistsError:
                continue
            except OSError as error:
                raise StateError(f"{run.path} cannot be created: {in_words(error)}", hint=_ELSEWHERE) from error
            return run
        raise StateError(f"{self.runs_folder} has no free run id for this second", hint="try again")

    def find(self, run_id: str) -> RunDirectory | None:
        """The run of this id, if there is one; nothing but a run id ever becomes a path."""
        run = RunDirectory(self.runs_folder / run_id) if is_run_id(run_id) else None
        return run if run is not None and run.exists() else None

    def runs(self) -> list[RunHead]:
        """Every run, the newest first. Raises StateError only if the directory itself cannot be read."""
        return [summarize(run, self.locks) for run in self.newest_runs()]

    def newest_runs(self) -> list[RunDirectory]:
        """The folder of every run, the newest first. Raises StateError if the directory cannot be read."""
        try:
            names = [entry.name for entry in os.scandir(self.runs_folder) if entry.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StateError(f"{self.runs_folder} cannot be read: {in_words(error)}", hint=_ELSEWHERE) from error
        return [RunDirectory(self.runs_folder / name) for name in sorted(names, reverse=True) if is_run_id(name)]
