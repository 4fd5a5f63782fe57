"""The pieces for CI systems and GitOps tools: each against its system's own schema, each script run by a real shell."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click import Command

from spectrum_pipelines.app.embedded import load_workspace
from spectrum_pipelines.cli.main import cli
from spectrum_pipelines.local.serving import RunningServer
from tests.cli.command_line import LOGIN, ROOT, call, dead_port, embedded, plain_environment

CI = ROOT / "pipelines" / "ci"
ACTION = ROOT / ".github" / "actions" / "run" / "action.yml"
PIECES = sorted([*CI.iterdir(), ACTION, ROOT / ".pre-commit-hooks.yaml"])
JOBS = sorted(CI.glob("kubernetes-job-*.yaml"))
WORKSPACE = """
version: 1
users: [{name: analyst, password: analyst}]
files: [{id: 20, path: /quick.wbk, simulate: {}}]
"""
NIGHTLY = """
version: 1
name: nightly
server: {url: "${env.SPECTRUM_URL}"}
variables: {day: none, place: none}
http: {retry: {limit: 0}}
timeouts: {pipeline: 8h, finally: 10m}
jobs: {quick: {trigger: /quick.wbk, description: "${var.day} ${var.place}"}}
"""


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", JOBS, ids=lambda it: it.stem)
@pytest.mark.parametrize("version", ["1.28", "1.33"])
def test_kubernetes_own_schema_accepts_it(path: Path, version: str) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="brings the schemas")
    kubernetes_validate.validate(loaded(path), version, strict=True)


@pytest.mark.parametrize("path", JOBS, ids=lambda it: it.stem)
def test_a_kubernetes_job_is_never_started_again_and_knows_its_revision(path: Path) -> None:
    job = loaded(path)["spec"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    values = {it["name"]: it for it in container["env"]}
    assert (job["backoffLimit"], pod["restartPolicy"]) == (0, "Never")
    assert job["activeDeadlineSeconds"] > 8 * 3600 + 600, "above the timeouts of the pipeline in these tests"
    assert values["SPECTRUM_RUN_KEY"]["valueFrom"]["fieldRef"]["fieldPath"] == (
        "metadata.annotations['spectrum-pipelines/revision']"
    )
    assert "spectrum-pipelines/revision" in job["template"]["metadata"]["annotations"]
    assert "SPECTRUM_PASSWORD" not in values, "a file, not a value that `describe` shows"
    mounts = {it["name"]: it["mountPath"] for it in container["volumeMounts"]}
    assert container["args"][container["args"].index("--state-dir") + 1] == mounts["state"]
    (state,) = [it for it in pod["volumes"] if it["name"] == "state"]
    assert "persistentVolumeClaim" in state, "the journal outlives the pod"


def test_the_image_runs_without_rights_and_hears_signals() -> None:
    lines = [line for line in (CI / "Dockerfile").read_text(encoding="utf-8").splitlines() if line[:1].isupper()]
    words = dict(line.split(" ", 1) for line in lines[lines.index("FROM python:3.13-slim") :])
    assert words["USER"] == "10001:10001"
    assert json.loads(words["ENTRYPOINT"]) == ["spectrum-pipelines"]
    assert json.loads(words["CMD"]) == ["--help"]
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    assert all((ROOT / name).exists() for names in copied for name in names)


def commands(path: Path) -> Iterator[list[str]]:
    text = re.sub(r"\\\n\s*", " ", path.read_text(encoding="utf-8"))
    for found in re.finditer(
        r"(?:^|[-:'] )\s*(?:'|entry: |exec )?(spectrum-pipelines (?:run|validate) [^\n>|']*)", text, re.MULTILINE
    ):
        yield shlex.split(found[1])[1:]


@pytest.mark.parametrize(
    "path", [it for it in PIECES if it.suffix != "" and "kubernetes" not in it.name], ids=lambda it: it.name
)
def test_every_command_in_it_is_understood(path: Path) -> None:
    found = list(commands(path))
    assert found
    for name, *words in found:
        command: Command | None = cli.get_command(cli.make_context("spectrum-pipelines", ["runs"]), name)
        assert command is not None
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--") and word != "--"} <= options


@pytest.mark.parametrize("path", PIECES, ids=lambda it: it.name)
def test_no_secret_and_no_input_is_put_into_a_script(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"password:\s*\w+$", text, re.MULTILINE | re.IGNORECASE)
    if path == ACTION:
        scripts = [step["run"] for step in loaded(path)["runs"]["steps"] if "run" in step]
        assert scripts
        assert not [script for script in scripts if "${{" in script]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "nightly.yaml").write_text(NIGHTLY, encoding="utf-8")
    (tmp_path / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")
    return tmp_path


def script_of(name: str) -> str:
    if name == "azure":
        found = loaded(CI / "azure-pipelines.yml")["jobs"][0]["steps"][0]["bash"]
    elif name == "gitlab":
        (found,) = loaded(CI / "gitlab-ci.yml")["spectrum-run"]["script"]
    else:
        match = re.search(r"sh '''(.*?)'''", (CI / "Jenkinsfile").read_text(encoding="utf-8"), re.DOTALL)
        assert match
        found = match[1]
    return str(found)


GIVEN = {
    "azure": {"BUILD_BUILDID": "17", "STATE": "state dir"},
    "gitlab": {"CI_PIPELINE_ID": "17"},
    "jenkins": {"BUILD_TAG": "17"},
}


def shell(name: str, folder: Path, url: str) -> int:
    program = Path(sys.executable).parent
    env = plain_environment(**LOGIN, **GIVEN[name], SPECTRUM_URL=url, PAUSE="0", SPECTRUM_PROGRESS="none")
    env["PATH"] = f"{program}:{env['PATH']}"
    shown = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script_of(name)],
        cwd=folder, env=env, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    return shown.returncode


@pytest.mark.parametrize("name", GIVEN)
def test_a_script_runs_the_pipeline_once_however_often_the_step_is_repeated(name: str, folder: Path) -> None:
    with embedded(folder / "workspace.yaml") as server:
        assert [shell(name, folder, server.url) for _ in range(2)] == [0, 0]
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        latest = call("job", "status", "20", "--format", "json", cwd=folder, env={**LOGIN, "SPECTRUM_URL": server.url})
    assert (report["status"], report["run_key"]) == ("succeeded", "17")
    assert json.loads(latest.stdout)["execution_id"] == 1, "triggered once"
    assert (folder / "junit.xml").is_file()


@pytest.mark.parametrize("name", ["azure", "jenkins"])
def test_a_script_that_repeats_an_unreachable_server_ends_with_3(name: str, folder: Path) -> None:
    assert shell(name, folder, dead_port()) == 3


@pytest.mark.parametrize("name", ["gitlab"])
def test_a_step_that_is_repeated_after_3_runs_the_pipeline_when_the_server_is_back(name: str, folder: Path) -> None:
    url = dead_port()
    assert shell(name, folder, url) == 3
    with RunningServer.start(load_workspace(folder / "workspace.yaml"), port=int(url.rpartition(":")[2]), state=None):
        assert shell(name, folder, url) == 0


def test_pre_commit_gets_the_files_and_a_command_that_finds_faults(tmp_path: Path) -> None:
    (hook,) = loaded(ROOT / ".pre-commit-hooks.yaml")
    wanted = re.compile(hook["files"])
    for name, expected in {
        "pipelines/a.yaml": True,
        "team/pipelines/a.yml": True,
        "pipelines/workspace/workspace.yaml": False,
        "pipelines/ci/gitlab-ci.yml": False,
        "other.yaml": False,
    }.items():
        assert bool(wanted.search(name)) is expected, name
    (tmp_path / "bad.yaml").write_text("version: 1\nname: bad\njobs: {a: {triger: 1}}\n", encoding="utf-8")
    assert call(*shlex.split(hook["entry"])[1:], "bad.yaml", cwd=tmp_path).code == 1
