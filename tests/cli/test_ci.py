"""Which CI job began a run."""

import json
from pathlib import Path

import pytest

from spectrum_pipelines.cli.ci import ci_job
from tests.cli.command_line import LOGIN, call, embedded
from tests.report.checks import assert_valid_report

GITHUB = {
    "GITHUB_SERVER_URL": "https://github.example.com",
    "GITHUB_REPOSITORY": "data/night",
    "GITHUB_RUN_ID": "4711",
}
PAGE = "https://github.example.com/data/night/actions/runs/4711"
AZURE = {
    "SYSTEM_COLLECTIONURI": "https://dev.example.com/data/",
    "SYSTEM_TEAMPROJECT": "night",
    "BUILD_BUILDID": "12",
}


@pytest.mark.parametrize(
    ("environ", "origin"),
    [
        pytest.param({}, {}, id="nowhere"),
        pytest.param(GITHUB, {"ci": "github", "url": PAGE}, id="github"),
        pytest.param({**GITHUB, "GITHUB_RUN_ID": ""}, {}, id="a variable is empty"),
        pytest.param({"CI_JOB_URL": "https://gl/1"}, {"ci": "gitlab", "url": "https://gl/1"}, id="gitlab"),
        pytest.param(
            AZURE,
            {"ci": "azure", "url": "https://dev.example.com/data/night/_build/results?buildId=12"},
            id="azure",
        ),
        pytest.param({"BUILD_URL": "https://j/2/"}, {"ci": "jenkins", "url": "https://j/2/"}, id="jenkins"),
    ],
)
def test_the_page_of_a_ci_job(environ: dict[str, str], origin: dict[str, str]) -> None:
    assert ci_job(environ) == origin


def test_the_report_leads_to_the_job_that_went_on_last(tmp_path: Path) -> None:
    """A failed run is gone on with by another job of CI, and then by hand."""
    workspace = "version: 1\nusers: [{name: analyst, password: analyst}]\nfiles:\n"
    workspace += "  - {id: 1, path: /one.wbk, simulate: {duration: 10ms, outcomes: [ERROR, ERROR, COMPLETED]}}\n"
    (tmp_path / "workspace.yaml").write_text(workspace, encoding="utf-8")
    (tmp_path / "one.yaml").write_text("version: 1\nname: one\njobs: {one: {trigger: 1}}\n", encoding="utf-8")

    def origin(*command: str, **ci: str) -> object:
        call(*command, "--report", "r.json", cwd=tmp_path, env={**LOGIN, "SPECTRUM_URL": server.url, **ci})
        report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
        assert_valid_report(report)
        runs.append(report["run_id"])
        return report["origin"]

    runs: list[str] = []
    with embedded(tmp_path / "workspace.yaml") as server:
        assert origin("run", "one.yaml", **GITHUB) == {"ci": "github", "url": PAGE}
        gitlab = {"ci": "gitlab", "url": "https://gl/2"}
        assert origin("retry", runs[0], CI_JOB_URL="https://gl/2") == gitlab
        assert origin("retry", runs[0]) == gitlab
    assert len({*runs}) == 1
