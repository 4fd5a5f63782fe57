"""Plans of whole pipelines, as text and as JSON. `UPDATE_CASES=1` writes the expectations anew."""

import json
import os
from pathlib import Path

import pytest
import yaml

from spectrum_pipelines.document.parse import parse
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.pipeline.build import Given, build
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.plan.data import render_json
from spectrum_pipelines.plan.facts import PlanFacts
from spectrum_pipelines.plan.waves import plan, select
from spectrum_pipelines.render.plan.job import bound_text
from spectrum_pipelines.render.plan.text import WIDTH, render_text, under_id
from spectrum_pipelines.words.columns import width_of

CASES = sorted((Path(__file__).parent / "plans").iterdir())


def facts_of(case: Path, selection: str | None = None) -> PlanFacts:
    source = Source(name="pipeline.yaml", text=(case / "pipeline.yaml").read_text(encoding="utf-8"))
    document, _ = parse(source)
    assert document is not None
    given = Given(**yaml.safe_load((case / "given.yaml").read_text(encoding="utf-8")))
    pipeline, diagnostics = build(document, given=given, run_id="run-1")
    assert pipeline is not None, diagnostics
    pipeline = select(pipeline, selection) if selection else pipeline
    return PlanFacts(pipeline, plan(pipeline), document)


def compare(expected: Path, said: str) -> None:
    if os.environ.get("UPDATE_CASES"):
        expected.write_text(said, encoding="utf-8")
    assert said == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda it: it.name)
def test_text(case: Path) -> None:
    said = render_text(facts_of(case))
    compare(case / "expected.txt", said)
    assert max(map(len, said.splitlines())) <= WIDTH


@pytest.mark.parametrize("case", CASES, ids=lambda it: it.name)
def test_json(case: Path) -> None:
    said = render_json(facts_of(case))
    compare(case / "expected.json", said)
    assert json.loads(said)["plan_version"] == 1


@pytest.mark.parametrize("case", CASES, ids=lambda it: it.name)
def test_promises_5_and_8(case: Path) -> None:
    facts = facts_of(case)
    for said in (render_text(facts), render_json(facts)):
        assert "hunter2" not in said, "no secret"
        assert "7002" not in said, "no secret that is a number"
        for marker in ("##vso", "##[", "\u202e", "\x9b", "\n::"):
            assert marker not in said, "foreign text is data"


def test_a_selection_is_planned_like_a_pipeline_of_its_own() -> None:
    everything = next(it for it in CASES if it.name == "everything")
    found = json.loads(render_json(facts_of(everything, "sales,publish[emea]")))
    assert found["waves"] == [["sales"], ["publish[emea]"]]
    assert found["totals"] == {"jobs": 2, "max_triggers": 6, "max_executions": None, "worst_case_seconds": 29016.0}
    assert found["pipeline"]["digest"].startswith("sha256:")


def test_where_a_policy_value_comes_from_is_said_of_each() -> None:
    everything = next(it for it in CASES if it.name == "everything")
    jobs = {it["id"]: it["policy"] for it in json.loads(render_json(facts_of(everything)))["jobs"]}
    assert jobs["customers"]["retry.limit"] == {"value": 0, "from": "job", "line": 37, "environment": None}
    assert jobs["orders"]["retry.limit"] == {"value": 2, "from": "defaults", "line": 21, "environment": None}
    assert jobs["orders"]["ambiguous_grace"] == {"value": 15.0, "from": "tool", "line": None, "environment": None}


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("case", CASES, ids=lambda it: it.name)
def test_on_a_narrow_screen_only_a_single_word_is_wider(case: Path, width: int) -> None:
    said = render_text(facts_of(case), width=width)
    wider = [line for line in said.splitlines() if width_of(line) > width and not line.startswith(POLICY)]
    assert all(len(line.split()) == 1 or line.split(maxsplit=1)[0] in TITLES for line in wider), wider


#: The table of what most jobs share is as wide as it is.
POLICY = tuple(f"  {name}" for name in ("retry.", "queue_", "on_", "ambiguous_", "timeout ", "warnings "))
#: One long word may follow the label of a line.
TITLES = {"Server", "Variables", "Includes", "Group", "Environment", "trigger", "with"}


def test_wide_characters_keep_the_column_of_ids() -> None:
    lines = [*under_id(JobId("日本"), ["one", "two"], 8, 40), *under_id(JobId("ab"), ["one"], 8, 40)]
    assert lines == ["  日本    one", "          two", "  ab      one"]
    assert {width_of(line) for line in lines} == {13}


BOUNDS = [
    pytest.param(0.25, "250ms", id="short: exact"),
    pytest.param(603.6, "10m 4s", id="long: never below"),
    pytest.param(600.0, "10m", id="nothing to round"),
]


@pytest.mark.parametrize(("seconds", "told"), BOUNDS)
def test_a_bound_is_rounded_up(seconds: float, told: str) -> None:
    assert bound_text(seconds) == told
