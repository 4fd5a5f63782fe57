"""Targets of a journal whose secrets are masked are found again among those of the pipeline."""

from datetime import UTC, datetime

import pytest

from spectrum_pipelines import load
from spectrum_pipelines.engine.facts import Baseline, DataDeleted, Stamped, TriggerIntended
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.secrets import secrets_of
from spectrum_pipelines.redaction import without
from spectrum_pipelines.spectrum import DataId, DataName, Deletion
from spectrum_pipelines.store.masking import masked_fact, revealed

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MARKED = Deletion.MARKED
PIPELINE = """
version: 1
name: night
variables:
  one: {type: integer, secret: true}
  two: {type: integer, secret: true}
jobs:
  both: {sequence: ["${var.one}", 7, "${var.two}"], variables: {key: x}}
  first: {trigger: 5}
  gone: {delete_data: ["/of ${var.one}", "/of ${var.two}", 7, "${var.two}"]}
  last: {trigger: "/of ${var.one} ${jobs.first.execution_id}.wbk", needs: [first]}
"""


@pytest.fixture
def state(tmp_path_factory: pytest.TempPathFactory) -> RunState:
    path = tmp_path_factory.mktemp("night") / "night.yaml"
    path.write_text(PIPELINE, encoding="utf-8")
    loaded = load(path, variables={"one": 483927, "two": 594038}, server="https://spectrum.example.com")
    return RunState(loaded.pipeline, "20261123T150405Z-7f3a")


ROWS = [
    pytest.param("both", ["***", "7", "***"], ["483927", "7", "594038"], id="two that look alike: by their order"),
    pytest.param("both", ["***"], ["483927"], id="one of them"),
    pytest.param("last", ["/of *** 11.wbk"], ["/of *** 11.wbk"], id="an output that is not there: as it stands"),
    pytest.param("lost", ["***"], ["***"], id="a job that is not there: as it stands"),
]


@pytest.mark.parametrize(("job", "masked", "known"), ROWS)
def test_a_masked_target_is_found_again(state: RunState, job: str, masked: list[str], known: list[str]) -> None:
    baselines = tuple(Baseline(target=it, execution_id=None) for it in masked)
    found = revealed(TriggerIntended(job=JobId(job), attempt=1, baselines=baselines), state)
    assert isinstance(found, TriggerIntended)
    assert [it.target for it in found.baselines] == known


DELETED: list[str | int] = ["/of 483927", "/of 594038", 7, 594038]


@pytest.mark.parametrize("number", range(len(DELETED)), ids=["a name", "one that looks alike", "a number", "a secret"])
def test_masked_data_is_found_again(state: RunState, number: int) -> None:
    """It was deleted: a run that goes on must not delete it again."""
    job = state.jobs[JobId("gone")]
    facts = [
        DataDeleted(job=job.job.id, data_id=DataName(it) if isinstance(it, str) else DataId(it), deletion=MARKED)
        for it in DELETED
    ]
    job.attempt.deletions = tuple((it.data_id, it.deletion) for it in facts[:number])
    stamped = Stamped(at=0.0, time=NOON, event=facts[number])
    kept = masked_fact(stamped, without(secrets_of(state.pipeline))).event
    assert isinstance(kept, DataDeleted)
    assert kept.data_id == ["/of ***", "/of ***", 7, "***"][number]
    assert revealed(kept, state) == facts[number]
