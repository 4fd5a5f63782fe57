import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import JobStatus
from spectrum_pipelines.progress.bar import BarProgress
from spectrum_pipelines.progress.base import Progress
from tests.report.runs import RUNS, Run, begun, ended, failed_run, running_run, sales_pipeline, started, succeeded_run

_TOKEN = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])|(\r|\n)|([^\x1b\r\n]+)")


class Terminal:
    """The part of a terminal that is needed to know what is on the screen in the end."""

    def __init__(self, output: str) -> None:
        self.lines = [""]
        self.row = self.column = 0
        self.shows_cursor = True
        matched = 0
        for token in _TOKEN.finditer(output):
            matched += len(token[0])
            self._obey(*token.groups(""))
        assert matched == len(output), "a sequence that this terminal does not know"

    def _obey(self, number: str, command: str, control: str, text: str) -> None:
        match (command or control, number):
            case ("A", _):
                self.row -= int(number or 1)
                assert self.row >= 0
            case ("K", "2"):
                self.lines[self.row] = ""
            case ("h" | "l", "?25"):
                self.shows_cursor = command == "h"
            case ("m", _):
                pass
            case ("\r", _):
                self.column = 0
            case ("\n", _):
                self.row, self.column = self.row + 1, 0
                self.lines += [""] * (self.row + 1 - len(self.lines))
            case ("", _):
                line = self.lines[self.row].ljust(self.column)
                self.lines[self.row] = line[: self.column] + text + line[self.column + len(text) :]
                self.column += len(text)
            case _:
                raise AssertionError((command, number))

    @property
    def shown(self) -> list[str]:
        return [line.rstrip() for line in self.lines if line.strip()]


def drawn(make: Callable[..., Run], *, close: bool = True, color: bool = True, glyphs: bool = True) -> str:
    stream = io.StringIO()
    show = BarProgress(stream, color=color, glyphs=glyphs)
    run = make(show)
    show.tick(run.state, run.at + 1)
    if close:
        show.close()
    return stream.getvalue()


def test_while_the_run_goes_on_every_job_is_on_the_screen_once() -> None:
    shown = Terminal(drawn(running_run, close=False)).shown
    warning, head, *jobs = shown
    assert warning == "warning: orders: execution 11 has the status 'ODD', which nobody knows; it counts as running"
    assert head == "▸ nightly-sales running 12s ────────── 0/6  2 running, 4 pending"
    assert [line.split()[1] for line in jobs] == ["orders", "customers", "sales", "copy", "alert", "cleanup"]


@pytest.mark.parametrize("make", [succeeded_run, failed_run])
def test_in_the_end_nothing_stays_for_the_report_says_it_all(make: Callable[..., Run]) -> None:
    assert Terminal(drawn(make)).shown == []


def test_of_a_run_that_has_not_ended_the_head_and_what_may_still_run_stay() -> None:
    assert [line.split()[1] for line in Terminal(drawn(running_run)).shown] == [
        "orders:",
        "nightly-sales",
        "orders",
        "customers",
    ]


def test_a_question_without_an_answer_is_told_for_a_while() -> None:
    def make(show: Progress) -> Run:
        run = running_run(show)
        assert isinstance(show, BarProgress)
        show.asked_again("GET http://127.0.0.1:8080/api/x: 127.0.0.1:8080 refuses connections; retry 1 of 5 in 0.8s")
        return run

    assert Terminal(drawn(make, close=False)).shown[-1] == "  127.0.0.1:8080 refuses connections; retry 1 of 5 in 0.8s"
    stream = io.StringIO()
    show = BarProgress(stream)
    run = make(show)
    show.tick(run.state, run.at + 6)
    assert Terminal(stream.getvalue()).shown[-1].startswith("  · cleanup")


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_the_cursor_is_behind_the_last_line_and_visible(make: Callable[..., Run]) -> None:
    terminal = Terminal(drawn(make))
    assert terminal.shows_cursor
    assert terminal.column == 0
    assert terminal.row == len(terminal.shown)


def test_a_process_that_dies_leaves_a_visible_cursor() -> None:
    assert Terminal(drawn(running_run, close=False)).shows_cursor


def test_without_colour_there_is_none() -> None:
    output = drawn(failed_run, color=False)
    assert re.search(r"\x1b\[[0-9;]*m", output) is None
    assert Terminal(output).shown == Terminal(drawn(failed_run)).shown


