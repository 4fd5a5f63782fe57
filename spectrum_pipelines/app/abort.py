"""Ending a run from outside: from another thread, or from a signal handler."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from spectrum_pipelines.errors import ExitCode, Interruption
from spectrum_pipelines.runner.loop import Interrupted

Listener = Callable[[Interrupted], None]


class Abort:
    """A wish to end, for one run or for several. The first request counts.

    No lock is taken anywhere: a signal handler interrupts the thread that may hold it. Every step is one operation of a list or of
    an attribute, and whoever comes to listen looks at what was requested after the listener is in place.
    """

    def __init__(self) -> None:
        self._requested: Interrupted | None = None
        self._listeners: list[Listener] = []
        self._was_heard = False

    def request(self, signal: str, *, detach: bool = False) -> None:
        """Let the run end as SIGTERM would end it; `signal` is a name for people and for the exit code: SIGINT gives 130.

        With `detach` everything that runs in Spectrum goes on, whatever `on_abort` says.
        """
        if self._requested is None:
            self._requested = Interrupted(signal=signal, detach=detach)
        for listener in list(self._listeners):
            listener(self._requested)

    @property
    def is_requested(self) -> bool:
        """Somebody wants the run to end."""
        return self._requested is not None

    @property
    def was_heard(self) -> bool:
        """A run listens or has listened: a request needs no exception, and something may have been triggered."""
        return self._was_heard

    def check(self) -> None:
        """Raise Interruption if the end was requested; for use before anything is triggered."""
        if self._requested is not None:
            raise interruption(self._requested.signal)

    @contextmanager
    def heard_by(self, listener: Listener) -> Iterator[None]:
        """Tell `listener` of a request, also of one that came before; perhaps twice."""
        self._listeners.append(listener)
        self._was_heard = True
        try:
            if self._requested is not None:
                listener(self._requested)
            yield
        finally:
            self._listeners.remove(listener)


def interruption(signal: str) -> Interruption:
    """The end of a command that has triggered nothing."""
    code = ExitCode.INTERRUPTED if signal == "SIGINT" else ExitCode.TERMINATED
    return Interruption(f"interrupted by {signal}; nothing was triggered", exit_code=code)
