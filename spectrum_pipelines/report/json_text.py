"""The run report as JSON: indented where people look, one line for each execution, nothing that a CI system could obey."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_ROWS = frozenset({"attempts", "executions", "findings", "off", "retries", "warnings"})
# ASCII only: escape sequences and bidirectional controls stay escapes. NaN would make the file unreadable for others.
_encode = json.JSONEncoder(allow_nan=False).encode


def report_json(report: Mapping[str, Any]) -> str:
    """The text of a report, with a line break at its end."""
    return b"".join(report_chunks(report, map(job_text, report["jobs"]))).decode("ascii")


def report_chunks(report: Mapping[str, Any], jobs: Iterable[bytes]) -> Iterator[bytes]:
    """A report as JSON in pieces, with the texts of its jobs given."""
    before = "{\n"
    for key, value in report.items():
        yield f"{before}  {_encode(key)}: ".encode("ascii")
        if key == "jobs":
            yield from _listed(jobs)
        else:
            yield _inert(_value(key, value, "  "))
        before = ",\n"
    yield b"\n}\n"


def job_text(entry: Mapping[str, Any]) -> bytes:
    """The text of a job's entry, which may be kept as long as the entry would be the same."""
    members = ",\n".join(f"      {_encode(key)}: {_value(key, value, '      ')}" for key, value in entry.items())
    return _inert("    {\n" + members + "\n    }")


def _listed(jobs: Iterable[bytes]) -> Iterator[bytes]:
    before = b"[\n"
    for job in jobs:
        yield before
        yield job
        before = b",\n"
    yield b"[]" if before == b"[\n" else b"\n  ]"


def _inert(text: str) -> bytes:
    # Azure takes `##vso[` for a command wherever it stands; `##` stands in JSON inside of strings only.
    return text.replace("##", "\\u0023\\u0023").encode("ascii")


def _value(key: str, value: Any, indent: str) -> str:
    if key not in _ROWS or not value:
        return _encode(value)
    return "[\n" + ",\n".join(f"{indent}  {_encode(row)}" for row in value) + f"\n{indent}]"
