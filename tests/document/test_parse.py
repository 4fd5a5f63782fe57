from typing import Any

import pytest

from spectrum_pipelines.document.diagnostic import Severity
from spectrum_pipelines.document.parse import Document, parse
from spectrum_pipelines.document.position import Path, Span
from spectrum_pipelines.document.reading.compose import MAX_DEPTH, compose
from spectrum_pipelines.document.reading.events import events, pure_parser
from spectrum_pipelines.document.source import Source

NIGHTLY = """\
jobs:
  sales:
    needs: [orders, "customers"]
    timeout: 2h  # long
    empty:
    steps:
      - one
      - text: |
          two

# the end
last: x
"""


def document_of(text: str) -> Document:
    document, diagnostics = parse(Source(name="it", text=text))
    assert not diagnostics
    assert document is not None
    return document


def codes(text: str) -> list[str]:
    return [it.code for it in parse(Source(name="it", text=text))[1]]


def place(span: Span) -> str:
    return f"{span.start.line}:{span.start.column}-{span.end.line}:{span.end.column}"


VALUES = [
    pytest.param((), "1:1-12:8", id="the root"),
    pytest.param(("jobs", "sales"), "3:5-9:14", id="a block ends with its last value, not with the next token"),
    pytest.param(("jobs", "sales", "needs"), "3:12-3:33", id="a list in brackets, with the brackets"),
    pytest.param(("jobs", "sales", "needs", 1), "3:21-3:32", id="a quoted item, with the quotes"),
    pytest.param(("jobs", "sales", "timeout"), "4:14-4:16", id="a value without the comment"),
    pytest.param(("jobs", "sales", "empty"), "5:5-5:10", id="an empty value stands at its key"),
    pytest.param(("jobs", "sales", "steps", 1, "text"), "8:15-9:14", id="a block scalar without the lines behind it"),
    pytest.param(("jobs", "sales", "steps", 7), "7:7-9:14", id="a missing item: its list"),
    pytest.param(("jobs", "nothing", "at", "all"), "2:3-9:14", id="a missing key: the nearest ancestor"),
    pytest.param(("last", "x", 0), "12:7-12:8", id="below a scalar: the scalar"),
]
KEYS = [
    pytest.param((), "1:1-12:8", id="the root is its own key"),
    pytest.param(("jobs", "sales"), "2:3-2:8", id="a key"),
    pytest.param(("jobs", "sales", "needs", 1), "3:21-3:32", id="an item is its own key"),
    pytest.param(("jobs", "sales", "nothing"), "2:3-2:8", id="a missing key: that of the mapping"),
    pytest.param(("jobs", "sales", "steps", 7), "6:5-6:10", id="a missing item: the key of the list"),
]


@pytest.mark.parametrize(("path", "expected"), VALUES)
def test_value_span(path: Path, expected: str) -> None:
    assert place(document_of(NIGHTLY).value_span(path)) == expected


@pytest.mark.parametrize(("path", "expected"), KEYS)
def test_key_span(path: Path, expected: str) -> None:
    assert place(document_of(NIGHTLY).key_span(path)) == expected


DATA = [
    pytest.param("a: !!str 010", {"a": "010"}, id="an explicit text"),
    pytest.param('a: !!int "5"', {"a": 5}, id="an explicit number"),
    pytest.param("a: !!float 5", {"a": 5.0}, id="an explicit fraction"),
    pytest.param("a: !!map {b: !!seq []}", {"a": {"b": []}}, id="explicit collections"),
    pytest.param('"<<": {a: 1}', {"<<": {"a": 1}}, id="a merge key in quotes is a key"),
    pytest.param(
        "a: &a {x: 1, y: 1}\nb: {<<: *a, y: 2}", {"a": {"x": 1, "y": 1}, "b": {"x": 1, "y": 2}}, id="own keys win"
    ),
    pytest.param(
        "a: &a {x: 1}\nb: {x: 2, <<: *a}", {"a": {"x": 1}, "b": {"x": 2}}, id="own keys win wherever they stand"
    ),
    pytest.param(
        "a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b], z: 3}",
        {"a": {"x": 1}, "b": {"x": 2, "y": 2}, "c": {"x": 1, "y": 2, "z": 3}},
        id="of several merged mappings the first wins",
    ),
    pytest.param(
        "a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b}",
        {"a": {"x": 1}, "b": {"x": 1, "y": 2}, "c": {"x": 1, "y": 2}},
        id="a merge of a merge",
    ),
    pytest.param("b: {<<: {x: 1}, y: 2}", {"b": {"x": 1, "y": 2}}, id="a merge of a mapping written out"),
    pytest.param(
        "a: &a {x: {p: 1}}\nb: {<<: *a, x: {q: 2}}", {"a": {"x": {"p": 1}}, "b": {"x": {"q": 2}}}, id="not deep"
    ),
    pytest.param("b: {<<: [], y: 2}", {"b": {"y": 2}}, id="a merge of nothing"),
    pytest.param("a: ! 5", {"a": "5"}, id="the tag for plain text"),
    pytest.param("%YAML 1.1\n---\na: no\n...\n", {"a": "no"}, id="38 a directive for YAML 1.1 changes nothing"),
    pytest.param("a: &x [1]\nb: *x", {"a": [1], "b": [1]}, id="an alias"),
    pytest.param("&k a: 1\n*k : 2", None, id="an alias as a key repeats the key"),
    pytest.param("a: 'b\n\n  c'", {"a": "b\nc"}, id="folded lines"),
    pytest.param('{"a":1,"b":[true,null]}', {"a": 1, "b": [True, None]}, id="JSON"),
]


