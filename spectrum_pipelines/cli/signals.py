"""SIGINT, SIGTERM and SIGHUP: the first one asks the run to end, the second one ends the process."""

import os
import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

from spectrum_pipelines.app.abort import Abort, interruption
from spectrum_pipelines.clock import Clock
from spectrum_pipelines.errors import ExitCode

#: `timeout` and terminals signal the process and its group: seconds within which the same signal is that one again, and no second.
_ECHO = 0.1
_WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """While it is entered, signals come here. A first one is a request to `abort`; before a run listens it is an Interruption too.

    `last_words` is done before a second signal ends the process (the terminal, say).
    """

    def __init__(self, clock: Clock) -> None:
        self.abort = Abort()
        self._clock = clock
        self._first: str | None = None
        self._first_at = 0.0
        self.last_words: Callable[[], None] = lambda: None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for watched in _WATCHED:
            if signal.getsignal(watched) is not signal.SIG_IGN:  # `nohup` means it
                self._before[watched] = signal.signal(watched, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for watched, handler in self._before.items():
            signal.signal(watched, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signal module's signature
        name = signal.Signals(number).name
        code = ExitCode.INTERRUPTED if name == "SIGINT" else ExitCode.TERMINATED
        if self._first is not None:
            if name == self._first and self._clock.monotonic() - self._first_at < _ECHO:
                return
            try:
                self.last_words()
            finally:
                os._exit(code)
        self._first = name
        self._first_at = self._clock.monotonic()
        was_heard = self.abort.was_heard
        self.abort.request(name)
        if not was_heard:
            raise interruption(name)
