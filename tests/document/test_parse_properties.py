"""Whatever the text, an answer; whatever the data, the same data, each piece of it where it says it is."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from spectrum_pipelines.document.parse import Document, parse
from spectrum_pipelines.document.position import Path, Span, starts_of_lines
from spectrum_pipelines.document.reading.compose import compose
from spectrum_pipelines.document.reading.events import events, pure_parser
from spectrum_pipelines.document.reading.scalars import resolve
from spectrum_pipelines.document.schema.validator import check_against
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.render.findings.text import render_json, render_text

LETTERS = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029\ufeff\ufffe\uffff")
TEXTS = st.text(LETTERS, max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
DATA = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)
MARKS = [
    "a",
    "b: ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\n",
    "  ",
    "\t",
    '"',
    "'",
    "&x ",
    "*x",
    "!!int ",
    "!t ",
    "|",
    ">-",
    "# c",
]
STRANGE = [
    "? ",
    ": ",
    "---",
    "...",
    "%YAML 1.2",
    "\\",
    "010",
    "<<",
    "~",
    "é",
    "\r\n",
    "\ufeff",
    "\x00",
    "\u2028",
    "@",
    "${",
]
PIECES = st.sampled_from(MARKS) | st.sampled_from(STRANGE)
SCHEMA = {"type": "object", "additionalProperties": {"type": ["integer", "array"], "items": {"type": "string"}}}


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.lists(PIECES, max_size=25).map("".join))
def test_any_text_gives_an_answer(text: str) -> None:
    source = Source(name="it", text=text)
    document, diagnostics = parse(source)
    assert document is not None or diagnostics
    if document is not None:
        diagnostics += check_against(document, SCHEMA)
    for it in diagnostics:
        assert (it.span.start.line, it.span.start.column) <= (it.span.end.line, it.span.end.column)
        assert it.span.end.line <= len(starts_of_lines(text))
    render_text(diagnostics, {"it": source}, color=False).encode()
    json.loads(render_json(diagnostics))


def paths(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in items:
        yield from paths(inner, (*path, step))


def text_at(document: Document, span: Span) -> str:
    text = document.source.text
    starts = starts_of_lines(text)
    start, end = (starts[it.line - 1] + it.column - 1 for it in (span.start, span.end))
    return text[start:end]


@pytest.mark.parametrize("indent", [None, 2])
@settings(max_examples=60, deadline=None)
@given(data=st.dictionaries(TEXTS, DATA, max_size=4) | st.lists(DATA, max_size=4))
def test_json_comes_back_and_every_span_covers_its_text(indent: int | None, data: Any) -> None:
    text = json.dumps(data, ensure_ascii=False, indent=indent)
    document, diagnostics = parse(Source(name="it", text=text))
    assert diagnostics in ((), tuple(it for it in diagnostics if it.severity.value == "warning"))
    assert document is not None
    assert document.data == data
    for path, value in paths(data):
        assert json.loads(text_at(document, document.value_span(path))) == value
        if path and isinstance(path[-1], str):
            assert json.loads(text_at(document, document.key_span(path))) == path[-1]
    assert compose(events(text, pure_parser(text))).data == data


@settings(max_examples=60, deadline=None)
@given(
    data=st.dictionaries(st.text("abc xyz:-#", min_size=1, max_size=8).filter(lambda it: resolve(it) == it), DATA),
    style=st.sampled_from([None, '"']),
    flow=st.sampled_from([None, True, False]),
)
def test_what_pyyaml_writes_comes_back(data: Any, style: Any, flow: Any) -> None:
    if any(isinstance(it, str) and resolve(it) != it for _, it in paths(data)) or any(
        isinstance(step, str) and resolve(step) != step for path, _ in paths(data) for step in path
    ):
        style = '"'  # YAML 1.1 writes some texts bare that YAML 1.2 takes for numbers
    text = yaml.safe_dump(data, default_style=style, default_flow_style=flow, allow_unicode=True)
    document, diagnostics = parse(Source(name="it", text=text))
    assert not [it for it in diagnostics if it.severity.value == "error"]
    assert document is not None
    assert document.data == data
