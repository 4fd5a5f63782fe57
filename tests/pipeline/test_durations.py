import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.document.schema.validator import load_schema
from spectrum_pipelines.pipeline.model.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("250ms", 0.25, id="milliseconds"),
        pytest.param("30s", 30.0, id="seconds"),
        pytest.param("5m", 300.0, id="minutes, not months or milliseconds"),
        pytest.param("1h30m", 5400.0, id="compound"),
        pytest.param("1h 30m", 5400.0, id="compound with a space, as plans show it"),
        pytest.param("1d2h3m4s5ms", 93784.005, id="every unit"),
        pytest.param("1.5h", 5400.0, id="fraction"),
        pytest.param("0.1s", 0.1, id="a decimal that binary cannot hold is the nearest float"),
        pytest.param("0s", 0.0, id="zero is for the schema to refuse"),
        pytest.param("30s\n", 30.0, id="a block scalar ends with a line break"),
    ],
)
def test_parse(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("30", id="no unit"),
        pytest.param("30m1h", id="smaller unit first"),
        pytest.param("1h1h", id="a unit twice"),
        pytest.param("-1h", id="negative"),
        pytest.param("1 h", id="space within"),
        pytest.param("1hour", id="word"),
        pytest.param("1e3s", id="exponent"),
        pytest.param("٣s", id="a digit of another script"),
        pytest.param("9" * 5000 + "s", id="fault 39: thousands of digits"),
        pytest.param("none", id="the word for no limit is not a duration"),
    ],
)
def test_parse_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        pytest.param(0, "0s", id="zero"),
        pytest.param(0.25, "250ms", id="milliseconds"),
        pytest.param(5400, "1h 30m", id="two units"),
        pytest.param(86400, "1d", id="a day"),
        pytest.param(59.9996, "1m", id="rounds before it splits"),
    ],
)
def test_format(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(min_value=0, max_value=10**12))
def test_what_is_written_is_read_back(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


def _patterns(schema: Any) -> set[str]:
    if isinstance(schema, dict):
        own = {schema["pattern"]} if "ms)?$" in str(schema.get("pattern")) else set()
        return own.union(*map(_patterns, schema.values())) if schema else own
    return set().union(*map(_patterns, schema)) if isinstance(schema, list) and schema else set()


PATTERNS = sorted(_patterns(load_schema("pipeline")))


@given(st.text(alphabet="0123456789.dhms \n", max_size=12))
def test_the_schema_accepts_what_can_be_read(text: str) -> None:
    assert len(PATTERNS) == 3, "longer than zero, zero or longer, `none` or longer than zero"
    for pattern in PATTERNS:
        if re.search(pattern, text):
            seconds = parse_duration(text)
            assert seconds > 0 or "[1-9]" not in pattern


@given(st.lists(st.tuples(st.integers(1, 99), st.sampled_from("dhms")), min_size=1, max_size=4))
def test_what_can_be_read_the_schema_accepts(parts: list[tuple[int, str]]) -> None:
    text = "".join(f"{number}{unit}" for number, unit in parts)
    try:
        parse_duration(text)
    except ValueError:
        readable = False
    else:
        readable = True
    assert [bool(re.search(pattern, text)) for pattern in PATTERNS] == [readable] * len(PATTERNS)


def test_the_schema_is_the_one_in_the_folder() -> None:
    folder = Path(__file__).parents[2] / "schemas" / "pipeline.schema.json"
    assert json.loads(folder.read_text(encoding="utf-8")) == load_schema("pipeline")
