"""Everything that Airflow's users are burnt by, done for real: `python -m tests.airflow.kills` prints a table.

A real API server, scheduler, DAG processor and triggerer (SQLite, LocalExecutor) run one task a case against the embedded server,
and the embedded server says how often a job was triggered and stopped. Takes five minutes. Airflow 2 runs one task at a time here,
inside its scheduler: what would stop the scheduler, too, is left out.

    python -m tests.airflow.kills --airflow VENV     an environment with Airflow and the project in it
    python -m tests.airflow.kills --install          makes one in a temporary folder first
    python -m tests.airflow.kills --only frozen      some cases
"""

import argparse
import json
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from spectrum_pipelines.local.serving import RunningServer
from spectrum_pipelines.local.workspace import build_workspace
from tests.airflow.installed import (
    ROOT,
    USER,
    VERSIONS,
    Airflow,
    Api,
    SecondApi,
    free_port,
    install,
    is_second,
    running,
    running_second,
    settings,
    until,
)

LONG = "15s"
ENDED = {"success", "failed"}


@dataclass(frozen=True)
class Case:
    """What is done to a task, and what must come of it: its last state, the triggers and the stops of its last job."""

    name: str
    told: str
    state: str
    posts: int
    stops: int = 0
    deferrable: bool = False
    conn_id: str = "spectrum_default"
    fails_first: bool = False


CASES = [
    Case("plain", "nothing is done", "success", 1),
    Case("deferred", "nothing is done, deferred", "success", 1, deferrable=True),
    Case("worker_killed", "the task's process is killed", "success", 1),
    Case("supervisor_killed", "the task and its supervisor are killed", "success", 1),
    Case("frozen", "task and supervisor freeze, a further try runs, they thaw", "success", 1),
    Case("lost_answer", "the answer to the trigger is lost", "success", 1, conn_id="spectrum_cut"),
    Case("failed_once", "the second job fails, a further try follows", "success", 2, fails_first=True),
    Case("cleared", "a person clears the task after its success", "success", 2),
    Case("marked_running", "a person marks the running task as failed", "failed", 1, stops=1),
    Case("marked_deferred", "a person marks the deferred task as failed", "failed", 1, stops=1, deferrable=True),
    Case("triggerer_killed", "the triggerer is killed while the task is deferred", "success", 1, deferrable=True),
]


@dataclass
class Stage:
    """What a case is played on."""

    airflow: Airflow
    api: Api | SecondApi
    server: RunningServer
    folder: Path
    files: dict[str, int]
    runs: dict[str, str] = field(default_factory=dict)

    def begin(self, case: Case) -> None:
        self.runs[case.name] = self.api.trigger(case.name)

    def state(self, case: Case) -> str | None:
        return str(self.api.task(case.name, self.runs[case.name])["state"])

    def until_state(self, case: Case, *states: str) -> None:
        until(f"{case.name} {'/'.join(states)}", lambda: self.state(case) in states)

    def executions(self, case: Case) -> list[Any]:
        return [one for one in self.server.executions() if int(one.file_id) == self.files[case.name]]

    def until_triggered(self, case: Case) -> None:
        until(f"{case.name} triggered", lambda: self.executions(case))

    def processes(self, case: Case, number: int = 1) -> list[int]:
        path = self.folder / "processes" / f"{case.name}-{number}.json"
        return list(until(f"{case.name}, try {number}", lambda: _json(path)))


def _json(path: Path) -> Any:
    with suppress(OSError, ValueError):
        return json.loads(path.read_text(encoding="utf-8"))
    return None


def worker_killed(stage: Stage, case: Case) -> None:
    stage.until_triggered(case)
    os.kill(stage.processes(case)[0], signal.SIGKILL)


def supervisor_killed(stage: Stage, case: Case) -> None:
    stage.until_triggered(case)
    task, supervisor = stage.processes(case)
    for pid in (supervisor, task):
        os.kill(pid, signal.SIGKILL)


