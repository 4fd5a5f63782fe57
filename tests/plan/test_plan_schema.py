"""The schema of a plan: every plan that the command writes is valid by it, and everything in it is described."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from spectrum_pipelines.document.schema.validator import load_schema
from spectrum_pipelines.pipeline.model.action import ACTION_WORDS
from spectrum_pipelines.pipeline.model.pipeline import GroupBehavior, OnAbort, RunIf
from tests.cli.command_line import PIPELINES, call

FILES = sorted(path.relative_to(PIPELINES).as_posix() for path in PIPELINES.glob("*.yaml"))
#: Absent where there is nothing to tell, by the part in which it stands.
OPTIONAL = {
    "spectrum-pipelines: a plan": {"timezone", "off", "online"},
    "pipeline": {"fragments"},
    "concurrency": {"timeout"},
    "setting": {"file"},
    "job": {"file"},
    "off": {"file"},
}


def schema() -> dict[str, Any]:
    return load_schema("plan")


@pytest.mark.parametrize("file", FILES)
def test_the_plan_of_each_pipeline_that_ships_is_valid(file: str, tmp_path: Path) -> None:
    env = {"SPECTRUM_URL": "http://it:8080"}
    if file == "environments.yaml":  # the one that wants values
        env |= {"SPECTRUM_VAR_day": "2026-11-22", "SPECTRUM_VAR_token": "hushhush99"}
    ended = call("plan", str(PIPELINES / file), "--format", "json", cwd=tmp_path, env=env)
    assert ended.code == 0, ended.stderr
    faults = [
        f"{error.json_path}: {error.message}"
        for error in Draft7Validator(schema()).iter_errors(json.loads(ended.stdout))
    ]
    assert not faults


def test_the_command_prints_it(tmp_path: Path) -> None:
    printed = call("schema", "plan", cwd=tmp_path)
    assert json.loads(printed.stdout) == schema()
    Draft7Validator.check_schema(schema())


def test_everything_in_it_is_described_and_closed() -> None:
    for part in (schema(), *schema()["definitions"].values()):
        assert part["description"]
        assert part["additionalProperties"] is False
        assert part["required"] == [
            name for name in part["properties"] if name not in OPTIONAL.get(part["title"], set())
        ]
        for name, it in part["properties"].items():
            assert "$ref" in it or (it["description"] and it["examples"]), name


def test_its_words_are_those_of_the_code() -> None:
    job = schema()["definitions"]["job"]["properties"]
    assert set(job["action"]["enum"]) == set(ACTION_WORDS.values())
    assert set(job["run_if"]["enum"]) == {it.value for it in RunIf}
    assert set(schema()["properties"]["on_abort"]["enum"]) == {it.value for it in OnAbort}
    behaviors = schema()["definitions"]["concurrency"]["properties"]["behavior"]["enum"]
    assert set(behaviors) == {it.value for it in GroupBehavior}
