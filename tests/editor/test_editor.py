"""What an editor shows of a pipeline: the schema as the command writes it, under the YAML language server (npm package)."""

from collections.abc import Iterator

import pytest

from tests.cli.command_line import PIPELINES, call
from tests.editor.language_server import LanguageServer, command, language_server

pytestmark = pytest.mark.skipif(
    command() is None,
    reason="yaml-language-server is not installed: `.ci/run` does it where npm is; else put it on PATH or in YAML_LANGUAGE_SERVER",
)

LINE = "# yaml-language-server: $schema=./pipeline.schema.json\n"
GOOD = (
    LINE
    + "version: 1\nname: nightly\nfail_fast: true\njobs:\n  load:\n    trigger: /Data/Imports/orders.imp\n    timeout: 2h\n    \n"
)


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageServer]:
    """A session in a folder outside of any repository, with the schema that the command has written there."""
    folder = tmp_path_factory.mktemp("editor")
    (folder / "pipeline.schema.json").write_text(call("schema", "pipeline", cwd=folder).stdout, "utf-8")
    with language_server(folder) as server:
        yield server


def test_good_files_are_without_faults(editor: LanguageServer) -> None:
    for path in sorted(PIPELINES.glob("*.yaml")):
        text = "".join(
            it for it in path.read_text("utf-8").splitlines(keepends=True) if "yaml-language-server:" not in it
        )
        assert editor.open(LINE + text).messages == [], path.name


HOVERS = [
    pytest.param(3, 2, "By default `true`|Default: `true`", id="a default"),
    pytest.param(4, 1, "The jobs, by id", id="a key of the top level"),
    pytest.param(6, 6, "Run one Spectrum job", id="an action"),
    pytest.param(7, 6, "How long one attempt may take", id="a policy key"),
]


@pytest.mark.parametrize(("line", "character", "told"), HOVERS)
def test_a_hover_explains_the_key(editor: LanguageServer, line: int, character: int, told: str) -> None:
    hover = editor.at("hover", editor.open(GOOD).name, line, character)
    assert any(it in str(hover["contents"]) for it in told.split("|")), hover


def test_completion_offers_the_keys_of_a_job(editor: LanguageServer) -> None:
    offered = {it["label"] for it in editor.at("completion", editor.open(GOOD).name, 8, 4)["items"]}
    assert {"needs", "retry", "on_running", "expect"} <= offered


def test_completion_offers_the_values_of_a_key(editor: LanguageServer) -> None:
    opened = editor.open(GOOD.replace("    \n", "    on_running: \n"))
    offered = {it["label"] for it in editor.at("completion", opened.name, 8, 16)["items"]}
    assert {"fail", "wait", "attach", "stop"} <= offered


BAD = [
    pytest.param("version: 1\nname: x\njobs: {a: {trigger: 1, timeuot: 2h}}\n", "timeuot is not allowed", id="a key"),
    pytest.param("version: 1\njobs: {a: {trigger: 1}}\n", 'Missing property "name"', id="a key that is missing"),
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
    messages = editor.open(LINE + text).messages
    assert any(told in it for it in messages), messages
    assert not any("(?" in it or "[0-9]" in it for it in messages), messages
