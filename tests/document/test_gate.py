"""The gate may send a valid file on to jsonschema, but must never let an invalid one pass."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from spectrum_pipelines.document.schema.gate import gate
from spectrum_pipelines.document.schema.validator import load_schema

SHOWN = json.loads((Path(__file__).parent / "cases" / "schema.json").read_text(encoding="utf-8"))
VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    1.0,
    1.5,
    -3,
    10**30,
    "",
    "a",
    "red",
    "30s",
    "1",
    [],
    [1],
    [1, 1],
    [1, True],
    ["a", "b"],
]
VALUES += [
    [1, 2, 3],
    [[1], [1]],
    {},
    {"a": 1},
    {"a": "x", "b": 2},
    {"trigger": 1},
    {"a": {"a": {"a": 1}}},
    {"": None},
    ["a", 1, None],
]

EXACT: list[dict[str, Any]] = [
    {"type": "integer"},
    {"type": ["number", "null"]},
    {"type": ["object", "array", "string", "boolean"]},
    {"enum": ["red", 1, None, True]},
    {"const": 1},
    {"const": False},
    {"minimum": 1, "maximum": 3},
    {"exclusiveMinimum": 1, "exclusiveMaximum": 1.5},
    {"minLength": 1, "maxLength": 2},
    {"pattern": "^[a-z]+$"},
    {"minItems": 1, "maxItems": 2, "items": {"type": "integer"}},
    {"items": False},
    {"minProperties": 1, "maxProperties": 1},
    {"required": ["a"], "properties": {"a": {"type": "integer"}}, "additionalProperties": False},
    {"properties": {"a": {"type": "integer"}}, "additionalProperties": {"type": "integer"}},
    {"additionalProperties": {"type": "string"}},
    {"properties": {"a": False}},
    {"propertyNames": {"minLength": 1}},
    {"dependencies": {"a": ["b"], "trigger": {"required": ["a"]}}},
    {"anyOf": [{"type": "string"}, {"minimum": 1}]},
    {"allOf": [{"type": "integer"}, {"minimum": 1}]},
    {"oneOf": [{"type": "integer"}, {"minimum": 1}, {"required": ["a"]}]},
    {
        "$ref": "#/definitions/tree",
        "type": "null",
        "definitions": {"tree": {"additionalProperties": {"$ref": "#/definitions/tree"}}},
    },
    {
        "definitions": {"n": {"type": "number"}},
        "additionalProperties": {"anyOf": [{"$ref": "#/definitions/n"}, {"type": "object"}]},
    },
]


@pytest.mark.parametrize("schema", EXACT, ids=json.dumps)
def test_the_same_verdict_as_jsonschema(schema: dict[str, Any]) -> None:
    validator, test = Draft7Validator(schema), gate(schema)
    assert [test(value) for value in VALUES] == [validator.is_valid(value) for value in VALUES]


CAREFUL: list[dict[str, Any]] = [
    {"uniqueItems": True},
    {"oneOf": [{"uniqueItems": True}, {"type": "array"}]},
    {"not": {"type": "string"}},
    {"if": {"type": "string"}, "then": {"minLength": 1}},
    {"contains": {"type": "string"}},
    {"items": [{"type": "string"}]},
    {"patternProperties": {"^a": {"type": "string"}}, "properties": {}},
    {"patternProperties": {"^a": {"type": "string"}}},
    {"multipleOf": 2},
    {"enum": [[1], {"a": 1}]},
    {"a word of the future": True},
]


@pytest.mark.parametrize("schema", CAREFUL, ids=json.dumps)
def test_in_doubt_jsonschema_decides(schema: dict[str, Any]) -> None:
    validator, test = Draft7Validator(schema), gate(schema)
    assert [value for value in VALUES if test(value) and not validator.is_valid(value)] == []


def test_43_a_reference_to_elsewhere_is_not_followed() -> None:
    assert not gate({"$ref": "http://127.0.0.1:9/schema.json"})({})
    assert not gate({"$ref": "#/definitions/missing"})({})


def words(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return {word for it in schema for word in words(it)}
    if not isinstance(schema, dict):
        return set()
    own = set(schema.get("properties", {})) | {it for it in schema.get("enum", []) if isinstance(it, str)}
    return own.union(*(words(it) for it in schema.values()))


def shaped_like(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    word = st.sampled_from(sorted(words(schema)))
    scalar = st.sampled_from([None, True, 0, 1, 2.0, -1, "30s", "", "/Data/a.imp", "${var.x}"]) | word
    example = st.sampled_from(schema.get("examples") or [{"version": 1}])
    nested = st.recursive(
        scalar, lambda it: st.lists(it, max_size=3) | st.dictionaries(word, it, max_size=4), max_leaves=8
    )
    job = st.fixed_dictionaries({"trigger": st.sampled_from([1, 0, "/a"])}, optional={"needs": nested, "retry": nested})
    whole = st.fixed_dictionaries(
        {"version": st.sampled_from([1, 1.0, True]), "name": st.just("a"), "jobs": st.dictionaries(word, job)}
    )
    return (
        nested
        | example
        | whole
        | st.tuples(whole, st.dictionaries(word, nested, max_size=3)).map(lambda it: it[0] | it[1])
    )


@pytest.mark.parametrize("schema", [SHOWN, load_schema("pipeline")], ids=["shown", "pipeline"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_nothing_invalid_passes(schema: dict[str, Any], data: st.DataObject) -> None:
    value = data.draw(shaped_like(schema))
    if gate(schema)(value):
        assert Draft7Validator(schema).is_valid(value)


@pytest.mark.parametrize("name", ["pipeline", "workspace"])
def test_every_keyword_of_the_shipped_schemas_is_known(name: str) -> None:
    schema = load_schema(name)
    assert all(map(gate(schema), schema["examples"]))


def patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        schema = list(schema.values())
    if isinstance(schema, list):
        for it in schema:
            yield from patterns(it)


@pytest.mark.parametrize("name", ["pipeline", "workspace", "run-report", "event"])
def test_patterns_mean_the_same_in_every_language(name: str) -> None:
    # Beyond ASCII, Python, Rust and the editors' JavaScript disagree about what a digit, a space or a letter is.
    assert [it for it in patterns(load_schema(name)) if re.search(r"\\[dDsSwWbB]", it)] == []


@pytest.mark.parametrize("value", [{1: 2}, "\ud800", {"a": "\udfff"}, 10**400], ids=repr)
def test_what_the_gate_cannot_read_goes_on_to_jsonschema(value: Any) -> None:
    assert gate({"type": "string"})(value) is False
