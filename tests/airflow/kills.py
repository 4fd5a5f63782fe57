"""Everything that Airflow's users are burnt by, done for real: `python -m tests.airflow.kills` prints a table.

A real API server (webserver), scheduler and triggerer run one task a case against the embedded server, and the embedded server says
how often each job was triggered and stopped. Airflow's own tables are in a PostgreSQL that is started for them. Where there is none
they are in a file, and Airflow 2 then runs one task at a time, inside its scheduler: the cases that would stop the scheduler, too,
are left out. Four minutes for each Airflow.

    python -m tests.airflow.kills --install          both majors; makes the environments that are missing, see `environments`
    python -m tests.airflow.kills                    both majors, or those that are there
    python -m tests.airflow.kills --airflow VENV     this environment alone, or several
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
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from spectrum_pipelines.local.serving import RunningServer
from spectrum_pipelines.local.workspace import build_workspace
from tests import databases
from tests.airflow.environments import ROOT, VERSIONS, install, ready
from tests.airflow.installed import USER, Airflow, Api, free_port, is_second, running, settings, until

LONG = "15s"
ENDED = {"success", "failed"}
#: Where the connections say that pages of runs are served. Nobody does.
PAGES = "https://reports.example.com/spectrum"


@dataclass(frozen=True)
class Case:
    """What is done to a task of two jobs, and what must come of it.

    `state` is that of the task, `run` that of the run as the task's XCom has it; `first` and `posts` are the triggers of the two
    jobs, `stops` the stops of the second. `tries` are those of the task: 1 exactly, or at least so many, since a try that waits for
    the lease of another one may give up. `log` stands in the log of the last try.
    """

    name: str
    told: str
    state: str
    run: str | None
    first: int
    posts: int
    tries: int
    stops: int = 0
    deferrable: bool = False
    conn_id: str = "spectrum_default"
    is_alone: bool = False
    policy: str = ""
    simulate: Mapping[str, Any] = field(default_factory=lambda: {"duration": LONG})
    log: str = ""


CASES = [
    Case("plain", "nothing is done", "success", "succeeded", 1, 1, 1),
    Case("deferred", "nothing is done, deferred", "success", "succeeded", 1, 1, 1, deferrable=True),
    Case("worker_killed", "the task's process is killed", "success", "succeeded", 1, 1, 2),
    Case("supervisor_killed", "the task and its supervisor are killed", "success", "succeeded", 1, 1, 2),
    Case("frozen", "task and supervisor freeze, a further try runs, they thaw", "success", "succeeded", 1, 1, 2),
    Case(
        "lost_answer", "the answer to the trigger is lost", "success", "succeeded", 0, 1, 1,
        conn_id="spectrum_cut", is_alone=True,
    ),
    Case(
        "failed_once", "the second job fails, a further try follows", "success", "succeeded", 1, 2, 2,
        simulate={"duration": "1s", "outcomes": ["ERROR", "COMPLETED"]},
    ),
    Case("cleared", "a person clears the task after its success", "success", "succeeded", 2, 2, 2),
    Case(
        "marked_running", "a person marks the running task as failed", "failed", None, 1, 1, 1, stops=1
    ),
    Case(
        "marked_deferred", "a person marks the deferred task as failed", "failed", None, 1, 1, 1,
        stops=1, deferrable=True,
    ),
    Case(
        "unknown", "the trigger is lost on its way, and may have arrived", "failed", "unknown", 0, 0, 1,
        conn_id="spectrum_lost", is_alone=True, log="look in Spectrum",
    ),
    Case(
        "timed_out", "the second job takes longer than it may", "failed", "timed_out", 1, 1, 1,
        stops=1, policy="timeout: 3s, ", log="look in Spectrum",
    ),
    Case("login_refused", "the password is wrong", "failed", "failed", 0, 0, 1, conn_id="spectrum_locked", log="mend login"),
    Case(
        "login_refused_deferrable", "the password is wrong, deferrable", "failed", "failed", 0, 0, 1,
        deferrable=True, conn_id="spectrum_locked", log="mend login",
    ),
    Case(
        "triggerer_killed", "the triggerer is killed while the task is deferred", "success", "succeeded", 1, 1, 1,
        deferrable=True,
    ),
]  # fmt: skip


@dataclass
class Stage:
    """What a case is played on."""

    airflow: Airflow
    api: Api
    server: RunningServer
    folder: Path
    files: Mapping[str, int]
    runs: dict[str, str] = field(default_factory=dict)

    def begin(self, case: Case) -> None:
        self.runs[case.name] = self.api.trigger(case.name)

    def state(self, case: Case) -> str | None:
        return str(self.api.task(case.name, self.runs[case.name])["state"])

    def until_state(self, case: Case, *states: str) -> None:
        until(f"{case.name} {'/'.join(states)}", lambda: self.state(case) in states)

    def left(self, case: Case) -> Mapping[str, Any]:
        """What the task has left of the run; empty if it has left nothing."""
        found = (self.api.xcom(case.name, self.runs[case.name], key) for key in ("return_value", "spectrum_run"))
        return next(filter(None, found), {})

    def lacks(self, case: Case, tries: int) -> str:
        """What is missing of what people look at: words in the log, and the button that leads to the page of the run."""
        if case.log not in self.log(case, tries):
            return f"`{case.log}` is not in the log"
        run_id = self.left(case).get("run_id")
        link = self.api.links(case.name, self.runs[case.name])["Spectrum run"]
        if run_id is not None and link != f"{PAGES}/{run_id}.html":
            return f"the button leads to {link}"
        if run_id is not None and not (self.folder / "pages" / f"{run_id}.html").exists():
            return "there is no page of the run"
        return ""

    def log(self, case: Case, number: int) -> str:
        """The log of a try; that of a deferred one is in two files."""
        folder = self.airflow.home / "logs" / f"dag_id={case.name}"
        return "".join(
            it.read_text(encoding="utf-8", errors="replace") for it in folder.rglob(f"attempt={number}.log*")
        )

    def executions(self, case: Case, job: str = "last") -> list[Any]:
        file = self.files[f"{job}-{case.name}"]
        return [one for one in self.server.executions() if int(one.file_id) == file]

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
#: Would stop the scheduler of an Airflow that runs tasks itself.
WITH_THE_SCHEDULER = {"frozen", "supervisor_killed"}


class Cutter:
    """A proxy that swallows the answer to the first request that changes something, or the request as well."""

    def __init__(self, url: str, *, swallows_request: bool = False) -> None:
        self._far = (urlsplit(url).hostname, urlsplit(url).port)
        self._swallows_request = swallows_request
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
                    if not self._swallows_request:
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


class Played(NamedTuple):
    """What has come of a case, beside what must."""

    case: Case
    seconds: float
    state: str
    run: str | None = None
    first: int = 0
    posts: int = 0
    stops: int = 0
    tries: int = 0
    lacks: str = ""

    @property
    def is_good(self) -> bool:
        it = self.case
        wanted = (it.state, it.run, it.first, it.posts, it.stops, "")
        found = (self.state, self.run, self.first, self.posts, self.stops, self.lacks)
        return wanted == found and (self.tries == 1 if it.tries == 1 else self.tries >= it.tries)

    def row(self, version: str) -> list[str]:
        told = (self.state, self.run or "-", self.first, self.posts, self.stops, self.tries, f"{self.seconds:.0f} s")
        return [self.case.told, version, *map(str, told), "good" if self.is_good else f"BAD {self.lacks}".strip()]


HEAD = ["what happens", "Airflow", "task", "run", "triggers, job 1", "job 2", "stops", "tries", "time", ""]


def play(stage: Stage, case: Case) -> Played:
    """What comes of a case."""
    began = time.monotonic()
    try:
        stage.begin(case)
        if case.name in DEEDS:
            DEEDS[case.name](stage, case)
        stage.until_state(case, *ENDED)
        until("nothing runs", lambda: not any(one.is_active for one in stage.executions(case)))
        task = stage.api.task(case.name, stage.runs[case.name])
        executions = stage.executions(case)
        played = Played(
            case,
            time.monotonic() - began,
            state=str(task["state"]),
            run=stage.left(case).get("status"),
            first=len(stage.executions(case, "first")),
            posts=len(executions),
            stops=sum(str(one.status) == "CANCELED" for one in executions),
            tries=task["try_number"],
            lacks=stage.lacks(case, task["try_number"]),
        )
    except Exception as error:  # noqa: BLE001 - one case hides no other
        played = Played(case, time.monotonic() - began, state=f"{type(error).__name__}: {error}")
    sys.stderr.write(f"{case.name}: {' | '.join(played.row(''))}\n")
    return played


def prepare(folder: Path, cases: Sequence[Case]) -> dict[str, int]:
    """A pipeline for each case: a quick job, and the one that counts, which may be alone. The ids of the files."""
    (folder / "processes").mkdir(parents=True)
    names = [f"{job}-{case.name}" for job in ("first", "last") for case in cases]
    for case in cases:
        first = "" if case.is_alone else f"  first: {{trigger: /first-{case.name}.wbk}}\n"
        needs = "" if case.is_alone else "needs: [first], "
        text = f"version: 1\nname: {case.name}\njobs:\n{first}  last: {{{needs}{case.policy}trigger: /last-{case.name}.wbk}}\n"
        (folder / f"{case.name}.yaml").write_text(text, encoding="utf-8")
    listed = [{"name": it.name, "conn_id": it.conn_id, "deferrable": it.deferrable} for it in cases]
    (folder / "cases.json").write_text(json.dumps(listed), encoding="utf-8")
    return {name: 100 + number for number, name in enumerate(names)}


def serve(folder: Path, cases: Sequence[Case], files: Mapping[str, int], stack: ExitStack) -> RunningServer:
    described = [
        {"id": files[f"{job}-{case.name}"], "path": f"/{job}-{case.name}.wbk", "simulate": dict(simulate)}
        for case in cases
        for job, simulate in (("first", {"duration": "100ms"}), ("last", case.simulate))
    ]
    data = {"version": 1, "users": [{"name": USER, "password": USER}], "slots": 50, "files": described}
    return stack.enter_context(RunningServer.start(build_workspace(data, folder), state=None))


def own_tables(stack: ExitStack) -> str | None:
    """A database for the tables of an Airflow; None where none can be started."""
    reason = databases.why_not()
    if reason is not None:
        sys.stderr.write(f"Airflow's tables are in a file: {reason}\n")
        return None
    server = stack.enter_context(databases.database_server())
    return f"postgresql+psycopg2://{databases.OWNER}:{databases.PASSWORDS[databases.OWNER]}@127.0.0.1:{server.port}/postgres"


def table(environment: Path, cases: Sequence[Case], folder: Path) -> list[list[str]]:
    """Play the cases in an Airflow; a row each."""
    with ExitStack() as stack:
        second = is_second(environment)
        tables = own_tables(stack)
        one_at_a_time = second and tables is None
        if one_at_a_time:
            cases = [case for case in cases if case.name not in WITH_THE_SCHEDULER]
        files = prepare(folder, cases)
        server = serve(folder, cases, files, stack)
        # Airflow 2 has no store for the state of a task.
        (folder / "pages").mkdir()
        extra = {"reports": str(folder / "pages"), "reports_url": PAGES} | (
            {"state": str(folder / "state")} if second else {}
        )
        own: dict[str, Any] = {"port": urlsplit(server.url).port, "extra": extra}
        connections = {
            "SPECTRUM_DEFAULT": own,
            "SPECTRUM_CUT": own | {"port": Cutter(server.url).port},
            "SPECTRUM_LOST": own | {"port": Cutter(server.url, swallows_request=True).port},
            "SPECTRUM_LOCKED": own | {"password": "wrong"},
        }
        port = free_port()
        executor = "SequentialExecutor" if one_at_a_time else "LocalExecutor"
        environ = {**settings(port, connections, executor=executor, tables=tables), "SPECTRUM_KILLS": str(folder)}
        airflow = Airflow(environment, folder / "airflow", ROOT / "tests" / "airflow" / "dags", environ, port=port)
        stack.enter_context(airflow)
        version = airflow.version
        sys.stderr.write(f"Airflow {version}\n")
        api = stack.enter_context(running(airflow))
        for case in cases:
            until(f"the DAG {case.name}", partial(api.knows, case.name))
        stage = Stage(airflow, api, server, folder, files)
        together = [case for case in cases if case.name not in ALONE]
        with ThreadPoolExecutor(1 if one_at_a_time else 4) as pool:
            played = list(pool.map(partial(play, stage), together))
        played += [play(stage, case) for case in cases if case.name in ALONE]
        return [it.row(version) for it in played]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--airflow", type=Path, nargs="+", help="environments with Airflow, instead of those in the cache"
    )
    parser.add_argument(
        "--install", action="store_true", help=f"make those with Airflow {' and '.join(VERSIONS)}: minutes"
    )
    parser.add_argument("--only", nargs="*", default=[case.name for case in CASES], help="names of cases")
    parser.add_argument("--keep", type=Path, help="a new folder for what Airflow writes: configuration, tables, logs")
    given = parser.parse_args()
    environments = given.airflow or [install(version) if given.install else ready(version) for version in VERSIONS]
    if not any(environments):
        parser.error("there is no Airflow: --install makes environments, --airflow VENV takes one")
    cases = [case for case in CASES if case.name in given.only]
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory(prefix="kills-") as temporary:
        folder = given.keep or temporary
        for number, environment in enumerate(filter(None, environments)):
            rows += table(environment, cases, Path(folder) / str(number))
    order = [case.told for case in cases]
    rows.sort(key=lambda row: order.index(row[0]))
    for row in (HEAD, ["---"] * len(HEAD), *rows):
        sys.stdout.write(f"| {' | '.join(row)} |\n")
    return int(any(row[-1] != "good" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
