from collections.abc import Mapping

import pytest

from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.plan.waves import plan
from tests.pipeline.conftest import built


def test_waves_and_dependents() -> None:
    found = plan(
        built("""
finally: {z: {needs: [y], trigger: 9}, y: {trigger: 8}}
jobs:
  c: {needs: [a, b], trigger: 3}
  a: {trigger: 1}
  b: {needs: [a], matrix: {k: [1, 2]}, trigger: "/x ${matrix.k}"}
""")
    )
    assert found.waves == (("a",), ("b[1]", "b[2]"), ("c",))
    assert found.finally_waves == (("y",), ("z",))
    assert [(it.id, it.wave) for it in found.jobs.values()] == [
        ("c", 3), ("a", 1), ("b[1]", 2), ("b[2]", 2), ("z", 5), ("y", 4),
    ]  # fmt: skip
    assert found.jobs[JobId("a")].dependents == ("c", "b[1]", "b[2]")


@pytest.mark.parametrize(
    ("body", "executions", "seconds"),
    [
        pytest.param("trigger: 1, timeout: 1h", 1, 3600.0, id="one attempt"),
        pytest.param("trigger: 1", 1, 86400.0, id="a day if nobody says otherwise"),
        pytest.param("trigger: 1, timeout: 1h, retry: {limit: 2, interval: 1m, jitter: 0}", 3, 10980.0, id="waits of 1m and 2m"),
        pytest.param("trigger: 1, timeout: 1h, retry: {limit: 1, interval: 1m, jitter: 0.5}", 2, 7290.0, id="jitter counts"),
        pytest.param("trigger: 1, timeout: 1h, retry: {limit: 9, max_duration: 90m}", 10, 5400.0, id="max_duration caps"),
        pytest.param(
            "trigger: 1, timeout: 1s, retry: {limit: 1000, factor: 100, jitter: 0, max_interval: 1m}", 1001,
            1001 + 30 + 999 * 60, id="100**1000 is beyond any float",
        ),
        pytest.param("trigger: 1, timeout: 1h, on_running: wait", 1, None, id="nothing bounds somebody else's run"),
        pytest.param("wait_for: 1, timeout: 1h", 0, 3600.0, id="wait_for starts nothing"),
        pytest.param("check: 1, timeout: 1h", 0, 0.0, id="check waits for nothing"),
        pytest.param("delete_data: [1]", 0, 0.0, id="delete_data waits for nothing"),
        pytest.param("stop: 1, timeout: 1m", 0, 60.0, id="stop waits until it is confirmed"),
        pytest.param("sequence: [1, 2], timeout: 1h", 1, 3600.0, id="sequence is one trigger"),
    ],
)  # fmt: skip
def test_worst_cases(body: str, executions: int, seconds: float | None) -> None:
    found = plan(built(f"jobs: {{a: {{{body}}}}}"))
    job = found.jobs[JobId("a")]
    assert (job.max_executions, job.worst_case) == (executions, seconds)
    assert (found.max_executions, found.worst_case) == (executions, seconds)


CHAIN = """
%s
jobs:
  a: {trigger: 1, timeout: 1h}
  b: {needs: [a], trigger: 2, timeout: 2h}
  c: {needs: [a], trigger: 3, timeout: 3h}
  d: {trigger: 5, timeout: 30m}
finally:
  z: {trigger: 4, timeout: 5m}
"""


@pytest.mark.parametrize(
    ("settings", "hours"),
    [
        pytest.param("", 4 + 1 / 12, id="the longest chain, then finally"),
        pytest.param("timeouts: {pipeline: 2h}", 2 + 1 / 12, id="cut by the pipeline's timeout"),
        pytest.param("timeouts: {finally: 1m}", 4 + 1 / 60, id="finally cut by its own"),
        pytest.param("concurrency: {max_parallel: 1}", 6.5 + 1 / 12, id="one after another"),
        pytest.param("concurrency: {max_parallel: 2}", 4 + 2.5 / 2 + 1 / 12, id="Graham's bound for two at once"),
    ],
)
def test_worst_case_of_a_run(settings: str, hours: float) -> None:
    found = plan(built(CHAIN % settings))
    assert found.worst_case == pytest.approx(hours * 3600)
    assert found.critical_path == ("a", "c")


def test_what_nothing_bounds_is_critical() -> None:
    text = "jobs: {a: {trigger: 1, timeout: 9h}, b: {trigger: 2, timeout: 1s, on_running: wait}}"
    found = plan(built(text))
    assert (found.critical_path, found.worst_case) == (("b",), None)
    assert plan(built(text + "\ntimeouts: {pipeline: 1h}")).worst_case == 3600.0


def test_of_equal_chains_the_one_with_more_jobs_is_critical() -> None:
    jobs: Mapping[str, str] = {"a": "check: 1", "b": "needs: [a], check: 2", "c": "check: 3"}
    assert plan(built("jobs:\n" + "".join(f"  {name}: {{{body}}}\n" for name, body in jobs.items()))).critical_path == (
        "a",
        "b",
    )
