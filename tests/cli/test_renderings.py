"""What a run leaves beside its report, through the real command line."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from spectrum_pipelines.local.serving import RunningServer
from tests.cli.command_line import LOGIN, Ended, call, embedded

PIPELINE = """\
version: 1
name: nightly
poll: {min: 10ms, factor: 0}
jobs:
  good: {trigger: /Simulated/quick.wbk}
  bad: {needs: [good], trigger: /Simulated/always fails.wbk}
  after: {needs: [bad], trigger: /Simulated/quick.wbk}
"""
GOOD = "version: 1\nname: nightly\npoll: {min: 10ms, factor: 0}\njobs: {good: {trigger: /Simulated/quick.wbk}}\n"
WORKSPACE = """\
version: 1
users: [{name: analyst, password: analyst}]
files:
  - {id: 20, path: /Simulated/quick.wbk, simulate: {records: 7}}
  - {id: 23, path: /Simulated/always fails.wbk, simulate: {outcomes: [ERROR]}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    workspace = tmp_path_factory.mktemp("workspace") / "workspace.yaml"
    workspace.write_text(WORKSPACE, encoding="utf-8")
    with embedded(workspace) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "nightly.yaml").write_text(PIPELINE, encoding="utf-8")
    (tmp_path / "jobs" / "good.yaml").write_text(GOOD, encoding="utf-8")
    return tmp_path


def run(server: RunningServer, folder: Path, *options: str, file: str = "jobs/nightly.yaml", **env: str) -> Ended:
    login = {**LOGIN, "SPECTRUM_URL": server.url}
    return call("run", file, *options, cwd=folder, env={**login, **env})


def test_every_rendering_tells_of_the_same_failure(server: RunningServer, folder: Path) -> None:
    files = ("--junit", "run.xml", "--html", "run.html", "--summary", "run.md", "--report", "run.json")
    ended = run(server, folder, *files)
    assert ended.code == 1
    report = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    bad = report["jobs"][1]
    told = {
        "text": ended.stderr,
        **{name: (folder / f"run.{name}").read_text(encoding="utf-8") for name in ("xml", "html", "md")},
    }
    told["html"] = re.sub("</?span>", "", told["html"])  # each word of a command is a box
    for name, text in told.items():
        for word in ("bad failed" if name != "xml" else 'name="bad"', "jobs/nightly.yaml:6", bad["reason"]):
            assert word in text, (name, word)
        assert f"spectrum-pipelines job details {bad['execution_id']}" in text, name
        assert "find out why and mend it, then" in text, name
    assert etree.fromstring(told["xml"].encode()).get("failures") == "1"


def test_a_run_without_wishes_leaves_no_files(server: RunningServer, folder: Path) -> None:
    assert run(server, folder, file="jobs/good.yaml").code == 0
    assert {it.name for it in folder.iterdir()} == {"jobs", ".spectrum-pipelines"}


PATHS = [
    pytest.param(
        ("--report", "missing/r.json"),
        "the folder of the report missing/r.json does not exist",
        id="no folder for JSON",
    ),
    pytest.param(
        ("--junit", "missing/run.xml"), "the folder of the report missing/run.xml does not exist", id="no folder"
    ),
    pytest.param(("--html", "jobs"), "the report jobs is a folder", id="a folder"),
    pytest.param(("--summary", "-"), "--summary cannot be written to stdout", id="stdout"),
    pytest.param(("--junit", "a", "--html", "./a"), "--html and --junit name the same file: a", id="the same file"),
    pytest.param(
        ("--report", "a", "--junit", "a"), "--junit and --report name the same file: a", id="the report's file"
    ),
]


@pytest.mark.parametrize(("options", "message"), PATHS)
def test_29_a_useless_path_is_found_before_anything_is_triggered(
    server: RunningServer, folder: Path, options: tuple[str, ...], message: str
) -> None:
    ended = run(server, folder, *options)
    assert ended.code == 2
    assert f"error: {message}" in ended.stderr
    assert ended.stderr.count(message) == 1
    assert "triggered (" not in ended.stderr
    assert not list((folder / ".spectrum-pipelines" / "runs").iterdir())


