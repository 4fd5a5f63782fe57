"""One try of a run, in a thread of its own.

Airflow ends a task with an exception that its signal handler raises wherever the main thread happens to be, at a timeout too. In
the middle of the engine's loop that would leave executions running and the journal without an end. So the engine has a thread, and
the main thread waits: what ends the wait asks the run to stop, gives it the time that a stop takes, and goes on its way.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from spectrum_pipelines import Abort

T = TypeVar("T")

#: Seconds that an aborted run has: it stops what runs within five and writes its report.
_STOP_TIME = 10.0


class Try(Generic[T]):
    """Runs `work` and gives its result; `kill` from a signal handler, or an exception while waiting, aborts it."""

    def __init__(self, work: Callable[[], T], abort: "Abort") -> None:
        self._work = work
        self._abort = abort
        self._results: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="spectrum-pipelines", daemon=True)

    def result(self) -> T:
        """What `work` returned. Raises what it raised."""
        self._thread.start()
        try:
            self._thread.join()
        except BaseException:
            self.kill()
            raise
        if self._error is not None:
            raise self._error
        return self._results[0]

    def kill(self) -> None:
        """Ask the run to stop, and wait until it has written its report, ten seconds at most. May be called twice."""
        self._abort.request("SIGTERM")
        if self._thread.is_alive():
            self._thread.join(_STOP_TIME)

    def _run(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as error:  # noqa: BLE001 - carried to the thread that waits
            self._error = error
