"""Pages of runs in a folder that somebody serves. Needs no Airflow."""

from pathlib import Path

import pytest

from spectrum_pipelines.airflow.pages import Pages
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.render.page.html import html_report
from tests.report.runs import RUN_ID, succeeded_run


@pytest.mark.parametrize("url", ["https://reports.example.com/spectrum", "https://reports.example.com/spectrum/"])
def test_a_page_is_where_its_address_says(tmp_path: Path, url: str) -> None:
    report = succeeded_run().report()
    assert Pages(tmp_path, url).put(report) == f"https://reports.example.com/spectrum/{RUN_ID}.html"
    assert RUN_ID in (tmp_path / f"{RUN_ID}.html").read_text(encoding="utf-8")


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="does not exist"):
        Pages(tmp_path / "missing", "https://reports.example.com").put(succeeded_run().report())


def test_the_page_says_which_task_began_the_run() -> None:
    report = {**succeeded_run().report(), "origin": {"dag": "nightly", "try": "2"}}
    assert "dag nightly, try 2" in html_report(report)
