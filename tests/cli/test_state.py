"""`state ...`, `runs` and `runs prune` on a shared store and on a folder, as people type them."""

import json
import re
import shlex
import stat
import subprocess
from pathlib import Path

import pytest

from tests.cli.command_line import Ended, call, start
from tests.databases import OWNER, PASSWORDS, RUNNER, DatabaseServer

WORKSPACE = """
version: 1
users: [{name: analyst, password: analyst}]
files: [{id: 20, path: /quick.wbk, simulate: {}}]
"""
FAILING = WORKSPACE.replace("simulate: {}", "simulate: {outcomes: [ERROR]}")
PIPELINE = "version: 1\nname: one\npoll: {min: 10ms}\njobs: {one: {trigger: 20}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")
    (tmp_path / "one.yaml").write_text(PIPELINE, encoding="utf-8")
    return tmp_path


def shared(databases: DatabaseServer, user: str = OWNER, schema: str | None = None) -> dict[str, str]:
    url = databases.url(user=user, schema=schema or databases.new_schema(), lease="2s")
    return {"SPECTRUM_STATE": url, "SPECTRUM_STATE_PASSWORD": PASSWORDS[user]}


def run(folder: Path, *more: str, env: dict[str, str]) -> Ended:
    return call("run", "one.yaml", "--local", "workspace.yaml", *more, cwd=folder, env=env)


def test_a_store_is_made_checked_used_and_pruned(databases: DatabaseServer, folder: Path) -> None:
    owner = shared(databases)
    schema = owner["SPECTRUM_STATE"].partition("schema=")[2].partition("&")[0]
    runner = shared(databases, RUNNER, schema)
    refused = run(folder, env=owner)
    assert (refused.code, "state init" in refused.stderr) == (2, True)
    missing = call("state", "check", cwd=folder, env=owner)
    assert missing.code == 1
    assert f"missing: there are no tables for runs in schema {schema}" in missing.stderr
    made = call("state", "init", "--role", RUNNER, cwd=folder, env=owner)
    assert made.code == 0, made.stderr
    assert call("state", "init", cwd=folder, env=owner).code == 0
    assert call("state", "check", cwd=folder, env=runner).code == 1
    for statement in made.stdout.splitlines():
        databases.admin(statement)
    checked = call("state", "check", cwd=folder, env=runner)
    assert checked.code == 0, checked.stderr
    assert "missing:" not in checked.stderr
    assert call("state", "upgrade", cwd=folder, env=owner).code == 0
    for key in ("a", "a", "b"):
        ended = run(folder, "--run-key", key, env=runner)
        assert ended.code == 0, ended.stderr
    assert "the run key a stands for run" in run(folder, "--run-key", "a", env=runner).stderr
    listed = json.loads(call("runs", "--format", "json", cwd=folder, env=runner).stdout)
    told_of = {(one["status"], one["run_key"], one["holder"]) for one in listed}
    assert told_of == {("succeeded", "a", None), ("succeeded", "b", None)}
    told = call("report", listed[0]["run_id"], cwd=folder, env=runner)
    assert (told.code, "one succeeded" in told.stdout) == (0, True)
    pruned = call("runs", "prune", "--older-than", "0s", "--keep", "1", cwd=folder, env=runner)
    assert (pruned.code, "does not let this role" in pruned.stderr) == (2, True)
    assert "1 run deleted" in call("runs", "prune", "--older-than", "0s", "--keep", "1", cwd=folder, env=owner).stderr
    assert len(json.loads(call("runs", "--format", "json", cwd=folder, env=owner).stdout)) == 1
    assert not (folder / ".spectrum-pipelines").exists()


def test_nothing_that_is_told_or_recorded_holds_the_password(databases: DatabaseServer, folder: Path) -> None:
    env = shared(databases)
    assert call("state", "init", cwd=folder, env=env).code == 0
    ended = run(folder, "--state", env["SPECTRUM_STATE"], "--report", "report.json", env=env)
    assert ended.code == 0
    texts = [ended.stdout, ended.stderr, (folder / "report.json").read_text(), databases.dump("postgres")]
    assert not [text for text in texts if PASSWORDS[OWNER] in text]


def pasted(line: str, folder: Path, env: dict[str, str]) -> Ended:
    """A printed command, as a shell reads it."""
    return call(*shlex.split(line)[1:], cwd=folder, env=env)


