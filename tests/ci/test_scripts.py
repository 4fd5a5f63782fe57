"""The scripts of the pieces for GitLab, Jenkins and Azure, run by a real shell against the embedded server."""

import json
import re
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click import Command

from spectrum_pipelines.app.embedded import load_workspace
from spectrum_pipelines.cli.main import cli
from spectrum_pipelines.local.serving import RunningServer
from tests.ci import shells
from tests.cli.command_line import LOGIN, ROOT, call, dead_port, embedded, plain_environment

CI = ROOT / "pipelines" / "ci"
ACTION = ROOT / ".github" / "actions" / "run" / "action.yml"
HOOK = ROOT / ".pre-commit-hooks.yaml"
WORKSPACE = """
version: 1
users: [{name: analyst, password: analyst}]
files:
  - {id: 20, path: /quick.wbk, simulate: {}}
  - {id: 21, path: /long.wbk, simulate: {duration: 10m}}
  - {id: 22, path: /flaky.wbk, simulate: {outcomes: [ERROR, COMPLETED]}}
"""
NIGHTLY = """
version: 1
name: nightly
server: {url: "${env.SPECTRUM_URL}"}
http: {retry: {limit: 0}}
timeouts: {pipeline: 8h, finally: 10m}
poll: {min: 50ms}
jobs:
  before: {trigger: /quick.wbk}
  main: {needs: [before], trigger: FILE}
"""


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def azure() -> str:
    return str(loaded(CI / "azure-pipelines.yml")["jobs"][0]["steps"][0]["bash"])


def gitlab() -> str:
    (found,) = loaded(CI / "gitlab-ci.yml")["spectrum-run"]["script"]
    return str(found)


def jenkins() -> str:
    match = re.search(r"sh '''(.*?)'''", (CI / "Jenkinsfile").read_text(encoding="utf-8"), re.DOTALL)
    assert match
    # In Groovy's text a backslash at the end of a line is written twice.
    return match[1].replace("\\\\\n", "\\\n")


#: The script, its shell as the system calls it, and what the system puts into the environment.
SYSTEMS: dict[str, tuple[Callable[[], str], list[str], dict[str, str]]] = {
    "azure": (
        azure,
        ["bash", "--noprofile", "--norc", "-c"],
        {
            "BUILD_BUILDID": "17",
            "SYSTEM_JOBNAME": "spectrum",
            "FOLDER": "state of the agent",
            "SPECTRUM_STATE_PASSWORD": "$(SPECTRUM_STATE_PASSWORD)",
        },
    ),
    "gitlab": (gitlab, ["bash", "-eo", "pipefail", "-c"], {"CI_PIPELINE_ID": "17", "CI_JOB_NAME": "spectrum"}),
    "jenkins": (jenkins, ["sh", "-xec"], {"BUILD_TAG": "jenkins-17-spectrum", "RUN_KEY": ""}),
}
systems = pytest.mark.parametrize("name", SYSTEMS)