@pytest.mark.parametrize(("text", "data"), DATA)
def test_data(text: str, data: Any) -> None:
    if data is None:
        assert codes(text) == ["duplicate-key"]
    else:
        assert document_of(text).data == data


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("a: &a {x: 1}\nb: {<<: *a, <<: *a}", "duplicate-key", id="two merge keys in one mapping"),
        pytest.param("a: &a {x: 1}\nb: {<<: *a, y: 1, y: 2}", "duplicate-key", id="a key twice beside a merge"),
        pytest.param("a: {<<: 1}", "merge-key", id="a number"),
        pytest.param("a: &a [1]\nb: {<<: *a}", "merge-key", id="a list of numbers"),
        pytest.param("a: {<<: }", "merge-key", id="nothing"),
        pytest.param("a: &a {<<: *a}", "recursive-alias", id="itself"),
        pytest.param("a: {<<: *b}", "unknown-alias", id="nobody"),
    ],
)
def test_a_merge_that_cannot_be(text: str, code: str) -> None:
    assert code in codes(text)


def test_fault_36_a_bomb_of_merges_is_stopped() -> None:
    lines = ["a0: &a0 {" + ", ".join(f"k{it}: [x]" for it in range(50)) + "}"]
    lines += [
        f"a{it}: &a{it} {{" + ", ".join(f"m{it}x{at}: {{<<: *a{it - 1}}}" for at in range(20)) + "}"
        for it in range(1, 9)
    ]
    assert codes("\n".join(lines)) == ["alias-bomb"]


def test_what_is_merged_stands_where_it_was_written() -> None:
    document = document_of("a: &a\n  x: 1\nb:\n  <<: *a\n  y: 2\n")
    assert place(document.value_span(("b", "x"))) == "2:6-2:7"
    assert place(document.key_span(("b", "y"))) == "5:3-5:4"


def test_aliases_share_nothing() -> None:
    data = document_of("a: &x {b: [1]}\nc: *x").data
    data["a"]["b"].append(2)
    assert data["c"] == {"b": [1]}


def test_an_alias_stands_where_it_is_used_and_its_content_where_it_was_written() -> None:
    document = document_of("a: &x {b: 1}\nc: *x")
    assert place(document.value_span(("c",))) == "2:4-2:6"
    assert place(document.value_span(("c", "b"))) == "1:11-1:12"


def test_36_an_anchor_that_is_given_anew_names_the_newer_value() -> None:
    assert document_of("a: &x 1\nb: &x 2\nc: *x").data["c"] == 2
    assert codes("a: &x 1\nb: &x [*x]") == ["recursive-alias"]


def test_35_depth_is_capped_exactly() -> None:
    assert codes("[" * MAX_DEPTH + "]" * MAX_DEPTH) == []
    assert codes("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)) == ["too-deep"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 25_000 + "]" * 25_000, id="brackets"),
        pytest.param("[" * 25_000, id="brackets that are never closed"),
        pytest.param("{a: " * 25_000 + "}" * 25_000, id="braces"),
        pytest.param("- " * 25_000, id="dashes"),
        pytest.param("? " * 25_000, id="question marks"),
        pytest.param("".join(" " * depth + "a:\n" for depth in range(500)), id="indentation"),
    ],
)
def test_35_nesting_neither_crashes_nor_recurses(text: str) -> None:
    assert codes(text) == ["too-deep"]


def test_36_aliases_cannot_build_depth() -> None:
    chain = "a0: &a0 []\n" + "".join(f"a{it}: &a{it} [*a{it - 1}]\n" for it in range(1, 100))
    assert codes(chain) == ["too-deep"]


def test_faults_do_not_stop_the_reading() -> None:
    document, diagnostics = parse(Source(name="it", text="a: 010\na: 2\nb: !!binary x\nc: 1"))
    assert document is not None
    assert document.data == {"a": "010", "b": "x", "c": 1}
    assert document.unsound == {("a",), ("b",)}
    assert [it.code for it in diagnostics] == ["leading-zero", "duplicate-key", "tag"]


def test_37_a_duplicate_key_names_both_lines() -> None:
    (fault,) = parse(Source(name="it", text="jobs:\n  a: 1\n  b: 2\n  a: 3\n"))[1]
    assert "first on line 2" in fault.message
    assert (fault.span.start.line, fault.related[0].span.start.line) == (4, 2)


def test_a_bidirectional_character_is_a_warning() -> None:
    document, (warning,) = parse(Source(name="it", text="a: x\u202ey\n"))
    assert document is not None
    assert warning.severity is Severity.WARNING


def test_50_a_secret_is_overwritten_character_by_character() -> None:
    document = document_of('user: bob\npassword: "hun\n  ter2"\nlist: [hunter2, 1]\n')
    masked = document.masked(lambda path: path == ("password",) or path[0] == "list")
    assert masked.text == "user: bob\npassword: ****\n*******\nlist: [*******, *]\n"


def test_the_pure_parser_stands_in_where_libyaml_is_missing() -> None:
    text = 'a: &x [1, "ö"]\nb: *x\nc: {d: no, e: 0o10}\n'
    composition = compose(events(text, pure_parser(text)))
    assert not composition.faults
    assert composition.data == document_of(text).data


@pytest.mark.parametrize(
    "text", ['a: "\\UFFFFFFFF"', 'a: "\\ud800"', "%YAML 1." + "9" * 5000 + "\n--- a", "a:\n\tb", "[a"]
)
def test_the_pure_parser_raises_nothing_either(text: str) -> None:
    assert compose(events(text, pure_parser(text))).faults
