"""`retry RUN_ID --var x=v`: a value that is given counts as a change; other values, dates too, stay those of the first start."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from spectrum_pipelines import Connection, open_store, retry
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.local.serving import RunningServer
from tests.cli.command_line import LOGIN, Ended, call, embedded
from tests.report.checks import assert_valid_report

SECRET = "hush-Zq7-never-shown"
WORKSPACE = """
version: 1
users: [{name: analyst, password: analyst}]
files:
  - {id: 20, path: /emea.wbk, simulate: {duration: 10ms, outcomes: [ERROR, ERROR, ERROR]}}
  - {id: 21, path: /apac.wbk, simulate: {duration: 10ms}}
  - {id: 22, path: /after.wbk, simulate: {duration: 10ms}}
  - {id: 23, path: /first.wbk, simulate: {duration: 10ms}}
"""
PIPELINE = """\
version: 1
name: night
poll: {min: 10ms}
variables:
  region: emea
  day: {type: date, default: yesterday}
  regions: {type: list, default: [x, y]}
  token: {type: string, secret: true, required: true}
jobs:
  first: {trigger: 23, description: "${var.day} ${run.date}"}
  load: {needs: [first], trigger: "/${var.region}.wbk"}
  after: {needs: [load], sequence: [22], variables: {day: "${var.day}", token: "${var.token}"}}
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


Cli = Callable[..., Ended]


@pytest.fixture
def cli(folder: Path, server: RunningServer) -> Cli:
    def called(*args: str, **more: str) -> Ended:
        env = {**LOGIN, "SPECTRUM_URL": server.url, "SPECTRUM_VAR_token": SECRET, **more}
        ended = call(*args, cwd=folder, env=env)
        assert SECRET not in ended.stdout + ended.stderr
        for path in folder.rglob("*"):
            assert not path.is_file() or SECRET.encode() not in path.read_bytes()
        return ended

    return called


@pytest.fixture
def run_id(cli: Cli, folder: Path) -> str:
    """A run whose `load` failed."""
    assert cli("run", "night.yaml", "--run-key", "k", "--report", "r.json").code == 1
    return str(report(folder)["run_id"])


def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    assert_valid_report(found)
    return found


def journal(folder: Path, run_id: str) -> list[dict[str, Any]]:
    text = (folder / ".spectrum-pipelines" / "runs" / run_id / "journal.jsonl").read_text(encoding="ascii")
    return [json.loads(line) for line in text.splitlines()]


DOORS = [
    pytest.param(["--var", "region=apac"], {}, id="--var"),
    pytest.param([], {"SPECTRUM_VAR_region": "apac"}, id="the environment"),
    pytest.param(["--vars-file", "values.yaml"], {}, id="--vars-file"),
    pytest.param(["night.yaml", "--var", "region=apac"], {}, id="with the file"),
    pytest.param(["--var", "region=apac"], {"the-file-is-gone": "1"}, id="the file is gone"),
]


@pytest.mark.parametrize(("given", "env"), DOORS)
def test_a_new_value_runs_what_it_changes_and_what_failed(
    cli: Cli, folder: Path, run_id: str, given: list[str], env: dict[str, str]
) -> None:
    (folder / "values.yaml").write_text("region: apac\n", encoding="utf-8")
    if "the-file-is-gone" in env:
        (folder / "night.yaml").unlink()
    before = report(folder)
    dry = cli("retry", run_id, *given, "--dry-run", **env)
    assert (dry.code, dry.stdout.splitlines()) == (
        0,
        [
            "value  region is `apac`, it was `emea`",
            "again  load   its target has changed",
            "again  after  was skipped, and load runs again",
            "stays  first  succeeded",
        ],
    )
    ended = cli("retry", run_id, *given, "--report", "r.json", **env)
    assert ended.code == 0, ended.stderr
    assert "note: region is `apac`, it was `emea`" in ended.stderr
    assert "note: load runs again: its target has changed" in ended.stderr
    after = report(folder)
    assert after["variables"] == {**before["variables"], "region": "apac"}
    assert after["jobs"][0]["executions"] == before["jobs"][0]["executions"]
    assert [len(job["executions"]) for job in after["jobs"]] == [1, 2, 1]


def test_the_next_round_keeps_the_values_of_the_last_one(cli: Cli, folder: Path, run_id: str) -> None:
    text = (folder / "workspace.yaml").read_text(encoding="utf-8")
    assert cli("retry", run_id, "--var", "regions=a,b", "--report", "r.json").code == 1
    again = cli("retry", run_id, "--report", "r.json")
    assert again.code == 1
    assert " is `" not in again.stderr, "nothing was given"
    assert report(folder)["variables"]["regions"] == "[a, b]"
    assert [one["plan_digest"] is None for one in journal(folder, run_id) if one["event"] == "retried"] == [False, True]
    assert (folder / "workspace.yaml").read_text(encoding="utf-8") == text


