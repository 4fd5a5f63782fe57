"""An action that was added is known everywhere: what is forgotten has its row here, or is named by mypy's `assert_never`."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from spectrum_pipelines.document.parse import parse
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.pipeline.assemble import job as assembling
from spectrum_pipelines.pipeline.build import Given, build
from spectrum_pipelines.pipeline.model.action import ACTION_WORDS, Action
from spectrum_pipelines.plan import recorded
from spectrum_pipelines.plan.data import plan_data
from spectrum_pipelines.plan.facts import PlanFacts
from spectrum_pipelines.plan.waves import plan

SCHEMAS = Path(__file__).parents[2] / "schemas"
#: The smallest job of each action.
JOBS = {
    "trigger": "trigger: /a.wbk",
    "sequence": "sequence: [51]",
    "wait_for": "wait_for: /a.wbk",
    "check": "check: /a.wbk",
    "stop": "stop: /a.wbk",
    "delete_data": "delete_data: [272]",
}


def schema(name: str) -> dict[str, Any]:
    return dict(json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8")))


def test_every_action_has_a_word() -> None:
    assert set(ACTION_WORDS) == set(get_args(Action))


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(list(assembling.ACTIONS), id="assembled from a file"),
        pytest.param(list(recorded.ACTIONS), id="read back from a plan"),
        pytest.param(list(JOBS), id="built in this test"),
        pytest.param(
            schema("run-report")["definitions"]["job"]["properties"]["action"]["enum"], id="the report's schema"
        ),
    ],
)
def test_every_word_is_known(known: list[str]) -> None:
    assert sorted(known) == sorted(ACTION_WORDS.values())


def test_a_job_of_the_schema_has_one_of_the_actions() -> None:
    text = json.dumps(schema("pipeline"))
    assert all(f'{{"required": ["{word}"]}}' in text for word in ACTION_WORDS.values())


@pytest.mark.parametrize(("kind", "word"), ACTION_WORDS.items(), ids=ACTION_WORDS.values())
def test_an_action_is_built_planned_and_read_back(kind: type, word: str) -> None:
    head = "version: 1\nname: t\nserver: {url: http://spectrum.example.com}\n"
    document, faults = parse(Source(name="t.yaml", text=f"{head}jobs: {{a: {{{JOBS[word]}}}}}"))
    assert document is not None, faults
    pipeline, faults = build(document, given=Given(), run_id="RUN_ID")
    assert pipeline is not None, faults
    (job,) = pipeline.jobs.values()
    assert type(job.action) is kind
    (entry,) = plan_data(PlanFacts(pipeline, plan(pipeline), document))["jobs"]
    assert entry["action"] == word
    assert recorded.ACTIONS[word](entry) == job.action