class Folder:
    """The checkout of a CI job."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._steps = 0
        (path / "pipelines").mkdir(parents=True)
        (path / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")

    def step(
        self,
        name: str,
        url: str,
        *,
        file: str = "/quick.wbk",
        wait: str = "1s",
        cancel: shells.Moment | None = None,
        env: Mapping[str, str] | None = None,
    ) -> shells.Shown:
        """Run the script of a piece; `wait` stands in the place of its ten minutes."""
        (self.path / "pipelines" / "nightly.yaml").write_text(NIGHTLY.replace("FILE", file), encoding="utf-8")
        script, shell, given = SYSTEMS[name]
        text = script()
        assert "--wait-for-server 10m" in text
        told = plain_environment(**LOGIN, **given, SPECTRUM_URL=url, SPECTRUM_PROGRESS="none")
        told |= {"PATH": f"{Path(sys.executable).parent}:{told['PATH']}", **(env or {})}
        self._steps += 1
        return shells.step(
            [*shell, text.replace("--wait-for-server 10m", f"--wait-for-server {wait}")],
            cwd=self.path,
            env=told,
            log=self.path / f"step-{self._steps}.log",
            cancel=cancel,
        )

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.path / "report.json").read_text(encoding="utf-8"))
        return found

    def latest(self, url: str, file: int) -> dict[str, Any]:
        shown = call("job", "status", str(file), "--format", "json", cwd=self.path, env={**LOGIN, "SPECTRUM_URL": url})
        return json.loads(shown.stdout) if shown.code == 0 else {}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def server(folder: Folder) -> Iterator[str]:
    with embedded(folder.path / "workspace.yaml") as running:
        yield running.url


@systems
def test_a_script_runs_the_pipeline_once_however_often_the_step_is_repeated(
    name: str, folder: Folder, server: str
) -> None:
    for _ in range(2):
        shown = folder.step(name, server)
        assert shown.code == 0, shown.stderr
    report = folder.report()
    assert report["status"] == "succeeded"
    assert re.fullmatch(r"(azure|gitlab|jenkins)-17-spectrum", report["run_key"])
    assert folder.latest(server, 20)["execution_id"] == 2, "two jobs, each triggered once"
    assert (folder.path / "junit.xml").is_file()
    if name == "azure":
        assert (folder.path / "state of the agent").is_dir()


@systems
def test_a_step_that_is_repeated_after_a_mend_turns_green_and_triggers_only_what_failed(
    name: str, folder: Folder, server: str
) -> None:
    first = folder.step(name, server, file="/flaky.wbk")
    second = folder.step(name, server, file="/flaky.wbk")
    assert (first.code, second.code) == (1, 0), second.stderr
    report = folder.report()
    assert report["status"] == "succeeded"
    assert {job["id"]: len(job["executions"]) for job in report["jobs"]} == {"before": 1, "main": 2}


def test_a_new_jenkins_build_goes_on_with_an_earlier_one_by_its_tag(folder: Folder, server: str) -> None:
    first = folder.step("jenkins", server, file="/flaky.wbk")
    second = folder.step(
        "jenkins", server, file="/flaky.wbk", env={"BUILD_TAG": "jenkins-18", "RUN_KEY": "jenkins-17-spectrum"}
    )
    assert (first.code, second.code) == (1, 0), second.stderr
    assert folder.report()["run_key"] == "jenkins-17-spectrum"


@systems
def test_a_server_that_stays_away_ends_the_step_with_3(name: str, folder: Folder) -> None:
    shown = folder.step(name, dead_port())
    assert shown.code == 3, shown.stderr


@systems
def test_a_server_that_comes_back_while_the_step_waits_gets_its_jobs(name: str, folder: Folder) -> None:
    url = dead_port()
    servers: list[RunningServer] = []

    def come_back() -> None:
        workspace = load_workspace(folder.path / "workspace.yaml")
        servers.append(RunningServer.start(workspace, port=int(url.rpartition(":")[2]), state=None).__enter__())

    timer = threading.Timer(1.0, come_back)
    timer.start()
    try:
        shown = folder.step(name, url, wait="25s")
    finally:
        timer.join()
        for one in servers:
            one.__exit__(None, None, None)
    assert shown.code == 0, shown.stderr


@systems
@pytest.mark.parametrize("numbers", [shells.SCHEDULE, ((signal.SIGTERM, 10.0),)], ids=["INT then TERM", "TERM"])
def test_a_cancel_that_reaches_the_shell_only_stops_what_runs_and_leaves_a_report(
    name: str, numbers: shells.Schedule, folder: Folder, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shells, "SCHEDULE", numbers)
    shown = folder.step(
        name, server, file="/long.wbk", cancel=lambda: folder.latest(server, 21).get("job_status") == "RUNNING"
    )
    assert shown.code == 128 + numbers[0][0], shown.stderr
    assert shown.survived == ()
    assert folder.latest(server, 21)["job_status"] == "CANCELED"
    assert folder.report()["status"] == "interrupted"


@pytest.mark.parametrize("path", sorted(CI.iterdir()), ids=lambda it: it.name)
def test_no_piece_waits_in_a_loop_of_its_own(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\b(for|while|until) .*; *do\b|\bsleep\b", text)


def commands(path: Path) -> Iterator[list[str]]:
    """The program's commands in a text: scripts of any system, `args` of a container."""
    text = re.sub(r"\\+\n\s*", " ", path.read_text(encoding="utf-8"))
    if path.name == "gitlab-ci.yml":
        text = text.replace(gitlab_block(text), gitlab())
    for found in re.finditer(
        r"(?:^|[-:'] )\s*(?:'|entry: |exec )*(spectrum-pipelines (?:run|validate) [^\n>|']*)", text, re.MULTILINE
    ):
        yield shlex.split(found[1])[1:]
    if path.suffix == ".yaml" and path.parent == CI:
        yield from arguments(list(yaml.safe_load_all(text)))


