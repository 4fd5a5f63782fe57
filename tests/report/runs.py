"""Runs made by hand: a small pipeline and the facts that happen to it, folded by the engine itself."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.apply import apply
from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.engine.outcome import Cause, JobStatus, RunStatus
from spectrum_pipelines.engine.sightings import ExecutionSeen, JobReady
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.pipeline.model.action import Action, DeleteData, JobId, JobOutput, Sequence, Template, Trigger
from spectrum_pipelines.pipeline.model.pipeline import Job, Pipeline, RunIf, Variable
from spectrum_pipelines.report.build import HttpCounts, build_report
from spectrum_pipelines.runner.loop import Observer
from spectrum_pipelines.spectrum import ConfigurationId, DataId, Deletion, ExecutionId, FileId

RUN_ID = "20261123T150405Z-7f3a"
STARTED = datetime(2026, 11, 23, 15, 4, 5, tzinfo=UTC)
HTTP = HttpCounts(requests=17, retries=0)
SECRET = "s3cr3t-value"


def job(name: str, *needs: str, action: Action | None = None, **more: Any) -> Job:
    return Job(
        id=JobId(name),
        action=action or Trigger(target=f"/Data/{name}.imp"),
        line=more.pop("line", 3),
        needs=tuple(JobId(need) for need in needs),
        **more,
    )


def pipeline(*jobs: Job, **more: Any) -> Pipeline:
    return Pipeline(name="nightly-sales", jobs={one.id: one for one in jobs}, **more)


def sales_pipeline() -> Pipeline:
    """Every kind of entry: two imports, a sequence, an alert, a target that waits for another job, a clean-up."""
    return pipeline(
        job("orders", line=12),
        job("customers", line=13, allow_failure=True),
        job("sales", "orders", "customers", line=14, action=Sequence(file_ids=(51, 52))),
        job("copy", "sales", line=16, action=Trigger(target=Template(("/Out/", JobOutput(job=JobId("sales")))))),
        job("alert", "sales", line=18, run_if=RunIf.ANY_FAILED),
        job("cleanup", line=20, is_finally=True, action=DeleteData(data_ids=(272, 273))),
        variables={
            "region": Variable(name="region", value="emea"),
            "token": Variable(name="token", value=SECRET, secret=True),
        },
    )


class Run:
    """A run under way. `at` is the run clock; each fact is stamped, folded and shown to the observers, like the runner does it."""

    def __init__(self, what: Pipeline, *observers: Observer) -> None:
        self.state = RunState(what, RUN_ID)
        self.at = 0.0
        self.facts: list[Stamped] = []
        self.observers = observers

    def wait(self, seconds: float) -> "Run":
        self.at += seconds
        return self

    def add(self, *events: ev.Event | ExecutionSeen | JobReady) -> "Run":
        for event in events:
            apply(self.state, event, self.at)
        for event in events:
            if isinstance(event, ev.Fact):
                fact = Stamped(at=self.at, time=STARTED + timedelta(seconds=self.at), event=event)
                self.facts.append(fact)
                for observer in self.observers:
                    observer(fact, self.state)
        return self

    def report(self, **more: Any) -> dict[str, Any]:
        return build_report(self.state, started_at=STARTED, now_at=self.at, http=HTTP, **more)


def started(**more: Any) -> ev.RunStarted:
    return ev.RunStarted(
        run_id=RUN_ID,
        pipeline="nightly-sales",
        file="pipelines/nightly-sales.yaml",
        digest="sha256:12ab",
        plan_digest="sha256:34cd",
        server="http://127.0.0.1:8080",
        tool_version="0.1.0",
        variables={"region": "emea", "token": "***"},
        **more,
    )


def begun(what: Pipeline, *observers: Observer) -> Run:
    return Run(what, *observers).add(started()).wait(0.5).add(ev.PreflightPassed())


def intended(name: str, attempt: int = 1, *, target: str | None = None) -> Iterable[ev.Event]:
    baseline = ev.Baseline(target=target or f"/Data/{name}.imp", execution_id=ExecutionId(3), file_id=FileId(6))
    yield ev.AttemptStarted(job=JobId(name), attempt=attempt)
    yield ev.TriggerIntended(job=JobId(name), attempt=attempt, baselines=(baseline,))


def triggered(name: str, *ids: int, attempt: int = 1, target: str | None = None) -> Iterable[ev.Event]:
    yield from intended(name, attempt, target=target)
    executions = tuple(ev.StartedExecution(execution_id=ExecutionId(one), file_id=FileId(6)) for one in ids)
    yield ev.Triggered(job=JobId(name), attempt=attempt, executions=executions, user="admin")


def changed(name: str, execution_id: int, word: str = "RUNNING") -> ev.ExecutionChanged:
    return ev.ExecutionChanged(job=JobId(name), execution_id=ExecutionId(execution_id), job_status=word)


def finished(
    name: str, execution_id: int, word: str = "COMPLETED", *, good: int = 7, bad: int = 0
) -> ev.ExecutionEnded:
    return ev.ExecutionEnded(
        job=JobId(name),
        execution_id=ExecutionId(execution_id),
        job_status=word,
        configuration_id=ConfigurationId(4),
        file_id=FileId(6),
        start_time="Jul 18, 2018 1:46:38\u202fPM",
        stop_time="Jul 18, 2018 1:47:03\u202fPM",
        success_count=good,
        failure_count=bad,
        counters={"IMPORT_RECORDS": good},
    )


def attempt_ended(
    name: str, status: JobStatus, reason: str | None = None, *, attempt: int = 1, cause: Cause = Cause.SPECTRUM
) -> ev.AttemptEnded:
    return ev.AttemptEnded(job=JobId(name), attempt=attempt, status=status, cause=cause, reason=reason)


def ended(
    name: str,
    status: JobStatus = JobStatus.SUCCEEDED,
    reason: str | None = None,
    *,
    attempt: int = 1,
    cause: Cause = Cause.SPECTRUM,
) -> Iterable[ev.Event]:
    yield attempt_ended(name, status, reason, attempt=attempt, cause=cause)
    yield ev.JobEnded(job=JobId(name), status=status, cause=cause, reason=reason)


def skipped(name: str, reason: str, cause: Cause = Cause.UPSTREAM) -> ev.JobSkipped:
    return ev.JobSkipped(job=JobId(name), cause=cause, reason=reason, tainted=True)


def run_ended(status: RunStatus, exit_code: int, reason: str | None = None) -> ev.RunEnded:
    return ev.RunEnded(status=status, exit_code=exit_code, reason=reason)


def succeeded_run(*observers: Observer) -> Run:
    """All well: two imports side by side, then the sequence, the copy, the clean-up."""
    run = begun(sales_pipeline(), *observers)
    run.add(*triggered("orders", 11), *triggered("customers", 12)).wait(1).add(changed("orders", 11)).wait(3)
    run.add(finished("orders", 11), *ended("orders")).wait(1)
    run.add(finished("customers", 12, "COMPLETED_WITH_WARNINGS", bad=2))
    run.add(*ended("customers", JobStatus.WARNED, "execution 12 ended COMPLETED_WITH_WARNINGS, 2 failed records"))
    run.add(*triggered("sales", 16, 17)).wait(5).add(finished("sales", 16)).wait(1).add(
        finished("sales", 17), *ended("sales")
    )
    run.add(skipped("alert", "run_if: any_failed, and nothing failed", Cause.RUN_IF))
    run.add(*triggered("copy", 18, target="/Out/17")).wait(2).add(finished("copy", 18), *ended("copy"))
    run.add(ev.AttemptStarted(job=JobId("cleanup"), attempt=1)).wait(0.25)
    run.add(*(ev.DataDeleted(job=JobId("cleanup"), data_id=DataId(one), deletion=it) for one, it in _DELETIONS))
    run.add(*ended("cleanup", reason="data 272: marked; data 273: already gone", cause=Cause.ACTION))
    return run.add(run_ended(RunStatus.SUCCEEDED, 0))


_DELETIONS = ((272, Deletion.MARKED), (273, Deletion.ALREADY_GONE))


def failed_run(*observers: Observer) -> Run:
    """`sales` fails twice; what needs it is skipped, the alert runs."""
    run = begun(sales_pipeline(), *observers)
    run.add(*triggered("orders", 11), *triggered("customers", 12)).wait(4)
    run.add(finished("orders", 11), *ended("orders"), finished("customers", 12), *ended("customers"))
    why = "execution 13 ended ERROR, 3 failed records"
    run.add(*triggered("sales", 13)).wait(2).add(finished("sales", 13, "ERROR", good=0, bad=3))
    run.add(attempt_ended("sales", JobStatus.FAILED, why), ev.RetryScheduled(job=JobId("sales"), attempt=2, wait=30.0))
    run.wait(30).add(*triggered("sales", 14, attempt=2)).wait(2).add(finished("sales", 14, "ERROR", good=0, bad=3))
    run.add(*ended("sales", JobStatus.FAILED, why.replace("13", "14"), attempt=2), skipped("copy", "sales failed"))
    run.add(*triggered("alert", 15)).wait(1).add(finished("alert", 15), *ended("alert"))
    run.add(skipped("cleanup", "timeouts.finally is over", Cause.PIPELINE_TIMEOUT))
    return run.add(run_ended(RunStatus.FAILED, 1))


def interrupted_run(*observers: Observer) -> Run:
    """SIGTERM while one job runs and the trigger of another has no answer yet."""
    run = begun(sales_pipeline(), *observers)
    run.add(*triggered("orders", 11), *intended("customers")).wait(1).add(changed("orders", 11)).wait(1)
    run.add(ev.AbortRequested(signal="SIGTERM", detach=False))
    run.add(ev.StopRequested(job=JobId("orders"), cause=Cause.ABORT, reason="interrupted by SIGTERM"))
    return run.wait(3.5).add(run_ended(RunStatus.INTERRUPTED, 143, "interrupted by SIGTERM"))


def unknown_run(*observers: Observer, candidates: tuple[int, ...] = (21, 22)) -> Run:
    """The trigger of `orders` got no answer, and it cannot be told which execution is its own."""
    run = begun(sales_pipeline(), *observers).add(*intended("orders"))
    why = "no usable answer to the trigger: connection reset"
    run.wait(1).add(ev.TriggerAmbiguous(job=JobId("orders"), attempt=1, reason=why)).wait(15)
    ids = tuple(ExecutionId(one) for one in candidates)
    run.add(ev.CandidatesFound(job=JobId("orders"), attempt=1, execution_ids=ids))
    why += f"; executions {', '.join(map(str, candidates))} may be ours"
    run.add(*ended("orders", JobStatus.UNKNOWN, why, cause=Cause.AMBIGUOUS))
    for name in ("customers", "sales", "copy", "alert", "cleanup"):
        run.add(skipped(name, "orders unknown"))
    return run.add(run_ended(RunStatus.UNKNOWN, 5))


def unfit_run(*observers: Observer) -> Run:
    """The pre-flight holds something against two jobs."""
    run = Run(sales_pipeline(), *observers).add(started()).wait(0.5)
    missing = ev.Finding(job=JobId("orders"), cause=Cause.MISSING, message="/Data/orders.imp: file doesn't exist")
    busy = ev.Finding(job=JobId("sales"), cause=Cause.BUSY, message="51 already runs as execution 9 (RUNNING)")
    run.add(ev.PreflightFailed(findings=(missing, busy)))
    for name in run.state.jobs:
        run.add(skipped(name, "the pre-flight of other jobs failed; nothing was triggered", Cause.PREFLIGHT))
    return run.add(run_ended(RunStatus.FAILED, 2, f"pre-flight: {missing.message}; {busy.message}"))


def running_run(*observers: Observer) -> Run:
    """One job runs with the server's hints, one rests before its second attempt, one warning was given."""
    run = begun(sales_pipeline(), *observers)
    run.add(*triggered("orders", 11), *triggered("customers", 12)).wait(1).add(changed("orders", 11)).wait(9)
    seen = ExecutionSeen(
        job=JobId("orders"), execution_id=ExecutionId(11), job_status="RUNNING", progress=40.0, estimate_seconds=12.0
    )
    run.add(seen, finished("customers", 12, "ERROR"))
    run.add(attempt_ended("customers", JobStatus.FAILED, "execution 12 ended ERROR"))
    run.add(ev.RetryScheduled(job=JobId("customers"), attempt=2, wait=30.0))
    told = "execution 11 has the status 'ODD', which nobody knows; it counts as running"
    return run.add(ev.Warned(code="unrecognized-status", message=told, job=JobId("orders"))).wait(1)


RUNS: dict[str, Callable[..., Run]] = {
    "succeeded": succeeded_run,
    "failed": failed_run,
    "interrupted": interrupted_run,
    "unknown": unknown_run,
    "unfit": unfit_run,
    "running": running_run,
}
