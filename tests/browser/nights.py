"""Runs that look like those of a night: queues, retries, failures, of any size and always the same."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import Cause, JobStatus, RunStatus
from spectrum_pipelines.pipeline.model.action import DeleteData, JobId, Sequence, Trigger
from spectrum_pipelines.pipeline.model.pipeline import Job, Pipeline, RunIf, Variable
from spectrum_pipelines.pipeline.model.policy import Policy, Retry
from tests.report.runs import (
    Run,
    attempt_ended,
    changed,
    ended,
    finished,
    job,
    pipeline,
    run_ended,
    skipped,
    started,
    triggered,
)

POLICY = Policy(timeout=7200.0, queue_timeout=1800.0, retry=Retry(limit=2))


def nightly() -> Pipeline:
    return pipeline(
        job("orders", line=14, policy=POLICY, action=Trigger(target="/Data/Imports/orders.imp")),
        job("customers", line=15, policy=POLICY, action=Trigger(target="/Data/Imports/customers.imp")),
        job("sales", "orders", "customers", line=16, policy=POLICY, action=Sequence(file_ids=(51, 52))),
        job("publish[emea]", "sales", line=24, action=Trigger(target="/Exports/sales emea.exp")),
        job("publish[apac]", "sales", line=24, action=Trigger(target="/Exports/sales apac.exp")),
        job("alert", "sales", line=28, run_if=RunIf.ANY_FAILED, action=Trigger(target="77")),
        job("cleanup", line=31, is_finally=True, action=DeleteData(data_ids=(272,))),
        variables={"business_date": Variable(name="business_date", value="2026-11-22")},
    )


def morning(*, fails: bool) -> Run:
    """The run of `nightly`: an import that needs two attempts, a sequence that succeeds or fails twice."""
    run = Run(nightly()).add(started()).wait(1.2).add(ev.PreflightPassed())
    run.add(*triggered("orders", 811), *triggered("customers", 812)).wait(14).add(changed("orders", 811))
    run.wait(9).add(changed("customers", 812)).wait(31)
    run.add(finished("customers", 812, "ERROR", good=120, bad=44))
    run.add(attempt_ended("customers", JobStatus.FAILED, "execution 812 ended ERROR, 44 failed records"))
    run.add(ev.RetryScheduled(job=JobId("customers"), attempt=2, wait=30.0)).wait(30)
    run.add(*triggered("customers", 815, attempt=2)).wait(3).add(changed("customers", 815)).wait(20)
    run.add(finished("orders", 811, good=48_211), *ended("orders")).wait(12)
    run.add(finished("customers", 815, good=1_204), *ended("customers", attempt=2)).wait(0.4)
    run.add(*triggered("sales", 816, 817)).wait(22).add(changed("sales", 816), changed("sales", 817)).wait(41)
    run.add(finished("sales", 816, good=48_000))
    return _badly(run) if fails else _well(run)


def _well(run: Run) -> Run:
    run.wait(38).add(finished("sales", 817, "COMPLETED_WITH_WARNINGS", good=47_990, bad=10))
    run.add(*ended("sales", JobStatus.WARNED, "execution 817 ended COMPLETED_WITH_WARNINGS, 10 failed records"))
    run.add(skipped("alert", "run_if: any_failed, and nothing failed", Cause.RUN_IF))
    run.add(*triggered("publish[emea]", 818), *triggered("publish[apac]", 819)).wait(2)
    run.add(changed("publish[emea]", 818), changed("publish[apac]", 819)).wait(17)
    run.add(finished("publish[apac]", 819), *ended("publish[apac]")).wait(6)
    run.add(finished("publish[emea]", 818), *ended("publish[emea]"))
    return _cleaned(run).add(run_ended(RunStatus.SUCCEEDED, 0))


def _badly(run: Run) -> Run:
    why = "execution 817 ended ERROR: 3,412 failed records, expected at most 0"
    run.wait(24).add(finished("sales", 817, "ERROR", good=44_588, bad=3_412))
    run.add(attempt_ended("sales", JobStatus.FAILED, why), ev.RetryScheduled(job=JobId("sales"), attempt=2, wait=30.0))
    run.wait(30).add(*triggered("sales", 821, 822, attempt=2)).wait(8)
    run.add(changed("sales", 821), changed("sales", 822)).wait(52)
    run.add(finished("sales", 821), finished("sales", 822, "ERROR", good=44_590, bad=3_410))
    why = "execution 822 ended ERROR: 3,410 failed records, expected at most 0"
    run.add(*ended("sales", JobStatus.FAILED, why, attempt=2, cause=Cause.GATE))
    run.add(skipped("publish[emea]", "sales failed"), skipped("publish[apac]", "sales failed"))
    run.add(*triggered("alert", 823)).wait(4).add(finished("alert", 823), *ended("alert"))
    told = "execution 822 has the status 'ALMOST', which nobody knows; it counts as running"
    run.add(ev.Warned(code="unrecognized-status", message=told, job=JobId("sales")))
    return _cleaned(run).add(run_ended(RunStatus.FAILED, 1))


def _cleaned(run: Run) -> Run:
    run.add(ev.AttemptStarted(job=JobId("cleanup"), attempt=1)).wait(0.4)
    return run.add(*ended("cleanup", reason="data 272: marked", cause=Cause.ACTION))


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When a job of a large run was accepted, ran and ended."""

    accepted: float
    running: float
    ended: float


