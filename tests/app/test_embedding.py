"""The package as a library: called from threads of a program that keeps its terminal, its environment and its signals."""

import inspect
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

import spectrum_pipelines
from spectrum_pipelines import (
    Abort,
    Connection,
    InvalidFile,
    Report,
    adopt,
    load,
    open_store,
    resume,
    run,
)
from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.engine.outcome import JobStatus, RunStatus
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.errors import ConflictError, ExitCode, Interruption, UserError
from spectrum_pipelines.local.serving import RunningServer
from spectrum_pipelines.store.codec import encode
from tests.cli.command_line import call, dead_port, embedded
from tests.report.checks import assert_valid_report

T = TypeVar("T")

WORKSPACE = """
version: 1
users: [{name: analyst, password: analyst}]
files:
  - {id: 20, path: /quick.wbk, simulate: {duration: 10ms}}
  - {id: 23, path: /fails.wbk, simulate: {outcomes: [ERROR]}}
  - {id: 24, path: /slow.wbk, simulate: {duration: 1h}}
"""
TOP = "version: 1\nname: night\npoll: {min: 10ms}\nhttp: {retry: {limit: 0}}\n"
PATIENCE = 30.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    workspace = tmp_path_factory.mktemp("workspace") / "workspace.yaml"
    workspace.write_text(WORKSPACE, encoding="utf-8")
    with embedded(workspace) as running:
        yield running


def environment() -> dict[str, str]:
    """Without pytest's own word about where it is."""
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


