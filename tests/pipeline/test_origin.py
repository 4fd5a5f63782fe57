import pytest

from spectrum_pipelines.pipeline.form.origin import POLICY_VALUES, Layer, Origin, Origins
from spectrum_pipelines.pipeline.model.action import JobId
from tests.pipeline.conftest import read

TEXT = """version: 1
name: test
defaults:
  timeout: 2h
  retry:
    limit: 2
environments:
  prod:
    defaults: {retry: {limit: 3}}
    jobs:
      a: {warnings: fail}
jobs:
  a:
    trigger: 1
    retry:
      interval: 1m
  b: {trigger: 2, matrix: {k: [1, 2]}}
"""


@pytest.mark.parametrize(
    ("environment", "job", "key", "origin", "text"),
    [
        pytest.param(None, "a", "jitter", Origin(layer=Layer.TOOL), "built in", id="tool"),
        pytest.param(None, "a", "timeout", Origin(layer=Layer.DEFAULTS, line=4), "line 4", id="defaults"),
        pytest.param(None, "a", "interval", Origin(layer=Layer.JOB, line=16), "line 16", id="job, within retry"),
        pytest.param(None, "b[1]", "limit", Origin(layer=Layer.DEFAULTS, line=6), "line 6", id="combination"),
        pytest.param(
            "prod", "b[2]", "limit", Origin(layer=Layer.DEFAULTS, line=9, environment="prod"), "line 9, environment prod",
            id="defaults of an environment",
        ),
        pytest.param(
            "prod", "a", "warnings", Origin(layer=Layer.JOB, line=11, environment="prod"), "line 11, environment prod",
            id="job of an environment",
        ),
    ],
)  # fmt: skip
def test_origins(environment: str | None, job: str, key: str, origin: Origin, text: str) -> None:
    found = Origins(read(TEXT), environment).of(JobId(job), is_finally=False)
    assert tuple(found) == POLICY_VALUES
    assert found[key if key in found else f"retry.{key}"] == origin
    assert str(origin) == text