def test_without_glyphs_all_is_ascii() -> None:
    assert drawn(failed_run, glyphs=False).isascii()


class Ascii(io.TextIOWrapper):
    def __init__(self) -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding="ascii", errors="strict", newline="")


def test_what_the_terminal_cannot_encode_is_escaped() -> None:
    stream = Ascii()
    show = BarProgress(stream, glyphs=False)
    run = begun(sales_pipeline(), show).wait(1)
    begin = ev.AttemptStarted(job=next(iter(run.state.jobs)), attempt=1)
    run.add(begin, *ended("orders", JobStatus.FAILED, "Büro"))
    show.close()
    assert b"failed: B\\xfcro" in stream.bytes.getvalue()


def test_markup_in_foreign_text_is_text() -> None:
    def make(show: Progress) -> Run:
        run = begun(sales_pipeline(), show).wait(1)
        begin = ev.AttemptStarted(job=next(iter(run.state.jobs)), attempt=1)
        return run.add(begin, *ended("orders", JobStatus.FAILED, "[red]boom[/red] :smile:"))

    assert Terminal(drawn(make)).shown[-1].endswith("failed: [red]boom[/red] :smile:")


def test_a_burst_of_facts_is_drawn_once() -> None:
    stream = io.StringIO()
    show = BarProgress(stream)
    run = Run(sales_pipeline(), show).add(started())
    before = stream.getvalue()
    run.wait(0.1).add(ev.PreflightPassed())
    show.tick(run.state, run.at)
    assert stream.getvalue() == before
    run.wait(0.2).add(ev.AttemptStarted(job=next(iter(run.state.jobs)), attempt=1))
    assert stream.getvalue() != before


def test_closing_twice_and_talking_afterwards_does_no_harm() -> None:
    stream = io.StringIO()
    show = BarProgress(stream)
    run = running_run(show)
    show.close()
    before = stream.getvalue()
    show.close()
    show.tick(run.state, 100.0)
    assert stream.getvalue() == before


def test_closing_before_anything_happened_draws_nothing() -> None:
    stream = io.StringIO()
    BarProgress(stream).close()
    assert stream.getvalue() == ""


class Gone(io.StringIO):
    """A terminal that was closed."""

    def write(self, text: str) -> int:
        raise OSError(5, text)


def test_a_terminal_that_is_gone_does_not_end_the_run() -> None:
    show = BarProgress(Gone())
    assert succeeded_run(show).state.ended is not None
    show.close()


_CHILD = """
import os, signal, sys
from spectrum_pipelines.progress.bar import BarProgress
from tests.report.runs import running_run
show = BarProgress(sys.stderr)
run = running_run(show)
if "kill" in sys.argv:
    os.kill(os.getpid(), signal.SIGKILL)
show.close()
"""


@contextmanager
def pty_of(columns: int, lines: int) -> Iterator[tuple[int, int]]:
    fcntl, pty, struct, termios = (pytest.importorskip(name) for name in ("fcntl", "pty", "struct", "termios"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    try:
        yield ours, theirs
    finally:
        os.close(ours)


def on_a_terminal(columns: int, lines: int, *arguments: str) -> tuple[str, int]:
    """What a real process writes on a real terminal of that size, and its exit code."""
    root = Path(__file__).parents[2]
    with pty_of(columns, lines) as (ours, theirs):
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD, *arguments], cwd=root, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        output = b""
        try:
            while piece := os.read(ours, 65_536):
                output += piece
        except OSError:  # the other end is closed
            pass
        return output.decode(), child.wait(timeout=10)


def test_on_a_real_terminal_nothing_wraps_and_nothing_scrolls_away() -> None:
    output, code = on_a_terminal(40, 6)
    assert code == 0
    for line in re.sub(r"\x1b\[\??[0-9;]*[A-Za-z]", "", output).splitlines():
        assert len(line) < 40 or line.startswith("warning:")
    head, orders, customers = Terminal(output).shown[-3:]
    assert head.startswith("▸ nightly-sales running")
    assert (orders.split()[1], customers.split()[1]) == ("orders", "customers")


def test_a_process_that_is_killed_leaves_the_terminal_usable() -> None:
    output, code = on_a_terminal(80, 24, "kill")
    assert code == -signal.SIGKILL
    assert Terminal(output).shows_cursor
    assert "\x1b[?1049h" not in output
