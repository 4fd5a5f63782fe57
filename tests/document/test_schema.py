import socket
import subprocess
import sys
from typing import Any

import pytest
from referencing.exceptions import Unresolvable

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.document.parse import parse
from spectrum_pipelines.document.reading.compose import MAX_DEPTH
from spectrum_pipelines.document.schema.validator import check, check_against, load_schema
from spectrum_pipelines.document.source import Source


def faults(text: str, schema: dict[str, Any], **options: Any) -> tuple[Diagnostic, ...]:
    document, _ = parse(Source(name="it", text=text))
    assert document is not None
    return check_against(document, schema, **options)


SCALAR: dict[str, Any] = {"type": ["string", "number", "boolean"]}
LONG_FORM: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["kind"],
    "properties": {"kind": {"enum": ["date"]}, "size": {"type": "integer"}},
}
REFERENCE: dict[str, Any] = {"type": "string", "pattern": r"\$\{"}

# What is said about `a` under the schema of `a`.
ROWS = [
    pytest.param(
        "a: 30",
        {"type": "string", "x-hint": "write `30s`"},
        "`a` must be text, not the number 30",
        "write `30s`",
        id="hint",
    ),
    pytest.param(
        "a: 30",
        {"type": "string", "x-message": "must be a duration"},
        "`a` must be a duration, not the number 30",
        None,
        id="must",
    ),
    pytest.param(
        "a: x",
        {"pattern": "^1", "x-message": "not a duration"},
        "`a`: the text `x` is not a duration",
        None,
        id="is not",
    ),
    pytest.param(
        "a: x", {"const": 1, "x-message": "wrong version"}, "`a`: wrong version", None, id="any other message"
    ),
    pytest.param("a:", {"type": "string"}, "`a` must be text, but it is empty", None, id="empty"),
    pytest.param(
        "a: yes", {"type": "boolean"}, None, "write `true`: only `true` and `false` are not text", id="38 a habit"
    ),
    pytest.param(
        "a: x", {"type": "integer", "examples": [1, 2, 3, 4]}, None, "for example `1`, `2` or `3`", id="examples"
    ),
    pytest.param(
        "a: [x]",
        {"anyOf": [SCALAR, LONG_FORM]},
        "`a` must be text, a number, `true`, `false` or a mapping",
        None,
        id="all types",
    ),
    pytest.param(
        "a: {knd: date}",
        {"anyOf": [SCALAR, LONG_FORM]},
        "unknown key `knd`",
        "did you mean `kind`?",
        id="the branch by type",
    ),
    pytest.param(
        "a: {kind: date, size: x}",
        {"anyOf": [SCALAR, LONG_FORM]},
        "`size` must be a whole number",
        None,
        id="inside the branch",
    ),
    pytest.param(
        "a: dtae",
        {"anyOf": [{"enum": ["date", "text"]}, REFERENCE]},
        "`a` must be `date` or `text`",
        "did you mean `date`?",
        id="words",
    ),
    pytest.param(
        "a: 0",
        {"anyOf": [{"type": "integer", "minimum": 1}, REFERENCE]},
        "`a` must be at least 1, not the number 0",
        None,
        id="range",
    ),
    pytest.param(
        "a: 0",
        {"anyOf": [{"type": "integer", "minimum": 1}, REFERENCE], "x-message": "must be an id"},
        "`a` must be an id, not the number 0",
        None,
        id="the outer message where no branch goes deeper",
    ),
    pytest.param("a: [b, b]", {"uniqueItems": True}, "`a` has this twice", "keep one of them", id="repetition"),
    pytest.param(
        "a: [[1], [x]]",
        {"items": {"items": {"type": "integer"}}},
        "item 1 of item 2 of `a` must be",
        None,
        id="items by number",
    ),
    pytest.param(
        "a: {b: 1}",
        {"required": ["b", "c"], "properties": {"c": {"const": 2}}},
        "`a` lacks the key `c`",
        "add `c: 2`",
        id="missing",
    ),
    pytest.param("a: 3", {"not": {"type": "integer"}}, "`a`: this is not allowed here", None, id="not"),
    pytest.param(
        "a: [1]",
        {"contains": {"type": "string"}},
        "`a`: an item that must be in this list is missing",
        None,
        id="contains",
    ),
    pytest.param("a: 3", {"multipleOf": 2}, "`a` must be a multiple of 2, not the number 3", None, id="multiple"),
    pytest.param(
        "a: 5",
        {"oneOf": [{"minimum": 1}, {"minimum": 2}]},
        "`a`: several alternatives fit at once",
        None,
        id="more than one",
    ),
    pytest.param(
        "a: " + "x" * 100, {"type": "integer"}, "not the text `" + "x" * 57 + "...`", None, id="long values are cut"
    ),
]