def frozen(stage: Stage, case: Case) -> None:
    stage.until_triggered(case)
    pids = stage.processes(case)
    for pid in reversed(pids):
        os.kill(pid, signal.SIGSTOP)
    try:
        stage.processes(case, 2)
        time.sleep(5)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def cleared(stage: Stage, case: Case) -> None:
    stage.until_state(case, "success")
    stage.api.clear(case.name, stage.runs[case.name])
    until("the new run", lambda: len(stage.executions(case)) > 1 or None)


def marked_running(stage: Stage, case: Case) -> None:
    stage.until_triggered(case)
    stage.api.mark_failed(case.name, stage.runs[case.name])


def marked_deferred(stage: Stage, case: Case) -> None:
    stage.until_triggered(case)
    stage.until_state(case, "deferred")
    time.sleep(3)  # the triggerer takes it up
    stage.api.mark_failed(case.name, stage.runs[case.name])


def triggerer_killed(stage: Stage, case: Case) -> None:
    stage.until_triggered(case)
    stage.until_state(case, "deferred")
    stage.airflow.kill("triggerer")
    stage.airflow.start("triggerer")


DEEDS: dict[str, Callable[[Stage, Case], None]] = {
    "worker_killed": worker_killed,
    "supervisor_killed": supervisor_killed,
    "frozen": frozen,
    "cleared": cleared,
    "marked_running": marked_running,
    "marked_deferred": marked_deferred,
    "triggerer_killed": triggerer_killed,
}
#: Disturb the others: one after the other, at the end.
ALONE = {"triggerer_killed", "supervisor_killed"}
#: Would stop the scheduler of an Airflow 2 that runs tasks itself.
WITH_THE_SCHEDULER = {"frozen", "supervisor_killed"}


