"""The checker that stands behind every test of the command line finds what it looks for."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import pytest

from tests.aftermath import Called, assert_in_order

RUN = "20261123T150405Z-7f3a"
HERE = "http://127.0.0.1:8080"
SECRET = "tok/9Qv&X2"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".spectrum-pipelines" / "runs" / RUN).mkdir(parents=True)
    (tmp_path / "night.yaml").write_text("variables: {tok: {secret: true}}\n", encoding="utf-8")
    return tmp_path


def called(
    folder: Path, stderr: str, *, args: Sequence[str] = ("run", "night.yaml"), env: Mapping[str, str] | None = None
) -> Called:
    return Called(
        args=args, code=1, stdout="", stderr=stderr, folder=folder, env={"SPECTRUM_URL": HERE, **(env or {})}, began=0
    )


GOOD = [
    f"Next: find out why and mend it, then: spectrum-pipelines retry {RUN}",
    f"  if it never started: spectrum-pipelines adopt {RUN} a --none --server {HERE}",
    "hint: `spectrum-pipelines job history --file FILE` shows it",
    f"Next: spectrum-pipelines adopt {RUN} a EXECUTION_ID",
    "hint: see `spectrum-pipelines run --help`",
    "next: spectrum-pipelines validate night.yaml",
]


@pytest.mark.parametrize("line", GOOD)
def test_what_works_passes(folder: Path, line: str) -> None:
    assert_in_order(called(folder, f"{line}\n"))


BAD = {
    "an option that is none": f"Next: spectrum-pipelines retry {RUN} --again",
    "an argument too few": "hint: try `spectrum-pipelines job status`",
    "no such run": "Next: spectrum-pipelines resume 20261123T150405Z-0000",
    "another state": f"Next: spectrum-pipelines resume {RUN} --state elsewhere",
    "another server": f"      look: spectrum-pipelines job details 5 --server {HERE}0",
    "no such file": "next: spectrum-pipelines plan nightly.yaml",
    "a masked word": f"Next: spectrum-pipelines resume {RUN} --server http://***",
    "a secret": "note: the token is tok/9Qv&X2",
    "a secret in a URL": "note: GET /Data/tok%2F9Qv%26X2/status",
}


@pytest.mark.parametrize("line", BAD.values(), ids=BAD)
def test_what_does_not_work_is_found(folder: Path, line: str) -> None:
    with pytest.raises((AssertionError, click.UsageError)):
        assert_in_order(called(folder, f"{line}\n", env={"SPECTRUM_VAR_tok": SECRET}))


def test_a_command_about_no_server_is_found(folder: Path) -> None:
    one = Called(args=("runs",), code=0, stdout="", stderr="`spectrum-pipelines job list`", folder=folder, env={})
    with pytest.raises(AssertionError, match="on which server"):
        assert_in_order(one)


@pytest.mark.parametrize("text", [None, "yesterday's", '{"exit_code": 0}'], ids=["none", "of yesterday", "invalid"])
def test_a_report_that_is_not_of_this_end_is_found(folder: Path, text: str | None) -> None:
    if text is not None:
        (folder / "r.json").write_text(text, encoding="utf-8")
    with pytest.raises((AssertionError, ValueError)):
        assert_in_order(called(folder, "", args=("run", "night.yaml", "--report", "r.json")))


def test_a_secret_in_a_file_is_found(folder: Path) -> None:
    (folder / "page.html").write_text("<b>tok/9Qv&amp;X2</b>", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"page\.html"):
        assert_in_order(called(folder, "", env={"SPECTRUM_VAR_tok": SECRET}))
