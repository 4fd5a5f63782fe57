"""Where the time of a run went: for each job the phases of its attempts, as parts of the run's time.

The report may come from anywhere, so its times may be out of order or no times at all: what cannot be placed is left out.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any

from msgspec import Struct

from spectrum_pipelines.engine.outcome import JobStatus
from spectrum_pipelines.render.report.explanation import Job, Report
from spectrum_pipelines.words.wording import span_in_words

_STEPS = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 180, 300, 600, 900, 1200, 1800),
    *(3600, 7200, 10800, 14400, 21600, 43200, 86400),
)
_MOST_TICKS = 6
#: Between two processes of a run nothing happens, perhaps for hours: so much of such a pause is shown, as a part of the rest.
_SHOWN_PAUSE = 0.04
_LEAST_BETWEEN = 10.0  # percent between two marks of an axis with pauses
_LEAST_PAUSE = 60.0  # seconds: shorter ones are shown as they were


class Phase(Struct, frozen=True, kw_only=True):
    """A stretch of a job's time, in seconds since the run began. `kind`: `start`, `wait`, `run` or `rest`."""

    kind: str
    since: float
    until: float
    status: JobStatus
    attempt: int

    @property
    def words(self) -> str:
        """`waited 2.0s`, as a person says it."""
        took = span_in_words(self.until - self.since)
        match self.kind:
            case "start":
                return f"waited {took} to be accepted"
            case "wait":
                return f"waited in the queue {took}"
            case "rest":
                return f"waited {took} before attempt {self.attempt}"
            case _:
                return f"ran {took}"


class Pause(Struct, frozen=True, kw_only=True):
    """A stretch between two processes of a run, in seconds since it began. `shown` is how long it looks."""

    since: float
    until: float
    shown: float

    @property
    def words(self) -> str:
        """`nothing ran for 42m 20s`."""
        return f"nothing ran for {span_in_words(self.until - self.since)}"


class Axis:
    """The time of a run, from its beginning to its end, or to the last that is known of it.

    A run that was resumed or retried may have lain still for most of it: such pauses are drawn short.
    """

    def __init__(self, report: Report) -> None:
        self._begin = _moment(report["started_at"])
        known = [report["duration_seconds"] or 0.0]
        for job in report["jobs"]:
            executions = (one[key] for one in job["executions"] for key in ("accepted_at", "ended_at"))
            known += [at for at in map(self.seconds, (job["finished_at"], *executions)) if at is not None]
        self.span = max(*known, 0.001)
        self.pauses = self._pauses(report) if report["resumptions"] or report.get("rounds") else ()
        self._drawn = self.span - sum(it.until - it.since - it.shown for it in self.pauses)

    def _pauses(self, report: Report) -> tuple[Pause, ...]:
        """The stretches in which nothing of the run was running on the server."""
        still, at = [], 0.0
        for since, until in sorted(self._busy(report)):
            if since - at >= _LEAST_PAUSE and at:
                still.append((at, since))
            at = max(at, until)
        shown = _SHOWN_PAUSE * (self.span - sum(until - since for since, until in still))
        # A pause that is no longer than the rest hides nothing.
        return tuple(
            Pause(since=since, until=until, shown=shown) for since, until in still if until - since > 4 * shown
        )

    def _busy(self, report: Report) -> Iterator[tuple[float, float]]:
        for job in report["jobs"]:
            for one in job["executions"]:
                since, until = self.seconds(one["accepted_at"]), self.seconds(one["ended_at"])
                if since is not None:
                    yield since, self.span if until is None else until

    def seconds(self, moment: str | None) -> float | None:
        """A time of the report on the run's clock, never before its beginning. None for none, and for what is no time."""
        at = _moment(moment)
        return None if at is None or self._begin is None else max(0.0, (at - self._begin).total_seconds())

    @property
    def step(self) -> float:
        """Seconds between two marks."""
        fitting = (step for step in _STEPS if self._drawn / step <= _MOST_TICKS)
        return next(fitting, 86400.0 * (1 + self._drawn // (86400 * _MOST_TICKS)))

    def percent(self, seconds: float) -> float:
        """A place on the axis."""
        place = at = min(seconds, self.span)
        for pause in self.pauses:
            if at > pause.since:
                share = min(1.0, (at - pause.since) / (pause.until - pause.since))
                place -= share * (pause.until - pause.since - pause.shown)
        return round(100 * place / self._drawn, 2)

    def marks(self) -> list[tuple[float, str]]:
        """Place and name of each mark. Within a pause there is none, and none stands too near to the one before."""
        step, marks = self.step, list[tuple[float, str]]()
        edges = [0.0, *(edge for it in self.pauses for edge in (it.since, it.until)), self.span]
        for since, until in zip(edges[::2], edges[1::2], strict=True):
            for at in range(math.ceil(since / step), int(until / step) + 1):
                mark = self.percent(at * step), _named(at * step)
                if not (self.pauses and marks) or (
                    mark[0] - marks[-1][0] >= _LEAST_BETWEEN and mark[1] != marks[-1][1]
                ):
                    marks.append(mark)
        return marks


def _named(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:g}s"
    return span_in_words(seconds).replace(" 00s", "").replace(" 00m", "").replace(" 0h", "")


def _moment(text: str | None) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None


def phases(job: Job, axis: Axis) -> list[Phase]:
    """The phases of a job in order. One that followed no execution has at most one."""
    since, until = axis.seconds(job["started_at"]), axis.seconds(job["finished_at"])
    if since is None:
        return []
    ended = {one["attempt"]: JobStatus(one["status"]) for one in job["attempts"]}
    final = JobStatus(job["status"])
    if not job["executions"]:
        return [Phase(kind="run", since=since, until=_after(since, until, axis), status=final, attempt=1)]
    return list(_joined(job, axis, since, ended, final))


def _joined(job: Job, axis: Axis, since: float, ended: Mapping[int, JobStatus], final: JobStatus) -> Iterator[Phase]:
    at, kind = since, "start"
    for attempt, group in groupby(job["executions"], key=lambda one: one["attempt"]):
        status = ended.get(attempt, final)
        accepted, running, until = _of_attempt(list(group), axis)
        if accepted is None:
            continue
        if accepted > at:
            yield Phase(kind=kind, since=at, until=accepted, status=status, attempt=attempt)
        if running is not None and running > accepted:
            yield Phase(kind="wait", since=accepted, until=running, status=status, attempt=attempt)
        began = accepted if running is None else max(accepted, running)
        at, kind = _after(began, until, axis), "rest"
        yield Phase(kind="run", since=began, until=at, status=status, attempt=attempt)


def _of_attempt(executions: list[Mapping[str, Any]], axis: Axis) -> tuple[float | None, float | None, float | None]:
    """Accepted, running, ended: of a sequence, the first and the last of its executions; None if one has not ended."""
    accepted, running, ended = (
        [axis.seconds(one[key]) for one in executions] for key in ("accepted_at", "running_at", "ended_at")
    )
    first = min((at for at in accepted if at is not None), default=None)
    ran = min((at for at in running if at is not None), default=None)
    ends = [at for at in ended if at is not None]
    return first, ran, max(ends) if len(ends) == len(executions) else None


def _after(since: float, until: float | None, axis: Axis) -> float:
    """What has not ended goes on to the end of the page."""
    return max(since, axis.span if until is None else until)
