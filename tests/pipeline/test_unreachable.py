"""What is said never to run is held against the engine: such a job starts in no run, however the other jobs end."""

import random
from itertools import product

import pytest

from spectrum_pipelines.document.parse import parse
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import Cause, JobStatus
from spectrum_pipelines.engine.state.run import Step
from spectrum_pipelines.pipeline.build import check
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.pipeline import Job, RunIf
from tests.engine.made import fold, fresh, job, settle

_NAMES = "abcde"


def _graph(luck: random.Random) -> list[Job]:
    jobs = []
    for place, name in enumerate(_NAMES):
        needs = [other for other in _NAMES[:place] if luck.random() < 0.5]
        run_if = luck.choice(
            [RunIf.ALL_SUCCESS, RunIf.ALL_SUCCESS, RunIf.ANY_FAILED, RunIf.ALL_DONE, RunIf.NONE_FAILED]
        )
        jobs.append(job(name, *needs, run_if=run_if, allow_failure=luck.random() < 0.2))
    return jobs


def _never_run(jobs: list[Job], *, fail_fast: bool) -> set[str]:
    """The jobs that are told to be unreachable."""
    lines = [
        f"  {it.id}: {{needs: [{', '.join(it.needs)}], run_if: {it.run_if.value}, trigger: /{it.id}, "
        f"allow_failure: {str(it.allow_failure).lower()}}}"
        for it in jobs
    ]
    text = "\n".join(["version: 1", "name: tiny", f"fail_fast: {str(fail_fast).lower()}", "jobs:", *lines, ""])
    document, _ = parse(Source(name="tiny.yaml", text=text.replace("needs: [], ", "")))
    assert document is not None
    return {it.message.split("`")[1] for it in check(document) if it.code == "unreachable"}


def _started(jobs: list[Job], *, fail_fast: bool) -> set[str]:
    """The jobs that start in some run, of all in which each job that starts succeeds or fails."""
    found: set[str] = set()
    for ends in product([JobStatus.SUCCEEDED, JobStatus.FAILED], repeat=len(jobs)):
        state = fresh(*jobs, fail_fast=fail_fast)
        end_of = dict(zip(_NAMES, ends, strict=True))
        settle(state, 0.0)
        while state.underway:
            name = next(iter(state.underway))
            found.add(name)
            fold(state, ev.JobEnded(job=JobId(name), status=end_of[name], cause=Cause.SPECTRUM, reason=None))
            settle(state, 0.0)
        assert all(it.step is Step.DONE for it in state.jobs.values())
    return found


@pytest.mark.parametrize("fail_fast", [True, False])
def test_a_job_that_is_said_never_to_run_starts_in_no_run(*, fail_fast: bool) -> None:
    luck = random.Random(17)
    told = 0
    for _ in range(150):
        jobs = _graph(luck)
        if never := _never_run(jobs, fail_fast=fail_fast):
            told += len(never)
            assert not never & _started(jobs, fail_fast=fail_fast), jobs
    assert told > 10
