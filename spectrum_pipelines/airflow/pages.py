"""Pages of runs where a browser finds them: the folder and its URL that a connection names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Pages(NamedTuple):
    """The folder that tasks write to, and the URL under which somebody serves it."""

    folder: Path
    url: str

    def put(self, report: Mapping[str, Any]) -> str:
        """Write the page of a run, and give its URL. Raises StateError."""
        from spectrum_pipelines.render.page.html import html_report  # noqa: PLC0415 - jinja2, when a run has ended
        from spectrum_pipelines.report.file import ReportFile  # noqa: PLC0415

        name = f"{report['run_id']}.html"
        ReportFile(self.folder / name).put(html_report(report).encode())
        return f"{self.url.rstrip('/')}/{name}"
