"""The worked example of `pipelines/nightly`: thirty pipelines, one base file, two environments, a day, a mended failure."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_line import PIPELINES, call

NIGHTLY = sorted(it.name for it in (PIPELINES / "nightly").glob("*.yaml") if it.name != "base.yaml")
WORKSPACE = "pipelines/workspace/workspace.yaml"
URL = {"SPECTRUM_URL": "http://localhost"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("out", ".spectrum-local", "ci", "airflow")
    shutil.copytree(PIPELINES, tmp_path / "pipelines", ignore=ignored)
    return tmp_path


def run(folder: Path, name: str, *more: str) -> tuple[int, str, dict[str, Any]]:
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    arguments = ["--local", WORKSPACE, "--progress", "none", "--report", str(report), *more]
    ended = call("run", f"pipelines/nightly/{name}", *arguments, cwd=folder)
    return ended.code, ended.stderr, json.loads(report.read_text(encoding="utf-8"))


def test_thirty_pipelines_and_their_base_are_valid_in_one_call(folder: Path) -> None:
    assert len(NIGHTLY) == 30
    names = [f"pipelines/nightly/{name}" for name in ("base.yaml", *NIGHTLY)]
    ended = call("validate", "--strict", *names, cwd=folder)
    assert ended.code == 0, ended.stdout
    assert "31 files without faults" in ended.stderr


@pytest.mark.parametrize("name", NIGHTLY)
@pytest.mark.parametrize(
    ("environment", "server", "timeout"),
    [("test", "http://localhost", 600), ("prod", "https://spectrum.example.com", 14400)],
)
def test_each_has_a_plan_in_both_environments(
    folder: Path, name: str, environment: str, server: str, timeout: int
) -> None:
    arguments = ["-e", environment, "--var", "business_date=2026-11-22", "--format", "json"]
    ended = call("plan", f"pipelines/nightly/{name}", *arguments, cwd=folder, env=URL if environment == "test" else {})
    assert ended.code == 0, ended.stderr
    plan = json.loads(ended.stdout)
    assert plan["pipeline"]["fragments"] == ["pipelines/nightly/base.yaml"]
    assert (plan["server"], plan["timezone"]) == (server, "Europe/Berlin")
    assert plan["variables"]["business_date"] == "2026-11-22"
    origins = [job["policy"]["timeout"] for job in plan["jobs"]]
    assert {(it["value"], it["file"], it["environment"]) for it in origins} == {
        (timeout, "pipelines/nightly/base.yaml", environment)
    }
    if name.endswith("-publish.yaml"):
        off = [it["id"] for it in plan.get("off", [])]
        assert off == (["publish"] if environment == "test" else [])
    if name.endswith("-refresh.yaml"):
        assert len(plan["jobs"]) == (2 if environment == "test" else 4)


@pytest.mark.parametrize("name", ["orders-load.yaml", "orders-refresh.yaml", "orders-publish.yaml"])
def test_one_of_each_kind_runs(folder: Path, name: str) -> None:
    code, told, report = run(folder, "orders-refresh.yaml", "-e", "test") if "publish" in name else (0, "", {})
    assert code == 0, told
    code, told, report = run(folder, name, "-e", "test", "--var", "business_date=yesterday")
    assert code == 0, told
    assert report["status"] == "succeeded"


BROKEN = "/Simulated/always fails.wbk"


@pytest.mark.parametrize("again", ["retry", "run key"])
def test_a_workbook_is_mended_in_spectrum_and_the_run_goes_on(folder: Path, again: str) -> None:
    """The same run, a new round, the same business date; what succeeded is not run again."""
    wish = ["-e", "test", "--var", f"workbook={BROKEN}", "--run-key", "2026-11-22"]
    code, told, report = run(folder, "returns-refresh.yaml", *wish)
    assert code == 1, told
    assert report["status"] == "failed"
    workspace = folder / WORKSPACE
    broken = workspace.read_text(encoding="utf-8")
    assert broken.count("outcomes: [ERROR]}") == 1
    workspace.write_text(broken.replace("outcomes: [ERROR]}", "outcomes: [COMPLETED], records: 7}"), encoding="utf-8")
    if again == "run key":
        code, told, mended = run(folder, "returns-refresh.yaml", *wish, "--retry-failed")
    else:
        arguments = ["--local", WORKSPACE, "--progress", "none", "--report", "report.json"]
        ended = call("retry", str(report["run_id"]), *arguments, cwd=folder)
        code, told = ended.code, ended.stderr
        mended = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert code == 0, told
    assert (mended["status"], mended["run_id"]) == ("succeeded", report["run_id"])
    assert mended["variables"]["business_date"] == report["variables"]["business_date"]


@pytest.mark.parametrize("fault", ["base.yaml", "returns-refresh.yaml"])
def test_a_file_is_mended_and_the_night_goes_green(folder: Path, fault: str) -> None:
    """Whether the fault stands in the pipeline or in the base file that it includes."""
    name = "returns-refresh.yaml"
    file = folder / "pipelines/nightly" / fault
    good = file.read_text(encoding="utf-8")
    old = "default: /Simulated/quick.wbk" if fault == "base.yaml" else 'trigger: "${var.workbook}"'
    assert old in good
    file.write_text(good.replace(old, f"{old.partition(':')[0]}: {BROKEN}", 1), encoding="utf-8")
    code, told, report = run(folder, name, "-e", "test", "--run-key", "2026-11-22")
    assert code == 1, told
    assert report["status"] == "failed"
    file.write_text(good, encoding="utf-8")
    code, told, mended = run(folder, name, "-e", "test", "--run-key", "2026-11-22, mended")
    assert code == 0, told
    assert mended["status"] == "succeeded"
