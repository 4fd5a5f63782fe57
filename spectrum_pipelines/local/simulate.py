"""Simulated jobs: a timer, and the outcome that the workspace names."""

import asyncio

from .execution import Outcome, Status
from .job import Done
from .model import Kind, Repeat, Simulate


class Simulation:
    """A simulated job. It is a timer of the event loop and needs no thread, so that thousands can run."""

    def __init__(self, simulate: Simulate, nth: int, done: Done) -> None:
        self._loop = asyncio.get_running_loop()
        self._simulate = simulate
        self._done = done
        self._started = self._loop.time()
        self._timer = self._loop.call_later(simulate.duration, done, outcome_of(simulate, nth))

    def stop(self) -> None:
        """End as CANCELED in the next turn of the event loop."""
        self._timer.cancel()
        self._loop.call_soon(self._done, Outcome(status=Status.CANCELED))

    def progress(self) -> float:
        """Return the elapsed part of the duration in percent, at most 99."""
        return min(99.0, 100 * self._elapsed() / self._simulate.duration) if self._simulate.duration else 0.0

    def remaining(self) -> float | None:
        """Return the seconds until the estimate is over. A workspace may set a wrong estimate on purpose."""
        return max(0.0, self._simulate.estimate - self._elapsed())

    def _elapsed(self) -> float:
        return self._loop.time() - self._started


def outcome_of(simulate: Simulate, nth: int) -> Outcome:
    """Return the outcome of the nth started execution of a file, counted from 0."""
    last = len(simulate.outcomes) - 1
    place = nth % (last + 1) if simulate.repeat is Repeat.CYCLE else min(nth, last)
    status = Status(simulate.outcomes[place])
    match status:
        case Status.COMPLETED:
            return Outcome(status=status, success_count=simulate.records, counters=_counters(simulate, 0))
        case Status.WARNINGS:
            counters = _counters(simulate, simulate.dropped)
            return Outcome(
                status=status, success_count=simulate.records, failure_count=simulate.dropped, counters=counters
            )
        case Status.ERROR:
            return Outcome(status=status, failure_count=1, reason="simulated failure")
        case _:
            return Outcome(status=status)


def _counters(simulate: Simulate, dropped: int) -> dict[str, int]:
    if simulate.counters is not None:
        return simulate.counters
    match simulate.kind:
        case Kind.IMPORT:
            return {"IMPORT_RECORDS": simulate.records, "IMPORT_DROPPED_RECORDS": dropped}
        case Kind.EXPORT:
            return {"EXPORT_RECORDS": simulate.records, "EXPORT_DROPPED_RECORDS": dropped}
        case Kind.WORKBOOK:
            return {"WORKBOOK_RECORDS": simulate.records}