@pytest.mark.parametrize(("text", "schema", "message", "hint"), ROWS)
def test_words(text: str, schema: dict[str, Any], message: str | None, hint: str | None) -> None:
    found = faults(text, {"properties": {"a": schema}})
    assert any((message or "") in it.message and (hint is None or it.hint == hint) for it in found), found


def test_a_fault_that_is_reported_already_is_not_reported_twice() -> None:
    schema = {"properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}
    assert [it.span.start.line for it in faults("a: 010\nb: x", schema)] == [2]


def test_42_all_faults_in_one_pass_and_in_order() -> None:
    text = "".join(f"key{number}: x\n" for number in range(300))
    found = faults(text, {"additionalProperties": {"type": "integer"}})
    assert [it.span.start.line for it in found] == list(range(1, 301))


def test_50_a_secret_value_is_not_quoted() -> None:
    schema = {
        "additionalProperties": {
            "anyOf": [{"type": "integer"}, {"enum": ["hunter3"]}, {"pattern": "^a"}],
            "examples": [1],
        }
    }
    secret = faults("password: hunter2", schema, redact=lambda path: path == ("password",))
    assert secret
    assert "hunter2" not in repr(secret)
    assert "hunter2" in repr(faults("user: hunter2", schema, redact=lambda path: path == ("password",)))


def test_what_the_code_checks_by_itself_is_left_out() -> None:
    schema = {"allOf": [{"required": ["a"], "x-elsewhere": True}, {"required": ["b"]}]}
    assert [it.message for it in faults("c: 1", schema)] == ["the file lacks the key `b`"]


def test_43_a_remote_reference_is_never_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"
        with pytest.raises(Unresolvable):
            faults("a: 1", {"$ref": address})
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("leaf", ["1", "x"], ids=["valid", "a fault at the bottom"])
def test_35_the_deepest_document_passes_through_a_recursive_schema(leaf: str) -> None:
    tree = {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#/definitions/tree"}}]}
    schema = {"$ref": "#/definitions/tree", "definitions": {"tree": tree}}
    found = faults("[" * MAX_DEPTH + leaf + "]" * MAX_DEPTH, schema)
    assert len(found) == (leaf == "x")


def test_the_shipped_schema_is_checked_by_name() -> None:
    document, _ = parse(Source(name="it", text="version: 1\nname: a\njobs: {a: {trigger: 1, need: [b]}}"))
    assert document is not None
    assert "unknown-key" in [it.code for it in check(document, "pipeline")]
    assert load_schema("pipeline")["$schema"] == "http://json-schema.org/draft-07/schema#"
    with pytest.raises(FileNotFoundError):
        load_schema("nothing")


LIGHT = """
import sys
from spectrum_pipelines.document.parse import parse
from spectrum_pipelines.document.schema.validator import check
from spectrum_pipelines.document.source import Source
assert "yaml" not in sys.modules
document, faults = parse(Source(name="it", text="version: 1\\nname: a\\njobs: {a: {trigger: 1}}"))
assert not faults and not check(document, "pipeline")
print(*{"jsonschema", "requests", "rich", "click", "difflib", "unicodedata"} & set(sys.modules))
"""


def test_a_valid_file_loads_nothing_that_only_faults_need() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
