"""The whole language in one file, as its description shows it: valid, and planned in both of its environments."""

from datetime import UTC, datetime

import pytest

from spectrum_pipelines.document.diagnostic import Severity
from spectrum_pipelines.pipeline.build import Given
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.plan.waves import plan
from tests.pipeline.conftest import built, tried

WHOLE = """
version: 1
name: nightly-sales
timezone: Europe/Berlin
x-notes: {owner: data-platform}
server: {url: "${env.SPECTRUM_URL}"}
variables:
  business_date: {type: date, default: yesterday}
  regions: {type: list, default: [emea, apac]}
  publish: {type: boolean, default: true}
environments:
  prod:
    server: {url: https://spectrum.example.com}
    variables: {regions: [emea, apac, amer]}
    jobs: {publish: {enabled: false}}
defaults: {timeout: 2h, retry: {limit: 2}}
timeouts: {pipeline: 8h, finally: 10m}
concurrency: {group: nightly, behavior: queue, max_parallel: 8, timeout: 1h}
jobs:
  load:
    matrix: {region: "${var.regions}"}
    trigger: "/Data/Imports/orders ${matrix.region} ${var.business_date:%Y-%m-%d}.imp"
  clean:
    needs: ["load[${matrix.region}]"]
    matrix: {region: "${var.regions}"}
    trigger: "/Workbooks/clean ${matrix.region}.wbk"
  sales:
    needs: [clean]
    sequence: [51, 52]
    variables: {business_date: "${var.business_date}", loaded: "${jobs.load[emea].counters.IMPORT_RECORDS}"}
    expect:
      failure_count: {max: 0}
      counters: {IMPORT_RECORDS: {min: 1}}
      total: {success_count: {min: 1000}}
      duration: {max: 30m}
  publish:
    enabled: "${var.publish}"
    needs: [sales]
    trigger: /Exports/sales.exp
  alert: {needs: [publish], run_if: any_failed, trigger: 77}
finally:
  cleanup: {delete_data: ["${jobs.sales.execution_id}"], if_missing: ok}
"""
NOW = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(("environment", "regions"), [(None, 2), ("prod", 3)])
def test_the_whole_language_is_understood(environment: str | None, regions: int) -> None:
    values = Given(environment=environment, process_environment={"SPECTRUM_URL": "https://test.example.com"}, now=NOW)
    _, found = tried(WHOLE, values)
    assert not [it for it in found if it.severity is Severity.ERROR]
    pipeline = built(WHOLE, values)
    assert len([name for name in pipeline.jobs if name.startswith("load[")]) == regions
    assert pipeline.jobs[JobId("clean[apac]")].needs == ("load[apac]",)
    assert str(getattr(pipeline.jobs[JobId("load[emea]")].action, "target", "")).endswith("emea 2026-11-23.imp")
    assert pipeline.jobs[JobId("alert")].needs == (("publish",) if environment is None else ("sales",))
    assert [it.id for it in pipeline.off] == ([] if environment is None else ["publish"])
    assert len(plan(pipeline).waves) == (5 if environment is None else 4)
