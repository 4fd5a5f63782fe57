"""What a run keeps of its values when it is gone on with later: dates, lists, and numbers in their written form."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from spectrum_pipelines.clock import SystemClock
from tests.cli.test_resume import interrupted
from tests.faults.conftest import *  # noqa: F403 - the fixtures of the folder in which their servers live
from tests.faults.project import Project
from tests.faults.spectrum_server import SpectrumServer

ZONE = "Pacific/Auckland"
PIPELINE = {
    "timezone": ZONE,
    "concurrency": {"max_parallel": 1},
    "variables": {
        "day": {"type": "date", "default": "yesterday"},
        "regions": {"type": "list", "default": ["emea"]},
        "release": {"type": "number", "default": 1.5},
    },
    "jobs": {
        "load": {
            "matrix": {"region": "${var.regions}"},
            "trigger": 48,
            "on_running": "wait",
            "description": "${matrix.region} ${var.release} ${var.day:%Y%m%d} ${run.date-1d}",
        },
        "rest": {"needs": ["load"], "trigger": 48},
    },
}


@pytest.mark.parametrize("given", [{}, {"day": "today-7d", "regions": "x,y", "release": "1.10"}], ids=["file", "given"])
@pytest.mark.parametrize("again", ["resume", "run key", "file is gone"])
def test_a_run_that_goes_on_on_another_day_keeps_its_values(
    project: Project, server: SpectrumServer, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], again: str
) -> None:
    project.pipeline(**PIPELINE)
    for name, value in given.items():
        monkeypatch.setenv(f"SPECTRUM_VAR_{name}", value)
    monkeypatch.setenv("SPECTRUM_RUN_KEY", "k1")
    today = datetime.now(UTC).astimezone(ZoneInfo(ZONE)).date()
    run_id = interrupted(project, server, monkeypatch)
    truly = SystemClock.now
    monkeypatch.setattr(SystemClock, "now", lambda clock: truly(clock) + timedelta(days=3))
    if again == "file is gone":
        project.file.unlink()
    outcome = project.run() if again == "run key" else project.resume(run_id)
    assert outcome.code == 0, outcome.stderr
    assert outcome.run_id == run_id
    assert outcome.report is not None
    day = today - timedelta(days=7 if given else 1)
    regions, release = (("x", "y"), "1.10") if given else (("emea",), "1.5")
    assert outcome.report["variables"]["day"] == day.isoformat()
    # What the run was to do stands in its plan, which a run that goes on is held to.
    plan = json.loads((project.state / "runs" / run_id / "plan.json").read_text(encoding="utf-8"))
    said = {job["id"]: job["description"] for job in plan["jobs"] if job["description"]}
    assert said == {
        f"load[{region}]": f"{region} {release} {day:%Y%m%d} {today - timedelta(days=1)}" for region in regions
    }
    assert server.started() == {48: len(regions) + 1}


def test_a_new_run_on_the_next_day_has_a_day_of_its_own(
    project: Project, server: SpectrumServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.pipeline(**PIPELINE)
    first = project.run()
    truly = SystemClock.now
    monkeypatch.setattr(SystemClock, "now", lambda clock: truly(clock) + timedelta(days=1))
    second = project.run()
    days = [datetime.fromisoformat((it.report or {})["variables"]["day"]) for it in (first, second)]
    assert days[1] - days[0] == timedelta(days=1)
