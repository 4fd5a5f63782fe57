"""Options of `run` and what the environment says: what is refused, what is waited for, what is told."""

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from spectrum_pipelines.local.serving import RunningServer
from tests.cli.command_line import LOGIN, call, dead_port, embedded

WORKSPACE = """
version: 1
users: [{name: analyst, password: analyst}]
files:
  - {id: 20, path: /quick.wbk, simulate: {duration: 10ms}}
  - {id: 23, path: /fails.wbk, simulate: {outcomes: [ERROR]}}
"""
TOP = "version: 1\nname: night\npoll: {min: 10ms}\nhttp: {retry: {limit: 0}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")
    (tmp_path / "night.yaml").write_text(f"{TOP}jobs: {{a: {{trigger: 20}}}}\n", encoding="utf-8")
    (tmp_path / "fails.yaml").write_text(f"{TOP}jobs: {{a: {{trigger: 23}}}}\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[RunningServer]:
    with embedded(folder / "workspace.yaml") as running:
        yield running


def environment(server: RunningServer, **more: str) -> dict[str, str]:
    return {**LOGIN, "SPECTRUM_URL": server.url, **more}


PLACEHOLDERS = [
    "$CI_COMMIT_SHA",
    "${SHA}",
    "$(Build.BuildId)",
    "{{workflow.uid}}",
    "<no value>",
    "null",
]


@pytest.mark.parametrize("key", PLACEHOLDERS)
def test_a_placeholder_is_no_run_key(key: str, folder: Path, server: RunningServer) -> None:
    for args, env in ((["--run-key", f"deploy-{key}" if "$" in key else key], {}), ([], {"SPECTRUM_RUN_KEY": key})):
        ended = call("run", "night.yaml", *args, cwd=folder, env=environment(server, **env))
        assert (ended.code, "which nobody has filled in" in ended.stderr) == (2, True), ended.stderr
    assert server.executions() == []


@pytest.mark.parametrize("key", ["", " "])
def test_an_empty_run_key_is_refused_wherever_it_stands(key: str, folder: Path, server: RunningServer) -> None:
    for args, env in ((["--run-key", key], {}), ([], {"SPECTRUM_RUN_KEY": key})):
        ended = call("run", "night.yaml", *args, cwd=folder, env=environment(server, **env))
        assert (ended.code, "the run key is empty" in ended.stderr) == (2, True), ended.stderr
    assert server.executions() == []


def test_other_options_that_are_empty_count_as_not_given(folder: Path, server: RunningServer) -> None:
    args = ["-e", "", "--report", "", "--junit", "", "--vars-file", "", "--server", "", "--plan", "", "--state", ""]
    env = {"SPECTRUM_ENVIRONMENT": "", "SPECTRUM_REPORT": "", "SPECTRUM_PROGRESS": ""}
    ended = call("run", "night.yaml", *args, cwd=folder, env=environment(server, **env))
    assert ended.code == 0, ended.stderr


ENDS = [
    ("fails.yaml", {}, 1),
    ("night.yaml", {"SPECTRUM_URL": "DEAD"}, 3),
    ("night.yaml", {"SPECTRUM_PASSWORD": "x"}, 7),
]


@pytest.mark.parametrize(("file", "env", "code"), [*ENDS, ("night.yaml", {}, 0)])
def test_progress_none_silences_progress_alone(
    file: str, env: dict[str, str], code: int, *, folder: Path, server: RunningServer
) -> None:
    named = {name: dead_port() if value == "DEAD" else value for name, value in env.items()}
    ended = call("run", file, "--progress", "none", cwd=folder, env=environment(server, **named))
    assert ended.code == code
    assert re.search(r"night (failed|succeeded) after", ended.stderr)
    assert re.search(r"run \d{8}T\d{6}Z-[0-9a-f]{4} of ", ended.stderr)
    assert ("Next: " in ended.stderr) == bool(code)
    assert "pre-flight passed" not in ended.stderr


def test_a_name_that_sounds_global_is_passed_over_where_it_says_nothing(folder: Path) -> None:
    env = {"SPECTRUM_FORMAT": "gitlab", **LOGIN, "SPECTRUM_URL": "http://127.0.0.1:1"}
    assert call("plan", "night.yaml", cwd=folder, env=env).code == 0
    assert call("validate", "night.yaml", cwd=folder, env=env).stdout.strip() == "[]"
    shown = call("plan", "night.yaml", cwd=folder, env={**env, "SPECTRUM_PLAN_FORMAT": "json"})
    assert shown.stdout.startswith("{")


def test_variables_of_other_pipelines_cost_one_line(folder: Path, server: RunningServer) -> None:
    env = environment(server, SPECTRUM_VAR_other="1", SPECTRUM_VAR_more="2", SPECTRUM_VAR_third="3")
    ended = call("run", "night.yaml", "--progress", "none", cwd=folder, env=env)
    assert ended.code == 0
    (line,) = [line for line in ended.stderr.splitlines() if "is set, but" in line]
    assert line.count("SPECTRUM_VAR_") == 3


def test_a_variable_from_a_file(folder: Path, server: RunningServer) -> None:
    text = f"{TOP}variables: {{file: {{type: string, required: true}}}}\njobs: {{a: {{trigger: '${{var.file}}'}}}}\n"
    (folder / "var.yaml").write_text(text, encoding="utf-8")
    (folder / "value").write_text("/quick.wbk\n", encoding="utf-8")
    ended = call("run", "var.yaml", cwd=folder, env=environment(server, SPECTRUM_VAR_file_FILE="value"))
    assert ended.code == 0, ended.stderr
    both = environment(server, SPECTRUM_VAR_file_FILE="value", SPECTRUM_VAR_file="/x")
    ended = call("run", "var.yaml", cwd=folder, env=both)
    assert (ended.code, "is given twice" in ended.stderr) == (2, True)
    ended = call("run", "var.yaml", cwd=folder, env=environment(server, SPECTRUM_VAR_file_FILE="missing"))
    assert (ended.code, "SPECTRUM_VAR_file_FILE cannot be read" in ended.stderr) == (2, True)


def test_each_request_is_traced(folder: Path, server: RunningServer) -> None:
    ended = call("run", "night.yaml", "--trace", "--progress", "none", cwd=folder, env=environment(server))
    assert ended.code == 0
    traced = re.findall(r"^trace: (GET|POST) (\S+) (\d+) \d+ ms$", ended.stderr, re.MULTILINE)
    assert ("POST", "/api/job-execution/20/trigger", "200") in traced
    assert len(traced) >= 3


def test_a_server_that_is_away_is_waited_for(folder: Path) -> None:
    ended = call(
        "run", "night.yaml", "--wait-for-server", "300ms", cwd=folder, env={**LOGIN, "SPECTRUM_URL": dead_port()}
    )
    assert (ended.code, "waiting for the server, 0.3s at most" in ended.stderr) == (3, True)
    assert call("run", "night.yaml", "--wait-for-server", "soon", cwd=folder).code == 2


def test_a_server_that_comes_back_is_used(folder: Path) -> None:
    url = dead_port()
    port = int(url.rpartition(":")[2])
    from spectrum_pipelines.app.embedded import start_server  # noqa: PLC0415 - its port is the one that was free

    started: list[RunningServer] = []
    late = threading.Timer(
        0.3, lambda: started.append(start_server(folder / "workspace.yaml", host="127.0.0.1", port=port)[0])
    )
    late.start()
    ended = call("run", "night.yaml", "--wait-for-server", "20s", cwd=folder, env={**LOGIN, "SPECTRUM_URL": url})
    late.join()
    for server in started:
        server.close()
    assert ended.code == 0, ended.stderr
    assert "waiting for the server, 20s at most" in ended.stderr


def test_a_refused_login_is_not_waited_for(folder: Path, server: RunningServer) -> None:
    env = environment(server, SPECTRUM_PASSWORD="x")
    ended = call("run", "night.yaml", "--wait-for-server", "10m", cwd=folder, env=env)
    assert (ended.code, "waiting for the server" in ended.stderr) == (7, False)


def test_a_plan_needs_no_address(folder: Path) -> None:
    text = (folder / "night.yaml").read_text(encoding="utf-8")
    (folder / "night.yaml").write_text(text + 'server: {url: "${env.SPECTRUM_URL}"}\n', encoding="utf-8")
    ended = call("plan", "night.yaml", "--format", "json", cwd=folder)
    assert (ended.code, json.loads(ended.stdout)["server"]) == (0, None), ended.stderr
    assert call("plan", "night.yaml", cwd=folder).code == 0
    assert call("plan", "night.yaml", "--online", cwd=folder, env=LOGIN).code == 2


def test_a_plan_holds_for_its_server(folder: Path, server: RunningServer) -> None:
    planned = call("plan", "night.yaml", "--format", "json", "--server", "http://elsewhere:8080", cwd=folder)
    (folder / "plan.json").write_text(planned.stdout, encoding="utf-8")
    ended = call("run", "night.yaml", "--plan", "plan.json", cwd=folder, env=environment(server))
    assert (ended.code, "was planned for the server http://elsewhere:8080" in ended.stderr) == (2, True), ended.stderr
    assert server.executions() == []
    planned = call("plan", "night.yaml", "--format", "json", "--local", "workspace.yaml", cwd=folder)
    (folder / "local.json").write_text(planned.stdout, encoding="utf-8")
    args = ("run", "night.yaml", "--plan", "local.json", "--local")
    (folder / "other").mkdir()
    (folder / "other" / "ws.yaml").write_text(WORKSPACE, encoding="utf-8")
    assert call(*args, "other/ws.yaml", cwd=folder).code == 0
    planned = call("plan", "night.yaml", "--format", "json", cwd=folder)
    (folder / "any.json").write_text(planned.stdout, encoding="utf-8")
    assert call("run", "night.yaml", "--plan", "any.json", cwd=folder, env=environment(server)).code == 0
