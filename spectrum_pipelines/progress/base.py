"""What every kind of progress is, and the stream that all of them write to."""

import contextlib
from typing import Protocol, TextIO

from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.engine.state.run import RunState


class Progress(Protocol):
    """Shows a run while it goes on: an observer that is also told when nothing happens. It never raises."""

    def __call__(self, fact: Stamped, state: RunState) -> None:
        """A fact is on disk and applied."""
        ...

    def tick(self, state: RunState, now_at: float) -> None:
        """Nothing happened; `now_at` is the run clock. To be called about once a second, by the thread that runs the loop."""
        ...

    def close(self) -> None:
        """The run is over in this process, however it ended. Closing twice does no harm."""
        ...


class NoProgress:
    """`--progress none`."""

    def __call__(self, fact: Stamped, state: RunState) -> None:
        """Say nothing."""

    def tick(self, state: RunState, now_at: float) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Nothing is held open."""


class Lines:
    """Whole lines on a stream that may be gone, or know few characters: those become escapes, and a broken pipe ends the talk."""

    def __init__(self, stream: TextIO, *, is_held: bool = False) -> None:
        self._stream = stream
        self._is_held = is_held
        self._held: list[str] = []
        self._encoding = stream.encoding or "utf-8"
        self._is_open = True

    def write(self, *lines: str) -> None:
        """Write and flush, in one piece. `is_held` lines wait for `flush`, so that those of one round cost one call."""
        self._held += lines
        if not self._is_held:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        text = "".join(f"{line}\n" for line in self._held)
        self._held.clear()
        if not text or not self._is_open:
            return
        with contextlib.suppress(LookupError):  # an encoding that Python does not know: the stream must
            text = text.encode(self._encoding, "backslashreplace").decode(self._encoding)
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            # Nobody reads any more (`| head`), or the stream was closed. The run is not worth less for that.
            self._is_open = False
