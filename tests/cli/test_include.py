"""`include` through the real command line: what may be read, and what a run keeps of it."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.command_line import call
from tests.cli.test_resume import interrupted
from tests.faults.conftest import *  # noqa: F403 - the fixtures of the folder in which their servers live
from tests.faults.project import Project
from tests.faults.spectrum_server import SpectrumServer

BASE = "defaults: {timeout: 10s}\nvariables: {token: {type: string, secret: true, required: true}}\n"
NIGHTLY = "version: 1\nname: nightly\ninclude: [%s]\njobs: {load: {trigger: 48, description: '${var.token}'}}\n"


def tree(folder: Path, **files: str) -> Path:
    (folder / "repo/pipelines").mkdir(parents=True)
    (folder / "repo/.git").mkdir()
    (folder / "outside.yaml").write_text("defaults: {timeout: hunter2}\n", encoding="utf-8")
    for name, text in files.items():
        path = folder / "repo" / name.replace("__", "/")
        path = path.with_suffix(".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "repo"


def test_fragments_stand_beside_and_above_the_file_inside_the_repository(tmp_path: Path) -> None:
    repo = tree(tmp_path, common__base=BASE, pipelines__nightly=NIGHTLY % "../common/base.yaml")
    assert call("validate", "pipelines/nightly.yaml", cwd=repo).code == 0
    assert call("validate", "nightly.yaml", cwd=repo / "pipelines").code == 0
    assert call("validate", str(repo / "pipelines/nightly.yaml"), cwd=tmp_path).code == 0
    planned = call("plan", "pipelines/nightly.yaml", "--server", "http://x", "--var", "token=t", cwd=repo)
    assert "Includes      common/base.yaml" in planned.stdout
    assert "line 1 of common/base.yaml" in planned.stdout


@pytest.mark.parametrize(
    ("name", "told"),
    [
        pytest.param("../../outside.yaml", "leads out of the repository", id="above the repository"),
        pytest.param("link.yaml", "leads out of the repository", id="a link out"),
        pytest.param("folder/outside.yaml", "leads out of the repository", id="through a folder that is a link out"),
        pytest.param("missing.yaml", "does not exist", id="missing"),
        pytest.param("fifo.yaml", "is a named pipe, not a file", id="a pipe that nobody writes to"),
        pytest.param("sub", "is a directory, not a file", id="a folder"),
        pytest.param("binary.yaml", "a NUL byte", id="binary"),
        pytest.param("huge.yaml", "larger than", id="huge"),
        pytest.param("latin.yaml", "is not UTF-8", id="another encoding"),
    ],
)
def test_fault_67_what_cannot_be_a_fragment(tmp_path: Path, name: str, told: str) -> None:
    repo = tree(tmp_path, pipelines__nightly=NIGHTLY % name)
    here = repo / "pipelines"
    (here / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (here / "folder").symlink_to(tmp_path)
    os.mkfifo(here / "fifo.yaml")
    (here / "sub").mkdir()
    (here / "binary.yaml").write_bytes(b"defaults: \0")
    (here / "latin.yaml").write_bytes("description: Köln".encode("latin-1"))
    with (here / "huge.yaml").open("wb") as file:
        file.truncate(10_000_001)
    ended = call("validate", "pipelines/nightly.yaml", cwd=repo)
    assert ended.code == 1
    assert "pipelines/nightly.yaml:3:11: error:" in ended.stdout
    assert told in ended.stdout
    assert "hunter2" not in ended.stdout + ended.stderr
    assert (
        call("run", "pipelines/nightly.yaml", "--server", "http://127.0.0.1:9", "--var", "token=t", cwd=repo).code == 2
    )


def test_a_link_that_stays_inside_is_followed(tmp_path: Path) -> None:
    repo = tree(tmp_path, common__base=BASE, pipelines__nightly=NIGHTLY % "base.yaml")
    (repo / "pipelines/base.yaml").symlink_to("../common/base.yaml")
    assert call("validate", "pipelines/nightly.yaml", cwd=repo).code == 0


def test_without_a_repository_the_folder_is_the_border(tmp_path: Path) -> None:
    repo = tree(tmp_path, common__base=BASE, pipelines__nightly=NIGHTLY % "../common/base.yaml")
    (repo / ".git").rmdir()
    ended = call("validate", "pipelines/nightly.yaml", cwd=repo)
    assert ended.code == 1
    assert "leads out of the repository" in ended.stdout


def test_what_is_wrong_with_a_fragment_is_told_once_for_all_who_share_it(tmp_path: Path) -> None:
    repo = tree(tmp_path, common__base="defaults: {timeout: 5}\n")
    names = [f"pipelines/p{number}.yaml" for number in range(20)]
    for name in names:
        text = "version: 1\nname: x\ninclude: [../common/base.yaml]\njobs: {a: {trigger: 1}}\n"
        (repo / name).write_text(text, encoding="utf-8")
    ended = call("validate", "--format", "json", *names, cwd=repo)
    assert [(it["file"], it["line"], it["column"]) for it in json.loads(ended.stdout)] == [("common/base.yaml", 1, 21)]


def test_a_fragment_alone_is_judged_by_its_own_form(tmp_path: Path) -> None:
    repo = tree(
        tmp_path, common__base=BASE, common__bad="defaults: {timeout: 5}\n", common__jobs="jobs: {a: {trigger: 1}}\n"
    )
    assert call("validate", "--strict", "common/base.yaml", cwd=repo).code == 0
    assert call("validate", "common/bad.yaml", cwd=repo).code == 1
    assert "lacks the key `version`" in call("validate", "common/jobs.yaml", cwd=repo).stdout


def begun(project: Project) -> Path:
    """A project whose pipeline includes a fragment."""
    data = json.loads(project.file.read_text(encoding="utf-8"))
    fragment = project.folder / "base.yaml"
    fragment.write_text(json.dumps({key: data.pop(key) for key in ("defaults", "poll", "http", "variables")}), "utf-8")
    project.file.write_text(json.dumps({**data, "include": ["base.yaml"]}), encoding="utf-8")
    return fragment


def test_a_run_goes_on_with_the_fragments_that_it_began_with(
    project: Project, server: SpectrumServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fragment = begun(project)
    run_id = interrupted(project, server, monkeypatch)
    fragment.unlink()
    project.file.unlink()
    outcome = project.resume(run_id)
    assert outcome.code == 0, outcome.stderr
    assert server.started() == {48: 1}


def test_a_fragment_that_has_changed_is_refused_and_shown(
    project: Project, server: SpectrumServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fragment = begun(project)
    run_id = interrupted(project, server, monkeypatch)
    asked = len(server.seen)
    fragment.write_text(fragment.read_text("utf-8").replace("10s", "20s"), encoding="utf-8")
    outcome = project.resume(run_id)
    assert outcome.code == 2
    assert "base.yaml is not the fragment that run" in outcome.stderr
    assert "20s" in outcome.stderr
    assert len(server.seen) == asked
