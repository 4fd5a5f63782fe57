"""Targets of a journal whose secrets are masked are found again among those of the pipeline."""

import pytest

from spectrum_pipelines import load
from spectrum_pipelines.engine.facts import Baseline, TriggerIntended
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.store.masking import revealed

PIPELINE = """
version: 1
name: night
variables:
  one: {type: integer, secret: true}
  two: {type: integer, secret: true}
jobs:
  both: {sequence: ["${var.one}", 7, "${var.two}"], variables: {key: x}}
  first: {trigger: 5}
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
    pytest.param("gone", ["***"], ["***"], id="a job that is not there: as it stands"),
]


@pytest.mark.parametrize(("job", "masked", "known"), ROWS)
def test_a_masked_target_is_found_again(state: RunState, job: str, masked: list[str], known: list[str]) -> None:
    baselines = tuple(Baseline(target=it, execution_id=None) for it in masked)
    found = revealed(TriggerIntended(job=JobId(job), attempt=1, baselines=baselines), state)
    assert isinstance(found, TriggerIntended)
    assert [it.target for it in found.baselines] == known
