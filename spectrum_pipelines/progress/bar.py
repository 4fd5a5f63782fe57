"""Progress on a terminal: drawn in place by rich, which is loaded only with this module.

The terminal is never left in a state that somebody would have to undo: no alternate screen, nothing redirected, and the cursor
stays visible, so that even a process that is killed leaves a usable terminal behind.
"""

import os
from typing import TextIO

from rich.console import Console, ConsoleDimensions
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType
from rich.text import Text

from spectrum_pipelines.engine.facts import Stamped, Warned
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.pipeline.secrets import secrets_of
from spectrum_pipelines.progress.screen import Screen, ScreenLine, draw, draw_end
from spectrum_pipelines.words.columns import width_of

#: Seconds for which a question that got no answer is told.
_TOLD_FOR = 5.0
#: Seconds between two drawings: faster than this, nobody sees anything.
_PAUSE = 0.2
_UNKNOWN_SIZE = (80, 24)


class BarProgress:
    """A screenful that changes in place. `glyphs`: the stream can carry them. Errors of the stream end the drawing, not the run."""

    def __init__(self, stream: TextIO, *, color: bool = True, glyphs: bool = True) -> None:
        self._stream = stream
        self._glyphs = glyphs
        # An empty environment: NO_COLOR, TERM and COLUMNS have been read by whoever chose this kind of progress.
        self._console = Console(
            file=stream,
            force_terminal=True,
            color_system="standard" if color else None,
            legacy_windows=False,
            _environ={},
        )
        self._live: Live | None = None
        self._is_open = True
        self._drawn_at: float | None = None
        self._last: tuple[RunState, float] | None = None
        self._told: tuple[str, float] | None = None  # and when, on the run clock
        self._drawn: list[int] = []  # cells of each line of the last drawing
        self._drawn_width = 0  # cells of the terminal then

    def __call__(self, fact: Stamped, state: RunState) -> None:
        """Draw what has changed. A warning stays on the screen, above what changes."""
        if isinstance(fact.event, Warned):
            self._draw(state, fact.at, above=_warning(fact.event, self._screen(state)))
        else:
            self.tick(state, fact.at)

    def tick(self, state: RunState, now_at: float) -> None:
        """Draw, for at least the elapsed time has changed; but not more often than eyes can follow."""
        self._last = (state, now_at)
        if self._drawn_at is None or now_at - self._drawn_at >= _PAUSE:
            self._draw(state, now_at)

    def asked_again(self, text: str) -> None:
        """A question got no answer and is asked again: shown below the jobs for some seconds. From any thread."""
        # What was asked comes first, and most screens have room for no more than why it got no answer.
        asked, _, cause = text.partition(": ")
        self._told = (cause or asked, self._last[1] if self._last else 0.0)

    def _draw(self, state: RunState, now_at: float, *, above: ScreenLine | None = None) -> None:
        self._last = (state, now_at)
        self._drawn_at = now_at
        screen, told = self._screen(state), self._told
        lines = draw(state, now_at, screen)
        if told is not None and now_at - told[1] < _TOLD_FOR:
            lines.append(screen.fit([(f"  {screen.text(told[0])}", "yellow")]))
        self._show(lines, above=above)

    def close(self) -> None:
        """Leave the cursor behind what stays: nothing of a run that has ended, for its report comes next, else a summary."""
        if self._last is not None:
            state, now_at = self._last
            self._show([] if state.ended else draw_end(state, now_at, self._screen(state)), last=True)
        self._is_open = False

    def _screen(self, state: RunState) -> Screen:
        try:
            width, height = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            width, height = 0, 0
        width, height = (width, height) if width and height else _UNKNOWN_SIZE
        self._console.size = ConsoleDimensions(width, height)
        # One cell less: some terminals wrap a line that fills the last one.
        secrets = secrets_of(state.pipeline)
        return Screen(width=width - 1, height=height, glyphs=self._glyphs, secrets=secrets)

    def _show(self, lines: list[ScreenLine], *, above: ScreenLine | None = None, last: bool = False) -> None:
        if not self._is_open:
            return
        try:
            live = self._started()
            self._take_back_what_wrapped()
            self._drawn = [sum(width_of(piece) for piece, _ in line) for line in lines]
            self._drawn_width = self._console.size.width
            if above is not None:
                self._console.print(self._text(above), soft_wrap=True)
            live.update(Text("\n", no_wrap=True, overflow="crop").join(map(self._text, lines)), refresh=True)
            if last:
                live.transient = not lines
                live.stop()
        except (OSError, ValueError):
            # The terminal is gone. The run is not worth less for that.
            self._is_open = False

    def _take_back_what_wrapped(self) -> None:
        """Go up by the rows that the last drawing has got since a terminal became narrower: it wraps the lines that it shows."""
        width = self._console.size.width
        if not width < self._drawn_width:
            return
        more = sum(max(0, -(-cells // width) - 1) for cells in self._drawn)
        codes = [(ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1)] * more
        self._console.control(Control(ControlType.CARRIAGE_RETURN, *codes))

    def _started(self) -> Live:
        if self._live is None:
            self._live = Live(
                console=self._console,
                auto_refresh=False,
                redirect_stdout=False,
                redirect_stderr=False,
                vertical_overflow="crop",
            )
            self._live.start()
            self._console.show_cursor(True)
        return self._live

    def _text(self, pieces: ScreenLine) -> Text:
        encoding = self._stream.encoding or "utf-8"
        text = Text(no_wrap=True, overflow="crop")
        for piece, style in pieces:
            text.append(piece.encode(encoding, "backslashreplace").decode(encoding), style)
        return text


def _warning(warned: Warned, screen: Screen) -> ScreenLine:
    job = f"{warned.job}: " if warned.job else ""
    return [("warning: ", "yellow"), (screen.text(f"{job}{warned.message}"), "")]
