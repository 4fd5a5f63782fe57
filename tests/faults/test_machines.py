"""Two machines that share a store: one dies, freezes or loses the database, and the other one goes on, from an empty folder.

Every process here is a real one, with a real PostgreSQL and a server of Spectrum's API that counts what it was asked.
"""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.store.interface import run_lease
from spectrum_pipelines.store.postgres.database import Database
from spectrum_pipelines.store.postgres.schema import init
from spectrum_pipelines.store.postgres.url import parse_url
from tests.databases import OWNER, PASSWORDS, DatabaseServer
from tests.faults.project import environment, pipeline_text
from tests.faults.spectrum_server import ENDLESS, FAILS, QUICK, File, SpectrumServer

ROOT = Path(__file__).parents[2]
KEY = "commit 1f0c9b2"
LEASE = 1.5
PATIENCE = 30.0

#: A job that is run twice, one behind it, and a last one.
CHAIN: dict[str, Any] = {
    "load": {"trigger": "/Data/orders.imp", "retry": {"limit": 1, "interval": "10ms"}},
    "sales": {"trigger": 24, "needs": ["load"]},
}

#: Runs the command line after the n-th append was told to be its last act, or before it.
_DRIVER = """
import json, os, signal, sys
from tests.patience import be_impatient
from spectrum_pipelines.store.postgres.run import PostgresJournal
nth, how = int(sys.argv[1]), sys.argv[2]
be_impatient(lookup_first_rest=0.02)
true, seen = PostgresJournal.append, []

def append(journal, facts):
    seen.append(1)
    if how == "before" and len(seen) == nth:
        os.kill(os.getpid(), signal.SIGKILL)
    true(journal, facts)
    if how == "after" and len(seen) == nth:
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "stop" and any(type(fact.event).__name__ == "TriggerIntended" for fact in facts):
        os.kill(os.getpid(), signal.SIGSTOP)

PostgresJournal.append = append
from spectrum_pipelines.cli.main import main
main(sys.argv[3:])
"""


class Command:
    """A process of the command line on one machine."""

    def __init__(self, folder: Path, arguments: list[str], env: dict[str, str], *, nth: int, how: str) -> None:
        self.report_path = folder / "report.json"
        self.stderr_path = folder / "stderr"
        with self.stderr_path.open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _DRIVER, str(nth), how, *arguments],
                cwd=folder,
                env={**env, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        return self._process.wait(PATIENCE)

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def is_stopped(self) -> bool:
        stat = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii")
        return stat.rpartition(")")[2].split()[0] == "T"

    @property
    def said(self) -> str:
        return self.stderr_path.read_text(encoding="utf-8")

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.report_path.read_text(encoding="utf-8"))
        return found

    def kill(self) -> None:
        if not self.has_ended:
            self._process.kill()
            self._process.wait()


