"""jsonschema with the gate before each entry of a long list or mapping: one fault among a million values is found in a second."""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft7Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry

from spectrum_pipelines.document.schema.gate import Test, gate

_MANY = 100


def errors(data: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    """All errors of draft-07, found one by one as they are asked for. A `$ref` is looked up in the schema itself, nowhere else."""
    tests: dict[int, Test] = {}

    def is_surely_valid(value: Any, inner: Mapping[str, Any]) -> bool:
        # The parts of a schema live as long as the schema, so their identity is a name for them.
        test = tests.get(id(inner))
        if test is None:
            test = tests[id(inner)] = gate({"definitions": schema.get("definitions", {}), **inner})
        return test(value)

    def items(validator: Any, wanted: Any, instance: Any, whole: Any) -> Iterator[ValidationError]:
        if not isinstance(instance, list) or not isinstance(wanted, dict) or len(instance) < _MANY:
            yield from _ITEMS(validator, wanted, instance, whole) or ()
            return
        for place, item in enumerate(instance):
            if not is_surely_valid(item, wanted):
                yield from validator.descend(item, wanted, path=place)

    def additional(validator: Any, wanted: Any, instance: Any, whole: Any) -> Iterator[ValidationError]:
        plain = isinstance(instance, dict) and isinstance(wanted, dict) and "patternProperties" not in whole
        if not plain or len(instance) < _MANY:
            yield from _ADDITIONAL(validator, wanted, instance, whole) or ()
            return
        named = whole.get("properties", {})
        for key, value in instance.items():
            if key not in named and not is_surely_valid(value, wanted):
                yield from validator.descend(value, wanted, path=key)

    kind = extend(  # type: ignore[no-untyped-call]
        Draft7Validator, {"items": items, "additionalProperties": additional}
    )
    found: Iterator[ValidationError] = kind(schema, registry=Registry()).iter_errors(data)
    return found


_ITEMS = Draft7Validator.VALIDATORS["items"]
_ADDITIONAL = Draft7Validator.VALIDATORS["additionalProperties"]
