import time

import pytest

from spectrum_pipelines.document.suggest import closest

KEYS = ["needs", "trigger", "sequence", "wait_for", "run_if", "allow_failure", "timeout", "queue_timeout"]

ROWS = [
    pytest.param("need", "needs", id="a letter is missing"),
    pytest.param("tirgger", "trigger", id="two letters swapped"),
    pytest.param("Timeout", "timeout", id="wrong case"),
    pytest.param("queueTimeout", "queue_timeout", id="camel case"),
    pytest.param("allow-failure", "allow_failure", id="hyphen for underscore"),
    pytest.param("sequnce", "sequence", id="in the middle"),
    pytest.param("xyzzy", None, id="nothing is near"),
    pytest.param("", None, id="nothing is not a slip"),
    pytest.param("needs" * 100, None, id="too long to be one"),
]


@pytest.mark.parametrize(("word", "expected"), ROWS)
def test_closest(word: str, expected: str | None) -> None:
    assert closest(word, KEYS) == expected


def test_the_word_itself_is_no_suggestion() -> None:
    assert closest("needs", ["needs"]) is None


@pytest.mark.parametrize("word", ["job123", "job01234x", "ob01234", "jbo01234"])
def test_41_ten_thousand_candidates_take_no_time(word: str) -> None:
    started = time.perf_counter()
    found = closest(word, (f"job{number:05}" for number in range(10_000)))
    assert time.perf_counter() - started < 1
    assert found is None if word == "job123" else found == "job01234"