@pytest.mark.parametrize("by_option", [True, False])
def test_every_printed_command_opens_the_database_of_the_run(
    databases: DatabaseServer, folder: Path, *, by_option: bool
) -> None:
    env = shared(databases)
    option = ["--state", env.pop("SPECTRUM_STATE")] if by_option else []
    hint = re.search(r"`(spectrum-pipelines state init .*)`", run(folder, *option, env=env).stderr)
    assert hint is not None
    made = pasted(hint[1], folder, env)
    assert made.code == 0, made.stderr
    next_ = made.stderr.splitlines()[-1].removeprefix("next: ")
    assert pasted(next_.replace("NAME", RUNNER), folder, env).stdout.startswith("GRANT")
    (folder / "workspace.yaml").write_text(FAILING, encoding="utf-8")
    failed = run(folder, *option, env=env)
    assert failed.code == 1, failed.stderr
    retry = re.search(r"spectrum-pipelines retry .*", failed.stderr)
    assert retry is not None
    again = pasted(retry[0], folder, env)
    assert (again.code, "attempt 2" in again.stderr) == (1, True), again.stderr


AWAY = [
    pytest.param({"SPECTRUM_STATE": "postgresql://x@127.0.0.1:1/x"}, 3, "does not answer", id="nobody listens"),
    pytest.param({"SPECTRUM_STATE_PASSWORD": "wrong-pa55"}, 7, "refuses the login", id="a wrong password"),
    pytest.param({"SPECTRUM_STATE": "mysql://x:pa55word@db/x"}, 2, "mysql://", id="another scheme"),
    pytest.param({"SPECTRUM_STATE": "postgresql://x:pa55word@db/x"}, 2, "password", id="a password in the URL"),
]


@pytest.mark.parametrize(("change", "code", "told"), AWAY)
def test_a_store_that_cannot_be_used_ends_the_run_before_anything(
    databases: DatabaseServer, folder: Path, change: dict[str, str], code: int, told: str
) -> None:
    ended = run(folder, env={**shared(databases), **change})
    assert (ended.code, told in ended.stderr) == (code, True), ended.stderr
    assert "pa55" not in ended.stderr
    embedded = {".spectrum-local"} if code != 2 else set()
    assert {path.name for path in folder.iterdir()} == {"one.yaml", "workspace.yaml", *embedded}


def test_a_folder_is_checked_too(folder: Path) -> None:
    checked = call("state", "check", cwd=folder)
    assert (checked.code, "ok: the folder .spectrum-pipelines can be written" in checked.stderr) == (0, True)
    (folder / "file").touch()
    assert call("state", "check", "--state", "file/deeper", cwd=folder).code == 1
    assert call("state", "init", "--state", "new", cwd=folder).code == 0
    assert stat.S_IMODE((folder / "new").stat().st_mode) == 0o700


def test_old_runs_of_a_folder_are_pruned(folder: Path) -> None:
    for _ in range(3):
        assert run(folder, env={}).code == 0
    assert call("runs", "--limit", "2", "--format", "json", cwd=folder).stdout.count('"run_id"') == 2
    assert call("runs", "--pipeline", "other", "--format", "json", cwd=folder).stdout.strip() == "[]"
    assert call("runs", "prune", "--older-than", "1d", "--keep", "0", cwd=folder).stderr.startswith("note: 0 runs")
    assert call("runs", "--state", ".spectrum-pipelines", "prune", "--older-than", "0s", cwd=folder).code == 0
    assert call("runs", "prune", "--older-than", "0s", "--keep", "1", cwd=folder).stderr.startswith("note: 2 runs")
    assert len(list((folder / ".spectrum-pipelines" / "runs").iterdir())) == 1
    assert call("runs", "prune", "--older-than", "soon", cwd=folder).code == 2


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True)


def test_a_state_folder_of_the_checkout_is_not_believed(folder: Path) -> None:
    assert run(folder, "--run-key", "k", env={}).code == 0
    git(folder, "init", "-q")
    git(folder, "add", "--force", ".")
    ended = run(folder, "--run-key", "k", env={})
    assert (ended.code, "came with the checkout" in ended.stderr) == (2, True)
    git(folder, "rm", "-rq", "--cached", ".spectrum-pipelines")
    assert run(folder, "--run-key", "k", env={}).code == 0


def test_a_group_is_one_thing_in_two_working_directories(folder: Path, tmp_path: Path) -> None:
    places = tmp_path / "locks"
    for name in ("here", "there"):
        (folder / name).mkdir()
        (folder / name / "workspace.yaml").write_text(WORKSPACE.replace("{}", "{duration: 20s}"), encoding="utf-8")
        (folder / name / "one.yaml").write_text(
            PIPELINE + "concurrency: {group: g, behavior: fail}\n", encoding="utf-8"
        )
    env = {"SPECTRUM_GROUP_LOCKS": str(places)}
    first = start("run", "one.yaml", "--local", "workspace.yaml", cwd=folder / "here", env=env)
    try:
        assert first.stderr is not None
        while "triggered" not in first.stderr.readline():
            pass
        second = run(folder / "there", env=env)
        assert (second.code, "concurrency group `g` is held by run" in second.stderr) == (6, True)
    finally:
        first.kill()
        first.communicate()