def test_a_value_that_is_given_as_it_was_is_no_change(cli: Cli, folder: Path, run_id: str) -> None:
    assert cli("retry", run_id, "--var", "region=emea", "--var", "day=yesterday").code == 1
    (retried,) = (one for one in journal(folder, run_id) if one["event"] == "retried")
    assert (retried["plan_digest"], retried["text"]) == (None, None)


@pytest.mark.parametrize("how", ["retry", "run key"])
def test_dates_stay_those_of_the_first_start(
    cli: Cli, folder: Path, run_id: str, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    before = report(folder)["variables"]["day"]
    truly = SystemClock.now
    monkeypatch.setattr(SystemClock, "now", lambda clock: truly(clock) + timedelta(days=3))
    words = ("retry", run_id) if how == "retry" else ("run", "night.yaml", "--run-key", "k", "--retry-failed")
    ended = cli(*words, "--var", "region=apac", "--var", "day=yesterday", "--report", "r.json")
    assert ended.code == 0, ended.stderr
    after = report(folder)
    assert (after["variables"]["day"], after["run_id"]) == (before, run_id)
    (retried,) = (one for one in journal(folder, run_id) if one["event"] == "retried")
    assert retried["kept"] == ["first"], "its description names the day, and the day is the same"


def test_a_value_that_changes_what_succeeded_runs_it_again(cli: Cli, folder: Path, run_id: str) -> None:
    (folder / "night.yaml").write_text(PIPELINE.replace("trigger: 23", 'trigger: "${var.file}"').replace(
        "variables:\n", "variables:\n  file: {type: integer, default: 23}\n"), encoding="utf-8")  # fmt: skip
    same = cli("retry", run_id, "--dry-run")
    assert [line.split() for line in same.stdout.splitlines()][:2] == [
        ["value", "file", "is", "`23`,", "and", "new"],
        ["again", "load", "failed"],
    ]
    other = cli("retry", run_id, "--var", "file=22", "--dry-run")
    assert "again  first  its target has changed" in other.stdout


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param(["--var", "regoin=apac"], "did you mean `region`?", id="a slip of the finger"),
        pytest.param(
            ["--var", "day=soon"],
            "night.yaml:6:3: error: the value of `day` from --var day must be a day",
            id="no date",
        ),
        pytest.param(["--vars-file", "nowhere.yaml"], "nowhere.yaml", id="no such file"),
        pytest.param(["--var", "region"], "--var needs NAME=VALUE", id="no value"),
    ],
)
def test_a_value_that_cannot_be_is_refused(
    cli: Cli, server: RunningServer, run_id: str, given: list[str], told: str
) -> None:
    for more in (["--dry-run"], []):
        refused = cli("retry", run_id, *given, *more)
        assert (refused.code, told in refused.stderr) == (2, True), refused.stderr
    assert len(server.executions()) == 2


def test_a_secret_is_given_again_and_is_never_a_change_that_is_told(cli: Cli, folder: Path, run_id: str) -> None:
    missing = cli("retry", run_id, SPECTRUM_VAR_token="")
    assert missing.code == 2
    ended = cli("retry", run_id, "--var", f"token={SECRET}2", "--var", "region=apac", "--report", "r.json")
    assert ended.code == 0, ended.stderr
    assert "token" not in ended.stderr
    assert report(folder)["variables"]["token"] == "***"


def test_the_api_takes_new_values(folder: Path, server: RunningServer, run_id: str) -> None:
    store = open_store(folder / ".spectrum-pipelines")
    connection = Connection(server.url, username="analyst", password="analyst")
    ended = retry(run_id, connection, store=store, variables={"region": "apac", "token": SECRET})
    assert (ended.succeeded, ended.run_id) == (True, run_id)


def test_the_run_key_alone_answers_for_the_values_of_every_round(cli: Cli, run_id: str) -> None:
    """A step that CI repeated with the values of a retry that had turned it green was refused."""
    refused = cli("run", "night.yaml", "--run-key", "k", "--var", "region=apac")
    assert refused.code == 2
    assert "region had another value" in refused.stderr
    assert f"retry {run_id} --var region=apac" in refused.stderr
    assert cli("retry", run_id, "--var", "region=apac").code == 0
    assert cli("run", "night.yaml", "--run-key", "k", "--var", "region=apac").code == 0
    assert cli("run", "night.yaml", "--run-key", "k", "--var", "region=emea").code == 0, "that of the first round"
    assert cli("run", "night.yaml", "--run-key", "k", "--var", "region=amer").code == 2
