"""The benchmarks run, whatever they would show: everything in small, as a program."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_benchmark_runs_in_small(tmp_path: Path) -> None:
    told = tmp_path / "figures.json"
    command = [sys.executable, "-m", "tests.benchmarks", "--smoke", "--json", str(told)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    figures = json.loads(told.read_text(encoding="utf-8"))
    names = {row["section"].partition(",")[0] for row in figures["rows"]}
    assert {"W1", "W2", "W3", "W4", "W5", "W6", "Start-up", "Validation", "Engine", "Looking at a job of 1 h"} <= names
    assert all(row["value"] >= 0 for row in figures["rows"])
    assert "| W1 | |" in ended.stdout
