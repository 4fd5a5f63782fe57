"""A front end for a terminal and for CI: notices and progress on stderr, the report in files, on stdout and where GitHub looks."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct, field
from msgspec.structs import replace

from spectrum_pipelines import __version__
from spectrum_pipelines.app.checkout import named_from, root
from spectrum_pipelines.app.deliver import GitHubStep, Renderings, is_why
from spectrum_pipelines.app.front import Front
from spectrum_pipelines.cli.inputs import Named, are_apart, hold_apart, inputs, pipeline_files, pipeline_on_disk
from spectrum_pipelines.cli.signals import Signals
from spectrum_pipelines.cli.streams import OutputLost
from spectrum_pipelines.cli.terminal import say, wants_color, width_of, width_to_read
from spectrum_pipelines.cli.traces import traced
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.document.source import Source, leaves_its_checkout
from spectrum_pipelines.errors import ExitCode, StateError
from spectrum_pipelines.report.file import ReportFile
from spectrum_pipelines.report.json_text import report_json
from spectrum_pipelines.words.wording import can_show_glyphs

if TYPE_CHECKING:
    from spectrum_pipelines.app.armed import Armed
    from spectrum_pipelines.engine.facts import Stamped
    from spectrum_pipelines.engine.state.run import RunState
    from spectrum_pipelines.progress.base import Progress
    from spectrum_pipelines.store.interface import RunStore, Store


class Shown(Struct, frozen=True, kw_only=True):
    """What people get to see: where the report goes, and how progress is told."""

    report: Path | None
    progress: str
    renderings: Renderings = field(default_factory=Renderings)

    @property
    def report_on_stdout(self) -> bool:
        """`--report -`."""
        return self.report is not None and str(self.report) == "-"

    @property
    def report_file(self) -> Path | None:
        """The file of `--report`."""
        return None if self.report_on_stdout else self.report

    @property
    def outputs(self) -> tuple[Named, ...]:
        """Every file that is to be written."""
        own = () if self.report_file is None else (Named(by="--report", path=self.report_file),)
        return (*own, *(Named(by=option, path=path) for option, _, path in self.renderings.wanted()))

    def without(self, read: Sequence[Named]) -> "Shown":
        """The same without the outputs that are files to read."""
        report = self.report if self.report_file is None or are_apart(self.report_file, read) else None
        paths = {form: path for form, path in self.renderings.paths.items() if are_apart(path, read)}
        return replace(self, report=report, renderings=Renderings(paths=paths))


class Terminal:
    """Notices on stderr. `retries`: say that a lost question is asked again; a bar, once it is drawn, shows that `in_bar`."""

    def __init__(self, *, retries: bool = True) -> None:
        self._retries = retries
        self.in_bar: Callable[[str], None] | None = None

    def note(self, text: str, *, hint: str | None = None) -> None:
        """`note: text`."""
        say("note", text, hint=hint)

    def warning(self, text: str, *, hint: str | None = None) -> None:
        """`warning: text`."""
        say("warning", text, hint=hint)

    def next(self, command: str) -> None:
        """`next: command`."""
        say("next", command)

    def findings(self, found: Sequence[Diagnostic], shown: Sequence[Source]) -> None:
        """Each finding with its lines."""
        show_findings(found, shown)

    def asked_again(self, text: str) -> None:
        """`note: text`, or where a bar is drawn a line of it."""
        if self.in_bar is not None:
            self.in_bar(text)
        elif self._retries:
            say("note", text)


def show_findings(found: Sequence[Diagnostic], shown: Sequence[Source]) -> None:
    """Findings for people, on stderr."""
    if not found:
        return
    from spectrum_pipelines.cli.given import pasted_hints  # noqa: PLC0415 - a good file needs none
    from spectrum_pipelines.render.findings.text import render_text  # noqa: PLC0415

    sources = {it.name: it for it in shown}
    told = pasted_hints(found, sys.stderr)
    sys.stderr.write(render_text(told, sources, color=wants_color(sys.stderr), width=width_to_read(sys.stderr)))


class ToPeople:
    """Hands the report of a run out: told on stderr, written to files and to stdout, and left where GitHub Actions looks."""

    def __init__(self, shown: Shown, *, read: Sequence[Named] = (), environ: Mapping[str, str] = os.environ) -> None:
        """`read` are the files that the command reads, as far as they are known from the outset."""
        self._shown = shown
        self._read = read
        self._environ = environ
        self._is_told = False  # which of the files are elsewhere in truth

    def hold_apart(self) -> None:
        """Refuse to write over what is read. Raises UserError."""
        hold_apart(self._shown.outputs, self._read)

    def files(self, read: Iterable[str]) -> Sequence[ReportFile]:
        """`--report`, if it names a file. Raises UserError and StateError if something that was asked for cannot be written."""
        hold_apart(self._shown.outputs, pipeline_files(read))
        path = self._shown.report_file
        files = [] if path is None else [ReportFile(path)]
        for file in files:
            file.probe()
        self._shown.renderings.probe(path)
        self._tell_of_links()
        return files

    def _tell_of_links(self) -> None:
        path = self._shown.report_file
        written = (*(() if path is None else (path,)), *self._shown.renderings.paths.values())
        for one in () if self._is_told else written:
            if leaves_its_checkout(str(one)):
                say("warning", f"{one} leads out of its checkout by a link: {os.path.realpath(one)} is written")
        self._is_told = True

    def about(self, run: "RunStore", store: "Store", *, is_under_way: bool) -> None:
        """Nothing is to be done."""

    def abandon(self, report: Mapping[str, Any], *, kept: str | None) -> None:
        """Files, stdout and GitHub get a report; what went wrong is told elsewhere. What is read is not written over, even now."""
        if any(it.path.is_file() for it in self._shown.outputs):
            self._shown = self._shown.without((*self._read, *pipeline_on_disk(report["pipeline"]["file"])))
        self._tell_of_links()
        path = self._shown.report_file
        if path is not None:
            try:
                ReportFile(path).write(report)
            except StateError as error:
                if not is_why(report, error):
                    say("warning", error.message)
        self._put(report)
        self._publish(report, str(path or kept or ""))
        if report["exit_code"] == ExitCode.BUG and report["next"]:
            say(
                "next", report["next"]
            )  # the same command again would begin a new run, beside what this one has triggered

    def deliver(self, report: Mapping[str, Any], *, kept: str | None, lost: Sequence[str] = ()) -> bool:
        """False if the report could not be written to stdout."""
        where = str(self._shown.report_file or kept or "")
        for fault in lost:
            say("error", fault)
        if lost:
            sys.stderr.write(report_json(report))
        else:
            self._tell(report, where)
        whole = self._put(report)
        self._publish(report, where)
        return whole

    def _tell(self, report: Mapping[str, Any], where: str) -> None:
        if self._shown.progress == "json":  # what stands on stderr is for programs
            return
        from spectrum_pipelines.cli.given import pasted  # noqa: PLC0415 - at the end only
        from spectrum_pipelines.render.report.text import report_text  # noqa: PLC0415

        glyphs = can_show_glyphs(sys.stderr.encoding)
        color, width = wants_color(sys.stderr), width_of(sys.stderr)
        kept = where or None
        sys.stderr.write(report_text(report, color=color, width=width, glyphs=glyphs, kept=kept, pasted=pasted))
        sys.stderr.flush()

    def _put(self, report: Mapping[str, Any]) -> bool:
        if not self._shown.report_on_stdout:
            return True
        from spectrum_pipelines.cli.printed import put  # noqa: PLC0415 - few want it

        try:
            put(report_json(report))
        except OutputLost as error:
            say("error", error.message)
            return False
        return True

    def _publish(self, report: Mapping[str, Any], where: str) -> None:
        notices, checkout = Terminal(), root(self._environ)
        if self._environ.get("GITHUB_ACTIONS") == "true":
            workspace = Path(self._environ.get("GITHUB_WORKSPACE") or checkout)
            output, summary = (self._environ.get(name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"))
            step = GitHubStep(output=output, summary=summary, workspace=workspace)
            if self._shown.progress != "json":
                sys.stderr.write(step.annotations(report))
                sys.stderr.flush()
            # Later steps begin in the root of the repository, whatever the working directory of this one.
            step.write(report, report_path=named_from(checkout, where) if where else "", notices=notices)
        self._shown.renderings.write(report, notices, checkout=checkout)


class LastWords:
    """What a person reads when a second signal ends the process: which run it was, and how to go on with it.

    An observer of the run; `progress` is closed first. `is_told`: stderr is for people.
    """

    def __init__(self, *, is_told: bool) -> None:
        self.progress: Progress | None = None
        self._is_told = is_told
        self._state: RunState | None = None

    def __call__(self, fact: "Stamped", state: "RunState") -> None:  # noqa: ARG002 - an observer's signature
        """Remember the run."""
        self._state = state

    def say(self) -> None:
        """Called by a signal, in the midst of anything: nothing is computed that is not at hand."""
        from spectrum_pipelines.report.commands import about_run  # noqa: PLC0415 - known by now

        if self.progress is not None:
            self.progress.close()
        state = self._state
        if self._is_told and state is not None and state.facts is not None and state.ended is None:
            say("interrupted", f"run {state.run_id} was ended at once: what it started may still run")
            say("next", about_run(state.facts, "resume"))


def front_of(shown: Shown, signals: Signals, delivery: "Armed") -> Front:
    """The front end of a command that carries a run out."""

    def progress(recorded: int) -> "Progress":
        made = make_progress(shown.progress, seq=recorded + 1)
        words.progress = made
        notices.in_bar = getattr(made, "asked_again", None)  # a bar has it
        return made

    words = LastWords(is_told=shown.progress != "json")
    signals.last_words = words.say

    plain = shown.progress == "plain" or (shown.progress == "auto" and not draws_bar())
    notices = Terminal(retries=plain)
    return Front(
        notices=notices,
        delivery=delivery,
        abort=signals.abort,
        progress=progress,
        observers=(words,),
    )


@contextmanager
def ready(shown: Shown, *, patience: float | None = None, **asked: Any) -> Iterator[Front]:
    """The front end of a command that carries a run out, from the moment on at which it is known where the report goes.

    `asked` are the fields of `Unstarted`: what is known of the run. `patience`: `--wait-for-server`, in seconds.
    """
    from spectrum_pipelines.app.armed import armed  # noqa: PLC0415 - `--help` needs none of it
    from spectrum_pipelines.report.unstarted import Unstarted  # noqa: PLC0415

    clock = SystemClock()
    unstarted = Unstarted(began=clock.now(), tool_version=__version__, **asked)
    context = click.get_current_context(silent=True)
    people = ToPeople(shown, read=inputs({} if context is None else context.params, os.environ))
    with (
        armed(people, unstarted, clock=clock, redact=_of_a_bug) as delivery,
        traced(os.environ) as observers,
        Signals(clock) as signals,
    ):
        people.hold_apart()
        front = front_of(shown, signals, delivery)
        yield replace(front, observers=(*front.observers, *observers), patience=patience or 0.0)


def _of_a_bug(text: str) -> str:
    from spectrum_pipelines.cli.secrets import of_process  # noqa: PLC0415 - only a bug needs it

    context = click.get_current_context(silent=True)
    assigned = () if context is None else context.params.get("var") or ()
    return of_process(os.environ, (it.partition("=")[2] for it in assigned))(text)


def asking_front() -> Front:
    """The front end of a command that only asks."""
    return Front(notices=Terminal())


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
