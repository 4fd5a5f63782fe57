"""What `run` and `resume` share: a state, a journal and a connection become a run that ends, with its report written."""

import io
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from spectrum_pipelines.app.connection import Connection
from spectrum_pipelines.app.deliver import Renderings, tell_github
from spectrum_pipelines.cli.signals import Signals
from spectrum_pipelines.cli.terminal import say, wants_color
from spectrum_pipelines.clock import Clock
from spectrum_pipelines.engine.facts import Event
from spectrum_pipelines.engine.requests import Request
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.errors import ExitCode
from spectrum_pipelines.report.build import HttpCounts
from spectrum_pipelines.report.file import ReportFile, ReportKeeper
from spectrum_pipelines.report.json_text import report_json
from spectrum_pipelines.runner.guard import left
from spectrum_pipelines.runner.loop import Calls, Heard, Interrupted, Journal, RunClock, Runner
from spectrum_pipelines.runner.workers import Workers
from spectrum_pipelines.store.folder.state_directory import StateDirectory
from spectrum_pipelines.store.folder.store import FolderStore
from spectrum_pipelines.store.past_durations import past_durations
from spectrum_pipelines.words.wording import can_show_glyphs

if TYPE_CHECKING:
    from spectrum_pipelines.progress.base import Progress

#: Seconds between two signs of life, and what a progress display may lag behind.
_TICK = 0.5


class Shown(Struct, frozen=True, kw_only=True):
    """What people get to see: where the report goes, and how progress is told."""

    report: Path | None
    progress: str
    renderings: Renderings = field(default_factory=Renderings)

    @property
    def report_on_stdout(self) -> bool:
        """`--report -`."""
        return self.report is not None and str(self.report) == "-"

    def on_retry(self) -> Callable[[str], None] | None:
        """Say that a lost question is asked again, where lines are told; a bar shows it as time that passes."""
        plain = self.progress == "plain" or (self.progress == "auto" and not draws_bar())
        return (lambda told: say("note", told)) if plain else None

    def path(self, kept: Path) -> Path:
        """Where the report is to be found. `kept` is where the state directory has it."""
        return kept if self.report is None or self.report_on_stdout else self.report

    def files(self, kept: Path) -> list[ReportFile]:
        """The report in the state directory, and the one that was asked for. Raises UserError if something cannot be written."""
        wanted = [kept] if self.report is None or self.report_on_stdout else [kept, self.report]
        files = [ReportFile(path) for path in wanted]
        for file in files:
            file.probe()
        self.renderings.probe(self.path(kept))
        return files


class _Ticking:
    """Calls that wait in short steps and let others have their say before each."""

    def __init__(self, inner: Calls, tick: Callable[[], None]) -> None:
        self._inner = inner
        self._tick = tick

    def submit(self, request: Request) -> None:
        self._inner.submit(request)

    def collect(self, timeout: float | None) -> list[Heard | Interrupted]:
        self._tick()
        return self._inner.collect(_TICK if timeout is None else min(timeout, _TICK))


class Session(Struct, frozen=True, kw_only=True):
    """Everything one process needs to carry a run to its end. `recorded` facts stand in the journal already."""

    state: RunState
    directory: StateDirectory
    journal: Journal
    connection: Connection
    signals: Signals
    shown: Shown
    reports: list[ReportFile]
    clock: Clock
    run_clock: RunClock
    started: datetime | None
    stack: ExitStack
    recorded: int = 0

    def carry_out(self, first: Iterable[Event]) -> int:
        """Run to the end and return the exit code."""
        state, api = self.state, self.connection.api
        state.past.update(past_durations(FolderStore(self.directory.path), state.pipeline, self.connection.url))
        counts = lambda: HttpCounts(requests=api.requests, retries=api.retries)  # noqa: E731 - read at every write
        keeper = ReportKeeper(*self.reports, clock=self.clock, http=counts, started=self.started)
        progress = make_progress(self.shown.progress, seq=self.recorded + 1)
        self.stack.callback(progress.close)
        self.signals.last_words = progress.close

        def tick() -> None:
            now_at = self.run_clock.at()
            progress.tick(state, now_at)
            keeper.tick(state, now_at)

        workers = Workers(self.connection.perform, connections=state.pipeline.http.max_connections)
        runner = Runner(
            state,
            calls=_Ticking(workers, tick),
            journal=self.journal,
            clock=self.run_clock,
            observers=[progress, keeper],
        )
        self.signals.listen(workers.interrupt)
        runner.run(*first)
        progress.close()
        return self._finish(runner, keeper)

    def _finish(self, runner: Runner, keeper: ReportKeeper) -> int:
        assert self.state.ended is not None
        report = keeper.build(self.state, self.run_clock.at())
        lost = keeper.error
        code = int(self.state.ended.exit_code)
        if runner.broken is not None:
            leaving = left(runner.broken)
            code = leaving.exit_code
            say("error", leaving.told)
        elif lost is not None:
            code = code or ExitCode.FAILED
            say("error", f"the report could not be written: {lost}")
        if runner.broken is not None or lost is not None:
            sys.stderr.write(report_json({**report, "exit_code": int(code)}))
        told = lost is not None or runner.broken is not None or tell(report, self.shown, kept=self.reports[0].path)
        whole = publish({**report, "exit_code": int(code)}, self.shown, kept=self.reports[0].path)
        return code if told and whole else code or ExitCode.FAILED