def test_29_a_rendering_that_is_lost_costs_a_warning(
    server: RunningServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The page cannot be made: whatever the reason, the run's other outputs and its outcome stand.
    monkeypatch.setattr("spectrum_pipelines.render.page.html._part", lambda name: (folder / name).read_text())
    ended = run(server, folder, "--html", "run.html", "--junit", "run.xml", file="jobs/good.yaml")
    assert ended.code == 0
    assert "nightly succeeded" in ended.stderr
    assert "warning: --html could not be written: " in ended.stderr
    assert (folder / "run.xml").is_file()


@pytest.fixture
def github(folder: Path) -> dict[str, str]:
    names = {"GITHUB_OUTPUT": folder / "output", "GITHUB_STEP_SUMMARY": folder / "summary"}
    for path in names.values():
        path.write_text("", encoding="utf-8")
    files = {name: str(path) for name, path in names.items()}
    return {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(folder), **files}


def test_github_gets_a_summary_outputs_and_annotations(
    server: RunningServer, folder: Path, github: dict[str, str]
) -> None:
    ended = run(server, folder, "--report", "run.json", **github)
    report = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    (annotation,) = [line for line in ended.stderr.splitlines() if line.startswith("::")]
    assert annotation.startswith(
        f"::error file=jobs/nightly.yaml,line=6,title=bad failed::{report['jobs'][1]['reason']}%0A"
    )
    assert (folder / "summary").read_text(encoding="utf-8").startswith("## ✗ nightly failed after ")
    written = (folder / "output").read_text(encoding="utf-8")
    delimiter = re.findall(r"^status<<(spectrum-[0-9a-f]{32})\nfailed\n", written)[0]
    ids = {one["id"]: [it["execution_id"] for it in one["executions"]] for one in report["jobs"] if one["executions"]}
    assert written.split(f"{delimiter}\n")[1:-1] == [
        "failed\n",
        "run-id<<",
        f"{report['run_id']}\n",
        "report-path<<",
        "run.json\n",
        "execution-ids<<",
        json.dumps(ids, separators=(",", ":")) + "\n",
    ]


@pytest.mark.parametrize("system", ["GITHUB_WORKSPACE", "CI_PROJECT_DIR", "BUILD_SOURCESDIRECTORY", "WORKSPACE", None])
def test_in_a_folder_of_the_repository_files_are_named_from_its_root(
    server: RunningServer, folder: Path, github: dict[str, str], system: str | None
) -> None:
    if system is None:
        (folder / ".git").mkdir()
    inside = folder / "jobs"
    env = {**LOGIN, **github, "GITHUB_WORKSPACE": "", **({system: str(folder)} if system else {})}
    ended = call(
        "run", "good.yaml", "--server", server.url, "--report", "r.json", "--junit", "r.xml", cwd=inside, env=env
    )
    assert ended.code == 0, ended.stderr
    assert 'file="jobs/good.yaml"' in (inside / "r.xml").read_text(encoding="utf-8")
    assert "\njobs/r.json\n" in (folder / "output").read_text(encoding="utf-8")
    shown = json.loads((inside / "r.json").read_text(encoding="utf-8"))
    assert shown["pipeline"]["file"] == "good.yaml", "the report says what the command was given"


def test_two_runs_of_one_step_share_the_summary(server: RunningServer, folder: Path, github: dict[str, str]) -> None:
    for name in ("nightly", "good"):
        run(server, folder, "--progress", "none", file=f"jobs/{name}.yaml", **github)
    summary = (folder / "summary").read_text(encoding="utf-8")
    assert [line for line in summary.splitlines() if line.startswith("## ")][1].startswith("## ✓ nightly succeeded")
    assert "</details>\n\n## ✓" in summary


def test_a_summary_that_is_full_stays_as_it_is(server: RunningServer, folder: Path, github: dict[str, str]) -> None:
    (folder / "summary").write_text("x" * 1_000_000, encoding="utf-8")
    assert run(server, folder, file="jobs/good.yaml", **github).code == 0
    assert (folder / "summary").stat().st_size == 1_000_000


def test_files_of_github_that_cannot_be_written_cost_nothing(
    server: RunningServer, folder: Path, github: dict[str, str]
) -> None:
    ended = run(server, folder, file="jobs/good.yaml", **{**github, "GITHUB_OUTPUT": str(folder)})
    assert ended.code == 0
    assert f"warning: {folder} could not be written: Is a directory" in ended.stderr


def test_progress_for_programs_is_not_mixed_with_annotations(
    server: RunningServer, folder: Path, github: dict[str, str]
) -> None:
    ended = run(server, folder, "--progress", "json", **github)
    assert all(json.loads(line) for line in ended.stderr.splitlines())


def test_elsewhere_nothing_of_github_is_written(server: RunningServer, folder: Path, github: dict[str, str]) -> None:
    ended = run(server, folder, **{**github, "GITHUB_ACTIONS": ""})
    assert "::error" not in ended.stderr
    assert not (folder / "summary").read_text(encoding="utf-8")


@pytest.mark.parametrize("form", ["junit", "markdown", "html"])
def test_the_same_comes_from_a_run_and_from_its_report(server: RunningServer, folder: Path, form: str) -> None:
    option = {"junit": "--junit", "markdown": "--summary", "html": "--html"}[form]
    run(server, folder, option, "written", "--report", "run.json")
    written = (folder / "written").read_text(encoding="utf-8")
    read = call("report", "run.json", "--format", form, cwd=folder)
    assert (read.code, read.stdout) == (0, written)
    (recorded,) = (folder / ".spectrum-pipelines" / "runs").iterdir()
    again = call("report", recorded.name, "--format", form, cwd=folder)
    assert again.code == 0
    assert len(again.stdout) == pytest.approx(len(written), rel=0.05)  # from a journal, requests are not counted


def test_a_run_key_that_has_ended_delivers_again(server: RunningServer, folder: Path) -> None:
    run(server, folder, "--run-key", "k", file="jobs/good.yaml")
    ended = run(server, folder, "--run-key", "k", "--junit", "run.xml", file="jobs/good.yaml")
    assert ended.code == 0
    assert etree.fromstring((folder / "run.xml").read_bytes()).get("tests") == "1"
