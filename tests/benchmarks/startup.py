"""Start-up, as a multiple of what Python itself takes: medians of processes started in turn."""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.benchmarks.measured import COMMAND, environment, timed
from tests.benchmarks.row import Row

_SMALL = """\
version: 1
name: small
server: {{url: "http://127.0.0.1:{port}"}}
jobs:
  a: {{trigger: 1}}
  b: {{needs: [a], trigger: 2}}
"""
_GOALS = {"--version": 5.5, "--help": 5.5, "validate of a small file": 15.0, "run to its first request": 25.0}


def rows(*, times: int = 11) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, socket.create_server(("127.0.0.1", 0)) as listener:
        folder = Path(name)
        text = _SMALL.format(port=listener.getsockname()[1])
        (folder / "small.yaml").write_text(text, encoding="utf-8")
        commands = {
            "bare": [sys.executable, "-c", "pass"],
            "--version": [*COMMAND, "--version"],
            "--help": [*COMMAND, "--help"],
            "validate of a small file": [*COMMAND, "validate", "small.yaml"],
        }
        taken: dict[str, list[float]] = {}
        for turn in range(times + 1 if times > 1 else 1):
            for what, command in commands.items():
                seconds = timed(command, folder=folder, env=environment()).wall
                taken.setdefault(what, []).append(seconds)
            taken.setdefault("run to its first request", []).append(_first_request(folder, listener))
            if turn == 0 and times > 1:
                taken.clear()  # a warm-up: files come into memory
    bare = median(taken["bare"])
    for what, goal in _GOALS.items():
        yield Row(section="Start-up", what=what, figure="x bare python", value=median(taken[what]) / bare, goal=goal)


def _first_request(folder: Path, listener: socket.socket) -> float:
    began = time.perf_counter()
    with subprocess.Popen(
        [*COMMAND, "run", "small.yaml"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        line, _ = listener.accept()
        with line:
            line.recv(1)
            seconds = time.perf_counter() - began
        process.kill()
    return seconds
