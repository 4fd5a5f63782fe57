"""A run for a scheduler: left while its executions go on, woken up, and gone on from what failed under the same key."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from spectrum_pipelines import Connection, Loaded, Report, Store, Waiting, advance, load, open_store, run
from spectrum_pipelines.app.recorded import last_of_key
from spectrum_pipelines.engine.outcome import RunStatus
from spectrum_pipelines.errors import UserError
from spectrum_pipelines.local.serving import RunningServer
from spectrum_pipelines.pipeline.model.action import DeleteData, JobId
from spectrum_pipelines.spectrum import DataId
from tests.cli.command_line import embedded

WORKSPACE = """
version: 1
users: [{name: analyst, password: analyst}]
files:
  - {id: 20, path: /quick.wbk, simulate: {duration: 10ms}}
  - {id: 21, path: /flaky.wbk, simulate: {duration: 10ms, outcomes: [ERROR, COMPLETED], repeat: cycle}}
  - {id: 22, path: /long.wbk, simulate: {duration: 1500ms}}
"""
TOP = "version: 1\nname: night\npoll: {min: 10ms}\n"
KEY = "airflow/night/manual/sales"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    workspace = tmp_path_factory.mktemp("workspace") / "workspace.yaml"
    workspace.write_text(WORKSPACE, encoding="utf-8")
    with embedded(workspace) as running:
        yield running


@pytest.fixture
def connection(server: RunningServer) -> Connection:
    return Connection(server.url, username="analyst", password="analyst")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "state")


def loaded(folder: Path, jobs: str) -> Loaded:
    path = folder / "night.yaml"
    path.write_text(f"{TOP}jobs: {jobs}\n", encoding="utf-8")
    return load(path)


def test_a_run_is_left_when_all_that_is_under_way_is_known(
    connection: Connection, store: Store, tmp_path: Path
) -> None:
    night = loaded(tmp_path, "{a: {trigger: 20}, b: {needs: [a], trigger: 22}, c: {needs: [b], trigger: 20}}")
    left = advanced_to_b(night, connection, store)
    assert left.wake_at is not None, "b has a timeout"
    early = advance(night, connection, store=store, run_key=KEY)
    assert isinstance(early, Waiting)
    assert (early.run_id, early.execution_ids) == (left.run_id, left.execution_ids)
    report: Report | Waiting = early
    while isinstance(report, Waiting):
        time.sleep(0.1)
        report = advance(night, connection, store=store, run_key=KEY)
    assert report.succeeded
    assert report.run_id == left.run_id
    assert {job.id: len(job.execution_ids) for job in report.jobs} == {"a": 1, "b": 1, "c": 1}
    assert report.execution_ids["b"] == left.execution_ids
    assert report.document["resumptions"] == 0, "nothing was interrupted"


def advanced_to_b(night: Loaded, connection: Connection, store: Store) -> Waiting:
    """The run, left while it waits for its second job, which takes long."""
    known: tuple[int, ...] = ()
    while True:
        left = advance(night, connection, store=store, run_key=KEY)
        assert isinstance(left, Waiting)
        if known and left.execution_ids != known:
            return left
        known = left.execution_ids
        time.sleep(0.05)


def test_a_failed_run_goes_on_from_what_failed(connection: Connection, store: Store, tmp_path: Path) -> None:
    night = loaded(tmp_path, "{a: {trigger: 20}, b: {needs: [a], trigger: 21}, c: {needs: [b], trigger: 20}}")
    failed = run(night, connection, store=store, run_key=KEY, origin={"try": "1"})
    assert failed.status is RunStatus.FAILED
    assert failed.document["origin"] == {"try": "1"}
    again = run(night, connection, store=store, run_key=KEY, origin={"try": "2"})
    assert again.execution_ids == failed.execution_ids, "the report, handed out again"
    report = run(night, connection, store=store, run_key=KEY, when_ended="retry", origin={"try": "3"})
    assert report.succeeded
    assert report.run_id == failed.run_id
    assert {job.id: len(job.execution_ids) for job in report.jobs} == {"a": 1, "b": 2, "c": 1}
    last = last_of_key(store, KEY)
    assert last is not None
    assert (last.status, last.origin, report.document["origin"]) == (RunStatus.SUCCEEDED, {"try": "3"}, {"try": "3"})
    closed = run(night, connection, store=store, run_key=KEY, when_ended="retry")
    assert closed.execution_ids == report.execution_ids, "nothing is left to retry"


def test_a_job_alone_is_given_the_execution_ids_of_others(connection: Connection, store: Store, tmp_path: Path) -> None:
    text = (
        "{a: {trigger: 20}, b: {needs: [a], trigger: 20}, drop: {delete_data: ['${jobs.a.execution_id}'], needs: [b]}}"
    )
    whole = loaded(tmp_path, text)
    with pytest.raises(UserError, match="`drop` refers to the execution of `a`, which is not selected"):
        load(tmp_path / "night.yaml", only=["drop"])
    first = run(load(tmp_path / "night.yaml", only=["a"]), connection, store=store, run_key="a")
    (number,) = first.execution_ids["a"]
    alone = load(tmp_path / "night.yaml", only=["drop"], outputs={"a": number})
    assert alone.pipeline.jobs[JobId("drop")].action == DeleteData(data_ids=(DataId(number),))
    assert whole.pipeline.jobs[JobId("drop")].action != alone.pipeline.jobs[JobId("drop")].action
    report = run(alone, connection, store=store, run_key="drop")
    assert report.succeeded, report.reason
    assert run(alone, connection, store=store, run_key="drop").run_id == report.run_id, "the plan is the same again"