@pytest.fixture
def silent(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Nothing is printed, no variable of the environment changes, no signal gets another handler."""
    watched = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    environ, handlers, folder = environment(), [signal.getsignal(one) for one in watched], Path.cwd()
    yield
    assert capfd.readouterr() == ("", "")
    assert environment() == environ
    assert [signal.getsignal(one) for one in watched] == handlers
    assert Path.cwd() == folder


def pipeline(folder: Path, jobs: str, name: str = "night.yaml") -> Path:
    path = folder / name
    path.write_text(f"{TOP}jobs: {jobs}\n", encoding="utf-8")
    return path


def to(url: str, password: str | Callable[[], str] = "analyst") -> Connection:
    return Connection(url, username="analyst", password=password)


def in_thread(work: Callable[[], T]) -> Callable[[], T]:
    """Start it in a thread of its own; the answer waits for its end, and raises what it raised."""
    got: list[T] = []
    raised: list[BaseException] = []

    def body() -> None:
        try:
            got.append(work())
        except BaseException as error:  # noqa: BLE001 - handed to the test
            raised.append(error)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()

    def ended() -> T:
        thread.join(PATIENCE)
        assert not thread.is_alive()
        if raised:
            raise raised[0]
        return got[0]

    return ended


@pytest.mark.usefixtures("silent")
def test_a_good_file_in_a_thread(server: RunningServer, tmp_path: Path) -> None:
    loaded = load(pipeline(tmp_path, "{a: {trigger: 20}, b: {trigger: 20, needs: [a]}}"))
    report = in_thread(lambda: run(loaded, to(server.url), store=open_store(tmp_path / "state")))()
    assert (report.status, report.exit_code, report.succeeded) == (RunStatus.SUCCEEDED, ExitCode.SUCCEEDED, True)
    assert [(job.id, job.status, len(job.execution_ids)) for job in report.jobs] == [
        ("a", JobStatus.SUCCEEDED, 1),
        ("b", JobStatus.SUCCEEDED, 1),
    ]
    assert report.execution_ids == {job.id: job.execution_ids for job in report.jobs}
    assert_valid_report(dict(report.document))
    assert report.lost == ()


@pytest.mark.usefixtures("silent")
def test_a_failed_job_is_a_value(server: RunningServer, tmp_path: Path) -> None:
    loaded = load(pipeline(tmp_path, "{a: {trigger: 23}}"))
    report = run(loaded, to(server.url), store=open_store(tmp_path / "state"))
    assert (report.status, report.exit_code) == (RunStatus.FAILED, ExitCode.FAILED)
    assert report.jobs[0].reason is not None
    assert report.jobs[0].cause == "spectrum"


@pytest.mark.usefixtures("silent")
def test_a_bad_file_carries_what_validate_shows(tmp_path: Path) -> None:
    path = pipeline(tmp_path, "{a: {triger: 20}, b: {trigger: 20, needs: [c]}}")
    with pytest.raises(InvalidFile) as caught:
        in_thread(lambda: load(path))()
    ended = call("validate", "night.yaml", "--format", "json", cwd=tmp_path)
    shown = [(one["line"], one["column"], one["code"], one["message"]) for one in json.loads(ended.stdout)]
    found = caught.value.diagnostics
    assert [(it.span.start.line, it.span.start.column, it.code, it.message) for it in found] == shown
    assert {"unknown-job"} <= {it.code for it in found}
    assert caught.value.exit_code == ExitCode.USAGE


@pytest.mark.usefixtures("silent")
def test_an_unreachable_server_is_an_outcome(tmp_path: Path) -> None:
    loaded = load(pipeline(tmp_path, "{a: {trigger: 20}}"))
    report = in_thread(lambda: run(loaded, to(dead_port()), store=open_store(tmp_path / "state")))()
    assert (report.status, report.exit_code) == (RunStatus.FAILED, ExitCode.UNREACHABLE)
    assert report.execution_ids == {}


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize(
    ("name", "code"), [("SIGTERM", ExitCode.TERMINATED), ("SIGINT", ExitCode.INTERRUPTED)], ids=["term", "int"]
)
def test_an_abort_from_another_thread_ends_the_run(
    name: str, code: ExitCode, server: RunningServer, tmp_path: Path
) -> None:
    loaded, abort, store = load(pipeline(tmp_path, "{a: {trigger: 24}}")), Abort(), open_store(tmp_path / "state")
    triggered = threading.Event()

    def watch(fact: Stamped, state: RunState) -> None:
        if state.jobs and any(job.executions for job in state.jobs.values()):
            triggered.set()

    ended = in_thread(lambda: run(loaded, to(server.url), store=store, abort=abort, observers=[watch]))
    assert triggered.wait(PATIENCE)
    abort.request(name)
    report = ended()
    assert (report.status, report.exit_code) == (RunStatus.INTERRUPTED, code)
    assert report.next is not None
    assert " resume " in report.next
    (execution,) = report.jobs[0].execution_ids
    assert {int(it.id): it.status.value for it in server.executions()}[execution] == "CANCELED"


@pytest.mark.usefixtures("silent")
def test_a_detached_run_leaves_its_jobs_and_is_gone_on_with(server: RunningServer, tmp_path: Path) -> None:
    (tmp_path / "workspace.yaml").write_text(WORKSPACE.replace("1h", "500ms"), encoding="utf-8")
    loaded, abort, store = load(pipeline(tmp_path, "{a: {trigger: 24}}")), Abort(), open_store(tmp_path / "state")
    with embedded(tmp_path / "workspace.yaml") as own:

        def watch(fact: Stamped, state: RunState) -> None:
            if any(job.executions for job in state.jobs.values()):
                abort.request("SIGTERM", detach=True)

        left = run(loaded, to(own.url), store=store, abort=abort, observers=[watch])
        assert (left.status, left.exit_code) == (RunStatus.INTERRUPTED, ExitCode.TERMINATED)
        assert left.run_id is not None
        report = resume(left.run_id, to(own.url), store=store)
        assert report.succeeded
        assert report.execution_ids == left.execution_ids
        assert len(own.executions()) == 1


@pytest.mark.usefixtures("silent")
def test_an_abort_before_the_start_triggers_nothing(server: RunningServer, tmp_path: Path) -> None:
    before = len(server.executions())
    abort = Abort()
    abort.request("SIGTERM")
    with pytest.raises(Interruption, match="nothing was triggered"):
        run(load(pipeline(tmp_path, "{a: {trigger: 20}}")), to(server.url), store=open_store(tmp_path), abort=abort)
    assert len(server.executions()) == before


@pytest.mark.usefixtures("silent")
def test_two_runs_at_once(server: RunningServer, tmp_path: Path) -> None:
    store = open_store(tmp_path / "state")
    loaded = [load(pipeline(tmp_path, "{a: {trigger: 20}}", f"{name}.yaml")) for name in ("one", "two")]
    meet = threading.Barrier(2, timeout=PATIENCE)

    def watch(fact: Stamped, state: RunState) -> None:
        if fact.event.__class__.__name__ == "PreflightPassed":
            meet.wait()

    runs = [
        in_thread(lambda one=one: run(one, to(server.url), store=store, observers=[watch]))  # type: ignore[misc]
        for one in loaded
    ]
    reports: list[Report] = [ended() for ended in runs]
    assert [report.succeeded for report in reports] == [True, True]
    assert len({report.run_id for report in reports}) == 2
    assert len({ids for report in reports for ids in report.execution_ids.values()}) == 2


@pytest.mark.usefixtures("silent")
def test_a_run_key_gives_the_report_again(server: RunningServer, tmp_path: Path) -> None:
    loaded, store = load(pipeline(tmp_path, "{a: {trigger: 20}}")), open_store(tmp_path / "state")
    first = run(loaded, to(server.url), store=store, run_key="k")
    again = run(loaded, to(server.url), store=store, run_key="k")
    assert (again.run_id, again.execution_ids) == (first.run_id, first.execution_ids)
    other = load(pipeline(tmp_path, "{a: {trigger: 20}}\nenvironments: {prod: {description: p}}"), environment="prod")
    with pytest.raises(UserError, match="with environment not given"):
        run(other, to(server.url), store=store, run_key="k")


@pytest.mark.usefixtures("silent")
def test_a_run_that_somebody_works_on_is_busy(server: RunningServer, tmp_path: Path) -> None:
    loaded, store, abort = load(pipeline(tmp_path, "{a: {trigger: 24}}")), open_store(tmp_path / "state"), Abort()
    started = threading.Event()
    ended = in_thread(
        lambda: run(loaded, to(server.url), store=store, run_key="k", abort=abort, observers=[lambda *_: started.set()])
    )
    assert started.wait(PATIENCE)
    with pytest.raises(ConflictError):
        run(loaded, to(server.url), store=store, run_key="k")
    abort.request("SIGTERM")
    assert ended().status is RunStatus.INTERRUPTED


@pytest.mark.usefixtures("silent")
def test_observers_get_each_fact_after_it_is_durable(server: RunningServer, tmp_path: Path) -> None:
    seen: list[str] = []

    def watch(fact: Stamped, state: RunState) -> None:
        (journal,) = (tmp_path / "state" / "runs").glob("*/journal.jsonl")
        lines = [json.loads(line)["event"] for line in journal.read_text(encoding="utf-8").splitlines()]
        seen.append(lines[len(seen)])

    def broken(fact: Stamped, state: RunState) -> None:
        raise LookupError("of somebody else")

    loaded = load(pipeline(tmp_path, "{a: {trigger: 20}}"))
    report = run(loaded, to(server.url), store=open_store(tmp_path / "state"), observers=[broken, watch])
    assert report.succeeded
    assert report.lost == ("an observer was told nothing more after LookupError: of somebody else",)
    assert (seen[0], seen[-1]) == ("run_started", "run_ended")


@pytest.mark.usefixtures("silent")
def test_observers_are_told_no_secret(server: RunningServer, tmp_path: Path) -> None:
    """Nor does the report say what an observer of secrets broke with."""
    facts: list[str] = []

    def watch(fact: Stamped, state: RunState) -> None:
        facts.append(encode(fact, 1))

    def broken(fact: Stamped, state: RunState) -> None:
        raise LookupError(f"no {state.pipeline.variables['tok'].value}")

    path = pipeline(
        tmp_path, '{a: {sequence: [20], variables: {key: "${var.tok}"}}, b: {trigger: "/of ${var.tok}.wbk"}}'
    )
    path.write_text(f"{path.read_text(encoding='utf-8')}variables: {{tok: {{secret: true}}}}\n", encoding="utf-8")
    loaded = load(path, variables={"tok": "hush hush 99"})
    report = run(loaded, to(server.url), store=open_store(tmp_path / "state"), observers=[broken, watch])
    assert "/of ***.wbk" in "".join(facts)
    assert "hush" not in "".join(facts)
    assert report.lost == ("an observer was told nothing more after LookupError: no ***",)


@pytest.mark.usefixtures("silent")
def test_a_password_that_changes_is_asked_for_again(server: RunningServer, tmp_path: Path) -> None:
    told = iter(["wrong", *["analyst"] * 9])
    loaded = load(pipeline(tmp_path, "{a: {trigger: 20}}"))
    assert run(loaded, to(server.url, lambda: next(told)), store=open_store(tmp_path / "state")).succeeded


@pytest.mark.usefixtures("silent")
def test_values_come_from_the_caller_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPECTRUM_VAR_region", "emea")
    path = pipeline(tmp_path, "{a: {trigger: '/Data/${var.region} ${var.count} ${env.STAGE}.imp'}}")
    path.write_text(
        path.read_text(encoding="utf-8")
        + "variables: {region: {type: string, required: true}, count: {type: integer, default: 1}}\n",
        encoding="utf-8",
    )
    with pytest.raises(InvalidFile) as caught:
        load(path)
    assert {it.code for it in caught.value.diagnostics} == {"missing-value"}
    environ = {"SPECTRUM_VAR_region": "apac", "SPECTRUM_VAR_count": "7", "STAGE": "test"}
    loaded = load(path, variables={"count": 3}, environ=environ)
    assert loaded.pipeline.jobs[next(iter(loaded.pipeline.jobs))].action.target == "/Data/apac 3 test.imp"  # type: ignore[union-attr]


@pytest.mark.usefixtures("silent")
def test_adopt_refuses_what_is_not_unknown(server: RunningServer, tmp_path: Path) -> None:
    store = open_store(tmp_path / "state")
    report = run(load(pipeline(tmp_path, "{a: {trigger: 20}}")), to(server.url), store=store)
    assert report.run_id is not None
    with pytest.raises(UserError, match="job a is not unknown but succeeded"):
        adopt(report.run_id, "a", 1, to(server.url), store=store)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("load", "source, *, environment, variables, environ, server, only, outputs"),
        ("open_store", "where, *, password"),
        ("run", "loaded, connection, *, store, run_key, when_ended, origin, observers, abort"),
        ("resume", "run_id, connection, *, store, loaded, variables, abort"),
        ("retry", "run_id, connection, *, store, loaded, variables, abort"),
        ("advance", "loaded, connection, *, store, run_key, when_ended, origin, observers, abort"),
        ("adopt", "run_id, job, execution_id, connection, *, store"),
        ("Connection", "url, *, username, password, verify, client_cert, headers, proxies, timezone"),
    ],
)
def test_the_signatures_are_a_contract(name: str, parameters: str) -> None:
    found = inspect.signature(getattr(spectrum_pipelines, name)).parameters.values()
    words = [one.name for one in found if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    words += ["*", *(one.name for one in found if one.kind is inspect.Parameter.KEYWORD_ONLY)]
    assert ", ".join(words) == parameters


HEAVY = ("requests", "urllib3", "rich", "click", "jinja2", "duckdb", "psycopg")


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("import spectrum_pipelines", id="the package"),
        pytest.param("from spectrum_pipelines import load, run, Connection, Abort, open_store", id="its names"),
        pytest.param("from spectrum_pipelines import load; load('night.yaml')", id="load"),
    ],
)
def test_what_an_import_brings_along(line: str, tmp_path: Path) -> None:
    pipeline(tmp_path, "{a: {trigger: 20}}")
    script = f"{line}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=20, check=True
    )
    modules: Mapping[str, Any] | list[str] = json.loads(ended.stdout)
    assert not [it for it in modules if it.partition(".")[0] in HEAVY]
