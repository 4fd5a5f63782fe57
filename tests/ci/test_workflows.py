"""The files that GitHub and other systems read: each against its own schema; the project's own workflows hold few rights."""

import json
import os
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.ci.release import changelog_versions, version
from tests.cli.command_line import ROOT

CI = ROOT / "pipelines" / "ci"
ACTION = ROOT / ".github" / "actions" / "run" / "action.yml"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCHEMAS = {
    CI / "gitlab-ci.yml": "gitlab-ci",
    CI / "azure-pipelines.yml": "azure-pipelines",
    ACTION: "github-actions",
    ROOT / ".github" / "dependabot.yml": "dependabot",
    **dict.fromkeys(WORKFLOWS, "github-workflows"),
}


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda it: it.name)
def test_the_systems_own_schema_accepts_it(path: Path) -> None:
    name = SCHEMAS[path]
    resource = files("check_jsonschema.builtin_schemas").joinpath(f"vendor/{name}.json")
    schema = json.loads(resource.read_text(encoding="utf-8"))
    # Azure reads every scalar as a string, and its schema says so. GitHub reads `on` as a key, as YAML 1.2 does.
    loader = yaml.BaseLoader if name in {"azure-pipelines", "github-workflows"} else yaml.SafeLoader
    data = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    if name == "github-workflows":
        data = {**yaml.safe_load(path.read_text(encoding="utf-8")), "on": data["on"]}
        data.pop(True, None)
    jsonschema.validators.validator_for(schema)(schema).validate(data)


def workflow(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def jobs() -> list[tuple[str, str]]:
    return [(path.name, name) for path in WORKFLOWS for name in workflow(path)["jobs"]]


def steps(path: Path) -> list[dict[str, Any]]:
    if path == ACTION:
        found: list[dict[str, Any]] = workflow(path)["runs"]["steps"]
        return found
    return [step for job in workflow(path)["jobs"].values() for step in job.get("steps", [])]


RIGHTS = {
    ("release.yml", "publish"): {"id-token": "write"},
    ("release.yml", "image"): {"contents": "read", "packages": "write"},
}


@pytest.mark.parametrize(("file", "job"), jobs(), ids=lambda it: it)
def test_a_job_has_no_more_rights_than_it_needs_and_ends(file: str, job: str) -> None:
    told = workflow(ROOT / ".github" / "workflows" / file)
    assert told["permissions"] == {"contents": "read"}
    assert told["jobs"][job].get("permissions") == RIGHTS.get((file, job))
    assert "timeout-minutes" in told["jobs"][job] or "uses" in told["jobs"][job]


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda it: it.name)
def test_others_actions_are_pinned_and_nothing_is_put_into_a_script(path: Path) -> None:
    for step in steps(path):
        assert "${{" not in step.get("run", ""), "the shell would run it"
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w/-]+@v\d+(\.\d+\.\d+)?", step["uses"])
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"] == {"persist-credentials": False}


def test_the_image_gets_what_it_copies_and_nothing_else() -> None:
    kept = [
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
    ]
    dockerfile = (CI / "Dockerfile").read_text(encoding="utf-8")
    copied = [
        name for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE) for name in line.split()[:-1]
    ]
    assert sorted(kept) == sorted(copied)


def test_a_change_is_tried_on_every_python_from_the_oldest_that_is_claimed() -> None:
    tried = workflow(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["ci"]["strategy"]["matrix"]["python"]
    oldest = re.search(r'^requires-python = ">=3\.(\d+)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert oldest
    minors = [int(it.removeprefix("3.")) for it in tried]
    assert minors == list(range(int(oldest[1]), max(minors) + 1))


def nightly_tests() -> list[str]:
    told = [step.get("run", "") for step in steps(ROOT / ".github" / "workflows" / "nightly.yml")]
    return [run for run in told if "pytest" in run]


@pytest.mark.parametrize("command", nightly_tests())
def test_pytest_knows_each_option_of_the_nightly_tests(command: str) -> None:
    """pytest has a folder's own options only where that folder is named: a night without its tests would go unseen."""
    asked = command.replace(".venv/bin/pytest", f"{sys.executable} -m pytest").strip()
    done = subprocess.run(
        ["bash", "-c", f"{asked} --markers"],
        cwd=ROOT,
        env={**os.environ, "NIGHT": "7"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_the_nights_hold_all_the_long_forms() -> None:
    asked = " ".join(nightly_tests())
    for option in (
        "--simulations 20000",
        "--answers 20000",
        "--spoilt",
        "--fuzz 5000",
        "--local-fuzz 5000",
        "--thorough",
    ):
        assert option in asked


def test_what_runs_the_projects_code_cannot_publish() -> None:
    release = workflow(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    assert not [step for step in release["publish"]["steps"] if "run" in step]
    assert set(release["publish"]["needs"]) == set(release["image"]["needs"]) == {"ci", "build"}


def test_the_changelog_knows_the_version_and_each_version_that_a_file_names() -> None:
    known = changelog_versions()
    assert version() in known
    named = re.compile(r"(?:spectrum-pipelines(?:/\.github/actions/run)?[:@]v?|rev: v)(\d+\.\d+\.\d+)")
    texts = [*CI.iterdir(), ACTION, ROOT / "README.md", ROOT / ".pre-commit-hooks.yaml"]
    found = {it.name: set(named.findall(it.read_text(encoding="utf-8"))) for it in texts}
    assert {"README.md", "action.yml", "gitlab-ci.yml", "Jenkinsfile"} <= {
        name for name, versions in found.items() if versions
    }
    assert {it for versions in found.values() for it in versions} <= set(known)
