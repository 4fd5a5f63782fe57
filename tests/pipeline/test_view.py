import pytest

from spectrum_pipelines.document.position import Path
from spectrum_pipelines.pipeline.form.view import View
from tests.pipeline.conftest import read

TEXT = """version: 1
name: test
server: {url: a, timezone: b}
variables:
  short: 1
  long: {type: string, required: true, secret: true}
environments:
  prod:
    server: {url: c}
    variables: {short: {type: integer, enum: [1]}, long: x, unknown: 1}
    defaults: {timeout: 1h}
    jobs:
      job: {needs: [p, q], retry: {limit: 1}}
      unknown: {timeout: 2h}
    name: not merged
jobs:
  job: {trigger: 1, needs: [o], retry: {interval: 1s}}
"""


def test_merging() -> None:
    assert View(read(TEXT), "prod").data == {
        "version": 1,
        "name": "test",
        "server": {"url": "c", "timezone": "b"},
        "variables": {
            "short": {"default": 1, "type": "integer", "enum": [1]},
            "long": {"type": "string", "required": False, "secret": True, "default": "x"},
        },
        "environments": read(TEXT).data["environments"],
        "defaults": {"timeout": "1h"},
        "jobs": {"job": {"trigger": 1, "needs": ["p", "q"], "retry": {"interval": "1s", "limit": 1}}},
    }


def test_without_an_environment_the_file_is_as_it_stands() -> None:
    document = read(TEXT)
    assert View(document).data is document.data


@pytest.mark.parametrize(
    ("path", "line"),
    [
        pytest.param(("server", "url"), 9, id="overridden"),
        pytest.param(("server", "timezone"), 3, id="not overridden"),
        pytest.param(("server",), 3, id="a merged mapping stands where it is first"),
        pytest.param(("defaults",), 11, id="a mapping of the environment alone"),
        pytest.param(("variables", "long", "default"), 10, id="a short form that became a default"),
        pytest.param(("variables", "long", "secret"), 6, id="what the short form left alone"),
        pytest.param(("variables", "short", "type"), 10, id="a long form over a short one"),
        pytest.param(("jobs", "job", "needs", 1), 13, id="an item of a list that replaced another"),
        pytest.param(("jobs", "job", "retry", "limit"), 13, id="deep"),
        pytest.param(("jobs", "job", "retry", "interval"), 17, id="deep, not overridden"),
        pytest.param(("jobs", "job"), 17, id="a job stands where it is declared"),
    ],
)
def test_where_a_value_was_written(path: Path, line: int) -> None:
    assert View(read(TEXT), "prod").line(path) == line


def test_a_part_of_a_text_that_is_hidden_by_an_escape_is_shown_as_the_whole() -> None:
    view = View(read('a: "\\x24{var.x}"\nb: |\n  one ${var.x}\nc: "one ${var.x} two"'))
    spans = [view.fault((key,), "code", "message", part="${var.x}").span for key in "abc"]
    assert [(it.start.line, it.start.column, it.end.column) for it in (spans[0], spans[2])] == [(3, 4, 17), (6, 9, 17)]
    assert spans[1] == view.value_span(("b",))
