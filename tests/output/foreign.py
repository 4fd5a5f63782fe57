"""Reports that somebody else wrote: valid by their schema, and every text in them the worst that a text can be."""

import copy
import re
from typing import Any

from tests.output.checks import assert_valid_report

HOSTILE = (
    "x\n::error::\r\x1b[31m\u202e##vso[t]|<img onerror=alert(1)>`a`**b**&amp;\0\ufffe]]>"
    "\n# c\n---\n@me #1 $x$ www.evil.example https://evil.example </script>"
)
_OURS = {"status", "action", "run_if", "cause", "deletion", "adopted_by", "started_at", "finished_at"}
_OURS |= {"accepted_at", "running_at", "ended_at", "on_running", "warnings", "on_timeout", "on_ambiguous", "when"}


def poisoned(report: dict[str, Any]) -> dict[str, Any]:
    """The report with every foreign text replaced. Job ids stay different, and the graph between them stays."""
    changed: dict[str, Any] = _poisoned(copy.deepcopy(report), "")
    changed |= {"environment": HOSTILE, "run_key": HOSTILE, "next": f"spectrum-pipelines adopt {HOSTILE}"}
    changed |= {"reason": HOSTILE} if report["reason"] else {}
    assert changed["report_version"] == 1
    return changed


def _poisoned(value: Any, key: str) -> Any:
    match value:
        case dict() if key == "variables" and "retry" not in value:
            return {f"{HOSTILE}{name}": _poisoned(one, name) for name, one in value.items()}
        case dict():
            return {
                name: one if name in _OURS and name != "warnings" else _poisoned(one, name)
                for name, one in value.items()
            }
        case list():
            return [_poisoned(one, key) for one in value]
        case str() if key in {"id", "needs", "critical_path", "job"}:
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
