"""Reports that somebody else wrote: valid by their schema, and every text in them the worst that a text can be."""

import re
from typing import Any

from tests.report.checks import assert_valid_report

HOSTILE = (
    "x\n::error::\r\x1b[31m\u202e##vso[t]|<img onerror=alert(1)>`a`**b**&amp;\0\ufffe]]>"
    "\n# c\n---\n@me #1 $x$ www.evil.example https://evil.example </script>"
)
#: Words that the schema lists, and times: whatever is not one of ours is refused when the report is read.
_OURS = {
    *(
        "status",
        "action",
        "run_if",
        "cause",
        "deletion",
        "adopted_by",
        "on_running",
        "on_timeout",
        "on_ambiguous",
        "when",
    ),
    *("started_at", "finished_at", "accepted_at", "running_at", "ended_at", "warnings"),
}
_JOBS = {"id", "needs", "critical_path", "job"}


def poisoned(report: dict[str, Any]) -> dict[str, Any]:
    """The report with every foreign text replaced. Job ids stay different, and the graph between them stays."""
    changed: dict[str, Any] = _poisoned(report, "")
    changed |= {"environment": HOSTILE, "run_key": HOSTILE, "next": f"spectrum-pipelines adopt {HOSTILE}"}
    return checked(changed)


def _poisoned(value: Any, key: str) -> Any:
    match value:
        case dict() if key == "variables":
            return {f"{HOSTILE}{name}": _poisoned(one, name) for name, one in value.items()}
        case dict():
            return {name: _poisoned(one, name) for name, one in value.items()}
        case list():
            return [_poisoned(one, key) for one in value]
        case str() if key in _OURS:
            return value
        case str() if key in _JOBS:
            return f"{HOSTILE} {value}"
        case str():
            return HOSTILE
        case _:
            return value


def is_harmless(line: str) -> bool:
    """Nothing in it acts on a terminal or on a CI system that reads its log."""
    return line.replace("\ufffe", "").isprintable() and not re.search(r"^\s*::|##\w*\[", line)


def checked(report: dict[str, Any]) -> dict[str, Any]:
    """The report, which must be one that `report FILE` would take."""
    assert_valid_report(report)
    return report
