"""`retry` and `run --retry-failed`: what failed gets a new attempt, what succeeded stays, and nothing is started twice."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from spectrum_pipelines import Connection, load, open_store, retry
from spectrum_pipelines import run as run_pipeline
from spectrum_pipelines.local.serving import RunningServer
from tests.cli.command_line import LOGIN, call, embedded, parsed, stranger
from tests.report.checks import assert_valid_report
from tests.test_exit_codes import loses_triggers

WORKSPACE = """
version: 1
users: [{name: analyst, password: analyst}]
files:
  - {id: 20, path: /quick.wbk, simulate: {duration: 10ms}}
  - {id: 21, path: /flaky.wbk, simulate: {duration: 10ms, outcomes: [ERROR, COMPLETED]}}
  - {id: 22, path: /after.wbk, simulate: {duration: 10ms}}
"""
PIPELINE = """\
version: 1
name: night
poll: {min: 10ms}
jobs:
  good: {trigger: 20}
  flaky: {trigger: 21}
  after: {needs: [good, flaky], trigger: 22}
finally:
  tidy: {trigger: 20}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")
    (tmp_path / "night.yaml").write_text(PIPELINE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[RunningServer]:
    with embedded(folder / "workspace.yaml") as running:
        yield running


def environment(server: RunningServer) -> dict[str, str]:
    return {**LOGIN, "SPECTRUM_URL": server.url}


def report(folder: Path) -> dict[str, dict[str, object]]:
    found = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    assert_valid_report(found)
    return {job["id"]: job for job in found["jobs"]} | {"": found}


def test_the_next_line_of_a_failed_run_goes_on_from_what_failed(folder: Path, server: RunningServer) -> None:
    env = environment(server)
    ended = call("run", "night.yaml", "--report", "r.json", cwd=folder, env=env)
    assert ended.code == 1
    before = report(folder)
    told = re.findall(
        r"^Next: find out why and mend it, then:\s+(spectrum-pipelines retry .*)$", ended.stderr, re.MULTILINE
    )
    assert [str(before[""]["next"])] == told
    dry = call(*parsed(told[0])[0], "--dry-run", cwd=folder, env=env)
    assert dry.code == 0
    assert dry.stdout.splitlines() == [
        "again  flaky  failed",
        "again  after  was skipped, and flaky runs again",
        "again  tidy   `finally` runs in each round",
        "stays  good   succeeded",
    ]
    assert len(server.executions()) == 3
    ended = call(*parsed(told[0])[0], "--report", "r.json", cwd=folder, env=env)
    assert ended.code == 0, ended.stderr
    after = report(folder)
    assert after[""]["run_id"] == before[""]["run_id"]
    assert after[""]["rounds"] == 1
    assert after["good"]["execution_id"] == before["good"]["execution_id"]
    assert after["flaky"]["execution_id"] != before["flaky"]["execution_id"]
    assert [len(server.executions()), after["after"]["status"]] == [6, "succeeded"]
    refused = call(*parsed(told[0])[0], cwd=folder, env=env)
    assert refused.code == 2
    assert "cannot be retried: the run succeeded" in refused.stderr
    assert f"`{shlex.join(['spectrum-pipelines', 'report', str(after['']['run_id'])])}`" in refused.stderr


def test_a_run_key_goes_on_from_what_failed_where_it_is_told_to(folder: Path, server: RunningServer) -> None:
    env = environment(server)
    key = ("run", "night.yaml", "--run-key", "k")
    assert call(*key, cwd=folder, env=env).code == 1
    assert call(*key, cwd=folder, env=env).code == 1
    assert len(server.executions()) == 3
    assert call(*key, "--retry-failed", cwd=folder, env=env).code == 0
    assert call(*key, "--retry-failed", cwd=folder, env=env).code == 0
    assert len(server.executions()) == 6


CHANGES = [
    pytest.param("trigger: 20", "trigger: 22", (), id="another target"),
    pytest.param("jobs:", "jobs:\n  more: {trigger: 22}", (), id="another job"),
    pytest.param("", "", ("--var", "region=apac"), id="another value"),
]


@pytest.mark.parametrize(("old", "new", "more"), CHANGES)
def test_a_run_key_that_succeeded_stands_for_no_other_plan(
    folder: Path, server: RunningServer, old: str, new: str, more: tuple[str, ...]
) -> None:
    """Nothing failed, so nothing is left that `--retry-failed` could start: the report of another plan is no answer."""
    env = environment(server)
    text = "version: 1\nname: one\npoll: {min: 10ms}\nvariables: {region: emea}\njobs:\n"
    text += '  one: {trigger: 20, description: "${var.region}"}\n'
    file = folder / "one.yaml"
    file.write_text(text, encoding="utf-8")
    key = ("run", "one.yaml", "--run-key", "k")
    assert call(*key, cwd=folder, env=env).code == 0
    assert call(*key, "--retry-failed", cwd=folder, env=env).code == 0
    file.write_text(text.replace(old, new) if old else text, encoding="utf-8")
    without, ended = (call(*key, *more, *also, cwd=folder, env=env) for also in ((), ("--retry-failed",)))
    assert (without.code, ended.code) == (2, 2)
    assert ended.stderr == without.stderr
    assert "start a new run with another run key" in ended.stderr or more
    assert len(server.executions()) == 1


def test_the_api_retries(folder: Path, server: RunningServer) -> None:
    store = open_store(folder / "state")
    connection = Connection(server.url, username="analyst", password="analyst")
    first = run_pipeline(load(folder / "night.yaml"), connection, store=store)
    assert first.run_id is not None
    second = retry(first.run_id, connection, store=store)
    assert (first.succeeded, second.succeeded, second.run_id) == (False, True, first.run_id)


def test_adopt_none_says_that_it_never_started(folder: Path, server: RunningServer) -> None:
    text = "version: 1\nname: one\ndefaults: {ambiguous_grace: 100ms}\nhttp: {retry: {limit: 0}}\npoll: {min: 10ms}\n"
    (folder / "one.yaml").write_text(f"{text}jobs: {{one: {{trigger: 20}}}}\n", encoding="utf-8")
    with stranger(loses_triggers) as losing:
        env = {**LOGIN, "SPECTRUM_URL": losing.url}
        ended = call("run", "one.yaml", cwd=folder, env=env)
        assert ended.code == 5, ended.stderr
        look = re.findall(r"look: (.*)$", ended.stderr, re.MULTILINE)
        assert look == [f"spectrum-pipelines job history --file 20 --server {losing.url}"]
        (never,) = re.findall(r"if it never started: (.*)$", ended.stderr, re.MULTILINE)
        both = call("adopt", "20261123T150405Z-7f3a", "one", cwd=folder, env=env)
        assert (both.code, "Give an EXECUTION_ID or --none" in both.stderr) == (2, True)
        settled = call(*parsed(never)[0], cwd=folder, env=env)
        assert settled.code == 0, settled.stderr
        assert "note: one is settled: never started" in settled.stderr
        sent = losing.seen.count("POST /api/job-execution/20/trigger")
        (resume,) = re.findall(r"^next: (.*)$", settled.stderr, re.MULTILINE)
        assert call(*parsed(resume)[0], cwd=folder, env=env).code == 5  # triggered anew, and lost anew
        assert (sent, losing.seen.count("POST /api/job-execution/20/trigger")) == (1, 2)


BROKEN = """\
version: 1
name: night
poll: {min: 10ms}
variables: {day: {type: date, default: today}, region: emea}
jobs:
  good: {trigger: 20}
  wrong: {needs: [good], trigger: 23, description: "${var.region} ${var.day}"}
  gone: {trigger: 20, on_running: wait}
"""


def test_a_file_that_was_mended_runs_what_is_new_or_changed_and_keeps_what_succeeded(
    folder: Path, server: RunningServer
) -> None:
    env = environment(server)
    (folder / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")
    (folder / "night.yaml").write_text(BROKEN.replace("trigger: 23", "trigger: 21"), encoding="utf-8")
    assert call("run", "night.yaml", "--report", "r.json", cwd=folder, env=env).code == 1
    run_id = str(report(folder)[""]["run_id"])
    mended = BROKEN.replace("trigger: 23", "trigger: 22").replace("  gone: {trigger: 20, on_running: wait}\n", "")
    (folder / "night.yaml").write_text(mended + "  new: {needs: [wrong], trigger: 20}\n", encoding="utf-8")
    shown = call("retry", run_id, "night.yaml", "--dry-run", cwd=folder, env=env)
    assert shown.stdout.splitlines()[:3] == [
        "again  wrong  its target has changed",
        "again  new    new in the pipeline",
        "stays  good   succeeded",
    ]
    ended = call("retry", run_id, "night.yaml", "--report", "r.json", cwd=folder, env=env)
    assert ended.code == 0, ended.stderr
    after = report(folder)
    assert set(after) == {"", "good", "wrong", "new"}
    assert after[""]["rounds"] == 1
    assert [one["job"] for one in after[""]["retries"][0]["removed"]] == ["gone"]  # type: ignore[index]
    assert len(after["good"]["executions"]) == 1  # type: ignore[arg-type]
    again = call("report", run_id, "--format", "json", cwd=folder, env=env)
    assert json.loads(again.stdout)["pipeline"] == after[""]["pipeline"]
    refused = call("resume", run_id, cwd=folder, env=env)
    assert refused.code == 0, "its history is closed, and its report is that of the last round"


@pytest.mark.parametrize(
    "wrong", ["", "  wrong: {enabled: false, needs: [good], trigger: 21}\n"], ids=["removed", "switched off"]
)
def test_what_failed_is_mended_by_leaving_it_out(wrong: str, folder: Path, server: RunningServer) -> None:
    env = environment(server)
    start = "version: 1\nname: night\npoll: {min: 10ms}\njobs:\n  good: {trigger: 20}\n"
    (folder / "night.yaml").write_text(f"{start}  wrong: {{needs: [good], trigger: 21}}\n", encoding="utf-8")
    again = ("run", "night.yaml", "--run-key", "k", "--retry-failed", "--report", "r.json")
    assert call(*again, cwd=folder, env=env).code == 1
    (folder / "night.yaml").write_text(start + wrong, encoding="utf-8")
    ended = call(*again, cwd=folder, env=env)
    assert ended.code == 0, ended.stderr
    assert f"round 2 of run {report(folder)['']['run_id']}: 1 job kept; without wrong" in ended.stderr
    assert len(report(folder)["good"]["executions"]) == 1  # type: ignore[arg-type]


def test_a_changed_default_counts_and_a_date_stays(folder: Path, server: RunningServer) -> None:
    env = environment(server)
    (folder / "night.yaml").write_text(BROKEN.replace("trigger: 23", "trigger: 21"), encoding="utf-8")
    assert call("run", "night.yaml", "--report", "r.json", cwd=folder, env=env).code == 1
    before = report(folder)[""]["variables"]
    text = BROKEN.replace("trigger: 23", "trigger: 22").replace("region: emea", "region: apac")
    (folder / "night.yaml").write_text(text, encoding="utf-8")
    run_id = str(report(folder)[""]["run_id"])
    assert call("retry", run_id, "--report", "r.json", cwd=folder, env=env).code == 0
    after = report(folder)[""]["variables"]
    assert after == {**before, "region": "apac"}  # type: ignore[dict-item]


def test_of_very_many_jobs_that_run_again_the_first_are_told(folder: Path, server: RunningServer) -> None:
    names = [f"j{number:02}" for number in range(30)]
    jobs = "".join(f"  {name}: {{needs: [flaky], trigger: 20}}\n" for name in names)
    text = f"version: 1\nname: wide\njobs:\n  flaky: {{trigger: 21}}\n{jobs}"
    (folder / "wide.yaml").write_text(text, encoding="utf-8")
    env = environment(server)
    ended = call("run", "wide.yaml", "--report", "r.json", cwd=folder, env=env)
    assert ended.code == 1
    again = call("retry", str(report(folder)[""]["run_id"]), "--dry-run", cwd=folder, env=env)
    assert again.stdout.count("again  ") == 31
    told = call("retry", str(report(folder)[""]["run_id"]), "--progress", "none", cwd=folder, env=env).stderr
    assert told.count("note: ") == 21
    assert "note: and 11 more jobs run again\n" in told


def test_a_run_key_whose_failed_run_has_a_mended_file_names_retry(folder: Path, server: RunningServer) -> None:
    env = environment(server)
    key = ("run", "night.yaml", "--run-key", "k")
    (folder / "night.yaml").write_text(PIPELINE.replace("{trigger: 21}", "{trigger: /flaky.wbk}"), encoding="utf-8")
    assert call(*key, cwd=folder, env=env).code == 1
    (folder / "night.yaml").write_text(PIPELINE.replace("21", "22, on_running: wait"), encoding="utf-8")
    refused = call(*key, cwd=folder, env=env)
    assert refused.code == 2
    (told,) = re.findall(r"`(spectrum-pipelines retry \S+ night.yaml.*?)` goes on from what failed", refused.stderr)
    assert len(server.executions()) == 3
    assert call(*parsed(told)[0], cwd=folder, env=env).code == 0
    (folder / "night.yaml").write_text(PIPELINE.replace("21", "20"), encoding="utf-8")
    ended = call(*key, cwd=folder, env=env)
    assert (ended.code, "the run succeeded, and its key stands for it" in ended.stderr) == (2, True)


def test_a_command_about_a_run_that_is_not_there_names_the_state(folder: Path) -> None:
    elsewhere = call("retry", "20261123T150405Z-7f3a", "--state", "else where", cwd=folder, env=LOGIN)
    assert "list the runs with `spectrum-pipelines runs --state 'else where'`" in elsewhere.stderr
    usual = call("retry", "20261123T150405Z-7f3a", cwd=folder, env=LOGIN)
    assert "list the runs with `spectrum-pipelines runs`\n" in usual.stderr
