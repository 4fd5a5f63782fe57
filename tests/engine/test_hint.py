"""What the server says of the end: read in the light of what it said before."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.engine.timing.hint import Hint, pause_by_hint, read_hint
from spectrum_pipelines.engine.timing.pace import longest_pause
from spectrum_pipelines.pipeline.model.pipeline import Poll

_POLL = Poll()


def told(*answers: tuple[float, float | None, float | None]) -> Hint:
    """The hint after several answers: (seconds since the beginning, progress, estimate)."""
    hint: Hint | None = None
    for at, progress, estimate in answers:
        hint = read_hint(hint, at=at, age=at, progress=progress, estimate=estimate)
    assert hint is not None
    return hint


@pytest.mark.parametrize(
    ("answers", "left"),
    [
        pytest.param([(10, None, 50)], 50, id="an estimate, as it is"),
        pytest.param([(10, None, 0)], None, id="an estimate of zero is the server's way to know nothing"),
        pytest.param([(10, None, 2), (11.9, None, 0)], 0.5, id="zero after a count-down is the last second"),
        pytest.param([(10, None, 2), (13, None, 0)], 1, id="long after it, nobody knows"),
        pytest.param([(10, 2, None)], None, id="the first few percent tell nothing"),
        pytest.param([(10, 100, None)], None, id="done, and not ended: what is left is not in the percents"),
        pytest.param([(0, 50, None)], None, id="half of no time"),
        pytest.param([(100, 49, None)], 102, id="a percent and an age"),
        pytest.param([(100, 10, None), (200, 20, None)], 795, id="two percents tell the speed, whatever was before"),
        pytest.param([(100, 10, None), (110, 11, None)], None, id="one percent more is too little to tell"),
        pytest.param([(0.75, 75, 1)], 0.24, id="of a percent and whole seconds the finer one"),
        pytest.param([(100, 30, 300)], 300, id="and for long the estimate"),
        pytest.param([(100, None, 800), (300, None, 400)], 200, id="falls twice as fast as the time: half of it"),
        pytest.param([(100, None, 400), (300, None, 300)], 600, id="falls half as fast: twice of it"),
    ],
)
def test_what_is_left(answers: list[tuple[float, float | None, float | None]], left: float | None) -> None:
    hint = told(*answers)
    assert hint.left == (None if left is None else pytest.approx(left, rel=0.02))
    assert not hint.contradicts


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([(10, None, 11), (20, None, 11)], id="an estimate that stands still"),
        pytest.param([(10, None, 11), (20, None, 40)], id="an estimate that grows"),
        pytest.param([(10, None, 900), (20, None, 20)], id="an estimate that falls down a cliff"),
        pytest.param([(10, 50, None), (20, 20, None)], id="a progress that goes back"),
        pytest.param([(10, None, 5), (15.1, None, 900)], id="the end that was foretold for now is far away again"),
    ],
)
def test_a_contradiction(answers: list[tuple[float, float | None, float | None]]) -> None:
    assert told(*answers).contradicts


def test_silence_is_no_hint() -> None:
    assert read_hint(told((10, 50, 10)), at=11, age=11, progress=None, estimate=None) is None


def test_a_sure_hint_leads_right_behind_the_end_and_a_vague_one_before_it() -> None:
    sure, is_over = pause_by_hint(_POLL, age=1.0, left=0.4, error=0.01)
    assert is_over
    assert 0.4 < sure < 0.42
    vague, is_over = pause_by_hint(_POLL, age=3600, left=100, error=20)
    assert not is_over
    assert vague == pytest.approx(80)


_answers = st.lists(
    st.tuples(
        st.floats(min_value=0.01, max_value=600),
        st.none() | st.floats(min_value=-5, max_value=1e6),
        st.none() | st.floats(min_value=0, max_value=1e9),
    ),
    min_size=1,
    max_size=12,
)


@given(answers=_answers)
def test_whatever_is_said_the_next_look_comes_and_not_too_soon(answers: Any) -> None:
    hint, at = None, 0.0
    for pause, progress, estimate in answers:
        at += pause
        hint = read_hint(hint, at=at, age=at, progress=progress, estimate=estimate)
        if hint is not None and hint.left is not None:
            assert hint.left >= 0
            assert hint.error >= 0
            wait, is_over = pause_by_hint(_POLL, age=at, left=hint.left, error=hint.error)
            assert wait >= 0.005
            assert is_over or wait <= longest_pause(_POLL, age=at, whole=at + hint.left)


@given(duration=st.floats(min_value=1, max_value=20_000), ages=st.lists(st.floats(0.01, 0.99), min_size=2, max_size=8))
def test_an_honest_server_never_contradicts_itself(duration: float, ages: list[float]) -> None:
    hint: Hint | None = None
    for age in sorted({share * duration for share in ages}):
        percent = float(int(100 * age / duration))
        hint = read_hint(hint, at=age, age=age, progress=percent, estimate=float(round(duration - age)))
        assert hint is None or not hint.contradicts


def test_an_honest_estimate_is_followed_ever_closer() -> None:
    looks, hint, at = [0.0], None, 0.0
    while at < 3600:
        hint = read_hint(hint, at=at, age=at, progress=None, estimate=float(round(3600 - at)))
        assert hint is not None
        at += pause_by_hint(_POLL, age=at, left=hint.left or 1.0, error=hint.error)[0]
        looks.append(at)
    assert len(looks) < 30
    assert looks[-1] - 3600 < 10
    assert all(later > earlier for earlier, later in pairwise(looks))