class _Outliving(io.FileIO):
    """Standard error whose reader may leave, whose terminal may close and whose disk may be full."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


def outlive_readers() -> None:
    """Let no write to stderr end a run: `2>&1 | head` must neither stop it half-way nor have an exit code of its own."""
    if sys.stderr is sys.__stderr__ and sys.stderr is not None:
        raw = _Outliving(sys.stderr.fileno(), "w", closefd=False)
        encoding = sys.stderr.encoding
        sys.stderr = io.TextIOWrapper(
            io.BufferedWriter(raw), encoding=encoding, errors="backslashreplace", line_buffering=True
        )


def tell(report: dict[str, Any], shown: Shown, *, kept: Path) -> bool:
    """The end of a run: for people on stderr, for `--report -` on stdout. `kept` is where the state directory has the report.

    False if stdout could not be written.
    """
    if shown.progress not in {"json", "none"}:
        from spectrum_pipelines.render.report.text import report_text  # noqa: PLC0415 - at the end only

        glyphs = can_show_glyphs(sys.stderr.encoding)
        sys.stderr.write(report_text(report, color=wants_color(sys.stderr), width=_width(), glyphs=glyphs))
        say("report", str(shown.path(kept)))
    if shown.report_on_stdout:
        from spectrum_pipelines.cli.printed import OutputLost, put  # noqa: PLC0415 - few want it

        try:
            put(report_json(report))
        except OutputLost as error:
            say("error", error.message)
            return False
    return True


def publish(report: dict[str, Any], shown: Shown, *, kept: Path) -> bool:
    """What others get of a run: files that were asked for, and GitHub. False if something that was asked for was lost."""
    tell_github(report, report_path=shown.path(kept), annotate=shown.progress != "json")
    return shown.renderings.write(report)


def deliver(report: dict[str, Any], shown: Shown, *, kept: Path) -> bool:
    """The report of a run that had ended before: written to where it was asked for, and told again. False as `publish`."""
    if shown.report is not None and not shown.report_on_stdout:
        ReportFile(shown.report).write(report)
    told = tell(report, shown, kept=kept)
    return publish(report, shown, kept=kept) and told


def _width() -> int:
    import shutil  # noqa: PLC0415 - at the end only

    return shutil.get_terminal_size((100, 24)).columns


def make_progress(kind: str, *, seq: int) -> "Progress":
    """The progress display; `auto` is a bar on a terminal that can show one, plain lines elsewhere. `seq` numbers the next fact."""
    stream = sys.stderr
    if kind == "auto":
        kind = "bar" if draws_bar() else "plain"
    match kind:
        case "bar":
            from spectrum_pipelines.progress.bar import BarProgress  # noqa: PLC0415 - rich

            return BarProgress(stream, color=wants_color(stream), glyphs=can_show_glyphs(stream.encoding))
        case "json":
            from spectrum_pipelines.progress.json_lines import JsonProgress  # noqa: PLC0415

            return JsonProgress(stream, seq=seq, is_held=True)
        case "none":
            from spectrum_pipelines.progress.base import NoProgress  # noqa: PLC0415

            return NoProgress()
        case _:
            from spectrum_pipelines.progress.plain import PlainProgress  # noqa: PLC0415

            return PlainProgress(stream, color=wants_color(stream), is_held=True)


def draws_bar() -> bool:
    """Stderr is a terminal that can draw a line anew."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
