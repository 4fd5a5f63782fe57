"""`validate` of a fragment alone, as pre-commit names it: judged by its own form, and in every pipeline that includes it."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from tests.cli.command_line import ROOT, call

NIGHTLY = """\
version: 1
name: {name}
include: [../common/base.yaml]
jobs:
  sales: {{needs: [load], trigger: "/${{var.region}}.wbk"}}
"""
BASE = """\
variables: {region: emea}
jobs:
  load: {trigger: 48}
"""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Two pipelines that share a fragment, which includes another one."""
    for name, text in {
        "pipelines/a.yaml": NIGHTLY.format(name="a"),
        "pipelines/deep/b.yaml": NIGHTLY.format(name="b").replace("../common", "../../common"),
        "pipelines/apart.yaml": "version: 1\nname: apart\njobs: {x: {trigger: 1, timeot: 5}}\n",
        "common/base.yaml": f"include: [more/policy.yaml]\n{BASE}",
        "common/more/policy.yaml": "defaults: {timeout: 1h}\n",
        "broken.yaml": "include: [",
        "list.yaml": "- include",
        ".hidden/c.yaml": NIGHTLY.format(name="hidden"),
        "node_modules/d.yaml": NIGHTLY.format(name="foreign"),
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / ".git").mkdir()
    return tmp_path


def found(repo: Path, *files: str, cwd: Path | None = None) -> list[tuple[str, int, int, str]]:
    ended = call("validate", "--strict", "--format", "json", *files, cwd=cwd or repo)
    told = [(it["file"], it["line"], it["column"], it["code"]) for it in json.loads(ended.stdout)]
    assert ended.code == bool(told)
    return told


def change(repo: Path, name: str, old: str, new: str) -> None:
    text = (repo / name).read_text(encoding="utf-8")
    assert old in text
    (repo / name).write_text(text.replace(old, new), encoding="utf-8")


def test_a_fragment_with_jobs_is_not_failed_for_what_only_a_pipeline_has(repo: Path) -> None:
    assert found(repo, "common/base.yaml") == []
    assert found(repo, "common/more/policy.yaml") == []
    assert found(repo, "base.yaml", cwd=repo / "common") == []


def test_what_is_in_it_is_checked(repo: Path) -> None:
    change(repo, "common/base.yaml", "trigger: 48", "trigger: 48, timeot: 5")
    change(repo, "common/more/policy.yaml", "1h", "5")
    assert found(repo, "common/base.yaml") == [
        ("common/base.yaml", 4, 23, "unknown-key"),
        ("common/more/policy.yaml", 1, 21, "wrong-type"),
    ]


@pytest.mark.parametrize(
    "named", [("common/base.yaml",), ("common/base.yaml", "pipelines/a.yaml")], ids=["alone", "beside one of them"]
)
def test_a_change_that_breaks_a_pipeline_is_told_in_the_line_of_the_pipeline(
    repo: Path, named: tuple[str, ...]
) -> None:
    change(repo, "common/base.yaml", "load:", "loads:")
    assert found(repo, *named) == [
        ("pipelines/a.yaml", 5, 19, "unknown-job"),
        ("pipelines/deep/b.yaml", 5, 19, "unknown-job"),
    ]


def test_what_only_the_whole_can_know_of_the_fragment_is_told_in_its_own_line(repo: Path) -> None:
    change(repo, "common/base.yaml", "trigger: 48", "trigger: '${var.regoin}'")
    assert found(repo, "common/base.yaml") == [("common/base.yaml", 4, 20, "unknown-variable")]
    assert [it[0] for it in found(repo, str(repo / "common/base.yaml"))] == [str(repo / "common/base.yaml")]


def test_a_warning_of_a_pipeline_that_is_not_in_the_fragment_is_left_to_that_pipeline(repo: Path) -> None:
    change(
        repo,
        "pipelines/a.yaml",
        "jobs:\n",
        "jobs:\n  last: {needs: [sales], run_if: any_failed, trigger: 1, retry: {limit: 0, factor: 3}}\n",
    )
    others = found(repo, "pipelines/a.yaml")
    assert found(repo, "common/base.yaml") == []
    assert all(it[0] == "pipelines/a.yaml" for it in others)


def test_a_file_with_jobs_that_nobody_includes_is_a_pipeline_that_lacks_its_head(repo: Path) -> None:
    (repo / "new.yaml").write_text("jobs: {a: {trigger: 1}}\n", encoding="utf-8")
    assert [it[3] for it in found(repo, "new.yaml")] == ["missing-key", "missing-key"]
    (repo / "new.yaml").write_text("version: 1\njobs: {a: {trigger: 1}}\n", encoding="utf-8")
    assert [it[3] for it in found(repo, "new.yaml")] == ["missing-key"]


def test_a_fragment_may_say_its_version(repo: Path) -> None:
    change(repo, "common/base.yaml", "variables:", "version: 1\nvariables:")
    assert found(repo, "common/base.yaml") == []


def test_without_a_repository_the_working_directory_is_looked_through(repo: Path) -> None:
    (repo / ".git").rmdir()
    change(repo, "pipelines/a.yaml", "../common", "common")
    (repo / "pipelines/common").mkdir()
    (repo / "pipelines/common/base.yaml").write_text(BASE.replace("load", "other"), encoding="utf-8")
    assert ("pipelines/a.yaml", 5, 19, "unknown-job") in found(repo, "pipelines/common/base.yaml")


def test_the_hook_is_green_on_the_shipped_files_each_alone(tmp_path: Path) -> None:
    """Pre-commit hands over what has changed, and nothing else."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    names = [path.relative_to(ROOT).as_posix() for path in (ROOT / "pipelines").rglob("*.y*ml")]
    taken = [it for it in names if re.search(hook["files"], it) and not re.search(hook["exclude"], it)]
    assert {"pipelines/nightly/base.yaml", "pipelines/shared/policy.yaml", "pipelines/shared/cleanup.yaml"} <= {*taken}
    for name in taken:
        if "shared" in name or "base" in name:
            ended = call(*shlex.split(hook["entry"])[1:], name, cwd=ROOT)
            assert (ended.code, ended.stdout) == (0, ""), ended.stdout
    ended = call(*shlex.split(hook["entry"])[1:], *taken, cwd=ROOT)
    assert ended.code == 0, ended.stdout
