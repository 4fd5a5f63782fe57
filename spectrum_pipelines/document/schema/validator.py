"""Check a document against a JSON Schema, all faults in one pass.

The schema may steer the texts by keywords that validators ignore: `x-message` says what a value must be ("must be a whole number")
or is not ("not a duration"), `x-hint` says what to write instead. A subschema under `allOf` marked `"x-elsewhere": true` is there
for editors; the code that builds on the document checks the same and words it better, so it is left out here.

A `$ref` is looked up in the schema itself and nowhere else: jsonschema would fetch remote ones from the network by default.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from spectrum_pipelines.document.diagnostic import Diagnostic, Related, capped, in_order
from spectrum_pipelines.document.parse import Document
from spectrum_pipelines.document.position import Path, Span
from spectrum_pipelines.document.schema.gate import Test, gate

if TYPE_CHECKING:
    from spectrum_pipelines.document.schema.complaints import Complaint


def load_schema(name: str) -> dict[str, Any]:
    """The schema as it ships: `pipeline`, `workspace` ... Raises FileNotFoundError."""
    text = files("spectrum_pipelines.schemas").joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def never(path: Path) -> bool:  # noqa: ARG001 - a stand-in for a real test
    """No value is secret."""
    return False


def check(
    document: Document, schema_name: str, *, redact: Callable[[Path], bool] = never, is_part: bool = False
) -> tuple[Diagnostic, ...]:
    """Check against a schema that ships. `redact` says whose value must not be quoted; of a part, no key at the top is required."""
    return _diagnosed(document, _shipped(schema_name, is_part=is_part), redact)


def check_against(
    document: Document, schema: Mapping[str, Any], *, redact: Callable[[Path], bool] = never
) -> tuple[Diagnostic, ...]:
    """Check against any draft-07 schema."""
    return _diagnosed(document, _prepared(schema), redact)


class _Prepared(Struct, frozen=True, kw_only=True):
    schema: Mapping[str, Any]
    is_surely_valid: Test


@cache
def _shipped(name: str, *, is_part: bool) -> _Prepared:
    loaded = load_schema(name)
    return _prepared({key: value for key, value in loaded.items() if key != "required"} if is_part else loaded)


def _prepared(schema: Mapping[str, Any]) -> _Prepared:
    kept = _without_elsewhere(schema)
    return _Prepared(schema=kept, is_surely_valid=gate(kept))


def _without_elsewhere(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_elsewhere(it) for it in schema if not (isinstance(it, dict) and it.get("x-elsewhere") is True)]
    if isinstance(schema, Mapping):
        kept = {key: _without_elsewhere(it) for key, it in schema.items()}
        # A list of no schemas is none in draft-07.
        return {key: it for key, it in kept.items() if not (key == "allOf" and it == [])}
    return schema


def _diagnosed(document: Document, rules: _Prepared, redact: Callable[[Path], bool]) -> tuple[Diagnostic, ...]:
    if rules.is_surely_valid(document.data):
        return ()
    return in_order(capped(_diagnostic(document, it) for it in _complaints(document, rules.schema, redact)))


def _complaints(document: Document, schema: Mapping[str, Any], redact: Callable[[Path], bool]) -> Iterator["Complaint"]:
    # Loading these takes longer than checking most files; a file without faults does without them.
    from spectrum_pipelines.document.schema.complaints import complaints  # noqa: PLC0415
    from spectrum_pipelines.document.schema.gated import errors  # noqa: PLC0415
    from spectrum_pipelines.document.schema.violation import violation_of  # noqa: PLC0415

    for error in errors(document.data, schema):
        for complaint in complaints(violation_of(error, schema, redact)):
            if complaint.path not in document.unsound:
                yield complaint


def _diagnostic(document: Document, complaint: "Complaint") -> Diagnostic:
    span = document.key_span(complaint.path) if complaint.at_key else document.value_span(complaint.path)
    if not complaint.path:
        # What is missing or wrong in the whole file is shown at its beginning.
        span = Span(start=span.start, end=span.start)
    return Diagnostic(
        file=document.part_at(complaint.path).source.name if complaint.path else document.source.name,
        span=span,
        code=complaint.code,
        message=complaint.message,
        hint=complaint.hint,
        related=tuple(
            Related(span=document.key_span(path), message=text, file=_other_file(document, complaint.path, path))
            for path, text in complaint.related
        ),
    )


def _other_file(document: Document, path: Path, other: Path) -> str | None:
    here, there = document.part_at(path), document.part_at(other)
    return None if here is there else there.source.name
