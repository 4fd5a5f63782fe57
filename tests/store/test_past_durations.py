"""What earlier runs tell of durations, and that nothing in the state directory can do more harm than to tell nothing."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from spectrum_pipelines.engine.facts import RunStarted
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.report.build import build_report
from spectrum_pipelines.report.json_text import report_json
from spectrum_pipelines.store.folder.state_directory import StateDirectory
from spectrum_pipelines.store.folder.store import FolderStore
from spectrum_pipelines.store.past_durations import past_durations
from tests.report.runs import HTTP, STARTED, sales_pipeline, succeeded_run
from tests.store.histories import started, write

_BEGAN = datetime(2026, 11, 24, 12, tzinfo=UTC)


def _write(directory: StateDirectory, *reports: dict[str, Any] | str) -> None:
    """One run for each report, the first one the oldest."""
    for day, report in enumerate(reports):
        run = directory.new_run(_BEGAN + timedelta(days=day), lambda: "0000")
        write(run.journal, _began(run.run_id, report))
        run.report.write_text(report if isinstance(report, str) else json.dumps(report), encoding="utf-8")


def _began(run_id: str, report: dict[str, Any] | str) -> RunStarted:
    named = report["pipeline"].get("name") if isinstance(report, dict) else "nightly-sales"
    return replace(started(run_id), pipeline=named)


def _report(seconds: float, **more: Any) -> dict[str, Any]:
    execution = {
        "accepted_at": "2026-11-24T12:00:00.000Z",
        "running_at": None,
        "ended_at": f"{(_BEGAN + timedelta(seconds=seconds)).isoformat(timespec='milliseconds')[:-6]}Z",
    }
    job = {"id": "orders", "status": "succeeded", "executions": [execution], **more}
    return {"pipeline": {"name": "nightly-sales"}, "server": "http://it", "jobs": [job]}


def _told(directory: StateDirectory) -> dict[str, float]:
    return {
        str(job): seconds
        for job, seconds in past_durations(FolderStore(directory.path), sales_pipeline(), "http://it").items()
    }


@pytest.fixture
def directory(tmp_path: Path) -> StateDirectory:
    return StateDirectory(tmp_path / "state")


def test_a_real_report_tells_how_long_each_job_ran(directory: StateDirectory) -> None:
    run = succeeded_run()
    report = build_report(run.state, started_at=STARTED, now_at=run.at, http=HTTP)
    _write(directory, report_json(report))
    found = past_durations(FolderStore(directory.path), sales_pipeline(), report["server"])
    assert set(found) <= set(run.state.jobs)
    assert found[JobId("orders")] > 0


def test_of_the_newest_three_the_one_in_the_middle(directory: StateDirectory) -> None:
    _write(directory, *map(_report, (1, 50, 10, 30)))
    assert _told(directory) == {"orders": 30.0}


def _changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    report = _report(10)
    change(report)
    return report


@pytest.mark.parametrize(
    "report",
    [
        pytest.param("", id="empty"),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param("[]", id="a list"),
        pytest.param('{"pipeline": 1}', id="a pipeline that is none"),
        pytest.param("{}" + " " * 4_000_001, id="too large"),
        pytest.param(_changed(lambda it: it.update(server="http://another")), id="of another server"),
        pytest.param(_changed(lambda it: it["pipeline"].update(name="other")), id="of another pipeline"),
        pytest.param(_changed(lambda it: it.update(jobs={})), id="jobs that are none"),
        pytest.param(_changed(lambda it: it["jobs"].insert(0, 7)), id="a job that is none"),
        pytest.param(_report(10, id="nobody"), id="a job that is not there any more"),
        pytest.param(_report(10, status="failed"), id="a failure tells nothing"),
        pytest.param(_report(10, status=[]), id="a status that is none"),
        pytest.param(_report(10, executions=[]), id="no execution"),
        pytest.param(_report(10, executions=[{}]), id="an execution without times"),
        pytest.param(_report(10, executions=[{"accepted_at": "yesterday", "ended_at": 5}]), id="times that are none"),
        pytest.param(_report(-10), id="ended before it began"),
    ],
)
def test_what_tells_nothing_of_use_is_passed_over(directory: StateDirectory, report: dict[str, Any] | str) -> None:
    _write(directory, report)
    assert _told(directory) in ({}, {"orders": 10.0})
    if "a job that is none" not in str(report):
        _write_another(directory)
        assert "orders" in _told(directory)


def _write_another(directory: StateDirectory) -> None:
    run = directory.new_run(_BEGAN - timedelta(days=9), lambda: "ffff")
    write(run.journal, started(run.run_id))
    run.report.write_text(json.dumps(_report(10)), encoding="utf-8")


def test_a_state_directory_that_is_not_there_yet_tells_nothing(tmp_path: Path) -> None:
    assert _told(StateDirectory(tmp_path / "missing")) == {}


def test_runs_of_other_pipelines_do_not_count(directory: StateDirectory) -> None:
    _write(directory, _report(10), *[_changed(lambda it: it["pipeline"].update(name="other"))] * 12)
    assert _told(directory) == {"orders": 10.0}


def test_only_a_few_of_the_newest_are_looked_at(directory: StateDirectory) -> None:
    _write(directory, _report(10), *[_changed(lambda it: it.update(server="http://another"))] * 10)
    assert _told(directory) == {}
