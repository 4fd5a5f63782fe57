"""Whatever a person writes: faults come back, nothing is raised, and what is built can be planned and shown."""

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spectrum_pipelines.document.diagnostic import Severity
from spectrum_pipelines.document.parse import parse
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.pipeline.build import Given, build
from spectrum_pipelines.plan.data import render_json
from spectrum_pipelines.plan.facts import PlanFacts
from spectrum_pipelines.plan.waves import plan
from spectrum_pipelines.render.plan.text import render_text
from tests.pipeline.conftest import read

RICH = [
    (Path(__file__).parent / "cases" / name / "pipeline.yaml").read_text(encoding="utf-8")
    for name in ("a-pipeline-with-everything", "a-pipeline-with-all-that-is-new")
]
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DATE = {"business_date": "2026-01-01"}
URL = {"SPECTRUM_URL": "http://h:1"}

ODD: list[Any] = [
    *(
        None,
        True,
        0,
        -1,
        2.0,
        1.5,
        10**30,
        "",
        "x",
        "none",
        "30s",
        "0s",
        "1h30m",
        "any_failed",
        "wait",
        "a\nb",
        "[x",
        "(",
    ),
    *("${var.region}", "${var.no}", "${matrix.region}", "${env.SPECTRUM_URL}", "${env.NO}", "${run.id}", "a${", "$${x"),
    *(
        "${var.regions}",
        "${var.business_date-1d:%Y}",
        "${run.date+1d}",
        "${var.region:%Y}",
        "${jobs.one[4].counters.X}",
        "today-3d",
    ),
    *(
        ["${var.regions}"],
        ["load[${matrix.region}]"],
        {"region": "${var.regions}"},
        ["emea", "emea"],
        ["a,b"],
        1e300,
        "1.10",
    ),
    *("${jobs.orders.execution_id}", "${jobs.publish[emea].execution_id}", "https://u:p@h", "/a/../b", "orders"),
    *(
        [],
        {},
        [1],
        ["orders"],
        ["orders", "orders"],
        [None],
        [[]],
        ["publish[emea]"],
        ["publish[no]"],
        ["${var.region}"],
    ),
    *(
        {"a": 1},
        {"min": 1},
        {"max": "1h", "min": "2h"},
        {"limit": 3},
        {"trigger": "/x"},
        {"needs": ["orders"], "trigger": 1},
    ),
    {"when": [{}], "limit": 10**400, "factor": 10**400},
]


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, it in children:
        yield from places(it, (*path, key))


@st.composite
def spoilt(draw: st.DrawFn) -> dict[str, Any]:
    data: dict[str, Any] = copy.deepcopy(read(draw(st.sampled_from(RICH))).data)
    for _ in range(draw(st.integers(1, 3))):
        paths = list(places(data))
        *parents, key = draw(st.sampled_from(paths))
        parent: Any = data
        for it in parents:
            parent = parent[it]
        match draw(st.sampled_from(["change", "change", "remove", "add"])):
            case "change":
                parent[key] = copy.deepcopy(draw(st.sampled_from(ODD)))
            case "remove":
                parent.pop(key)
            case _ if isinstance(parent, dict):
                names = sorted({str(path[-1]) for path in paths if isinstance(path[-1], str)})
                parent[draw(st.sampled_from(names))] = copy.deepcopy(draw(st.sampled_from(ODD)))
    return data


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(spoilt(), st.sampled_from([None, "prod"]))
def test_any_file_is_judged(data: dict[str, Any], environment: str | None) -> None:
    document, _ = parse(Source(name="p.yaml", text=json.dumps(data, indent=1)))
    if document is None:
        return
    values = Given(
        environment=environment,
        command_line=DATE if "SPECTRUM_URL" in json.dumps(data) else {},
        process_environment=URL,
        now=NOW,
    )
    pipeline, diagnostics = build(document, given=values, run_id="run-1")
    assert (pipeline is None) == any(it.severity is Severity.ERROR for it in diagnostics)
    assert list(diagnostics) == sorted(diagnostics, key=lambda it: (it.span.start.line, it.span.start.column))
    if pipeline is not None:
        facts = PlanFacts(pipeline, plan(pipeline), document)
        assert render_text(facts)
        assert json.loads(render_json(facts))


@pytest.mark.parametrize("text", ["[]", "1", "text", "{}", "{jobs: {}}", "{jobs: [], variables: 1, environments: []}"])
def test_files_that_are_no_pipelines_at_all(text: str) -> None:
    document, _ = parse(Source(name="p.yaml", text=text))
    assert document is not None
    pipeline, diagnostics = build(document, given=Given(), run_id="run-1")
    assert pipeline is None
    assert diagnostics
