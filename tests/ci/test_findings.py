"""Findings that another program gets in a file: the log of the job shows them, too."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.command_line import PROGRAM, plain_environment

BAD = "version: 1\nname: bad\njobs: {a: {triger: 1}}\n"


def validate(form: str, folder: Path) -> tuple[int, str, str]:
    (folder / "bad.yaml").write_text(BAD, encoding="utf-8")
    with (folder / "out").open("wb") as out:
        shown = subprocess.run(
            [PROGRAM, "validate", "--format", form, "bad.yaml"],
            cwd=folder, env=plain_environment(), stdout=out, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    return shown.returncode, (folder / "out").read_text(encoding="utf-8"), shown.stderr


@pytest.mark.parametrize("form", ["json", "gitlab", "sarif", "github"])
def test_findings_for_a_program_that_go_to_a_file_are_told_on_stderr_too(form: str, tmp_path: Path) -> None:
    code, stdout, stderr = validate(form, tmp_path)
    assert code == 1
    assert "bad.yaml:3:" in stderr
    assert "triger" in stderr
    if form != "github":
        assert json.loads(stdout)


def test_findings_for_people_are_told_once(tmp_path: Path) -> None:
    code, stdout, stderr = validate("text", tmp_path)
    assert code == 1
    assert "triger" in stdout
    assert stderr == ""
