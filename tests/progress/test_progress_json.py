import io
import json
from collections.abc import Callable

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import JobStatus
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.pipeline import Variable
from spectrum_pipelines.progress.base import Progress
from spectrum_pipelines.progress.json_lines import JsonProgress
from spectrum_pipelines.store.codec import decode
from tests.report.runs import RUNS, SECRET, Run, begun, ended, job, pipeline, sales_pipeline


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_every_fact_is_one_line_that_reads_back(make: Callable[..., Run]) -> None:
    stream = io.StringIO()
    run = make(JsonProgress(stream))
    assert [decode(line) for line in stream.getvalue().splitlines()] == list(enumerate(run.facts, 1))


def test_a_resumed_run_goes_on_counting() -> None:
    stream = io.StringIO()
    begun(sales_pipeline(), JsonProgress(stream, seq=41))
    assert [json.loads(line)["seq"] for line in stream.getvalue().splitlines()] == [41, 42]


def test_foreign_text_is_inert_and_complete() -> None:
    stream = io.StringIO()
    hostile = "##vso[task]\r\n::error::\x1b[31m\u202e"
    begun(sales_pipeline(), JsonProgress(stream)).add(*ended("orders", JobStatus.FAILED, hostile))
    *_, last = stream.getvalue().split("\n")[:-1]
    assert last.isascii()
    assert "##" not in last
    assert json.loads(last)["reason"] == hostile


def test_secrets_are_masked_and_words_stay() -> None:
    stream = io.StringIO()
    secrets = {name: Variable(name=name, value=value, secret=True) for name, value in (("a", SECRET), ("b", "failed"))}
    run = begun(pipeline(job("orders"), variables=secrets), JsonProgress(stream))
    executions = (ev.StartedExecution(execution_id=3, name=f"x {SECRET}"),)  # type: ignore[arg-type]
    run.add(ev.Triggered(job=JobId("orders"), attempt=1, executions=executions))
    run.add(*ended("orders", JobStatus.FAILED, f"failed with {SECRET}"))
    *_, triggered, _, last = stream.getvalue().splitlines()
    assert json.loads(triggered)["executions"][0]["name"] == "x ***"
    assert (json.loads(last)["status"], json.loads(last)["reason"]) == ("failed", "failed with ***")


def test_a_tick_writes_nothing() -> None:
    stream = io.StringIO()
    show: Progress = JsonProgress(stream)
    show.tick(begun(sales_pipeline()).state, 1000.0)
    show.close()
    assert stream.getvalue() == ""
