import pytest

from spectrum_pipelines.pipeline.model.action import Scalar
from spectrum_pipelines.pipeline.model.pipeline import Variable
from spectrum_pipelines.pipeline.secrets import masked, masked_value, secret_paths, secret_texts
from tests.pipeline.conftest import read


def test_what_is_masked_in_excerpts() -> None:
    document = read("""
server: {url: "http://hunter2@h", timezone: UTC}
variables:
  open: {default: shown, enum: [shown]}
  closed: {type: string, secret: true, default: hunter2, enum: [hunter2], pattern: hunter2, description: shown}
  ill_typed: {secret: yes, default: hunter2}
  plain: {secret: false, default: shown}
environments:
  prod: {server: {url: "http://u:hunter2@h"}, variables: {closed: hunter2, open: shown}}
  dev: {server: {url: "http://shown"}, variables: {closed: {default: hunter2}}}
jobs: {a: {trigger: 1}}
""")
    text = document.masked(secret_paths(document)).text
    assert "hunter2" not in text
    assert text.count("shown") == document.source.text.count("shown")
    assert len(text) == len(document.source.text), "carets stay where they are"


@pytest.mark.parametrize("text", ["jobs: 1", "variables: [1]", "environments: {a: 1}", "server: 1", "- 1"])
def test_ill_shaped_files_hold_no_secrets(text: str) -> None:
    document = read("version: 1\n" + text if text != "- 1" else "['version:']")
    document.masked(secret_paths(document))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param("a hunter2 b", "a *** b", id="within a text"),
        pytest.param("hunter2-more", "***", id="the longer secret first"),
        pytest.param(7123, "***", id="a number"),
        pytest.param(71234, "***4", id="within a number"),
        pytest.param(5, 5, id="an innocent number keeps its type"),
        pytest.param(False, False, id="an innocent boolean keeps its type"),
    ],
)
def test_values(value: Scalar, shown: Scalar) -> None:
    variables = [
        Variable(name="a", value="hunter2", secret=True),
        Variable(name="b", value="hunter2-more", secret=True),
        Variable(name="c", value=7123, secret=True),
        Variable(name="d", value="", secret=True),
        Variable(name="e", value="b", secret=False),
    ]
    secrets = secret_texts(variables)
    assert masked_value(value, secrets) == shown
    assert type(masked_value(value, secrets)) is type(shown)
    assert masked("nothing to hide", secrets) == "nothing to hide"
