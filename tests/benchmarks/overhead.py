"""What Airflow costs: a pipeline as one task, and as one task a job, in a real Airflow 3 (`AIRFLOW_VENVS`, see tests/README.md)."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from spectrum_pipelines.local.serving import RunningServer
from spectrum_pipelines.local.workspace import build_workspace
from tests.airflow.installed import Airflow, Api, free_port, running, settings, until
from tests.benchmarks.row import Row

_PARSED = """
import json, sys, time
from pathlib import Path
from airflow.providers.common.compat.sdk import DAG, BaseOperator
files = sorted(Path(sys.argv[1]).glob("*.yaml"))

def bare(file):
    with DAG(file.stem, schedule=None):
        tasks = [BaseOperator(task_id=f"t{number}") for number in range(int(sys.argv[2]))]
        for first, second in zip(tasks, tasks[1:]):
            first >> second

began = time.perf_counter()
for file in files:
    bare(file)
middle = time.perf_counter()
from spectrum_pipelines.airflow import spectrum_dag
for file in files:
    spectrum_dag(file)
print(json.dumps([middle - began, time.perf_counter() - middle]))
"""
#: DAGs, jobs of each, and the goal in seconds over bare Airflow.
PARSE = (100, 40, 2.0)
#: The jobs, their seconds, whether each needs the one before, and the goal in seconds as one task.
SHAPES = {"chain": (5, 4, True, 24.0), "wide": (20, 4, False, 7.0)}


def rows(*, smoke: bool = False) -> Iterator[Row]:
    """Seconds from the start to the end of a DAG run."""
    venvs = [Path(it) for it in os.environ.get("AIRFLOW_VENVS", "").split(":") if it]
    if smoke or not venvs:
        sys.stderr.write("airflow: skipped: AIRFLOW_VENVS=VENV python -m tests.benchmarks airflow\n")
        return
    yield from _parse_rows(venvs[0])
    with tempfile.TemporaryDirectory(prefix="overhead-") as folder, ExitStack() as stack:
        server = _served(Path(folder), stack)
        port = free_port()
        environ = settings(port, {"SPECTRUM_DEFAULT": {"port": urlsplit(server.url).port}})
        environ |= {"SPECTRUM_OVERHEAD": folder, "AIRFLOW__CORE__PARALLELISM": "32"}
        airflow = Airflow(venvs[0], Path(folder) / "airflow", Path(__file__).parent / "dags", environ, port=port)
        api = stack.enter_context(running(stack.enter_context(airflow)))
        _took(api, "wide_one")  # the first task of an installation pays for the start of its workers
        for name, (jobs, seconds, is_chain, goal) in SHAPES.items():
            what = f"{jobs} jobs of {seconds} s, {'one after the other' if is_chain else 'at once'}"
            for kind, told, limit in (("one", "one task", goal), ("each", "one task a job", None)):
                took = _took(api, f"{name}_{kind}")
                yield Row(section="airflow", what=f"{what}: {told}", figure="s", value=took, goal=limit)


def _parse_rows(environment: Path) -> Iterator[Row]:
    dags, jobs, goal = PARSE
    with tempfile.TemporaryDirectory(prefix="parse-") as folder:
        (Path(folder) / "dags").mkdir()
        for number in range(dags):
            lines = ["version: 1", f"name: dag{number}", "jobs:", "  j0: {trigger: /0.wbk}"]
            lines += [f"  j{it}: {{needs: [j{it - 1}], trigger: /{it}.wbk}}" for it in range(1, jobs)]
            (Path(folder) / "dags" / f"dag{number}.yaml").write_text("\n".join([*lines, ""]), encoding="utf-8")
        airflow = Airflow(environment, Path(folder) / "airflow", Path(folder) / "dags", {})
        (Path(folder) / "airflow").mkdir()
        printed = airflow.python(_PARSED, str(Path(folder) / "dags"), str(jobs)).strip().rpartition("\n")[2]
        bare, ours = json.loads(printed)
        what = f"{dags} DAGs of {jobs} jobs, beyond the {bare:.2f} s of bare operators"
        yield Row(section="airflow", what=what, figure="s to parse", value=ours - bare, goal=goal)


def _served(folder: Path, stack: ExitStack) -> RunningServer:
    files = []
    for place, (name, (jobs, seconds, is_chain, _)) in enumerate(SHAPES.items()):
        lines = ["version: 1", f"name: {name}", "jobs:"]
        for number in range(jobs):
            file_id = 100 * (place + 1) + number
            files.append({"id": file_id, "path": f"/{file_id}.wbk", "simulate": {"duration": f"{seconds}s"}})
            needs = f"needs: [j{number - 1}], " if is_chain and number else ""
            lines.append(f"  j{number}: {{{needs}trigger: {file_id}}}")
        (folder / f"{name}.yaml").write_text("\n".join([*lines, ""]), encoding="utf-8")
    data = {"version": 1, "users": [{"name": "analyst", "password": "analyst"}], "slots": 50, "files": files}
    return stack.enter_context(RunningServer.start(build_workspace(data, folder), state=None))


def _took(api: Api, dag_id: str) -> float:
    until(f"the DAG {dag_id}", partial(api.knows, dag_id))
    run_id = api.trigger(dag_id)
    path = f"/dags/{dag_id}/dagRuns/{run_id}"
    until(f"{dag_id} ends", lambda: api.ask("GET", path)["state"] in {"success", "failed"})
    ended = api.ask("GET", path)
    assert ended["state"] == "success", json.dumps(ended)
    start, end = (datetime.fromisoformat(ended[name]) for name in ("start_date", "end_date"))
    return (end - start).total_seconds()
