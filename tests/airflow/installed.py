"""An Airflow in a virtual environment of its own, and everything of it that runs: started, asked through its API, killed."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.request import Request, urlopen

ROOT = Path(__file__).parents[2]
T = TypeVar("T")

USER = "analyst"
#: Seconds; more means that it never comes.
PATIENCE = 30.0

#: The newest of each major that the provider is tested with.
VERSIONS = {"3": "3.3.2", "2": "2.11.2"}


def install(folder: Path, version: str) -> Path:
    """A virtual environment with this Airflow and the project, made in `folder`. Takes minutes, and needs a package index."""
    place = folder / f"airflow-{version}"
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    pip = [str(place / "bin" / "pip"), "install", "--quiet"]
    subprocess.run([*pip, f"apache-airflow=={version}", "-e", f"{ROOT}[airflow]"], check=True)
    subprocess.run([str(place / "bin" / "pip"), "check"], check=True)
    return place


def until(what: str, ask: Callable[[], T | None], *, patience: float = 6 * PATIENCE) -> T:
    """Ask until there is an answer. Raises AssertionError saying what never came."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.5)
    raise AssertionError(f"{what}: nothing within {patience:.0f} s")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def is_second(environment: Path) -> bool:
    """The environment holds an Airflow 2."""
    return any(environment.glob("lib/*/site-packages/apache_airflow-2.*"))


def settings(
    port: int, connections: Mapping[str, int], *, executor: str = "LocalExecutor", state: Path | None = None
) -> dict[str, str]:
    """The configuration of an Airflow that is quick to notice, and open to whoever asks on loopback.

    `port` is that of its API server; `connections` are Spectrum servers on loopback by their ports, whose journals are in `state`.
    """
    login: dict[str, Any] = {"conn_type": "spectrum", "schema": "http", "host": "127.0.0.1"}
    login |= {"login": USER, "password": USER}
    if state is not None:
        login["extra"] = {"state": str(state)}
    return {
        "AIRFLOW__CORE__EXECUTOR": executor,
        "AIRFLOW__CORE__PARALLELISM": "8",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__API_AUTH__JWT_SECRET": "only for these tests, on loopback: 0123456789abcdef",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
        "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        **{f"AIRFLOW_CONN_{name}": json.dumps(login | {"port": port}) for name, port in connections.items()},
    }


