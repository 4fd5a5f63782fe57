"""Jobs that are switched off, and jobs that an environment overrides or adds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.pipeline.build import Given
from spectrum_pipelines.pipeline.graph.order import ancestors
from spectrum_pipelines.pipeline.graph.switches import contracted
from spectrum_pipelines.pipeline.model.action import DeleteData, JobId, Sequence, Trigger
from spectrum_pipelines.plan.facts import PlanFacts
from spectrum_pipelines.plan.waves import plan
from spectrum_pipelines.render.plan.text import render_text
from tests.pipeline.conftest import built, read, tried

CHAIN = """
variables: {x: true, y: "yes"}
environments:
  off: {jobs: {b: {enabled: false}}}
  two: {jobs: {b: {enabled: false}, c: {enabled: false}}, variables: {x: false}}
jobs:
  a: {matrix: {r: [1, 2]}, trigger: "/a${matrix.r}"}
  b: {needs: ["a[${matrix.r}]"], matrix: {r: [1, 2]}, trigger: "/b${matrix.r}"}
  c: {needs: ["b[2]"], trigger: /c}
  d: {needs: [b, c], enabled: "${var.x}", trigger: /d}
  e: {needs: [d], trigger: /e}
finally:
  f: {delete_data: ["${jobs.b[1].execution_id}", 7], if_missing: ok}
"""


@pytest.mark.parametrize(
    ("values", "needs"),
    [
        pytest.param(
            Given(),
            {"b[1]": ("a[1]",), "b[2]": ("a[2]",), "c": ("b[2]",), "d": ("b[1]", "b[2]", "c"), "e": ("d",)},
            id="all are on",
        ),
        pytest.param(
            Given(environment="off"),
            {"c": ("a[2]",), "d": ("a[1]", "a[2]", "c"), "e": ("d",)},
            id="who needs a combination needs what that combination needs",
        ),
        pytest.param(
            Given(command_line={"x": "false"}),
            {"b[1]": ("a[1]",), "b[2]": ("a[2]",), "c": ("b[2]",), "e": ("b[1]", "b[2]", "c")},
            id="a variable switches",
        ),
        pytest.param(Given(environment="two"), {"e": ("a[1]", "a[2]")}, id="three in a row"),
    ],
)
def test_who_needs_a_job_that_is_off_needs_what_it_needs(values: Given, needs: dict[str, tuple[str, ...]]) -> None:
    jobs = built(CHAIN, values).jobs
    assert {name: job.needs for name, job in jobs.items() if job.needs} == needs
    deleted = jobs[JobId("f")].action
    assert isinstance(deleted, DeleteData)
    assert [str(it) for it in deleted.data_ids] == (["${jobs.b[1].execution_id}"] if "b[1]" in jobs else []) + ["7"]


def test_the_plan_says_what_is_off_and_why() -> None:
    document = read(CHAIN)
    pipeline = built(CHAIN, Given(environment="two"))
    told = render_text(PlanFacts(pipeline, plan(pipeline), document))
    off = told[told.index("Switched off") :].splitlines()[:4]
    assert off[1:] == [
        "  b  enabled: false  (line 7, environment two)",
        "  c  enabled: false  (line 7, environment two)",
        "  d  enabled: ${var.x}, which is false  (line 12)",
    ]


def test_a_switch_that_is_no_boolean_is_an_error_at_its_column() -> None:
    pipeline, found = tried(CHAIN.replace("var.x", "var.y"))
    assert pipeline is None
    assert [(it.code, it.span.start.line, it.span.start.column) for it in found if it.code != "unused-variable"] == [
        ("wrong-type", 12, 32)
    ]


nodes = st.integers(0, 7)


@given(st.lists(st.tuples(nodes, nodes), max_size=20), st.sets(nodes, max_size=5))
def test_who_comes_before_whom_stays_the_same(pairs: list[tuple[int, int]], hidden: set[int]) -> None:
    needs = {JobId(f"j{it}"): [JobId(f"j{low}") for low, high in pairs if low < high == it] for it in range(8)}
    off = {JobId(f"j{it}") for it in hidden}
    left = contracted(needs, off)
    assert left.keys() == needs.keys() - off
    before, after = (_before(graph) for graph in (needs, left))
    assert after == {node: found - off for node, found in before.items() if node not in off}


def _before(graph: dict[JobId, list[JobId]] | dict[JobId, tuple[JobId, ...]]) -> dict[JobId, set[JobId]]:
    bits, found = ancestors(graph)
    return {node: {other for other, bit in bits.items() if found[node] & bit} for node in graph}


OVERRIDES = """
environments:
  prod:
    jobs:
      load: {sequence: [51], variables: {state: TX}}
      chain: {trigger: /chain, timeout: 2h}
      extra: {needs: [chain], trigger: /extra}
    finally: {last: {trigger: /last}}
jobs:
  load: {trigger: /load, timeout: 1h, expect: {success_count: {min: 1}}}
  chain: {needs: [load], sequence: [52], variables: {state: CA}, timeout: 1h}
"""


def test_an_environment_gives_another_action_and_adds_jobs() -> None:
    jobs = built(OVERRIDES, Given(environment="prod")).jobs
    assert list(jobs) == ["load", "chain", "extra", "last"]
    load, chain, extra, last = jobs.values()
    assert load.action == Sequence(file_ids=(51,), variables={"state": "TX"})
    assert load.expect is not None
    assert (chain.action, chain.needs, chain.policy.timeout) == (Trigger(target="/chain"), ("load",), 7200)
    assert (extra.needs, extra.line) == (("chain",), 9)
    assert last.is_finally
    assert list(built(OVERRIDES).jobs) == ["load", "chain"]
