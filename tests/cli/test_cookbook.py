"""The cookbook of `pipelines/`: it names every file there, what it names is there, and its commands work as pasted."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.cli.command_line import PIPELINES, call

COOKBOOK = (PIPELINES / "README.md").read_text(encoding="utf-8")
LINKS = re.findall(r"\]\(([^)#]+)\)", COOKBOOK)


YAML = re.findall(r"^```yaml\n(.*?)^```", COOKBOOK, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", COOKBOOK, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("cookbook")
    ignored = shutil.ignore_patterns("out", ".spectrum-local", "ci", "airflow")
    shutil.copytree(PIPELINES, place / "pipelines", ignore=ignored)
    return place


def test_it_names_every_pipeline_and_nothing_else() -> None:
    assert not [link for link in LINKS if not (PIPELINES / link).exists()]
    assert {it.name for it in PIPELINES.glob("*.yaml")} <= set(LINKS)


@pytest.mark.parametrize("line", commands())
def test_its_commands_work_as_pasted(line: str, folder: Path) -> None:
    program, *words = shlex.split(line)
    assert program == "spectrum-pipelines"
    found = [
        sorted(str(it.relative_to(folder)) for it in folder.glob(word)) if "*" in word else [word] for word in words
    ]
    ended = call(*(word for several in found for word in several), cwd=folder)
    assert ended.code == 0, ended.stderr


def test_its_pipeline_is_one_of_the_nightly(folder: Path) -> None:
    text = YAML[0]
    (folder / "pipelines/nightly/pasted.yaml").write_text(text, encoding="utf-8")
    assert call("validate", "--strict", "pipelines/nightly/pasted.yaml", cwd=folder).code == 0
    (folder / "pipelines/nightly/pasted.yaml").unlink()


@pytest.mark.parametrize("text", YAML[1:], ids=lambda text: re.findall(r"^name: (.*)$", text, re.MULTILINE)[0])
def test_its_recipes_are_valid_and_can_be_planned(text: str, tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text(text, encoding="utf-8")
    env = {"SPECTRUM_URL": "https://spectrum.example.com"}
    checked = call("validate", "--strict", "pipeline.yaml", cwd=tmp_path, env=env)
    assert checked.code == 0, checked.stdout
    assert call("plan", "pipeline.yaml", cwd=tmp_path, env=env).code == 0
