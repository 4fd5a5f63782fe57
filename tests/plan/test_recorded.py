"""A plan that is read back: also one of an older or a newer version, whose policies have other keys."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import fields, replace

from spectrum_pipelines.errors import StateError
from spectrum_pipelines.pipeline.model.policy import Policy, Retry, RetryReason, Warnings
from spectrum_pipelines.plan.recorded import planned_pipeline
from tests.cli.command_line import call

PIPELINE = """
version: 1
name: recorded
jobs:
  a: {trigger: 1, timeout: 90s, warnings: fail, retry: {limit: 2, interval: 5s, max_duration: 1h, when: [failed, warnings]}}
"""
WRITTEN = Policy(
    timeout=90.0,
    warnings=Warnings.FAIL,
    retry=Retry(limit=2, interval=5.0, max_duration=3600.0, when=frozenset({RetryReason.FAILED, RetryReason.WARNINGS})),
)


@pytest.fixture
def plan(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "one.yaml").write_text(PIPELINE, encoding="utf-8")
    planned: dict[str, Any] = json.loads(call("plan", "one.yaml", "--format", "json", cwd=tmp_path).stdout)
    return planned


def policy_of(plan: dict[str, Any]) -> Policy:
    (job,) = planned_pipeline(json.dumps(plan).encode(), place="here").jobs.values()
    return job.policy


def test_a_policy_is_read_back(plan: dict[str, Any]) -> None:
    assert policy_of(plan) == WRITTEN
    assert len(plan["jobs"][0]["policy"]) == len(fields(Policy)) + len(fields(Retry)) - 1


def test_a_key_that_an_older_version_does_not_know_has_its_default(plan: dict[str, Any]) -> None:
    policy = plan["jobs"][0]["policy"]
    del policy["retry.interval"], policy["warnings"]
    assert policy_of(plan) == replace(
        WRITTEN, warnings=Policy().warnings, retry=replace(WRITTEN.retry, interval=Retry().interval)
    )


def test_a_key_of_a_newer_version_is_left_out(plan: dict[str, Any]) -> None:
    plan["jobs"][0]["policy"] |= {"mood": {"value": "good"}, "retry.mood": {"value": 7}}
    assert policy_of(plan) == WRITTEN


SPOILT: list[Callable[[dict[str, Any]], object]] = [
    lambda policy: policy["timeout"].update(value="long"),
    lambda policy: policy["warnings"].update(value="sometimes"),
    lambda policy: policy["retry.when"].update(value=["mondays"]),
    lambda policy: policy["retry.limit"].update(value=1.5),
]


@pytest.mark.parametrize("spoil", SPOILT, ids=["a time", "a word", "a reason", "a number"])
def test_a_value_that_cannot_be_one_is_a_damaged_plan(
    spoil: Callable[[dict[str, Any]], object], plan: dict[str, Any]
) -> None:
    spoil(plan["jobs"][0]["policy"])
    with pytest.raises(StateError, match="damaged"):
        policy_of(plan)


def every_place(data: Any, odd: Any) -> Iterator[Any]:
    """The data with something odd in one place after the other."""
    for key in data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ():
        for changed in every_place(data[key], odd):
            copy = deepcopy(data)
            copy[key] = changed
            yield copy
    yield odd


@pytest.mark.parametrize("odd", ["\ud800", {"\ud800": "\ud800"}, ["\ud800"], 10**400, float("inf"), -1, None], ids=repr)
def test_data_of_any_shape_is_a_plan_or_a_damaged_one(odd: Any, plan: dict[str, Any]) -> None:
    for spoilt in every_place(plan, odd):
        with suppress(StateError):
            pipeline = planned_pipeline(json.dumps(spoilt).encode(), place="here")
            for text in (pipeline.description, pipeline.server.url, pipeline.environment, pipeline.concurrency.group):
                assert text is None or isinstance(text, str)
            assert pipeline.timeout is None or isinstance(pipeline.timeout, float)
