"""The run report as JSON: indented where people look, one line for each execution, nothing that a CI system could obey."""

import json
from collections.abc import Mapping
from typing import Any

#: Jobs by id: the entry that was written, and its text. Entries are shared, so the same object has the same text.
Kept = dict[str, tuple[Mapping[str, Any], str]]

_ROWS = frozenset({"attempts", "executions", "findings", "warnings"})
# ASCII only: escape sequences and bidirectional controls stay escapes. NaN would make the file unreadable for others.
_encode = json.JSONEncoder(allow_nan=False).encode


def report_json(report: Mapping[str, Any], kept: Kept | None = None) -> str:
    """The text of a report, with a line break at its end. `kept` saves the jobs that have not changed since the last call."""
    kept = {} if kept is None else kept
    members = (
        f"  {_encode(key)}: {_jobs(value, kept) if key == 'jobs' else _value(key, value, '  ')}"
        for key, value in report.items()
    )
    text = "{\n" + ",\n".join(members) + "\n}\n"
    # Azure takes `##vso[` for a command wherever it stands; `##` stands in JSON inside of strings only.
    return text.replace("##", "\\u0023\\u0023")


def _jobs(entries: list[Mapping[str, Any]], kept: Kept) -> str:
    if not entries:
        return "[]"
    return "[\n" + ",\n".join(_job(entry, kept) for entry in entries) + "\n  ]"


def _job(entry: Mapping[str, Any], kept: Kept) -> str:
    known = kept.get(entry["id"])
    if known is not None and known[0] is entry:
        return known[1]
    members = ",\n".join(f"      {_encode(key)}: {_value(key, value, '      ')}" for key, value in entry.items())
    text = "    {\n" + members + "\n    }"
    kept[entry["id"]] = (entry, text)
    return text


def _value(key: str, value: Any, indent: str) -> str:
    if key not in _ROWS or not value:
        return _encode(value)
    return "[\n" + ",\n".join(f"{indent}  {_encode(row)}" for row in value) + f"\n{indent}]"
