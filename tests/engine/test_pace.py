"""Pauses between looks: their bounds, and what an outlook may do to them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.engine.timing.pace import blind_pause, longest_pause, pause_by_past
from spectrum_pipelines.pipeline.model.pipeline import Poll

_POLL = Poll(min=0.5, max=30, factor=0.1)
_DEFAULT = Poll()
_ages = st.floats(min_value=0, max_value=1e6)
_lengths = st.floats(min_value=0.001, max_value=1e6)


@pytest.mark.parametrize(
    ("age", "seconds"),
    [
        pytest.param(0, 0.5, id="a young one is looked at every `min`"),
        pytest.param(100, 11.12, id="in between the next look comes at a tenth of the age that it finds"),
        pytest.param(10_000, 30, id="an old one is looked at every `max`"),
    ],
)
def test_blind_pause(age: float, seconds: float) -> None:
    assert blind_pause(_POLL, age=age) == pytest.approx(seconds, abs=0.01)


@given(age=_ages)
def test_a_blind_pause_never_leaves_its_bounds(age: float) -> None:
    assert _POLL.min <= blind_pause(_POLL, age=age) <= _POLL.max


@given(age=_ages, whole=st.floats(min_value=-10, max_value=1e9))
def test_an_outlook_lets_a_pause_grow_within_bounds(age: float, whole: float) -> None:
    blind = blind_pause(_DEFAULT, age=age)
    assert blind <= longest_pause(_DEFAULT, age=age, whole=whole) <= 15 * blind * 1.0001


def test_what_ends_within_a_minute_is_looked_at_nearly_as_often_as_blindly() -> None:
    assert longest_pause(_DEFAULT, age=30, whole=60) < 1.34 * blind_pause(_DEFAULT, age=30)


@given(age=_ages, past=_lengths)
def test_a_pause_by_the_past_is_never_shorter_than_min_nor_longer_than_it_may_be(age: float, past: float) -> None:
    pause = pause_by_past(_DEFAULT, age=age, past=past)
    assert _DEFAULT.min <= pause <= max(longest_pause(_DEFAULT, age=age, whole=past), 1.25 * _DEFAULT.max)


def test_before_the_end_that_the_past_foretells_one_looks_seldom_then_often_then_as_ever() -> None:
    long_before, about_now, long_after = (pause_by_past(_DEFAULT, age=age, past=3600) for age in (1800, 3600, 7200))
    assert long_before > 5 * about_now
    assert about_now == pytest.approx(37.5)
    assert long_after == blind_pause(_DEFAULT, age=7200)


def test_a_long_pause_ends_where_the_end_begins_to_be_likely() -> None:
    assert 2600 + pause_by_past(_DEFAULT, age=2600, past=3600) == pytest.approx(0.77 * 3600)
