"""A store in a folder of this machine: `interface.Store` over the state directory."""

import errno
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from spectrum_pipelines.clock import Clock, SystemClock
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.files import in_words, read_capped, replace_file
from spectrum_pipelines.store.closing import Closing, Releasing
from spectrum_pipelines.store.folder import run_keys
from spectrum_pipelines.store.folder.journal import JournalFile, scan
from spectrum_pipelines.store.folder.locks import HeldLock, group_lock_path, holder_of, is_held, try_lock
from spectrum_pipelines.store.folder.provenance import hold_own
from spectrum_pipelines.store.folder.pruning import prune
from spectrum_pipelines.store.folder.queue import FolderPlace
from spectrum_pipelines.store.folder.run_directory import RunDirectory
from spectrum_pipelines.store.folder.run_listing import summarize
from spectrum_pipelines.store.folder.state_directory import StateDirectory
from spectrum_pipelines.store.history import Recorded
from spectrum_pipelines.store.holder import Holder, Who
from spectrum_pipelines.store.interface import Existing, Lease, NewRun, RunHead, RunStore
from spectrum_pipelines.store.texts import Texts, checked

_MAX_FILE = 256_000_000
_NO_ROOM = "make room there, or choose another place with --state"
_RUN, _GROUP = "run-", "group-"


class FolderLease(Releasing):
    """A lock of the kernel: ours until it is released, or until this process dies."""

    fence = 0
    seconds = math.inf
    is_lost = False

    def __init__(self, name: str, lock: HeldLock) -> None:
        self.name = name
        self._lock = lock

    def is_ours(self, *, for_seconds: float) -> bool:  # noqa: ARG002 - of an interface
        """Always: the kernel frees a lock when its process is gone, and not before."""
        return True

    def release(self) -> None:
        """Let others have it. May be called twice."""
        self._lock.release()


class FolderRun:
    """The folder of one run."""

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory

    @property
    def run_id(self) -> str:
        """The name of the folder."""
        return self.directory.run_id

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.directory.path)

    @property
    def report_path(self) -> str:
        """The file of the report."""
        return str(self.directory.report)

    def keep(self, texts: Texts, *, plan: str) -> None:
        """Store what is about to be run. Raises StateError."""
        if texts.fragments:
            self._put(self.directory.fragments, json.dumps(dict(texts.fragments)).encode("ascii"))
        self.directory.keep(pipeline_text=texts.pipeline, plan=plan)

    def texts(self, digest: str) -> Texts:
        """The texts that were run. Raises StateError."""
        texts = Texts(pipeline=self.directory.text(), fragments=self.directory.fragment_texts())
        return checked(texts, digest, run_id=self.run_id, place=str(self.directory.pipeline))

    def plan(self) -> bytes:
        """The plan that was kept. Raises StateError."""
        return self._read(self.directory.plan)

    def facts(self) -> Recorded:
        """The journal, and where a writer can go on. Raises StateError."""
        return scan(self.directory.journal)

    def journal(self, lease: Lease, recorded: Recorded | None = None) -> JournalFile:  # noqa: ARG002 - of an interface
        """Begin the journal, or go on behind what it has `recorded`. Raises StateError."""
        path = self.directory.journal
        try:
            return JournalFile.create(path) if recorded is None else JournalFile.reopen(path, recorded)
        except OSError as error:
            raise StateError(f"{path} cannot be written: {in_words(error)}", hint=_NO_ROOM) from error

    def put_report(self, *chunks: bytes) -> None:
        """Put the report in place, as a whole. Raises StateError."""
        self._put(self.directory.report, *chunks)

    def report(self) -> bytes | None:
        """The report as it was put last; None if there is none. Raises StateError."""
        try:
            return read_capped(self.directory.report, _MAX_FILE)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateError(f"{self.directory.report} cannot be read: {in_words(error)}") from error

    def forget(self) -> None:
        """Remove a run that never began."""
        if not self.directory.journal.exists():
            shutil.rmtree(self.directory.path, ignore_errors=True)

    def _read(self, path: Path) -> bytes:
        try:
            return read_capped(path, _MAX_FILE)
        except OSError as error:
            raise StateError(f"{path} cannot be read: {in_words(error)}", hint="put it back from a backup") from error

    def _put(self, path: Path, *chunks: bytes) -> None:
        try:
            replace_file(path, *chunks)
        except OSError as error:
            raise StateError(f"{path} cannot be written: {in_words(error)}", hint=_NO_ROOM) from error


