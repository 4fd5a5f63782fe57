"""A job that stands in a fragment is told at its line of that file."""

import json
import re
from pathlib import Path

from spectrum_pipelines.render.report.annotations import annotations, workflow_commands
from spectrum_pipelines.render.report.explanation import where
from spectrum_pipelines.render.report.junit import junit_xml
from tests.cli.command_line import PIPELINES, call


def test_annotations_and_junit_name_the_fragment(tmp_path: Path) -> None:
    (tmp_path / "repo/.git").mkdir(parents=True)
    (tmp_path / "repo/common").mkdir()
    (tmp_path / "repo/pipelines").mkdir()
    fragment = "jobs:\n  broken: {trigger: '/Simulated/always fails.wbk'}\n"
    (tmp_path / "repo/common/jobs.yaml").write_text(fragment, encoding="utf-8")
    text = "version: 1\nname: x\ninclude: [../common/jobs.yaml]\njobs: {own: {trigger: '/Simulated/quick.wbk'}}\n"
    (tmp_path / "repo/pipelines/p.yaml").write_text(text, encoding="utf-8")
    workspace = str(PIPELINES / "workspace/workspace.yaml")
    arguments = ["--local", workspace, "--progress", "none", "--report", "report.json"]
    ended = call("run", "pipelines/p.yaml", *arguments, cwd=tmp_path / "repo")
    assert ended.code == 1
    report = json.loads((tmp_path / "repo/report.json").read_text(encoding="utf-8"))
    jobs = {job["id"]: job for job in report["jobs"]}
    assert (where(report, jobs["broken"]), "fragment" in jobs["own"]) == ("common/jobs.yaml:2", False)
    told = workflow_commands(annotations(report), file="pipelines/p.yaml")
    assert "::error file=common/jobs.yaml,line=2," in told
    assert '<testcase name="broken' in junit_xml(report)
    assert 'file="common/jobs.yaml"' in junit_xml(report)


def test_from_a_folder_of_the_repository_fragments_are_named_from_its_root(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "mono/team").mkdir(parents=True)
    (tmp_path / "other/g.yaml").write_text(
        "jobs: {broken: {trigger: '/Simulated/always fails.wbk'}}\n", encoding="utf-8"
    )
    text = "version: 1\nname: x\ninclude: [../../other/g.yaml]\njobs: {own: {trigger: '/Simulated/quick.wbk'}}\n"
    (tmp_path / "mono/team/p.yaml").write_text(text, encoding="utf-8")
    workspace = str(PIPELINES / "workspace/workspace.yaml")
    arguments = ["--local", workspace, "--progress", "none", "--junit", "j.xml"]
    ended = call("run", "p.yaml", *arguments, cwd=tmp_path / "mono/team", env={"GITHUB_ACTIONS": "true"})
    assert ended.code == 1
    cases = re.findall(r'<testcase name="(\w+)[^>]* file="([^"]*)"', (tmp_path / "mono/team/j.xml").read_text("utf-8"))
    assert dict(cases) == {"broken": "other/g.yaml", "own": "mono/team/p.yaml"}
    assert "::error file=other/g.yaml,line=1," in ended.stderr
