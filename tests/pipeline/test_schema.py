"""The schema as a document for people: every key explained, every example right, and every text for editors in place."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from spectrum_pipelines import spectrum as vocabulary
from spectrum_pipelines.document.schema.gate import gate
from spectrum_pipelines.document.schema.validator import load_schema
from spectrum_pipelines.pipeline.form.origin import POLICY_VALUES
from spectrum_pipelines.pipeline.form.overlay import OVERLAID
from spectrum_pipelines.pipeline.model.action import ACTION_WORDS
from spectrum_pipelines.pipeline.rules.written import POLICY_KEYS
from tests.pipeline.conftest import built

SCHEMA = load_schema("pipeline")


def resolved(schema: Any) -> Any:
    while isinstance(schema, dict) and "$ref" in schema:
        schema = SCHEMA["definitions"][schema["$ref"].removeprefix("#/definitions/")]
    return schema


def properties(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property wherever it can stand, by its path; `*` is a name that the file chooses."""
    schema = resolved(schema)
    for name, it in schema.get("properties", {}).items():
        yield f"{path}.{name}", resolved(it)
        yield from properties(it, f"{path}.{name}")
    for key in ("additionalProperties", "items"):
        if isinstance(schema.get(key), dict):
            yield f"{path}.*", resolved(schema[key])
            yield from properties(schema[key], f"{path}.*")
    for it in schema.get("anyOf", []):
        yield from properties(it, path)


NAMED = [(path, it) for path, it in properties(SCHEMA) if not path.endswith(".*")]


def test_it_is_a_draft_07_schema_with_a_versioned_id() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert SCHEMA["$id"] == "https://spectrum-pipelines.dev/schemas/pipeline-1.json"


def test_it_can_be_asked_without_loading_jsonschema() -> None:
    assert gate(SCHEMA)(SCHEMA["examples"][0])


@pytest.mark.parametrize(("path", "schema"), NAMED, ids=[path for path, _ in NAMED])
def test_every_property_is_explained_and_its_examples_are_right(path: str, schema: dict[str, Any]) -> None:
    assert len(schema["description"]) > 15, f"{path}: an editor shows it to somebody who does not know the key"
    assert schema["description"].endswith((".", ")"))
    assert schema["examples"]
    validator = jsonschema.Draft7Validator({**schema, "definitions": SCHEMA["definitions"]})
    for example in [*schema["examples"], *([schema["default"]] if "default" in schema else [])]:
        assert not list(validator.iter_errors(example)), example


ITEMS = [(path, it) for path, it in properties(SCHEMA) if path.endswith(".*")]


@pytest.mark.parametrize(("path", "schema"), ITEMS, ids=[path for path, _ in ITEMS])
def test_every_item_is_explained_and_its_examples_are_right(path: str, schema: dict[str, Any]) -> None:
    assert schema["description"].endswith((".", ")"))
    validator = jsonschema.Draft7Validator({**schema, "definitions": SCHEMA["definitions"]})
    assert schema["examples"]
    for example in schema["examples"]:
        assert not list(validator.iter_errors(example)), example


@pytest.mark.parametrize(("path", "schema"), NAMED, ids=[path for path, _ in NAMED])
def test_the_description_names_the_default_since_editors_do_not_show_it(path: str, schema: dict[str, Any]) -> None:
    if "default" in schema:
        default = schema["default"]
        listed = f"[{', '.join(default)}]" if isinstance(default, list) else str(default)
        shown = listed.lower() if isinstance(default, bool) else listed
        assert re.search(rf"default[^.]*`{re.escape(shown)}`", schema["description"], re.IGNORECASE), path


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from nodes(inner)


def test_editors_show_words_where_they_would_show_a_regular_expression() -> None:
    for node in nodes(SCHEMA):
        if isinstance(node.get("pattern"), str):
            assert node["patternErrorMessage"].startswith("This "), node
            assert node["patternErrorMessage"].endswith("."), node
        if isinstance(node.get("x-message"), str):
            # The same as the words of `validate`, as a sentence.
            assert node["x-message"] in node["errorMessage"], node
            assert node["errorMessage"].endswith("."), node
            for branch in node.get("anyOf", []):
                own = branch.keys() & {"errorMessage", "patternErrorMessage"}
                assert "$ref" in branch or own, node


def test_no_name_is_open_where_names_are_fixed() -> None:
    for path, schema in [("", SCHEMA), *properties(SCHEMA)]:
        if "properties" in schema:
            assert schema["additionalProperties"] is False, path


def test_what_a_reference_stands_for_can_be_judged_in_words() -> None:
    for path, schema in properties(SCHEMA):
        if {"$ref": "#/definitions/reference"} in schema.get("anyOf", []):
            message = schema.get("x-message", "")
            assert message.startswith(("must ", "not ")), f"{path}: a text about this very value"


def test_defaults_are_those_of_the_model() -> None:
    told = {path: schema["default"] for path, schema in NAMED if "default" in schema and ".environments" not in path}
    lines = [_nested(path.removeprefix(".").split("."), value) for path, value in told.items() if ".*" not in path]
    merged: dict[str, Any] = {}
    for line in lines:
        _merge(merged, line)
    plain = {"version": 1, "name": "test", "jobs": {"a": {"trigger": 1}}}
    assert set(merged) > {"defaults", "poll", "http", "fail_fast"}
    assert built(json.dumps({**plain, **merged})) == built(json.dumps(plain))


def _nested(keys: list[str], value: Any) -> dict[str, Any]:
    return {keys[0]: _nested(keys[1:], value) if keys[1:] else value}


def _merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, dict) and key in into:
            _merge(into[key], value)
        else:
            into[key] = value


def test_check_takes_every_status_word_that_is_known() -> None:
    words = SCHEMA["definitions"]["expect"]["properties"]["status"]["items"]["enum"]
    # One word is ours, for an answer without any; one is the same word in another spelling.
    assert set(words) == set(vocabulary._PHASES) - {vocabulary.TRIGGERED, "CANCELLED"}


def test_the_words_of_the_code_are_those_of_the_schema() -> None:
    job = SCHEMA["definitions"]["job"]["properties"]
    assert set(ACTION_WORDS.values()) < set(job)
    assert set(POLICY_KEYS) == set(SCHEMA["definitions"]["defaults"]["properties"])
    assert {it.removeprefix("retry.") for it in POLICY_VALUES if "." in it} == set(
        SCHEMA["definitions"]["retry"]["properties"]
    )
    assert set(SCHEMA["definitions"]["jobOverride"]["properties"]) == set(job)
    assert set(OVERLAID) == set(SCHEMA["definitions"]["environment"]["properties"])
    assert set(SCHEMA["properties"]) - set(OVERLAID) == {"version", "name", "include", "environments"}


@pytest.mark.parametrize(
    "job",
    [
        pytest.param({}, id="no action"),
        pytest.param({"trigger": 1, "check": 1}, id="two actions"),
        pytest.param({"trigger": 1, "variables": {"a": 1}}, id="variables without sequence"),
        pytest.param({"trigger": 1, "if_missing": "ok"}, id="if_missing without its actions"),
    ],
)
def test_other_validators_see_what_rules_say_here(job: dict[str, Any]) -> None:
    data = {"version": 1, "name": "x", "jobs": {"a": job}}
    assert list(jsonschema.Draft7Validator(SCHEMA).iter_errors(data))
