"""What the page shows of each job. Texts are cleaned; that they are no markup is for the template to see to, which escapes all."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from msgspec import Struct

from spectrum_pipelines.engine.outcome import AdoptedBy, JobStatus
from spectrum_pipelines.pipeline.model.durations import format_duration
from spectrum_pipelines.render.page.timeline import Axis, Phase, phases
from spectrum_pipelines.render.report.explanation import (
    Job,
    Report,
    allowance,
    candidates,
    earlier_attempts,
    explained,
    is_allowed,
    look,
    never_started,
    records,
    stop,
    title,
    took,
    where,
)
from spectrum_pipelines.words.clean import clean
from spectrum_pipelines.words.wording import ADOPTED, JOB_LOOKS, Look, span_in_words

_MOST_NEEDS = 20
_MOST_COUNTERS = 30
_LEAST_WIDTH = 0.15  # percent: shorter phases must still be seen


class Bar(Struct, frozen=True, kw_only=True):
    """A phase on the time line; `x` and `width` in percent, `tone` the style of a status."""

    x: float
    width: float
    kind: str
    tone: str


class ExecutionRow(Struct, frozen=True, kw_only=True):
    """One execution in the table of a job."""

    attempt: int
    execution_id: int
    adopted: str
    word: str
    waited: str
    ran: str
    records: str
    counters: str
    times: str


class JobView:
    """A job of a valid report. `at` is its place in the report, from 0."""

    def __init__(self, report: Report, job: Job, at: int, *, axis: Axis, numbers: Mapping[str, int]) -> None:
        self.at = at
        self.is_critical = False
        self.needs_look = False
        self.status = JobStatus(job["status"])
        self.name = clean(job["id"])
        self.title = title(job)
        self.allowance = allowance(job)
        self.is_allowed = is_allowed(job)
        self.took = took(job)
        self.records = records(job)
        self.reason = clean(job["reason"] or "")
        self.where = where(report, job)
        self.action = job["action"]
        self.target = clean(job["target"])
        self.execution_id: int | None = job["execution_id"]
        self.look = look(report, job)
        self.commands = [
            (what, told)
            for what, told in (
                ("Look", self.look),
                ("If it is to end", stop(report, job)),
                ("If it never started", never_started(report, job)),
            )
            if told
        ]
        self._job = job
        self._axis = axis
        self._numbers = numbers

    @property
    def shown(self) -> Look:
        """The glyph and the word of the status."""
        return JOB_LOOKS[self.status]

    @cached_property
    def phases(self) -> list[Phase]:
        """Where its time went."""
        return phases(self._job, self._axis)

    @property
    def bars(self) -> Iterator[Bar]:
        """The phases as bars of a drawing."""
        for phase in self.phases:
            x, end = self._axis.percent(phase.since), self._axis.percent(phase.until)
            width = round(max(end - x, _LEAST_WIDTH), 2)
            yield Bar(x=min(x, 100 - width), width=width, kind=phase.kind, tone=phase.status.value)

    @property
    def path(self) -> Bar | None:
        """The stretch that is marked if the job is on the critical path."""
        if not self.is_critical or not self.phases:
            return None
        x, end = self._axis.percent(self.phases[0].since), self._axis.percent(self.phases[-1].until)
        return Bar(x=x, width=round(max(end - x, _LEAST_WIDTH), 2), kind="path", tone="")

    @property
    def told(self) -> str:
        """The phases in words, for screen readers and tips."""
        words = ", ".join(phase.words for phase in self.phases)
        return f"{self.title}{self.allowance}{f': {words}' if words else ''}"

    @property
    def needs(self) -> list[tuple[int | None, str]]:
        """Place and name of the jobs that it needs; a place is None where there is no such job."""
        return [(self._numbers.get(name), clean(name)) for name in self._job["needs"][:_MOST_NEEDS]]

    @property
    def more_needs(self) -> int:
        """How many more there are."""
        return max(0, len(self._job["needs"]) - _MOST_NEEDS)

    @property
    def conditions(self) -> list[str]:
        """What is special about when it runs and what its failure means."""
        told = [f"run_if: {self._job['run_if']}"] if self._job["run_if"] != "all_success" else []
        told += ["allow_failure"] if self._job["allow_failure"] else []
        return told + (["finally"] if self._job["finally"] else [])

    @property
    def policy(self) -> str:
        """How it was to be run, in the words of the pipeline."""
        return ", ".join(_policy_words(self._job["policy"]))

    @property
    def earlier(self) -> list[str]:
        """How its attempts before the last one ended."""
        return list(earlier_attempts(self._job))

    @property
    def candidates(self) -> str | None:
        """Executions that may be its own."""
        return candidates(self._job)

    @property
    def deletions(self) -> str:
        """`272: marked, 273: already gone`."""
        return ", ".join(f"{one['data_id']}: {one['deletion']}" for one in self._job["data"])

    @property
    def executions(self) -> Iterator[ExecutionRow]:
        """The executions of the job, as they became known."""
        for one in self._job["executions"]:
            accepted, ran, ended = (self._axis.seconds(one[key]) for key in ("accepted_at", "running_at", "ended_at"))
            yield ExecutionRow(
                attempt=one["attempt"],
                execution_id=one["execution_id"],
                adopted=ADOPTED[AdoptedBy(one["adopted_by"])] if one["adopted_by"] else "",
                word=clean(one["job_status"] or ""),
                waited=_span(accepted, ran),
                ran=_span(accepted if ran is None else ran, ended),
                records=_records(one),
                counters=_counters(one["counters"]),
                times=" to ".join(clean(one[key]) for key in ("start_time", "stop_time") if one[key]),
            )


def job_views(report: Report, axis: Axis) -> list[JobView]:
    """All jobs in the order of the report."""
    numbers = {job["id"]: at for at, job in enumerate(report["jobs"])}
    views = [JobView(report, job, at, axis=axis, numbers=numbers) for at, job in enumerate(report["jobs"])]
    for name in report["critical_path"]:
        if name in numbers:
            views[numbers[name]].is_critical = True
    blamed = {id(job) for job in explained(report)}  # a foreign report may hold two jobs of one name
    for view, job in zip(views, report["jobs"], strict=True):
        view.needs_look = id(job) in blamed
    return views


def _span(since: float | None, until: float | None) -> str:
    return "" if since is None or until is None else span_in_words(until - since)


def _records(one: Mapping[str, Any]) -> str:
    good, bad = one["success_count"], one["failure_count"]
    return ", ".join(([] if good is None else [f"{good:,}"]) + ([f"{bad:,} failed"] if bad else []))


def _counters(counters: Mapping[str, int]) -> str:
    told = [f"{clean(name)} {value:,}" for name, value in list(counters.items())[:_MOST_COUNTERS]]
    return ", ".join(told) + (", ..." if len(counters) > _MOST_COUNTERS else "")


def _policy_words(policy: Mapping[str, Any]) -> Iterator[str]:
    """Only what says something: a retry without a limit above 0 has no interval worth knowing."""
    yield f"timeout {_duration(policy['timeout'])}"
    if policy["queue_timeout"] is not None:
        yield f"queue_timeout {_duration(policy['queue_timeout'])}"
    yield from (f"{key} {policy[key]}" for key in ("warnings", "on_running", "on_timeout", "on_ambiguous"))
    retry: Mapping[str, Any] = policy["retry"]
    yield f"retry.limit {retry['limit']}"
    if retry["limit"]:
        yield f"retry.interval {_duration(retry['interval'])}, factor {retry['factor']:g}"
        yield f"retry.when {_either(retry['when'])}"


def _duration(seconds: float) -> str:
    return (
        format_duration(seconds) if seconds < 1e12 else f"{seconds:g}s"
    )  # a foreign number may be beyond any calendar


def _either(words: Sequence[str]) -> str:
    return " or ".join(words) or "never"