def gitlab_block(text: str) -> str:
    match = re.search(r">-\n((?: {6}\S.*\n)+)", text)
    assert match
    return match[1]


def arguments(data: Any) -> Iterator[list[str]]:
    if isinstance(data, dict):
        if isinstance(data.get("args"), list):
            yield data["args"]
        data = list(data.values())
    if isinstance(data, list):
        for one in data:
            yield from arguments(one)


PIECES = [it for it in sorted([*CI.iterdir(), ACTION, HOOK]) if it.name != "Dockerfile"]


@pytest.mark.parametrize("path", PIECES, ids=lambda it: it.name)
def test_every_command_in_it_is_understood(path: Path) -> None:
    found = list(commands(path))
    assert found
    for name, *words in found:
        command: Command | None = cli.get_command(cli.make_context("spectrum-pipelines", ["runs"]), name)
        assert command is not None
        options = {option for parameter in command.params for option in parameter.opts}
        used = {word.partition("=")[0] for word in words if word.startswith("--") and word != "--"}
        assert used <= options


@pytest.mark.parametrize("path", [*PIECES, CI / "Dockerfile"], ids=lambda it: it.name)
def test_no_secret_stands_in_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"password:\s*\w+$", text, re.MULTILINE | re.IGNORECASE)
    assert not re.search(r"postgresql://[^@/\s\"']*:[^@/\s\"']*@", text)


def test_the_image_runs_without_rights_and_hears_signals() -> None:
    lines = [line for line in (CI / "Dockerfile").read_text(encoding="utf-8").splitlines() if line[:1].isupper()]
    words = dict(line.split(" ", 1) for line in lines[lines.index("FROM python:3.13-slim") :])
    assert words["USER"] == "10001:10001"
    assert json.loads(words["ENTRYPOINT"]) == ["spectrum-pipelines"]
    assert json.loads(words["CMD"]) == ["--help"]
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    assert all((ROOT / name).exists() for names in copied for name in names)


def test_pre_commit_gets_the_files_and_a_command_that_finds_faults(tmp_path: Path) -> None:
    (hook,) = loaded(HOOK)
    wanted, left_out = re.compile(hook["files"]), re.compile(hook["exclude"])
    for name, expected in {
        "pipelines/a.yaml": True,
        "team/pipelines/a.yml": True,
        "pipelines/shared/base.yaml": True,
        "team/pipelines/nightly/common/base.yml": True,
        "pipelines/workspace/workspace.yaml": False,
        "team/pipelines/nightly/ci/gitlab.yml": False,
        "pipelines/ci/gitlab-ci.yml": False,
        "other.yaml": False,
    }.items():
        assert bool(wanted.search(name) and not left_out.search(name)) is expected, name
    (tmp_path / "bad.yaml").write_text("version: 1\nname: bad\njobs: {a: {triger: 1}}\n", encoding="utf-8")
    assert call(*shlex.split(hook["entry"])[1:], "bad.yaml", cwd=tmp_path).code == 1
