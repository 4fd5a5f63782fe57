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


#: A trigger without an answer is settled within this time: 10s and 60s for the call, 15s of grace, the last rounds of the search.
LOST = 10.0 + 60.0 + 15.0 + 8.0
STOP = 30.0


@pytest.mark.parametrize(
    ("body", "triggers", "seconds"),
    [
        pytest.param("trigger: 1, timeout: 1h", 1, 3600 + LOST + STOP, id="one attempt"),
        pytest.param("trigger: 1", 1, 86400 + LOST + STOP, id="a day if nobody says otherwise"),
        pytest.param("trigger: 1, timeout: 1h, on_timeout: leave", 1, 3600 + LOST, id="nothing is stopped"),
        pytest.param("trigger: 1, timeout: 1h, ambiguous_grace: 5m", 1, 3600 + LOST + 285 + STOP, id="a longer search"),
        pytest.param(
            "trigger: 1, timeout: 1h, retry: {limit: 2, interval: 1m, jitter: 0}",
            3,
            3 * (3600 + LOST + STOP) + 180,
            id="waits of 1m and 2m",
        ),
        pytest.param(
            "trigger: 1, timeout: 1h, retry: {limit: 1, interval: 1m, jitter: 0.5}",
            2,
            2 * (3600 + LOST + STOP) + 90,
            id="jitter counts",
        ),
        pytest.param(
            "trigger: 1, timeout: 1h, retry: {limit: 9, max_duration: 90m}",
            10,
            5400 + LOST + STOP,
            id="max_duration caps",
        ),
        pytest.param(
            "trigger: 1, timeout: 1s, retry: {limit: 1000, factor: 100, jitter: 0, max_interval: 1m}",
            1001,
            1001 * (1 + LOST + STOP) + 30 + 999 * 60,
            id="100**1000 is beyond any float",
        ),
        pytest.param(
            "trigger: 1, timeout: 1h, on_ambiguous: retry, retry: {interval: 1m, jitter: 0}",
            2,
            2 * (3600 + LOST + STOP) + 60,
            id="a trigger that was lost is sent once more",
        ),
        pytest.param(
            "trigger: 1, timeout: 1h, on_running: wait", 1, 7200 + LOST + STOP, id="it waits as long as it may run"
        ),
        pytest.param(
            "trigger: 1, timeout: 1h, queue_timeout: 1m, on_running: wait",
            1,
            3660 + LOST + STOP,
            id="or as long as it may queue",
        ),
        pytest.param(
            "trigger: 1, timeout: 1h, on_running: stop",
            1,
            7200 + LOST + STOP,
            id="it waits until what it stops is gone",
        ),
        pytest.param("trigger: 1, timeout: 1h, on_running: attach", 1, 3600 + LOST + STOP, id="it attaches at once"),
        pytest.param(
            "sequence: [1, 2], timeout: 1h, on_running: attach",
            1,
            7200 + LOST + STOP,
            id="a sequence of which some files run waits for them",
        ),
        pytest.param(
            "sequence: [1, 2], timeout: 1h, queue_timeout: 1m, on_running: attach",
            1,
            3660 + LOST + STOP,
            id="as long as it may queue",
        ),
        pytest.param(
            "sequence: [1], timeout: 1h, on_running: attach", 1, 3600 + LOST + STOP, id="one file runs or not"
        ),
        pytest.param("wait_for: 1, timeout: 1h", 0, 3600.0, id="wait_for starts nothing"),
        pytest.param(
            "wait_for: 1, timeout: 1h, retry: {limit: 1, interval: 1m, jitter: 0}",
            0,
            7260.0,
            id="and may be tried again",
        ),
        pytest.param("check: 1, timeout: 1h", 0, 0.0, id="check waits for nothing"),
        pytest.param("check: 1, retry: {limit: 1, interval: 1m, jitter: 0}", 0, 60.0, id="but for its retries"),
        pytest.param("delete_data: [1]", 0, 0.0, id="delete_data waits for nothing"),
        pytest.param("stop: 1, timeout: 1m", 0, STOP, id="stop waits until it is confirmed"),
        pytest.param("sequence: [1, 2], timeout: 1h", 1, 3600 + LOST + STOP, id="sequence is one trigger"),
    ],
)
def test_worst_cases(body: str, triggers: int, seconds: float) -> None:
    found = plan(built(f"jobs: {{a: {{{body}}}}}"))
    job = found.jobs[JobId("a")]
    executions = None if body.startswith("sequence") else triggers
    assert (
        (job.max_triggers, job.max_executions) == (found.max_triggers, found.max_executions) == (triggers, executions)
    )
    assert job.worst_case == found.worst_case == pytest.approx(seconds)


def test_jobs_that_share_a_file_wait_for_each_other() -> None:
    found = plan(built("jobs: {a: {trigger: 1, timeout: 1h}, b: {trigger: 1, timeout: 2h}}"))
    # Their triggers may be lost at once, and then each search waits for the other.
    assert [it.worst_case for it in found.jobs.values()] == [pytest.approx(n * 3600 + 2 * LOST + STOP) for n in (2, 4)]


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


#: What each job may take besides its timeout, where others may be lost at the same time.
MORE = 2 * LOST + STOP


@pytest.mark.parametrize(
    ("settings", "hours", "more"),
    [
        pytest.param("", 4 + 1 / 12, 3 * MORE, id="the longest chain, then finally"),
        pytest.param("timeouts: {pipeline: 2h}", 2 + 1 / 12, 2 * MORE, id="cut by the pipeline's timeout"),
        pytest.param("timeouts: {finally: 1m}", 4 + 1 / 60, 3 * MORE, id="finally cut by its own"),
        pytest.param("concurrency: {max_parallel: 1}", 6.5 + 1 / 12, 5 * MORE, id="one after another"),
        pytest.param(
            "concurrency: {max_parallel: 2}", 4 + 2.5 / 2 + 1 / 12, 4 * MORE, id="Graham's bound for two at once"
        ),
    ],
)
def test_worst_case_of_a_run(settings: str, hours: float, more: float) -> None:
    found = plan(built(CHAIN % settings))
    assert found.worst_case == pytest.approx(hours * 3600 + more)
    assert found.critical_path == ("a", "c")


def test_waiting_for_other_runs_counts() -> None:
    text = "jobs: {a: {trigger: 1, timeout: 3h}, b: {trigger: 2, timeout: 2h, on_running: wait}}"
    assert plan(built(text)).critical_path == ("b",)


def test_of_equal_chains_the_one_with_more_jobs_is_critical() -> None:
    jobs: Mapping[str, str] = {"a": "check: 1", "b": "needs: [a], check: 2", "c": "check: 3"}
    assert plan(built("jobs:\n" + "".join(f"  {name}: {{{body}}}\n" for name, body in jobs.items()))).critical_path == (
        "a",
        "b",
    )
