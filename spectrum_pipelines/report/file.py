"""The run report on disk: always whole, whenever somebody looks, and current while the run goes on."""

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from spectrum_pipelines.clock import Clock
from spectrum_pipelines.engine.facts import RunEnded, RunStarted, Stamped
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.report.build import HttpCounts, build_report, started_at
from spectrum_pipelines.report.job_texts import JobTexts
from spectrum_pipelines.report.json_text import job_text, report_chunks
from spectrum_pipelines.words.shell import shell_word

_PROBE = b"\n" * 65_536
#: Seconds to let pass for each second that a write takes.
_SHARE = 100
_HINTS = {
    errno.ENOSPC: "free some space there, or choose another place",
    errno.EDQUOT: "the quota is used up: free some space there, or choose another place",
    errno.EACCES: "make its folder writable for this user, or choose another place",
    errno.EPERM: "make its folder writable for this user, or choose another place",
    errno.EROFS: "the file system is read-only: choose another place",
    errno.ENAMETOOLONG: "choose a shorter name",
}


class ReportPlace(Protocol):
    """Where a report is kept as a whole: a file, or the run's place in a store."""

    def put(self, *chunks: bytes) -> None:
        """Put the report in place, in pieces. Raises StateError."""
        ...


class ReportFile:
    """A file that is replaced as a whole: a reader sees the old report or the new one. Every failure is a StateError."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def probe(self) -> None:
        """Find out before the first trigger whether a report can be written: a folder, a right or the space may be missing."""
        target = self._target()
        try:
            self._replace(target, [_PROBE], keep=False)
        except OSError as error:
            raise self._failed(error) from error

    def write(self, report: Mapping[str, Any]) -> None:
        """Put the report in place; it is on disk when this returns."""
        self.put(*report_chunks(report, map(job_text, report["jobs"])))

    def put(self, *chunks: bytes) -> None:
        """Put a text in place, given in pieces; on disk when this returns."""
        target = self._target()
        try:
            self._replace(target, chunks, keep=True)
        except OSError as error:
            raise self._failed(error) from error

    def _target(self) -> Path:
        """Where a rename puts the report: behind a link, and never in the place of a device, a pipe or a folder."""
        target = Path(os.path.realpath(self.path))
        try:
            mode = target.stat().st_mode
        except FileNotFoundError:
            if not target.parent.is_dir():
                hint = f"create it first: `mkdir -p {shell_word(str(target.parent))}`"
                raise StateError(f"the folder of the report {self.path} does not exist", hint=hint) from None
        except OSError as error:
            raise self._failed(error) from error
        else:
            if stat.S_ISDIR(mode):
                raise StateError(f"the report {self.path} is a folder", hint="name a file in it, `report.json` say")
            if not stat.S_ISREG(mode):
                raise StateError(f"the report {self.path} is not a regular file", hint="name a file")
        return target

    @staticmethod
    def _replace(target: Path, chunks: Iterable[bytes], *, keep: bool) -> None:
        """Write beside the target, then rename if `keep`. Nothing is left behind in either case."""
        descriptor, name = tempfile.mkstemp(prefix=".report-", suffix=".tmp", dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(chunks)
                file.flush()
                os.fchmod(file.fileno(), 0o644)  # mkstemp's 0600 would keep the next step of a CI job from reading it
                os.fsync(file.fileno())
            if keep:
                Path(name).replace(target)
        finally:
            with contextlib.suppress(OSError):
                Path(name).unlink()

    def _failed(self, error: OSError) -> StateError:
        told = error.strerror or str(error)
        return StateError(f"cannot write the report {self.path}: {told}", hint=_HINTS.get(error.errno or 0))


class ReportKeeper:
    """Keeps report files current: an observer that never raises. `error` is why the last write failed, if it did.

    A write costs more the more jobs there are, so it happens at most every second, and takes at most a hundredth of the time; the
    last one happens always. All files have the same text. `started` must be given for a run that is resumed.
    """

    def __init__(
        self, *files: ReportPlace, clock: Clock, http: Callable[[], HttpCounts], started: datetime | None = None
    ) -> None:
        self.error: Exception | None = None
        self._files = files
        self._clock = clock
        self._http = http
        self._started = started
        self._texts = JobTexts()
        self._next_at = 0.0
        self._is_current = True

    def __call__(self, fact: Stamped, state: RunState) -> None:
        """Take note of a fact, and write if it is time."""
        if self._started is None and isinstance(fact.event, RunStarted):
            self._started = started_at(fact)
        self._is_current = False
        if isinstance(fact.event, RunEnded):
            self._write(state, fact.at)
        else:
            self.tick(state, fact.at)

    def tick(self, state: RunState, now_at: float) -> None:
        """Write what has been held back, if it is time. `now_at` is the run clock."""
        if not self._is_current and now_at >= self._next_at:
            self._write(state, now_at)

    def close(self) -> None:
        """Nothing is held open."""

    def _write(self, state: RunState, now_at: float) -> None:
        begin = self._clock.monotonic()
        self.error = None
        try:
            chunks = list(self._chunks(state, now_at))
        except Exception as error:  # noqa: BLE001 - a report must not end the run that it tells of
            self.error = error
        else:
            for file in self._files:
                self._put(file, chunks)
        self._is_current = self.error is None
        self._next_at = now_at + max(1.0, _SHARE * (self._clock.monotonic() - begin))

    def _put(self, file: ReportPlace, chunks: list[bytes]) -> None:
        try:
            file.put(*chunks)
        except Exception as error:  # noqa: BLE001 - likewise, and the other file may be written yet
            self.error = self.error or error

    def _chunks(self, state: RunState, now_at: float) -> Iterator[bytes]:
        report = build_report(state, started_at=self._began(), now_at=now_at, http=self._http(), jobs=[])
        return report_chunks(report, self._texts.of(state, self._began()))

    def build(self, state: RunState, now_at: float) -> dict[str, Any]:
        """The report as it stands, for whoever must print it when the file cannot be written."""
        return build_report(state, started_at=self._began(), now_at=now_at, http=self._http())

    def _began(self) -> datetime:
        assert self._started is not None, "a resumed run tells when it started"
        return self._started
