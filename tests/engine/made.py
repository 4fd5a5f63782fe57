"""Pipelines and states made by hand, in as few words as a row of a table has room for."""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import fields

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.apply import apply
from spectrum_pipelines.engine.decide import decide
from spectrum_pipelines.engine.job.looking import Decision
from spectrum_pipelines.engine.requests import Request
from spectrum_pipelines.engine.sightings import Issued, Sighting
from spectrum_pipelines.engine.state.run import JobState, RunState
from spectrum_pipelines.pipeline.model.action import Action, JobId, Trigger
from spectrum_pipelines.pipeline.model.pipeline import Job, Pipeline
from spectrum_pipelines.pipeline.model.policy import Policy
from spectrum_pipelines.spectrum import ConfigurationId, ExecutionId, FileId

RUN_ID = "20261123T150405Z-7f3a"
_POLICY = {field.name for field in fields(Policy)}

STARTED = ev.RunStarted(
    run_id=RUN_ID,
    pipeline="tiny",
    file="tiny.yaml",
    digest="sha256:1",
    plan_digest="sha256:2",
    server="http://tiny",
    tool_version="0",
)


def job(name: str, *needs: str, action: Action | None = None, **more: Any) -> Job:
    """What is a word of the policy goes there; the target is the job's name, as a path."""
    policy = Policy(**{word: more.pop(word) for word in list(more) if word in _POLICY})
    return Job(
        id=JobId(name),
        action=action or Trigger(target=f"/{name}"),
        line=1,
        needs=tuple(JobId(need) for need in needs),
        policy=policy,
        **more,
    )


def pipeline(*jobs: Job, **more: Any) -> Pipeline:
    return Pipeline(name="tiny", jobs={one.id: one for one in jobs}, **more)


def ids(*numbers: int) -> tuple[ExecutionId, ...]:
    return tuple(ExecutionId(one) for one in numbers)


def execution(number: int, file_id: int | None = None, configuration_id: int | None = None) -> ev.StartedExecution:
    return ev.StartedExecution(
        execution_id=ExecutionId(number),
        file_id=None if file_id is None else FileId(file_id),
        configuration_id=None if configuration_id is None else ConfigurationId(configuration_id),
    )


def intended(
    name: str, attempt: int = 1, *, before: int | None = 3, file_id: int | None = 6, target: str | None = None
) -> ev.TriggerIntended:
    baseline = ev.Baseline(
        target=target or f"/{name}",
        execution_id=None if before is None else ExecutionId(before),
        file_id=None if file_id is None else FileId(file_id),
    )
    return ev.TriggerIntended(job=JobId(name), attempt=attempt, baselines=(baseline,))


def triggered(name: str, *numbers: int, attempt: int = 1) -> list[ev.Event]:
    """A job that is followed: its turn, its intent, its ids."""
    return [
        ev.AttemptStarted(job=JobId(name), attempt=attempt),
        intended(name, attempt),
        ev.Triggered(job=JobId(name), attempt=attempt, executions=tuple(execution(one, 6) for one in numbers)),
    ]


def finished(name: str, number: int, word: str = "COMPLETED", **more: Any) -> ev.ExecutionEnded:
    return ev.ExecutionEnded(job=JobId(name), execution_id=ExecutionId(number), job_status=word, **more)


def fold(state: RunState, *events: ev.Event | Sighting, at: float = 0.0) -> RunState:
    for event in events:
        apply(state, event, at)
    return state


def fresh(*jobs: Job, **more: Any) -> RunState:
    """A run that has passed its pre-flight."""
    return fold(RunState(pipeline(*jobs, **more), RUN_ID), STARTED, ev.PreflightPassed())


def settle(state: RunState, now: float) -> list[Decision]:
    """Decide as the runner does until there is nothing left to decide; requests are issued and never answered."""
    taken: list[Decision] = []
    while decisions := decide(state, now):
        assert len(taken) < 10_000, "it never stops deciding"
        taken += decisions
        for one in decisions:
            apply(state, Issued(request=one) if isinstance(one, Request) else one, now)
    return taken


def of(kind: type | tuple[type, ...], decisions: Iterable[Any]) -> list[Any]:
    return [one for one in decisions if isinstance(one, kind)]


def the_job(state: RunState, name: str = "a") -> JobState:
    return state.jobs[JobId(name)]
