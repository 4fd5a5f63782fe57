"""One broken rule of a schema: jsonschema's error, freed of its machinery."""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from spectrum_pipelines.document.position import Path
from spectrum_pipelines.document.schema.wording import name_of, value_in_words

if TYPE_CHECKING:
    from jsonschema import ValidationError


class Violation(Struct, frozen=True, kw_only=True):
    """`rule` is the keyword, `wanted` its value in `schema`; `value` is what stands at `path` of the data.

    `branches` are the broken rules of each alternative of an `anyOf` or `oneOf`; none if too many alternatives fit. `hidden`: the
    value is secret. `is_name`: the value is a key of the mapping at `path`.
    """

    rule: str
    wanted: Any
    value: Any
    path: Path
    schema: Mapping[str, Any]
    root: Mapping[str, Any]
    branches: "tuple[tuple[Violation, ...], ...]" = ()
    hidden: bool = False
    is_name: bool = False

    @property
    def name(self) -> str:
        """What the value is called in a message."""
        return name_of(self.path)

    @property
    def not_this(self) -> str:
        """The end of `must be ...`: what stands there instead."""
        if self.value is None:
            return ", but it is empty"
        return "" if self.hidden else f", not {value_in_words(self.value)}"

    @property
    def this(self) -> str:
        """The beginning of `... is not ...`: what stands there."""
        return "this" if self.hidden else value_in_words(self.value)

    def note(self, keyword: str) -> str | None:
        """One of the annotations `x-message` and `x-hint`."""
        text = self.schema.get(keyword)
        return text if isinstance(text, str) else None


def violation_of(error: "ValidationError", root: Mapping[str, Any], redact: Callable[[Path], bool]) -> Violation:
    """Read jsonschema's error. Its schema path has no trace of `$ref`, but its schema is the one that was referred to."""
    path = tuple(error.absolute_path)
    branches: dict[object, list[Violation]] = {}
    for child in error.context or ():
        branches.setdefault(child.relative_schema_path[0], []).append(violation_of(child, root, redact))
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    return Violation(
        rule=str(error.validator),
        wanted=error.validator_value,
        value=error.instance,
        path=path,
        schema=schema,
        root=root,
        branches=tuple(map(tuple, branches.values())),
        hidden=redact(path),
        is_name="propertyNames" in error.relative_schema_path,
    )


def resolved(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow references within the schema; an empty schema where they lead nowhere."""
    for _ in range(20):
        if not isinstance(schema, Mapping):
            return {}
        reference = schema.get("$ref")
        if reference is None:
            return schema
        schema = root
        for step in str(reference).removeprefix("#").split("/")[1:]:
            schema = schema.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(schema, Mapping) else None
    return {}


def unknown_keys(violation: Violation) -> list[str]:
    """The keys of a mapping that its schema does not allow."""
    known = violation.schema.get("properties", {})
    patterns = violation.schema.get("patternProperties", {})
    return [key for key in violation.value if key not in known and not any(re.search(it, key) for it in patterns)]
