"""A run report that a user names: foreign until it has been held against its schema. Keys of newer versions are read over."""

import json
import math
from pathlib import Path
from typing import Any, NoReturn

from spectrum_pipelines.document.schema.gate import gate
from spectrum_pipelines.document.schema.validator import load_schema
from spectrum_pipelines.errors import UnreadableFile
from spectrum_pipelines.files import in_words, read_given
from spectrum_pipelines.report.build import VERSION

#: The report of ten thousand jobs takes a tenth of this.
MAX_BYTES = 100_000_000
_HINT = "name a file that `run --report` wrote, or a run id (`spectrum-pipelines runs` lists them)"


def read_report(path: Path) -> dict[str, Any]:
    """The report in a file, valid by its schema. Raises UnreadableFile."""
    try:
        content = read_given(path, MAX_BYTES + 1)
    except OSError as error:
        raise UnreadableFile(f"cannot read {path}: {in_words(error)}", hint=_HINT) from error
    if len(content) > MAX_BYTES:
        raise UnreadableFile(f"{path} is larger than {MAX_BYTES:,} bytes: not a run report", hint=_HINT)
    return parse_report(content, name=str(path))


def parse_report(content: bytes, *, name: str) -> dict[str, Any]:
    """The report in these bytes, valid by its schema; `name` is for messages. Raises UnreadableFile."""
    try:
        report = json.loads(content.decode("utf-8-sig"), parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(f"{name} is not JSON: not a run report", hint=_HINT) from error
    if not isinstance(report, dict) or "report_version" not in report:
        raise UnreadableFile(f"{name} is not a run report", hint=_HINT)
    if (version := report["report_version"]) != VERSION:
        hint = "use the version of spectrum-pipelines that wrote it"
        told = f"version {version}" if isinstance(version, int) else "another version"
        raise UnreadableFile(f"{name} is a run report of {told}, and this one reads version {VERSION}", hint=hint)
    schema: dict[str, Any] = _open(load_schema("run-report"))
    if not gate(schema)(report) and (fault := _fault(schema, report)):
        raise UnreadableFile(f"{name} is not a run report: wrong at {fault}", hint=_HINT)
    return report


def _open(schema: Any) -> Any:
    """The schema with room for the keys of a newer version."""
    if isinstance(schema, list):
        return [_open(it) for it in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _open(it) for key, it in schema.items() if not (key == "additionalProperties" and it is False)}


def _fault(schema: dict[str, Any], report: dict[str, Any]) -> str | None:
    """Where the report breaks its schema; what stands there is not shown, it may be anything."""
    from jsonschema import Draft7Validator  # noqa: PLC0415 - only a fault needs it
    from jsonschema.exceptions import best_match  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    error = best_match(Draft7Validator(schema, registry=Registry()).iter_errors(report))
    return None if error is None else str(error.json_path)


def _finite(digits: str) -> float:
    """JSON can write numbers that are beyond any float: `1e400`."""
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