class Cluster:
    """Machines without a disk in common, a database and a Spectrum."""

    def __init__(self, databases: DatabaseServer, server: SpectrumServer, place: Path, stack: ExitStack) -> None:
        self.databases = databases
        self.server = server
        self.schema = databases.new_schema()
        self.jobs: dict[str, Any] = CHAIN
        self._place = place
        self._stack = stack
        self._machines = count(1)
        self.lease = LEASE
        self.group: str | None = None
        self.database = Database(parse_url(self.url), password=PASSWORDS[OWNER], clock=SystemClock())
        stack.callback(self.database.close)
        init(self.database)

    @property
    def url(self) -> str:
        return self.databases.url(schema=self.schema, lease=f"{self.lease}s")

    def start(self, *arguments: str, nth: int = 0, how: str = "never") -> Command:
        """A command on a machine that nobody has used before."""
        folder = self._place / f"machine-{next(self._machines)}"
        folder.mkdir()
        group = {} if self.group is None else {"concurrency": {"group": self.group}}
        (folder / "night.yaml").write_text(pipeline_text(jobs=self.jobs, **group), encoding="utf-8")
        env = environment(
            SPECTRUM_STATE=self.url, SPECTRUM_STATE_PASSWORD=PASSWORDS[OWNER], SPECTRUM_URL=self.server.url,
            HOME=str(folder), XDG_STATE_HOME=str(folder / "state"),
        )  # fmt: skip
        command = Command(folder, [*arguments, "--report", "report.json"], env, nth=nth, how=how)
        self._stack.callback(command.kill)
        return command

    def run(self, *, nth: int = 0, how: str = "never") -> Command:
        return self.start("run", "night.yaml", "--run-key", KEY, nth=nth, how=how)

    def facts(self) -> list[dict[str, Any]]:
        rows = self.database.ask("SELECT line FROM {s}.fact ORDER BY run_id, seq")
        return [json.loads(line) for (line,) in rows]

    def run_id(self) -> str:
        (row,) = self.database.ask("SELECT run_id FROM {s}.run WHERE last_seq > 0")
        return str(row[0])

    def until(self, holds: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < until
            time.sleep(0.02)


@pytest.fixture
def cluster(databases: DatabaseServer, tmp_path: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:
        server = SpectrumServer(
            File(id=20, path="/Data/orders.imp", timelines=(FAILS, QUICK)), File(id=24, path="/Data/sales.wbk")
        )
        stack.enter_context(closing(server))
        yield Cluster(databases, server, tmp_path, stack)


def shape(report: dict[str, Any]) -> object:
    jobs = [(job["id"], job["status"], [one["job_status"] for one in job["executions"]]) for job in report["jobs"]]
    return report["status"], jobs


GOLDEN = ("succeeded", [("load", "succeeded", ["ERROR", "COMPLETED"]), ("sales", "succeeded", ["COMPLETED"])])


@pytest.mark.parametrize("how", ["after", "before"])
def test_a_machine_that_dies_at_a_record_is_followed_by_another_one(
    databases: DatabaseServer, tmp_path: Path, stride: int, how: str
) -> None:
    for nth in count(1 if how == "after" else 4, 1 if stride == 1 else 5):
        with ExitStack() as stack:
            server = SpectrumServer(
                File(id=20, path="/Data/orders.imp", timelines=(FAILS, QUICK)), File(id=24, path="/Data/sales.wbk")
            )
            stack.enter_context(closing(server))
            place = tmp_path / f"{nth}"
            place.mkdir()
            cluster = Cluster(databases, server, place, stack)
            dead = cluster.run(nth=nth, how=how)
            code = dead.wait()
            if code == 0:
                assert nth > 8
                assert shape(dead.report) == GOLDEN
                return
            assert code == -9, dead.said
            by_key = nth % 4 == 1 or not cluster.facts()
            again = cluster.run() if by_key else cluster.start("resume", cluster.run_id(), "--var", "token=x")
            assert again.wait() == 0, (nth, again.said)
            assert shape(again.report) == GOLDEN, nth
            assert server.started() == {20: 2, 24: 1}, nth


def test_another_machine_goes_on_under_another_policy_and_a_third_one_keeps_it(cluster: Cluster) -> None:
    cluster.jobs = {**CHAIN, "load": {"trigger": "/Data/orders.imp"}}
    assert cluster.run(nth=5, how="after").wait() == -9
    cluster.jobs = CHAIN
    brought = cluster.start("resume", cluster.run_id(), "night.yaml", "--var", "token=x", nth=1, how="after")
    assert brought.wait() == -9, brought.said
    third = cluster.start("resume", cluster.run_id(), "--var", "token=x")
    assert third.wait() == 0, third.said
    assert shape(third.report) == GOLDEN
    assert cluster.server.started() == {20: 2, 24: 1}
    resumed = [fact["changed"] for fact in cluster.facts() if fact["event"] == "resumed"]
    assert [one is None for one in resumed] == [False, True]
    assert third.report["pipeline"]["digest"] == resumed[0]["digest"]


@contextmanager
def taken_over(cluster: Cluster, frozen: Command) -> Iterator[Command]:
    """Another machine has gone on with the run of a frozen process."""
    cluster.until(lambda: frozen.is_stopped)
    other = cluster.run()
    yield other


def test_a_runner_that_is_frozen_between_intent_and_trigger_sends_nothing_when_it_thaws(cluster: Cluster) -> None:
    cluster.jobs = {"sales": {"trigger": 24}}
    frozen = cluster.run(how="stop")
    with taken_over(cluster, frozen) as other:
        assert other.wait() == 0, other.said
    frozen.signal(signal.SIGCONT)
    assert frozen.wait() not in {0, 70}
    assert cluster.server.posts() == {24: 1}
    assert "was taken over by" in frozen.said
    assert frozen.report["status"] == "interrupted"


def test_a_runner_that_was_frozen_and_gets_a_signal_stops_nothing(cluster: Cluster) -> None:
    cluster.jobs = {"sales": {"trigger": 24}}
    cluster.server.files[24].timelines = (ENDLESS,)
    frozen = cluster.run()
    cluster.until(lambda: any(fact["event"] == "triggered" for fact in cluster.facts()))
    frozen.signal(signal.SIGSTOP)
    with taken_over(cluster, frozen) as other:
        cluster.until(lambda: any(fact["event"] == "resumed" for fact in cluster.facts()))
        frozen.signal(signal.SIGTERM)
        frozen.signal(signal.SIGCONT)
        assert frozen.wait() in {130, 143}, frozen.said
        assert cluster.server.requests("stop") == []
        cluster.server.executions[-1].become("COMPLETED")
        assert other.wait() == 0, other.said
    assert cluster.server.posts() == {24: 1}


def test_a_frozen_runner_whose_group_was_taken_changes_nothing_when_it_thaws(cluster: Cluster) -> None:
    cluster.jobs = {"sales": {"trigger": 24}, "more": {"trigger": 20, "needs": ["sales"]}}
    cluster.group = "nightly"
    cluster.server.files[24].timelines = (ENDLESS,)
    frozen = cluster.run()
    cluster.until(lambda: any(fact["event"] == "triggered" for fact in cluster.facts()))
    frozen.signal(signal.SIGSTOP)
    cluster.jobs = {"other": {"trigger": 30}}
    cluster.server.files[30] = File(id=30, path="/Data/other.wbk", timelines=(ENDLESS,))
    other = cluster.start("run", "night.yaml", "--run-key", "another")
    cluster.until(lambda: cluster.server.posts().get(30) == 1)
    cluster.server.executions[0].become("COMPLETED")
    frozen.signal(signal.SIGCONT)
    assert frozen.wait() == 143, frozen.said
    assert "another run has taken group `nightly`" in frozen.said
    cluster.server.executions[-1].become("COMPLETED")
    assert other.wait() == 0, other.said
    assert cluster.server.posts() == {24: 1, 30: 1}


def test_who_waits_for_a_lease_is_told_for_whom(cluster: Cluster) -> None:
    cluster.jobs = {"sales": {"trigger": 24}}
    cluster.server.files[24].timelines = (ENDLESS,)
    first = cluster.run()
    cluster.until(lambda: any(fact["event"] == "triggered" for fact in cluster.facts()))
    second = cluster.run()
    assert second.wait() == 6
    assert re.search(
        r"waiting for the run of the key `commit 1f0c9b2` for 0\.0s, held by run \S+ \(process \d+ on \S+, since",
        second.said,
    )
    assert "is already being worked on by process" in second.said
    first.kill()
    third = cluster.run()
    cluster.until(lambda: any(fact["event"] == "resumed" for fact in cluster.facts()))
    cluster.server.executions[-1].become("COMPLETED")
    assert third.wait() == 0


def test_a_database_that_is_away_for_longer_than_the_lease_ends_the_run_without_a_stop(
    tmp_path: Path, cluster: Cluster
) -> None:
    cluster.jobs = {"sales": {"trigger": 24}, "more": {"trigger": 20, "needs": ["sales"]}}
    cluster.server.files[24].timelines = (ENDLESS,)
    cluster.server.files[20].timelines = (QUICK,)
    run = cluster.run()
    cluster.until(lambda: any(fact["event"] == "triggered" for fact in cluster.facts()))
    cluster.databases.stop()
    try:
        began = time.monotonic()
        cluster.server.executions[-1].become("COMPLETED")
        assert run.wait() == 5, run.said
        assert time.monotonic() - began < 8
    finally:
        cluster.databases.start()
    assert cluster.server.requests("stop") == []
    assert cluster.server.posts() == {24: 1}
    assert run.report["jobs"][0]["executions"][0]["execution_id"] == cluster.server.executions[-1].id
    again = cluster.run()
    assert again.wait() == 0, again.said
    assert cluster.server.posts() == {20: 1, 24: 1}


def test_restarts_of_the_database_cost_nothing_but_time(cluster: Cluster) -> None:
    files = [
        File(id=n, path=f"/Data/{n}.wbk", timelines=(((0.0, "RUNNING"), (3.0, "COMPLETED")),)) for n in range(100, 140)
    ]
    cluster.server.files.update({file.id: file for file in files})
    cluster.jobs = {f"j{file.id}": {"trigger": file.id} for file in files}
    cluster.lease = 20.0  # longer than a restart takes on a busy machine
    run = cluster.run()
    for at in (5, 45, 85):
        cluster.until(lambda at=at: len(cluster.facts()) > at or run.has_ended)  # type: ignore[misc]
        assert not run.has_ended
        cluster.databases.restart()
    assert run.wait() == 0, run.said
    assert cluster.server.posts() == {file.id: 1 for file in files}


def test_no_secret_is_in_the_database_after_a_run(cluster: Cluster) -> None:
    assert cluster.run().wait() == 0
    dumped = cluster.databases.dump("postgres")
    assert run_lease(cluster.run_id()) in dumped
    env = environment()
    for secret in (*PASSWORDS.values(), env["SPECTRUM_PASSWORD"], env["SPECTRUM_VAR_token"]):
        assert secret not in dumped
        assert json.dumps(secret)[1:-1] not in dumped
