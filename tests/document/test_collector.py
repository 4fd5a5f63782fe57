import gc
from collections.abc import Iterator
from typing import Any

import pytest

from spectrum_pipelines.document.collector import at_rest
from spectrum_pipelines.document.parse import parse
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.pipeline.check import check


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)  # Python's own; the suite has larger ones
    yield
    gc.set_threshold(*before)
    gc.enable()


def test_it_rests_until_the_last_one_has_left() -> None:
    with at_rest():
        with at_rest():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_works_again_after_a_failure() -> None:
    with pytest.raises(ZeroDivisionError), at_rest():
        _ = 1 / 0
    assert gc.isenabled()


def test_it_stays_off_where_somebody_else_turned_it_off() -> None:
    gc.disable()
    with at_rest():
        assert not gc.isenabled()
    assert not gc.isenabled()


def test_a_large_file_is_read_and_checked_without_it() -> None:
    text = "version: 1\nname: many\njobs:\n" + "".join(f"  j{n}: {{trigger: {n + 1}}}\n" for n in range(2_000))
    parse(Source(name="it", text=text))  # what is imported and compiled once
    looks: list[str] = []

    def look(phase: str, _: dict[str, Any]) -> None:
        looks.append(phase)

    gc.collect()
    gc.callbacks.append(look)
    try:
        document, faults = parse(Source(name="it", text=text))
        during_reading = len(looks)
        looks.clear()
        assert document is not None
        assert not faults
        assert not check(document)
    finally:
        gc.callbacks.remove(look)
    # What has waited meanwhile may be looked at once behind each of the two.
    assert (during_reading, len(looks)) <= (2, 2)