class Cutter:
    """A proxy that swallows the answer to the first request that changes something."""

    def __init__(self, url: str) -> None:
        self._far = (urlsplit(url).hostname, urlsplit(url).port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.cut = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            threading.Thread(target=self._relay, args=(near,), daemon=True).start()

    def _relay(self, near: socket.socket) -> None:
        with suppress(OSError), near, socket.create_connection(self._far) as far:
            threading.Thread(target=self._answer, args=(near, far), daemon=True).start()
            while data := near.recv(65536):
                if data.startswith(b"POST") and not self.cut:
                    self.cut += 1
                    far.sendall(data)
                    time.sleep(1)  # handled by now
                    near.shutdown(socket.SHUT_RDWR)
                    return
                far.sendall(data)

    @staticmethod
    def _answer(near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := far.recv(65536):
                if not data.startswith(b"HTTP/1.1") or near.fileno() >= 0:
                    near.sendall(data)


def play(stage: Stage, case: Case) -> list[str]:
    """A row of the table."""
    began = time.monotonic()
    try:
        stage.begin(case)
        if case.name in DEEDS:
            DEEDS[case.name](stage, case)
        stage.until_state(case, *ENDED)
        until("nothing runs", lambda: not any(one.is_active for one in stage.executions(case)))
        state = stage.state(case)
    except Exception as error:  # noqa: BLE001 - one case hides no other
        state = f"{type(error).__name__}: {error}"
    executions = stage.executions(case)
    stops = sum(str(one.status) == "CANCELED" for one in executions)
    good = (state, len(executions), stops) == (case.state, case.posts, case.stops)
    seconds = f"{time.monotonic() - began:.0f} s"
    row = [case.told, str(state), str(len(executions)), str(stops), seconds, "good" if good else "BAD"]
    sys.stderr.write(f"{case.name}: {' | '.join(row)}\n")
    return row


def prepare(folder: Path, cases: list[Case]) -> dict[str, int]:
    """A pipeline for each case: a quick job, and behind it the one that counts. The file of that by case."""
    (folder / "processes").mkdir(parents=True)
    files = {case.name: 100 + number for number, case in enumerate(cases)}
    for case in cases:
        text = f"version: 1\nname: {case.name}\njobs:\n  first: {{trigger: /quick.wbk, on_running: wait}}\n"
        text += f"  last: {{needs: [first], trigger: /{case.name}.wbk}}\n"
        if case.name == "lost_answer":
            text = text.replace("  first: {trigger: /quick.wbk, on_running: wait}\n", "").replace(
                "needs: [first], ", ""
            )
        (folder / f"{case.name}.yaml").write_text(text, encoding="utf-8")
    listed = [{"name": it.name, "conn_id": it.conn_id, "deferrable": it.deferrable} for it in cases]
    (folder / "cases.json").write_text(json.dumps(listed), encoding="utf-8")
    return files


def serve(folder: Path, cases: list[Case], files: dict[str, int], stack: ExitStack) -> RunningServer:
    described: list[dict[str, Any]] = [{"id": 20, "path": "/quick.wbk", "simulate": {"duration": "100ms"}}]
    for case in cases:
        simulate: dict[str, Any] = {"duration": LONG}
        if case.fails_first:
            simulate = {"duration": "1s", "outcomes": ["ERROR", "COMPLETED"]}
        described.append({"id": files[case.name], "path": f"/{case.name}.wbk", "simulate": simulate})
    data = {"version": 1, "users": [{"name": USER, "password": USER}], "slots": 50, "files": described}
    return stack.enter_context(RunningServer.start(build_workspace(data, folder), state=None))


def table(environment: Path, cases: list[Case], folder: Path) -> list[list[str]]:
    """Play the cases; a row each."""
    with ExitStack() as stack:
        files = prepare(folder, cases)
        server = serve(folder, cases, files, stack)
        cutter = Cutter(server.url)
        port, second = free_port(), is_second(environment)
        servers = {"SPECTRUM_DEFAULT": urlsplit(server.url).port or 0, "SPECTRUM_CUT": cutter.port}
        # Airflow 2 lets SQLite have one task at a time, and has no store for a task's state.
        own: dict[str, Any] = {"executor": "SequentialExecutor", "state": folder / "state"} if second else {}
        environ = {**settings(port, servers, **own), "SPECTRUM_KILLS": str(folder)}
        airflow = Airflow(environment, folder / "airflow", ROOT / "tests" / "airflow" / "dags", environ, port=port)
        stack.enter_context(airflow)
        sys.stderr.write(f"Airflow {airflow.version}\n")
        api: Api | SecondApi
        api = stack.enter_context(running_second(airflow)) if second else stack.enter_context(running(airflow))
        for case in cases:
            until(f"the DAG {case.name}", partial(api.knows, case.name))
        stage = Stage(airflow, api, server, folder, files)
        together = [case for case in cases if case.name not in ALONE]
        with ThreadPoolExecutor(1 if second else 4) as pool:
            rows = list(pool.map(lambda case: play(stage, case), together))
        return rows + [play(stage, case) for case in cases if case.name in ALONE]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--airflow", type=Path, help="a virtual environment with Airflow 3 and the project")
    parser.add_argument("--install", action="store_true", help=f"make one with Airflow {VERSIONS['3']}: takes minutes")
    parser.add_argument("--only", nargs="*", default=[case.name for case in CASES], help="names of cases")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        environment = install(Path(folder), VERSIONS["3"]) if given.install else given.airflow
        if environment is None:
            parser.error("give --airflow VENV, or --install")
        left_out = WITH_THE_SCHEDULER if is_second(environment) else set()
        cases = [case for case in CASES if case.name in given.only and case.name not in left_out]
        rows = table(environment, cases, Path(folder) / "stage")
    head = ["what happens", "task", "triggers", "stops", "time", ""]
    for row in (head, ["---"] * len(head), *rows):
        sys.stdout.write(f"| {' | '.join(row)} |\n")
    return int(any(row[-1] != "good" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
