import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.errors import UserError
from spectrum_pipelines.plan.waves import select
from tests.pipeline.conftest import built

PIPELINE = built("""
jobs:
  a: {trigger: 1}
  b: {needs: [a], trigger: 2}
  c: {needs: [b], matrix: {k: [x, y], n: [1]}, trigger: "/c/${matrix.k}"}
  d: {needs: [c], trigger: 4}
  e: {needs: [d, a], sequence: ["${jobs.d.execution_id}"]}
  f: {trigger: 6}
finally:
  z: {delete_data: ["${jobs.a.execution_id}"]}
""")


@pytest.mark.parametrize(
    ("selection", "ids"),
    [
        pytest.param("a", ["a"], id="one job"),
        pytest.param("+b", ["a", "b"], id="with what it needs"),
        pytest.param("d+", ["d", "e"], id="with what needs it"),
        pytest.param("+d+", ["a", "b", "c[x,1]", "c[y,1]", "d", "e"], id="both ways"),
        pytest.param("c", ["c[x,1]", "c[y,1]"], id="all combinations"),
        pytest.param("c[x,1],f", ["c[x,1]", "f"], id="the comma of a combination separates no jobs"),
        pytest.param("+c[y,1]", ["a", "b", "c[y,1]"], id="one combination with what it needs"),
        pytest.param("f , a", ["a", "f"], id="spaces, and the order of the file"),
        pytest.param(["f", "a,b"], ["a", "b", "f"], id="repeated"),
        pytest.param("a,z", ["a", "z"], id="finally by name"),
    ],
)
def test_select(selection: str | list[str], ids: list[str]) -> None:
    assert list(select(PIPELINE, selection).jobs) == ids


def test_needs_outside_are_dropped() -> None:
    assert {job.id: job.needs for job in select(PIPELINE, "b,d").jobs.values()} == {"b": (), "d": ()}


@pytest.mark.parametrize(
    ("selection", "message", "hint"),
    [
        pytest.param("nothing", "there is no job `nothing`", "see `plan`", id="unknown"),
        pytest.param("c[x,2]", "there is no job `c[x,2]`", "did you mean `c[x,1]`?", id="unknown combination"),
        pytest.param("", "no job is selected", "--only", id="nothing"),
        pytest.param("+", "there is no job ``", "see `plan`", id="a plus alone"),
        pytest.param("e", "`e` refers to the execution of `d`, which is not selected", "--only d,e", id="output"),
        pytest.param(
            "z", "`z` refers to the execution of `a`, which is not selected", "--only a,z", id="output of a job"
        ),
    ],
)
def test_refusals(selection: str, message: str, hint: str) -> None:
    with pytest.raises(UserError) as caught:
        select(PIPELINE, selection)
    assert message in str(caught.value)
    assert hint in str(caught.value.hint)


@given(st.text(alphabet="+,abcdefz[]xy1 ", max_size=12))
def test_any_text_selects_or_is_refused(selection: str) -> None:
    try:
        found = select(PIPELINE, selection)
    except UserError:
        return
    assert found.jobs
    assert all(need in found.jobs for job in found.jobs.values() for need in job.needs)