class FolderStore(Closing):
    """The state directory as a store. `groups`: where the locks of concurrency groups are; None for the state directory's own."""

    is_shared = False

    def __init__(self, path: Path, *, groups: Path | None = None, clock: Clock | None = None) -> None:
        self.directory = StateDirectory(path)
        self._groups = groups
        self._why_not: str | None = None  # what keeps us from `groups`
        self._clock = clock or SystemClock()
        self._is_ours = False

    def _hold_own(self) -> None:
        """Before anything is done because of what stands in the folder; once is enough. Raises StateError."""
        if not self._is_ours:
            hold_own(self.directory.path)
            self._is_ours = True

    @property
    def name(self) -> str:
        """The folder."""
        return str(self.directory.path)

    def probe(self) -> None:
        """Find out whether a journal can be kept here. Raises StateError."""
        self._hold_own()
        self.directory.probe()

    def new_run(self, started: datetime, token: Callable[[], str]) -> FolderRun:
        """Create the folder of a new run. Raises StateError."""
        return FolderRun(self.directory.new_run(started, token))

    def find(self, run_id: str) -> FolderRun | None:
        """The run of this id, if there is one."""
        found = self.directory.find(run_id)
        return None if found is None else FolderRun(found)

    def newest(self, *, limit: int | None = None, pipeline: str | None = None) -> Iterator[RunHead]:
        """The runs, the newest first. Raises StateError if the folder cannot be read."""
        heads = (summarize(run, self.directory.locks) for run in self.directory.newest_runs())
        return islice((head for head in heads if pipeline is None or head.pipeline == pipeline), limit)

    def claim(self, key: str, new_run: Callable[[], RunStore], who: Who) -> NewRun | Existing:
        """The run that a run key stands for."""
        self._hold_own()
        made: list[RunStore] = []

        def make() -> RunDirectory:
            made.append(new_run())
            return RunDirectory(self.directory.runs_folder / made[-1].run_id)

        claimed = run_keys.claim(self.directory, key, make, process=who, clock=self._clock)
        if isinstance(claimed, run_keys.Existing):
            return Existing(run=FolderRun(claimed.run))
        return NewRun(run=made[-1], lease=FolderLease(f"{_RUN}{claimed.run.run_id}", claimed.lock))

    def lease(self, name: str, who: Who, *, run_id: str) -> FolderLease | None:
        """Take a lock, or None if somebody has it. Raises StateError."""
        self._hold_own()
        self.directory.prepare()
        lock = try_lock(self._lock_path(name), who.holding(run_id, self._clock))
        return None if lock is None else FolderLease(name, lock)

    def line_up(self, name: str, who: Who, *, run_id: str) -> FolderPlace:
        """A place at the end of the queue for a lock. Raises StateError."""
        self.directory.prepare()
        path = self._lock_path(name)
        return FolderPlace(path.with_suffix(".queue"), lambda: self.lease(name, who, run_id=run_id))

    def holder(self, name: str) -> Holder | None:
        """Who holds a lock; None if nobody does. Raises StateError."""
        path = self._lock_path(name)
        return holder_of(path) if is_held(path) else None

    def prune(self, *, older_than: timedelta, keep: int) -> int:
        """Delete old runs; how many. Raises StateError."""
        return prune(self.directory, before=self._clock.now() - older_than, keep=keep, clock=self._clock)

    def caveat(self, name: str) -> str | None:
        """That the locks of groups reach no further than this folder, if so."""
        if name.startswith(_RUN) or self._groups is None or self._group_folder() == self._groups:
            return None
        told = f"the folder for the locks of concurrency groups, {self._groups}, cannot be used: {self._why_not}"
        return f"{told}; runs of the group that keep their state elsewhere than in {self.name} are not seen"

    def _group_folder(self) -> Path:
        """One place per user, whatever the working directory; where that cannot be written, the state folder's own."""
        if self._groups is None:
            return self.directory.locks
        try:
            self._groups.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.access(self._groups, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            self._why_not = in_words(error)
            return self.directory.locks
        return self._groups

    def _lock_path(self, name: str) -> Path:
        if name.startswith(_RUN):
            return self.directory.locks / f"{name}.lock"
        return group_lock_path(self._group_folder(), name.removeprefix(_GROUP))

    def close(self) -> None:
        """Nothing is open."""