class Airflow:
    """One installation with a home of its own. `settings` are environment variables."""

    def __init__(
        self, environment: Path, home: Path, dags: Path, settings: Mapping[str, str], *, port: int | None = None
    ) -> None:
        self.home = home
        self.port = port or free_port()
        self._bin = environment / "bin"
        self._stack = ExitStack()
        self._parts: dict[str, subprocess.Popen[bytes]] = {}
        self._environ = {
            "PATH": f"{self._bin}:{os.environ['PATH']}",
            "HOME": str(home),
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
            **settings,
        }

    def __enter__(self) -> Self:
        self.home.mkdir(parents=True, exist_ok=True)
        self.call("db", "migrate")
        return self

    def __exit__(self, *_: object) -> None:
        for part in list(self._parts):
            self.kill(part)
        self._stack.close()

    def call(self, *words: str, patience: float = 300.0) -> str:
        """A command of Airflow; what it wrote to stdout. Raises AssertionError with everything that it wrote."""
        ended = subprocess.run(
            [str(self._bin / "airflow"), *words],
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=patience,
            check=False,
        )
        assert ended.returncode == 0, f"airflow {' '.join(words)}\n{ended.stdout[-4000:]}\n{ended.stderr[-4000:]}"
        return ended.stdout

    def python(self, script: str, *words: str) -> str:
        """A script in the environment; what it wrote to stdout."""
        ended = subprocess.run(
            [str(self._bin / "python"), "-c", script, *words],
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ended.returncode == 0, f"{ended.stdout[-4000:]}\n{ended.stderr[-4000:]}"
        return ended.stdout

    @property
    def version(self) -> str:
        return self.call("version").split()[-1]

    def start(self, part: str, *words: str) -> None:
        """A part of Airflow, in a process group of its own; it writes to a file in the home."""
        log = self._stack.enter_context((self.home / f"{part}.log").open("ab"))
        self._parts[part] = subprocess.Popen(
            [str(self._bin / "airflow"), part, *words],
            env=self._environ,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def kill(self, part: str) -> None:
        """SIGKILL to a part and all that it has started."""
        process = self._parts.pop(part)
        for member in group_of(process.pid):
            _signal(member, signal.SIGKILL)
        process.wait(PATIENCE)


def group_of(leader: int) -> list[int]:
    """The processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader:
            found.append(int(path.parent.name))
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


class Api:
    """Airflow's own HTTP API, as a person's browser uses it: version 2 of Airflow 3."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self._token: str | None = None

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Content-Type": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self._base + path, data=data, headers=headers, method=method), timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def is_up(self) -> bool:
        try:
            self._token = self.ask("GET", "/auth/token")["access_token"]
        except OSError:
            return False
        return True

    def knows(self, dag_id: str) -> bool:
        try:
            return bool(self.ask("GET", f"/api/v2/dags/{dag_id}"))
        except OSError:
            return False

    def trigger(self, dag_id: str) -> str:
        return str(self.ask("POST", f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None})["dag_run_id"])

    def task(self, dag_id: str, run_id: str) -> dict[str, Any]:
        return dict(self.ask("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/run"))

    def mark_failed(self, dag_id: str, run_id: str) -> None:
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/run"
        self.ask("PATCH", path, {"new_state": "failed"})

    def clear(self, dag_id: str, run_id: str) -> None:
        body = {"dry_run": False, "dag_run_id": run_id, "only_failed": False, "reset_dag_runs": True}
        self.ask("POST", f"/api/v2/dags/{dag_id}/clearTaskInstances", body)


class SecondApi:
    """The same of Airflow 2, whose HTTP API wants users first: by its command line, its models and its database."""

    def __init__(self, airflow: Airflow) -> None:
        self._airflow = airflow

    def _row(self, query: str, *values: str) -> tuple[Any, ...] | None:
        with closing(sqlite3.connect(self._airflow.home / "airflow.db", timeout=30)) as database:
            found: tuple[Any, ...] | None = database.execute(query, values).fetchone()
        return found

    def knows(self, dag_id: str) -> bool:
        return self._row("SELECT 1 FROM serialized_dag WHERE dag_id = ?", dag_id) is not None

    def trigger(self, dag_id: str) -> str:
        self._airflow.call("dags", "trigger", dag_id, "--run-id", f"manual__{dag_id}")
        return f"manual__{dag_id}"

    def task(self, dag_id: str, run_id: str) -> dict[str, Any]:
        query = "SELECT state FROM task_instance WHERE dag_id = ? AND run_id = ? AND task_id = 'run'"
        row = self._row(query, dag_id, run_id)
        return {"state": None if row is None else row[0]}

    def mark_failed(self, dag_id: str, run_id: str) -> None:
        script = "from airflow.models import DagBag; import sys; dag = DagBag().get_dag(sys.argv[1]); "
        script += "dag.set_task_instance_state(task_id='run', run_id=sys.argv[2], state='failed')"
        self._airflow.python(script, dag_id, run_id)

    def clear(self, dag_id: str, run_id: str) -> None:  # noqa: ARG002 - the DAG has one run
        self._airflow.call("tasks", "clear", dag_id, "--yes")


@contextmanager
def running_second(airflow: Airflow) -> Iterator[SecondApi]:
    """Airflow 2: scheduler and triggerer."""
    for part in ("scheduler", "triggerer"):
        airflow.start(part)
    yield SecondApi(airflow)


@contextmanager
def running(airflow: Airflow) -> Iterator[Api]:
    """The whole of Airflow 3: API server, scheduler, DAG processor and triggerer."""
    api = Api(airflow.port)
    airflow.start("api-server", "--port", str(airflow.port), "--workers", "1")
    until("the API server", api.is_up)
    for part in ("scheduler", "dag-processor", "triggerer"):
        airflow.start(part)
    yield api
