"""`validate --online`: what a file names is asked for, and nothing is triggered."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.command_line import LOGIN, call, dead_port, embedded, parsed

WORKSPACE = """
version: 1
users: [{name: analyst, password: analyst}]
files: [{id: 20, path: /there.wbk, simulate: {}}]
"""
PIPELINE = """\
version: 1
name: online
variables: {where: {type: string, required: true}}
jobs:
  there: {trigger: "/${var.where}.wbk"}
  gone: {needs: [there], matrix: {region: [emea, apac]}, trigger: "/gone ${matrix.region}.wbk"}
finally:
  also_gone: {stop: 99}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")
    (tmp_path / "online.yaml").write_text(PIPELINE, encoding="utf-8")
    return tmp_path


def test_every_missing_target_is_found_at_its_line_and_nothing_is_triggered(folder: Path) -> None:
    with embedded(folder / "workspace.yaml") as server:
        env = {**LOGIN, "SPECTRUM_URL": server.url}
        asked = ("validate", "--online", "--format", "json", "--var", "where=there", "online.yaml")
        ended = call(*asked, cwd=folder, env=env)
        assert server.executions() == []
    found = [(it["line"], it["code"]) for it in json.loads(ended.stdout)]
    assert (ended.code, found) == (1, [(6, "missing-target"), (6, "missing-target"), (8, "missing-target")])


def test_a_missing_target_comes_with_the_command_that_asks_again(folder: Path) -> None:
    asked = ("validate", "--online", "--var", "where=there", "online.yaml")
    with embedded(folder / "workspace.yaml") as server:
        ended = call(*asked, cwd=folder, env={**LOGIN, "SPECTRUM_URL": server.url})
        (hint,) = re.findall(r"`(spectrum-pipelines job status 99 .*)`", ended.stdout)
        words, _ = parsed(hint)
        again = call(*words, cwd=folder, env=LOGIN)
        assert (again.code, "exist" in again.stderr) == (1, True), again.stderr
        named = call(*asked, "--username", "analyst", cwd=folder, env={**LOGIN, "SPECTRUM_URL": server.url})
        assert f"`spectrum-pipelines job status 99 --server {server.url} --username analyst`" in named.stdout
    local = call(*asked, "--local", "workspace.yaml", cwd=folder)
    assert "`spectrum-pipelines job status 99 --local workspace.yaml`" in local.stdout


def test_a_value_that_is_missing_is_a_finding_as_it_would_be_for_run(folder: Path) -> None:
    env = {**LOGIN, "SPECTRUM_URL": f"http://{dead_port()}"}
    ended = call("validate", "--online", "online.yaml", cwd=folder, env=env)
    assert ended.code == 1
    assert "--var where=" in ended.stdout


def test_without_a_server_there_is_no_verdict(folder: Path) -> None:
    text = PIPELINE.replace("name: online", "name: online\nhttp: {retry: {limit: 0}}")
    (folder / "online.yaml").write_text(text, encoding="utf-8")
    address = dead_port()
    env = {**LOGIN, "SPECTRUM_URL": address if address.startswith("http") else f"http://{address}"}
    ended = call("validate", "--online", "--var", "where=there", "online.yaml", cwd=folder, env=env)
    assert ended.code == 3
    assert "refuses connections" in ended.stderr
