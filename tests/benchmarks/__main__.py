"""All benchmarks in one go: a table with goals, and JSON.

    python -m tests.benchmarks                       all of them, about 13 minutes
    python -m tests.benchmarks W1 polling startup    some
    python -m tests.benchmarks --smoke               everything in small, in seconds: that it runs, not how fast
    python -m tests.benchmarks --json figures.json

Makespans are of whole processes, from start to exit, with journal, report and fsync. Each is the median of three runs; of W4 and W6
there is one.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from tests.benchmarks import brain, overhead, polling, startup, stores, validation
from tests.benchmarks.measured import run, run_bare
from tests.benchmarks.row import Row, table
from tests.benchmarks.workloads import ALL, W1, W2, W3, W4, Workload

_WITHOUT_HINTS = (W1, W2, W3, W4)


def workload_rows(workload: Workload, *, times: int = 3, compared: bool = True) -> Iterator[Row]:
    """The workload with hints from the server, and `compared` with one without any, and with the bare script."""
    yield from _rows_of(workload, workload.told, [run(workload) for _ in range(times)], goals=True)
    if compared:
        told = "- without hints"
        yield from _rows_of(workload, told, [run(workload, hints="none") for _ in range(times)], goals=False)
        yield from _rows_of(workload, "- the bare script", [run_bare(workload) for _ in range(times)], goals=False)


def _rows_of(workload: Workload, told: str, runs: list[dict[str, float]], *, goals: bool) -> Iterator[Row]:
    figures = {
        "x ideal": ("makespan", workload.makespan),
        "requests a job": ("requests", workload.requests),
        "s CPU": ("cpu", workload.cpu),
        "MiB": ("memory", workload.memory_mb),
    }
    for figure, (key, goal) in figures.items():
        value = median(one[key] for one in runs)
        yield Row(section=workload.name, what=told, figure=figure, value=value, goal=goal if goals else None)


def sections(*, smoke: bool) -> dict[str, Callable[[], Iterator[Row]]]:
    """Every benchmark by its name."""
    times = 1 if smoke else 3
    found: dict[str, Callable[[], Iterator[Row]]] = {}
    for one in ALL:
        shown = one.in_small() if smoke else one
        compared = one is W1 if smoke else one in _WITHOUT_HINTS
        found[one.name] = lambda shown=shown, compared=compared: workload_rows(  # type: ignore[misc]
            shown, times=1 if shown.jobs * shown.seconds > 5_000 else times, compared=compared
        )
    found["polling"] = lambda: polling.rows(samples=2 if smoke else 200)
    found["startup"] = lambda: startup.rows(times=1 if smoke else 11)
    found["stores"] = lambda: stores.rows(times=1 if smoke else 3, shrink=smoke)
    found["validation"] = lambda: validation.rows(count=2, jobs=50, times=1, kinds=2) if smoke else validation.rows()
    found["engine"] = lambda: brain.rows(jobs=400 if smoke else 10_000, parallel=20 if smoke else 500)
    found["airflow"] = lambda: overhead.rows(smoke=smoke)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument(
        "names", nargs="*", help="W1 to W6, polling, startup, stores, validation, engine, airflow; all without any"
    )
    parser.add_argument("--smoke", action="store_true", help="everything in small: that it runs, not how fast")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    wanted = parser.parse_args()
    known = sections(smoke=wanted.smoke)
    if unknown := set(wanted.names) - set(known):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    rows: list[Row] = []
    for name, measure in known.items():
        if not wanted.names or name in wanted.names:
            print(f"{name} ...", file=sys.stderr, flush=True)  # noqa: T201 - a program
            rows += measure()
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    print(f"Measured on {date}: {machine}.\n\n{table(rows)}")  # noqa: T201
    if wanted.json is not None:
        told = {"date": date, "machine": machine, "rows": [{**asdict(row), "holds": row.holds} for row in rows]}
        wanted.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
