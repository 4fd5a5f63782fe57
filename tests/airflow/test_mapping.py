"""The jobs of a pipeline as tasks. Needs no Airflow."""

import pytest

from spectrum_pipelines.airflow.mapping import TaskSpec, not_mapped, task_specs
from spectrum_pipelines.document.parse import parse
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.errors import UserError
from spectrum_pipelines.pipeline.build import Given, build
from spectrum_pipelines.pipeline.model.pipeline import Pipeline

_HEAD = "version: 1\nname: nightly\nserver: {url: http://spectrum.example.com}\n"


def pipeline(text: str) -> Pipeline:
    document, faults = parse(Source(name="nightly.yaml", text=_HEAD + text))
    assert document is not None, faults
    built, faults = build(document, given=Given(), run_id="RUN_ID")
    assert built is not None, faults
    return built


def specs(text: str) -> dict[str, TaskSpec]:
    return {spec.job: spec for spec in task_specs(pipeline(text))}


def test_needs_become_edges_and_names_become_task_ids() -> None:
    found = specs(
        """
jobs:
  load: {matrix: {region: [emea, "a pac"]}, trigger: "/Imports/${matrix.region}.imp"}
  sales: {needs: [load], trigger: /Workbooks/sales.wbk}
finally:
  cleanup: {delete_data: ["${jobs.sales.execution_id}"], if_missing: ok}
"""
    )
    assert {job: spec.task_id for job, spec in found.items()} == {
        "load[emea]": "load__emea",
        "load[a pac]": "load__a__pac",
        "sales": "sales",
        "cleanup": "cleanup",
    }
    assert found["sales"].needs == ("load__emea", "load__a__pac")
    assert found["cleanup"].is_teardown
    assert found["cleanup"].references == ("sales",)


def test_two_jobs_of_one_task_id_are_kept_apart() -> None:
    found = specs('\njobs:\n  load: {matrix: {region: ["a b", "a-b", "a/b"]}, trigger: "/${matrix.region}"}\n')
    assert len({spec.task_id for spec in found.values()}) == 3


@pytest.mark.parametrize(
    ("run_if", "rule"),
    [
        ("all_success", "all_success"),
        ("all_done", "all_done"),
        ("any_failed", "one_failed"),
        ("none_failed", "none_failed"),
    ],
)
def test_run_if_becomes_a_trigger_rule(run_if: str, rule: str) -> None:
    found = specs(f"\njobs:\n  a: {{trigger: 1}}\n  b: {{needs: [a], run_if: {run_if}, trigger: 2}}\n")
    assert found["b"].trigger_rule == rule


@pytest.mark.parametrize(
    "between",
    [
        pytest.param("b: {needs: [a], run_if: all_done, trigger: 2}", id="a job that hides the failure"),
        pytest.param("b: {needs: [a], allow_failure: true, trigger: 2}", id="a failure that is allowed"),
    ],
)
def test_a_failure_that_airflow_would_not_see_is_refused(between: str) -> None:
    with pytest.raises(UserError, match="looks at the direct parents only") as refused:
        specs(f"\njobs:\n  a: {{trigger: 1}}\n  {between}\n  c: {{needs: [b], run_if: any_failed, trigger: 3}}\n")
    assert "`c` with `run_if: any_failed`" in refused.value.message
    assert refused.value.hint is not None
    assert "SpectrumPipelineOperator" in refused.value.hint


def test_what_tasks_cannot_keep_is_told() -> None:
    told = list(not_mapped(pipeline("timeouts: {pipeline: 1h}\nconcurrency: {group: g}\njobs:\n  a: {trigger: 1}\n")))
    assert [sentence.split("`")[1] for sentence in told] == ["concurrency.group", "timeouts.pipeline", "fail_fast"]
