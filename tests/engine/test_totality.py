"""What is added and forgotten somewhere is named here or by the type checker, never found by a user."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from spectrum_pipelines.engine import apply, decide
from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.sightings import Sighting
from spectrum_pipelines.engine.state.run import Step

_ROOT = Path(__file__).parents[2]
_RIGHT = """
from spectrum_pipelines.engine.outcome import JobStatus
from spectrum_pipelines.engine.state.run import RunState, Step
from spectrum_pipelines.pipeline.model.action import JobId


def fold(state: RunState) -> None:
    job = state.touch(JobId("a"))
    job.step = Step.DONE
    job.status = JobStatus.FAILED
    job.attempt.wake_at = 3.0
"""
_WRONG = [
    pytest.param("    job.step = 3\n", "Incompatible types in assignment", id="a number as a step"),
    pytest.param("    job.stepp = Step.DONE\n", 'no attribute "stepp"', id="a field that does not exist"),
    pytest.param('    job.status = "nonsense"\n', "Incompatible types in assignment", id="a text as a status"),
    pytest.param('    job.attempt.wake_at = "soon"\n', "Incompatible types in assignment", id="a text as a time"),
    pytest.param("    job.attempt.step = Step.DONE\n", 'no attribute "step"', id="a job's field in an attempt"),
]


def test_every_fact_and_every_sighting_has_a_fold() -> None:
    assert set(apply.FOLDS) == {*get_args(ev.Event), *get_args(Sighting)}


def test_every_class_of_facts_stands_in_the_union() -> None:
    assert set(ev.Fact.__subclasses__()) == set(get_args(ev.Event))


def test_every_step_has_a_move() -> None:
    assert set(decide.MOVES) == set(Step)


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What mypy says to each wrong line in the fold, by the line."""
    folder = tmp_path_factory.mktemp("folds")
    lines = ["", *(str(row.values[0]) for row in _WRONG)]
    for number, line in enumerate(lines):
        (folder / f"fold{number}.py").write_text(_RIGHT + line)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "pyproject.toml", str(folder)]
    told = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False).stdout
    return {line: "\n".join(it for it in told.splitlines() if f"fold{n}.py" in it) for n, line in enumerate(lines)}


def test_the_type_checker_takes_a_right_fold(complaints: dict[str, str]) -> None:
    assert complaints[""] == ""


@pytest.mark.parametrize(("line", "complaint"), _WRONG)
def test_the_type_checker_refuses_a_wrong_write(complaints: dict[str, str], line: str, complaint: str) -> None:
    assert complaint in complaints[line]
