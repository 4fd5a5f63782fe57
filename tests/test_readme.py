"""The README is run: its YAML is validated and planned, its commands are parsed, its two one-liners point at what is there."""

import re
import shlex
from pathlib import Path

import pytest
from click import Command, Group

from spectrum_pipelines.cli.main import COMMANDS, cli, run
from spectrum_pipelines.errors import ExitCode

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [text for named, text in found if named == language]


def under(heading: str) -> str:
    section = re.search(rf"^## {heading}$(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert section, f"README has no heading {heading}"
    (command,) = re.findall(r"^```sh\n(.*?)^```", section[1], re.MULTILINE | re.DOTALL)
    return str(command.strip())


@pytest.mark.parametrize("text", blocks("yaml"))
def test_every_pipeline_of_the_readme_is_valid_and_can_be_planned(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("SPECTRUM_URL", "https://spectrum.example.com")
    assert run(["validate", "--strict", str(file)]) == ExitCode.SUCCEEDED, capsys.readouterr().out
    assert run(["plan", str(file)]) == ExitCode.SUCCEEDED


@pytest.mark.parametrize("heading", ["Run it", "Test it"])
def test_a_newcomers_command_is_one_line_of_things_that_exist(heading: str) -> None:
    command = under(heading)
    assert "\n" not in command
    for word in shlex.split(command):
        if word.startswith("pipelines/"):
            assert (ROOT / word).is_file()


def lines() -> list[str]:
    """The lines of all plain blocks that use the program, without their comments."""
    found = [line.partition("  ")[0] for block in blocks("") for line in block.splitlines()]
    one_liner = under("Run it").rpartition("&&")[2].strip().removeprefix(".venv/bin/")
    return [one_liner, *(line for line in found if line.startswith("spectrum-pipelines ") and "..." not in line)]


@pytest.mark.parametrize("line", lines())
def test_every_command_of_the_readme_is_understood(line: str) -> None:
    name, *words = (word for word in shlex.split(line.partition("|")[0])[1:] if word != "--debug")
    command: Command | None = cli.get_command(cli.make_context("spectrum-pipelines", ["runs"]), name)
    assert command is not None, f"no command {name}"
    if isinstance(command, Group) and words and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("-")} <= options


def test_the_readme_lists_every_command_and_every_exit_code() -> None:
    assert all(f"spectrum-pipelines {name}" in README or f"| {name} " in README for name in COMMANDS)
    table = re.findall(r"^\| (\d+(?:, \d+)?) \|", README, re.MULTILINE)
    assert {int(code) for row in table for code in row.split(",")} == {int(code) for code in ExitCode}


@pytest.mark.parametrize("text", blocks("python"))
def test_the_python_of_the_readme_is_python(text: str) -> None:
    compile(text, "README.md", "exec")
