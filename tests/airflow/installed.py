"""An Airflow in a virtual environment of its own, and everything of it that runs: started, asked through its API, killed."""

import json
import os
import signal
import socket
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from tests.airflow.environments import project

T = TypeVar("T")

USER = "analyst"
#: Seconds; more means that it never comes.
PATIENCE = 30.0


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
    port: int,
    connections: Mapping[str, Mapping[str, Any]],
    *,
    executor: str = "LocalExecutor",
    tables: str | None = None,
) -> dict[str, str]:
    """The configuration of an Airflow that is quick to notice, and open to whoever asks on loopback.

    `port` is that of its API server. `connections` are Spectrum servers on loopback: what is not as usual of each, its port at the
    least. `tables` is the URL of the database that Airflow keeps its own tables in; a file without one.
    """
    login: dict[str, Any] = {
        "conn_type": "spectrum",
        "schema": "http",
        "host": "127.0.0.1",
        "login": USER,
        "password": USER,
    }
    return {
        "AIRFLOW__CORE__EXECUTOR": executor,
        **({} if tables is None else {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": tables}),
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
        # The same in the words of Airflow 2.
        "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.basic_auth",
        "AIRFLOW__SCHEDULER__LOCAL_TASK_JOB_HEARTBEAT_SEC": "2",
        "AIRFLOW__SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD": "15",
        "AIRFLOW__SCHEDULER__ZOMBIE_DETECTION_INTERVAL": "3",
        **{f"AIRFLOW_CONN_{name}": json.dumps({**login, **own}) for name, own in connections.items()},
    }


class Airflow:
    """One installation with a home of its own. `settings` are environment variables."""

    def __init__(
        self, environment: Path, home: Path, dags: Path, settings: Mapping[str, str], *, port: int | None = None
    ) -> None:
        self.home = home
        self.port = port or free_port()
        self.is_second = is_second(environment)
        self._bin = environment / "bin"
        self._settings = settings
        self._stack = ExitStack()
        self._parts: dict[str, subprocess.Popen[bytes]] = {}
        self._environ = {
            "PATH": f"{self._bin}:{os.environ['PATH']}",
            "PYTHONPATH": str(project()),
            "HOME": str(home),
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
            **settings,
        }

    def elsewhere(self, dags: Path, settings: Mapping[str, str]) -> "Airflow":
        """The same home, with DAG files of another folder and more settings."""
        return Airflow(self._bin.parent, self.home, dags, {**self._settings, **settings}, port=self.port)

    def __enter__(self) -> Self:
        self.home.mkdir(parents=True, exist_ok=True)
        self.call("db", "migrate")
        return self

    def __exit__(self, *_: object) -> None:
        for part in list(self._parts):
            self.kill(part)
        self._stack.close()

    def call(self, *words: str, patience: float = 300.0) -> str:
        """A command of Airflow, away from the sources; what it wrote to stdout. Raises AssertionError with all that it wrote."""
        ended = subprocess.run(
            [str(self._bin / "airflow"), *words],
            env=self._environ,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=patience,
            check=False,
        )
        assert ended.returncode == 0, f"airflow {' '.join(words)}\n{ended.stdout[-40000:]}\n{ended.stderr[-4000:]}"
        return ended.stdout

    def python(self, script: str, *words: str) -> str:
        """A script in the environment; what it wrote to stdout."""
        ended = subprocess.run(
            [str(self._bin / "python"), "-c", script, *words],
            env=self._environ,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ended.returncode == 0, f"{ended.stdout[-40000:]}\n{ended.stderr[-4000:]}"
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
            cwd=self.home,
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
    """Airflow's own HTTP API, as a person's browser uses it: version 2 of Airflow 3, and version 1 of Airflow 2."""

    def __init__(self, airflow: Airflow) -> None:
        self._origin = f"http://127.0.0.1:{airflow.port}"
        self._base = f"{self._origin}/api/{'v1' if airflow.is_second else 'v2'}"
        self._is_second = airflow.is_second
        self._login: str | None = None

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        return self._send(method, self._base + path, body)

    def _send(self, method: str, url: str, body: Any = None) -> Any:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._login is not None:
            headers["Authorization"] = self._login
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(url, data=data, headers=headers, method=method), timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def is_up(self) -> bool:
        with suppress(OSError):
            if self._is_second:
                self._send("GET", f"{self._base}/health")
                self._login = "Basic " + b64encode(f"{USER}:{USER}".encode()).decode()
            else:
                self._login = "Bearer " + self._send("GET", f"{self._origin}/auth/token")["access_token"]
            return True
        return False

    def knows(self, dag_id: str) -> bool:
        try:
            return bool(self.ask("GET", f"/dags/{dag_id}"))
        except OSError:
            return False

    def trigger(self, dag_id: str) -> str:
        body = {} if self._is_second else {"logical_date": None}
        return str(self.ask("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def task(self, dag_id: str, run_id: str) -> dict[str, Any]:
        return dict(self.ask("GET", _task(dag_id, run_id)))

    def xcom(self, dag_id: str, run_id: str, key: str) -> Any:
        """What the task has left under a key; None if it has left nothing."""
        asked = "stringify=false" if self._is_second else "deserialize=false"
        try:
            return self.ask("GET", f"{_task(dag_id, run_id)}/xcomEntries/{key}?{asked}")["value"]
        except HTTPError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise
            return None

    def links(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """The buttons beside the task, by their names."""
        found = self.ask("GET", f"{_task(dag_id, run_id)}/links")
        return dict(found if self._is_second else found["extra_links"])

    def mark_failed(self, dag_id: str, run_id: str) -> None:
        self.ask(
            "PATCH",
            _task(dag_id, run_id),
            {"new_state": "failed", "dry_run": False} if self._is_second else {"new_state": "failed"},
        )

    def clear(self, dag_id: str, run_id: str) -> None:
        body = {"dry_run": False, "dag_run_id": run_id, "only_failed": False, "reset_dag_runs": True}
        self.ask("POST", f"/dags/{dag_id}/clearTaskInstances", body)


def _task(dag_id: str, run_id: str) -> str:
    return f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/run"


@contextmanager
def running(airflow: Airflow) -> Iterator[Api]:
    """The whole of an Airflow: API server or webserver, scheduler, triggerer, and the DAG processor of Airflow 3."""
    api = Api(airflow)
    if airflow.is_second:
        words = ("--username", USER, "--password", USER, "--role", "Admin", "--firstname", "A", "--lastname", "B")
        airflow.call("users", "create", *words, "--email", f"{USER}@example.com")
    airflow.start("webserver" if airflow.is_second else "api-server", "--port", str(airflow.port), "--workers", "1")
    until("the API server", api.is_up)
    for part in ("scheduler", "triggerer", *(() if airflow.is_second else ("dag-processor",))):
        airflow.start(part)
    yield api
