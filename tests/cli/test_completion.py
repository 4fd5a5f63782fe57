"""Completion, as bash asks for it: the real script, in a real bash, with the real program."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command_line import PROGRAM, plain_environment

PIPELINE = """
version: 1
name: p
jobs:
  sales: {trigger: 1}
  salaries: {trigger: 2}
  orders: {trigger: 3}
finally:
  sweep: {trigger: 4}
"""
#: Defines what `complete -F` would call, types a line, and prints what bash would offer.
SCRIPT = """
source <(_SPECTRUM_PIPELINES_COMPLETE=bash_source spectrum-pipelines) || exit 9
read -ra COMP_WORDS <<< "$LINE"
[ "${LINE: -1}" = " " ] && COMP_WORDS+=("")
COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
_spectrum_pipelines_completion spectrum-pipelines "${COMP_WORDS[COMP_CWORD]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(line: str, folder: Path) -> list[str]:
    env = plain_environment(LINE=line)
    env["PATH"] = f"{Path(PROGRAM).parent}:{env['PATH']}"
    # `compopt` works only while a key is pressed; all else is as in a shell that somebody types in.
    shown = subprocess.run(
        ["bash", "--norc", "-c", f"compopt() {{ :; }}\n{SCRIPT}"],
        cwd=folder, env=env, capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    assert not shown.stderr
    return shown.stdout.split()


ROWS = [
    pytest.param("spectrum-pipelines va", ["validate"], id="a command"),
    pytest.param("spectrum-pipelines job st", ["status", "stop"], id="a command within a command"),
    pytest.param("spectrum-pipelines plan --format m", ["mermaid"], id="a value"),
    pytest.param("spectrum-pipelines plan --onl", ["--only", "--online"], id="an option"),
    pytest.param("spectrum-pipelines run p.yaml --only sal", ["sales", "salaries"], id="a job"),
    pytest.param("spectrum-pipelines run p.yaml --only orders,+sw", ["orders,+sweep"], id="the last of several, one of finally"),
    pytest.param("spectrum-pipelines run bad.yaml --only sal", [], id="a file that cannot be read offers nothing"),
    pytest.param("spectrum-pipelines run gone.yaml --only sal", [], id="nor does one that is not there"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), ROWS)
def test_bash(line: str, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(PIPELINE, encoding="utf-8")
    (tmp_path / "bad.yaml").write_text("{", encoding="utf-8")
    assert sorted(offered(line, tmp_path)) == sorted(expected)


@pytest.mark.parametrize("command", ["run", "plan", "validate"])
def test_a_pipeline_file_is_left_to_the_shell(command: str, tmp_path: Path) -> None:
    env = plain_environment(
        _SPECTRUM_PIPELINES_COMPLETE="bash_complete", COMP_WORDS=f"spectrum-pipelines {command} p", COMP_CWORD="2"
    )
    shown = subprocess.run([PROGRAM], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=20, check=True)
    assert shown.stdout.strip() == "file,p"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(shell: str) -> None:
    if shell == "bash" and sys.platform == "darwin":
        pytest.skip("bash 3.2 has no completion of this kind")
    env = plain_environment(_SPECTRUM_PIPELINES_COMPLETE=f"{shell}_source")
    shown = subprocess.run([PROGRAM], env=env, capture_output=True, text=True, timeout=20, check=True)
    assert "spectrum-pipelines" in shown.stdout
