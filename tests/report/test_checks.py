"""What holds for every report is looked at by the gate first: it must not let pass what the schema refuses."""

import json
from collections.abc import Iterator
from typing import Any

from tests.report.checks import _IS_REPORT, _VALIDATOR
from tests.report.runs import failed_run

WRONG: tuple[Any, ...] = (None, True, -1, 1.5, "", "x y", [None], {"x": 1})


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in it, with each of its keys."""
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


def test_the_gate_of_a_report_lets_nothing_invalid_pass() -> None:
    report = json.loads(json.dumps(failed_run().report()))
    report["jobs"] = report["jobs"][2:3]
    assert _IS_REPORT(report)
    refused = 0
    for holder, key in list(places(report)):
        kept = holder[key]
        for wrong in WRONG:
            holder[key] = wrong
            if _IS_REPORT(report):
                assert _VALIDATOR.is_valid(report), (key, wrong)
            refused += not _IS_REPORT(report)
        holder[key] = kept
    assert refused > 300
    assert _IS_REPORT(report)
