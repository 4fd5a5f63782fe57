"""A yes or "look closer" for the keywords that our schemas use, compiled to closures.

Most files are right, and jsonschema takes 60 ms to load and some ten times longer to say so. So a schema becomes one predicate
here; only what it rejects goes to jsonschema, which finds all faults. It must never accept what jsonschema would reject: every
test below is exact, a keyword it does not know means that there is no predicate at all, and a doubtful value raises `_Unsure`. The
tests hold the two against each other.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

Test = Callable[[Any], bool]

_ANNOTATIONS = frozenset({"$schema", "$id", "$comment", "title", "description", "examples", "default", "definitions"})
_OURS = frozenset({"x-message", "x-hint", "x-elsewhere"})


class _Unsure(Exception):
    """A value that needs the real validator."""


class _Unsupported(Exception):
    """A schema that needs the real validator."""


def predicate(schema: Mapping[str, Any]) -> Test:
    """A test that is true only for what is valid. It never raises; a schema that it cannot read makes it always false."""
    try:
        test = _Compiler(schema).test(schema)
    except _Unsupported:
        return lambda _: False

    def is_surely_valid(value: Any) -> bool:
        try:
            return test(value)
        except _Unsure:
            return False

    return is_surely_valid


class _Compiler:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._references: dict[str, list[Test]] = {}

    def test(self, schema: Any) -> Test:
        """All keywords of a schema at once."""
        if isinstance(schema, bool):
            return lambda _: schema
        if "$ref" in schema:  # draft-07: whatever stands beside it does not count
            return self._reference(schema["$ref"])
        tests = [self._keyword(keyword, schema) for keyword in schema if keyword not in _ANNOTATIONS | _OURS]
        return tests[0] if len(tests) == 1 else lambda value: all(test(value) for test in tests)

    def _reference(self, reference: str) -> Test:
        slot = self._references.get(reference)
        if slot is None:
            slot = self._references[reference] = []  # taken before it is filled: schemas may refer to themselves
            target = self._root.get("definitions", {}).get(reference.removeprefix("#/definitions/"))
            if target is None:
                raise _Unsupported
            slot.append(self.test(target))
        return lambda value: slot[0](value)  # noqa: PLW0108 - the slot may still be empty

    def _keyword(self, keyword: str, schema: Mapping[str, Any]) -> Test:
        wanted = schema[keyword]
        match keyword:
            case "type":
                return _one_of([_type(name) for name in ([wanted] if isinstance(wanted, str) else wanted)])
            case "enum":
                return _one_of([_equal(choice) for choice in wanted])
            case "const":
                return _equal(wanted)
            case "anyOf":
                return _one_of([self.test(it) for it in wanted])
            case "allOf":
                tests = [self.test(it) for it in wanted]
                return lambda value: all(test(value) for test in tests)
            case "oneOf":
                tests = [self.test(it) for it in wanted]
                return lambda value: sum(test(value) for test in tests) == 1
            case "properties" | "additionalProperties":
                return self._properties(schema) if keyword == "properties" or "properties" not in schema else _anything
            case "propertyNames":
                name = self.test(wanted)
                return lambda value: not isinstance(value, dict) or all(map(name, value))
            case "items":
                item = self.test(wanted) if isinstance(wanted, dict | bool) else _unsupported()
                return lambda value: not isinstance(value, list) or all(map(item, value))
            case "dependencies":
                return self._dependencies(wanted)
            case _:
                return _LEAVES.get(keyword, _no_leaf)(wanted)

    def _properties(self, schema: Mapping[str, Any]) -> Test:
        if "patternProperties" in schema:
            raise _Unsupported
        named = {key: self.test(it) for key, it in schema.get("properties", {}).items()}
        others = self.test(schema.get("additionalProperties", True))

        def test(value: Any) -> bool:
            return not isinstance(value, dict) or all(named.get(key, others)(it) for key, it in value.items())

        return test

    def _dependencies(self, wanted: Mapping[str, Any]) -> Test:
        needs = {key: _required(it) if isinstance(it, list) else self.test(it) for key, it in wanted.items()}

        def test(value: Any) -> bool:
            return not isinstance(value, dict) or all(need(value) for key, need in needs.items() if key in value)

        return test


def _one_of(tests: list[Test]) -> Test:
    return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)


def _anything(value: Any) -> bool:  # noqa: ARG001 - a test like any other
    return True


def _unsupported() -> Test:
    raise _Unsupported


def _no_leaf(wanted: Any) -> Test:  # noqa: ARG001 - a maker like any other
    raise _Unsupported


def _type(name: str) -> Test:
    match name:
        case "string":
            return lambda value: isinstance(value, str)
        case "integer":
            return lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer())
        case "number":
            return _is_number
        case "boolean":
            return lambda value: isinstance(value, bool)
        case "object":
            return lambda value: isinstance(value, dict)
        case "array":
            return lambda value: isinstance(value, list)
        case "null":
            return lambda value: value is None
        case _:
            raise _Unsupported


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equal(choice: Any) -> Test:
    match choice:
        case None | bool():
            return lambda value: value is choice
        case str():
            return lambda value: isinstance(value, str) and value == choice
        case int() | float():
            return lambda value: _is_number(value) and value == choice
        case _:
            raise _Unsupported


def _required(keys: list[str]) -> Test:
    return lambda value: not isinstance(value, dict) or all(key in value for key in keys)


def _pattern(text: str) -> Test:
    return lambda value: not isinstance(value, str) or _compiled(text).search(value) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """On first use: a file meets few of a schema's patterns."""
    return re.compile(pattern)


def _unique(wanted: Any) -> Test:
    def test(value: Any) -> bool:
        if not wanted or not isinstance(value, list):
            return True
        try:
            # Python takes 1, 1.0 and True for the same, JSON Schema does not: a repetition is no more than a suspicion.
            if len(set(value)) == len(value):
                return True
        except TypeError:
            pass
        raise _Unsure

    return test


_LEAVES: dict[str, Callable[[Any], Test]] = {
    "required": _required,
    "pattern": _pattern,
    "uniqueItems": _unique,
    "minimum": lambda least: lambda value: not _is_number(value) or value >= least,
    "maximum": lambda most: lambda value: not _is_number(value) or value <= most,
    "exclusiveMinimum": lambda bound: lambda value: not _is_number(value) or value > bound,
    "exclusiveMaximum": lambda bound: lambda value: not _is_number(value) or value < bound,
    "minLength": lambda least: lambda value: not isinstance(value, str) or len(value) >= least,
    "maxLength": lambda most: lambda value: not isinstance(value, str) or len(value) <= most,
    "minItems": lambda least: lambda value: not isinstance(value, list) or len(value) >= least,
    "maxItems": lambda most: lambda value: not isinstance(value, list) or len(value) <= most,
    "minProperties": lambda least: lambda value: not isinstance(value, dict) or len(value) >= least,
    "maxProperties": lambda most: lambda value: not isinstance(value, dict) or len(value) <= most,
}
