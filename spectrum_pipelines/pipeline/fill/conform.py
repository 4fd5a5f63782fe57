"""Whether what a reference stands for fits where it stands. The schema that checked the text says so once more.

A reference was good enough for the schema; now its value must be one of the other alternatives. So the same schema is asked again,
about this one scalar, with the alternative `#/definitions/reference` taken out.
"""

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Any

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.document.position import Path
from spectrum_pipelines.document.reading.scalars import as_written
from spectrum_pipelines.document.schema.gate import Test, gate
from spectrum_pipelines.document.schema.validator import load_schema
from spectrum_pipelines.pipeline.form.matrix import as_text
from spectrum_pipelines.pipeline.form.view import View
from spectrum_pipelines.pipeline.model.action import Scalar

#: Keys whose value names a job, a file, a key: one entry of the schema stands for all of them.
_ANY = "*"


def conform(view: View, path: Path, value: Scalar, *, tainted: bool) -> tuple[Scalar, tuple[Diagnostic, ...]]:
    """The value as its place takes it, or what is wrong with it.

    A text that came from outside is read as a number or a boolean where nothing else will do, and a number is written as a text
    where only texts will do. `tainted`: the value must not be quoted.
    """
    place = _place(path)
    for reading in (value, *_readings(value)):
        if _fits(place, reading):
            return reading, ()
    return value, tuple(_faults(view, path, place, value, tainted=tainted))


def _readings(value: Scalar) -> Iterator[Scalar]:
    """What else the value could be: a text as a plain scalar of a YAML file, anything else as a text."""
    if not isinstance(value, str):
        yield as_text(value)
    elif isinstance(plain := as_written(value), bool | int | float):
        yield plain


@lru_cache(maxsize=65536, typed=True)  # 1, 1.0 and True are equal, and not the same
def _fits(place: tuple[str, ...], value: Scalar) -> bool:
    return _gate_of(place)({place[-1]: value})


@cache
def _gate_of(place: tuple[str, ...]) -> Test:
    return gate(_schema_of(place))


def _faults(view: View, path: Path, place: tuple[str, ...], value: Scalar, *, tainted: bool) -> Iterator[Diagnostic]:
    # As heavy as it is seldom needed.
    from jsonschema import Draft7Validator  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    from spectrum_pipelines.document.schema.complaints import complaints  # noqa: PLC0415
    from spectrum_pipelines.document.schema.violation import violation_of  # noqa: PLC0415

    name = next(key for key in reversed(path) if isinstance(key, str))
    called = f"`{name}`" if path[-1] == name else f"an item of `{name}`"
    for error in Draft7Validator(_schema_of(place), registry=Registry()).iter_errors({place[-1]: value}):
        for complaint in complaints(violation_of(error, _resolved_schema(), lambda _: tainted)):
            message = complaint.message.replace(f"`{place[-1]}`", called, 1)
            yield view.fault(path, complaint.code, f"once filled in, {message}", hint=complaint.hint)


@cache
def _resolved_schema() -> Mapping[str, Any]:
    schema = load_schema("pipeline")
    definitions = {**schema["definitions"], "reference": False}
    return {**schema, "definitions": definitions}


def _place(path: Path) -> tuple[str, ...]:
    """The path with everything that a file chooses itself replaced by a star, so that equal places are one."""
    schema: Any = _resolved_schema()
    place = []
    for key in path:
        schema = _dereferenced(schema)
        properties = schema.get("properties", {})
        place.append(key if isinstance(key, str) and key in properties else _ANY)
        schema = _step(schema, place[-1])
    return tuple(place)


def _step(schema: Mapping[str, Any], key: str) -> Any:
    if key in schema.get("properties", {}):
        return schema["properties"][key]
    return schema["items"] if "items" in schema else schema.get("additionalProperties", {})


def _dereferenced(schema: Any) -> Any:
    while "$ref" in schema:
        schema = _resolved_schema()["definitions"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


@cache
def _schema_of(place: tuple[str, ...]) -> Mapping[str, Any]:
    """For a mapping with this one key, so that a message can name it."""
    schema: Any = _resolved_schema()
    for key in place:
        schema = _step(_dereferenced(schema), key)
    return {"properties": {place[-1]: _dereferenced(schema)}, "definitions": _resolved_schema()["definitions"]}
