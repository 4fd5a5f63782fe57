"""Single JSON values: ids strictly, hints leniently."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.client import fields

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.lists(st.integers()),
    st.dictionaries(st.text(), st.none()),
)

IDS = [
    pytest.param(1, 1, id="smallest"),
    pytest.param(2**63 - 1, 2**63 - 1, id="largest"),
    pytest.param("11", 11, id="digits-in-a-text"),
    pytest.param(0, None, id="11-zero"),
    pytest.param(-1, None, id="11-negative"),
    pytest.param(2**63, None, id="11-beyond-a-java-long"),
    pytest.param(None, None, id="11-null"),
    pytest.param(True, None, id="11-true"),
    pytest.param(1.0, None, id="11-float"),
    pytest.param("abc", None, id="11-text"),
    pytest.param("-3", None, id="11-negative-text"),
    pytest.param("\u0661\u0661", None, id="11-arabic-digits"),
    pytest.param("1" * 5000, None, id="11-absurdly-long"),
    pytest.param([11], None, id="11-list"),
]


@pytest.mark.parametrize(("value", "expected"), IDS)
def test_fault_11_an_id_is_a_positive_whole_number(value: object, expected: int | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="not an id"):
            fields.identifier(value)
    else:
        assert fields.identifier(value) == expected


ESTIMATES = [
    ("11s", 11), ("2m 3s", 123), ("2m3s", 123), ("1h", 3600), ("1d 2h", 93600), ("500ms", 0.5), ("1.5m", 90),
    ("00:01:10", 70), ("1:10", 70), ("2 minutes, 3 seconds", 123), (" 11S ", 11), ("0", 0), (11, 11), (0.5, 0.5), ("11", 11),
    ("", None), (None, None), ("soon", None), ("3 sausages", None), ("-5s", None), (-5, None), (float("nan"), None),
    (float("inf"), None), ("1" * 5000, None), (True, None), ([11], None), ("11s left", None),
]  # fmt: skip


@pytest.mark.parametrize(("value", "seconds"), ESTIMATES, ids=lambda value: repr(value)[:20])
def test_an_estimate_is_seconds_or_none(value: object, seconds: float | None) -> None:
    assert fields.estimate(value) == seconds


PROGRESS = [
    ("0", 0), ("37%", 37), ("37 %", 37), (37, 37), ("37.5", 37.5), (250, 100), ("-3", 0), ("100%", 100), ("", None), (None, None),
    ("half", None), (float("nan"), None), (True, None), ({}, None), (10**400, None),
]  # fmt: skip


@pytest.mark.parametrize(("value", "percent"), PROGRESS, ids=lambda value: repr(value)[:20])
def test_progress_is_percent_or_none(value: object, percent: float | None) -> None:
    assert fields.progress(value) == percent


COUNTS = [
    (7, 7), ("7", 7), (7.0, 7), ("7.0", 7), (-1, -1), (2**63 - 1, 2**63 - 1), (7.5, None), (None, None), (True, None),
    ("many", None),     (float("inf"), None), (2**63, None), ("1" * 5000, None),
]  # fmt: skip


@pytest.mark.parametrize(("value", "whole"), COUNTS, ids=lambda value: repr(value)[:20])
def test_a_count_is_exact_or_none(value: object, whole: int | None) -> None:
    assert fields.count(value) == whole


def test_text_can_always_be_written_to_a_file() -> None:
    assert fields.text("a\ud800b") == "a?b"
    assert fields.text("Größe 😀") == "Größe 😀"
    assert len(fields.text("x" * 100_000) or "") == 2000
    assert fields.text(7) is None


@pytest.mark.parametrize(
    "record",
    [{"job-status": "X"}, {"jobStatus": "X"}, {"job-status": None, "jobStatus": "X"}],
    ids=["hyphens", "camel", "null-beside"],
)
def test_both_spellings_of_a_key_are_read(record: dict[str, Any]) -> None:
    assert fields.pick(record, "job-status") == "X"
    assert fields.has(record, "job-status")
    assert fields.pick({}, "job-status") is None


@given(ANYTHING)
def test_no_hint_ever_raises(value: object) -> None:
    percent, seconds = fields.progress(value), fields.estimate(value)
    assert percent is None or 0 <= percent <= 100
    assert seconds is None or 0 <= seconds < float("inf")
    fields.text(value)
    fields.count(value)
    fields.number(value)