def large(number: int, *, seed: int = 7) -> Run:
    """A run of `number` jobs in about eight stages; every fortieth fails, and what needs it is skipped."""
    chance = random.Random(seed)
    jobs = list(_stages(number, chance))
    run = Run(pipeline(*jobs)).add(started()).wait(1)
    times: dict[str, Times] = {}
    facts: list[tuple[float, int, tuple[ev.Event, ...]]] = []
    broken: set[str] = set()
    for at, one in enumerate(jobs):
        before = [need for need in one.needs if need in broken]
        if before:
            broken.add(one.id)
            ended_at = max(times[need].ended for need in one.needs)
            times[one.id] = Times(accepted=ended_at, running=ended_at, ended=ended_at)
            facts.append((ended_at, at, (skipped(one.id, f"{before[0]} failed"),)))
            continue
        when = _when(one, times, chance)
        times[one.id] = when
        fails = at % 40 == 17
        broken |= {one.id} if fails else set()
        facts += [(moment, at, events) for moment, events in _facts(one, at + 1_000, when, fails=fails)]
    for moment, _, events in sorted(facts, key=lambda fact: fact[:2]):
        run.wait(max(0.0, moment - run.at)).add(*events)
    return run.add(run_ended(RunStatus.FAILED, 1))


def _stages(number: int, chance: random.Random) -> Iterator[Job]:
    size = max(1, number // 8)
    for at in range(number):
        stage = at // size
        above = range((stage - 1) * size, stage * size) if stage else range(0)
        needs = sorted(chance.sample(above, min(len(above), chance.randint(1, 2)))) if stage else []
        yield job(_named(at), *map(_named, needs), line=10 + at, policy=POLICY)


def _named(at: int) -> str:
    return f"{('load', 'clean', 'join', 'sum', 'check', 'publish')[at % 6]}-{at:04}"


def _when(one: Job, times: dict[str, Times], chance: random.Random) -> Times:
    accepted = max((times[need].ended for need in one.needs), default=1.0) + chance.uniform(0.1, 1.0)
    running = accepted + chance.expovariate(1 / 8)
    return Times(accepted=accepted, running=running, ended=running + chance.expovariate(1 / 40) + 2)


def _facts(one: Job, execution: int, when: Times, *, fails: bool) -> Iterator[tuple[float, tuple[ev.Event, ...]]]:
    yield when.accepted, tuple(triggered(one.id, execution))
    yield when.running, (changed(one.id, execution),)
    word, status = ("ERROR", JobStatus.FAILED) if fails else ("COMPLETED", JobStatus.SUCCEEDED)
    reason = f"execution {execution} ended ERROR, 3 failed records" if fails else None
    yield when.ended, (finished(one.id, execution, word, bad=3 * fails), *ended(one.id, status, reason))
