"""One run of the command line against the small server, measured from outside: wall clock, CPU, peak memory, requests."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.benchmarks.workloads import Workload

SERVER = Path(__file__).with_name("server.py")
BARE = Path(__file__).with_name("bare.py")
COMMAND = [sys.executable, "-m", "spectrum_pipelines"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process that has ended. Seconds; memory in MiB."""

    code: int
    wall: float
    cpu: float
    memory_mb: float


@dataclass(kw_only=True)
class Served:
    """A server that runs, and what it tells at its end."""

    url: str
    told: dict[str, Any] = field(default_factory=dict)


def timed(command: Sequence[str], *, folder: Path, env: dict[str, str] | None = None) -> Process:
    """Run a command to its end; its CPU is that of the process alone, as the kernel counts it."""
    began = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return Process(
        code=process.returncode,
        wall=time.perf_counter() - began,
        cpu=usage.ru_utime + usage.ru_stime,
        memory_mb=usage.ru_maxrss / 1024,
    )


@contextmanager
def serving(durations: Sequence[float], *, latency: float = 0.001, hints: str = "right") -> Iterator[Served]:
    """Start the small server in a process of its own."""
    settings = json.dumps({"durations": list(durations), "latency": latency, "hints": hints})
    with subprocess.Popen(
        [sys.executable, str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(settings + "\n")
        process.stdin.flush()
        served = Served(url=f"http://127.0.0.1:{process.stdout.readline().strip()}")
        try:
            yield served
        finally:
            process.stdin.close()
            served.told = json.loads(process.stdout.readline() or "{}")


def environment() -> dict[str, str]:
    """What a CI job has: a login, no terminal, nothing else of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPECTRUM_")}
    return kept | {"SPECTRUM_USERNAME": "ci", "SPECTRUM_PASSWORD": "pw-benchmark"}


def run(
    workload: Workload, *, hints: str = "right", seed: int = 1, more: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """Run a workload once and give its figures. `more` stands in the environment, too."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)

        def command(url: str) -> list[str]:
            (folder / "pipeline.yaml").write_text(workload.pipeline(url), encoding="utf-8")
            return [*COMMAND, "run", "pipeline.yaml", "--report", "report.json", "--progress", "plain"]

        return _figures(workload, command, folder=folder, hints=hints, seed=seed, more=more)


def run_bare(workload: Workload, *, seed: int = 1) -> dict[str, Any]:
    """The same work done by the bare script."""

    def command(url: str) -> list[str]:
        return [sys.executable, str(BARE), url, str(workload.jobs), str(workload.width)]

    return _figures(workload, command, folder=Path.cwd(), hints="none", seed=seed)


def _figures(
    workload: Workload,
    command: Callable[[str], list[str]],
    *,
    folder: Path,
    hints: str,
    seed: int,
    more: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    durations = workload.durations(seed)
    ideal = workload.ideal(durations)
    with serving(durations, latency=workload.latency, hints=hints) as served:
        ended = timed(command(served.url), folder=folder, env={**environment(), **more})
    assert ended.code == 0, f"{workload.name} ended with exit code {ended.code}"
    assert served.told["executions"] == workload.jobs, "every job is triggered once"
    return {
        "makespan": ended.wall / ideal,
        "seconds": ended.wall,
        "requests": sum(served.told["requests"].values()) / workload.jobs,
        "cpu": ended.cpu,
        "memory": ended.memory_mb,
        "lists": served.told["requests"].get("list", 0),
    }
