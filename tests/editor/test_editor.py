"""What an editor shows of a pipeline: the schema as the command writes it, under the YAML language server (npm package)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command_line import PIPELINES, call
from tests.editor.language_server import LanguageServer, command, language_server

pytestmark = pytest.mark.skipif(
    command() is None,
    reason="yaml-language-server is not installed: npm install yaml-language-server, and put it on PATH or in YAML_LANGUAGE_SERVER",
)

LINE = "# yaml-language-server: $schema=./pipeline.schema.json\n"
GOOD = (
    LINE
    + "version: 1\nname: nightly\nfail_fast: true\njobs:\n  load:\n    trigger: /Data/Imports/orders.imp\n    timeout: 2h\n    \n"
)


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[LanguageServer]:
    (tmp_path / "pipeline.schema.json").write_text(call("schema", "pipeline", cwd=tmp_path).stdout, "utf-8")
    with language_server(tmp_path) as server:
        yield server


def test_good_files_are_without_faults(editor: LanguageServer) -> None:
    for path in sorted(PIPELINES.glob("*.yaml")):
        text = "".join(
            it for it in path.read_text("utf-8").splitlines(keepends=True) if "yaml-language-server:" not in it
        )
        assert editor.open(path.name, LINE + text) == [], path.name


HOVERS = [
    pytest.param(3, 2, "By default `true`|Default: `true`", id="a default"),
    pytest.param(4, 1, "The jobs, by id", id="a key of the top level"),
    pytest.param(6, 6, "Run one Spectrum job", id="an action"),
    pytest.param(7, 6, "How long one attempt may take", id="a policy key"),
]


@pytest.mark.parametrize(("line", "character", "told"), HOVERS)
def test_a_hover_explains_the_key(editor: LanguageServer, line: int, character: int, told: str) -> None:
    editor.open("p.yaml", GOOD)
    hover = editor.at("hover", "p.yaml", line, character)
    assert any(it in str(hover["contents"]) for it in told.split("|")), hover


def test_completion_offers_the_keys_of_a_job(editor: LanguageServer) -> None:
    editor.open("p.yaml", GOOD)
    offered = {it["label"] for it in editor.at("completion", "p.yaml", 8, 4)["items"]}
    assert {"needs", "retry", "on_running", "expect"} <= offered


BAD = [
    pytest.param(
        "version: 1\nname: x\njobs: {a: {trigger: 1, timeout: 90}}\n",
        'Expected "string"',
        id="no unit",
    ),
    pytest.param(
        "version: 1\nname: x\njobs: {a: {trigger: 1, timeout: 2hours}}\n", "a number needs its unit", id="a bad time"
    ),
    pytest.param("version: 1\nname: x\njobs: {a: {trigger: 1, on_running: wiat}}\n", "`wait`", id="a word"),
    pytest.param(
        "version: 1\nname: x\njobs: {a: {trigger: Data/x}}\n", "not a Spectrum job", id="a path without slash"
    ),
    pytest.param(
        "version: 1\nname: x\nserver: {url: 'htp://x'}\njobs: {a: {trigger: 1}}\n",
        "not a server address",
        id="an address",
    ),
    pytest.param("version: 1\nname: x\njobs: {1a: {trigger: 1}}\n", "not a job id", id="a job id"),
    pytest.param("version: 1\nname: x\njobs: {a: {trigger: 1, retry: {limit: -1}}}\n", "minimum of 0", id="a number"),
    pytest.param("version: 2\nname: x\njobs: {a: {trigger: 1}}\n", "must be 1", id="a version"),
    pytest.param("version: 1\nname: x\njobs: {a: {trigger: 1, needs: [a b]}}\n", "not a job id", id="an item"),
]


@pytest.mark.parametrize(("text", "told"), BAD)
def test_a_bad_value_is_explained_in_words(editor: LanguageServer, text: str, told: str) -> None:
    messages = [it["message"] for it in editor.open("p.yaml", LINE + text)]
    assert any(told in it for it in messages), messages
    assert not any("(?" in it or "[0-9]" in it for it in messages), messages
