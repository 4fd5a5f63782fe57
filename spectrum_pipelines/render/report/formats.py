"""The forms in which a report can be had. A new one is a row of this table: its option, its help and its choice follow from it."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

Report = Mapping[str, Any]


class Format(Struct, frozen=True, kw_only=True):
    """One form. `option` writes it to a file at the end of a run; None where no option does. `render` takes a valid report.

    `names_files`: CI systems link its file names to the repository, so that they are wanted from its root.
    """

    render: Callable[[Report], str]
    option: str | None = None
    metavar: str = "FILE"
    told: str = ""
    names_files: bool = False


def _json(report: Report) -> str:
    from spectrum_pipelines.report.json_text import report_json  # noqa: PLC0415 - each form is imported where it is asked for

    return report_json(report)


def _junit(report: Report) -> str:
    from spectrum_pipelines.render.report.junit import junit_xml  # noqa: PLC0415

    return junit_xml(report)


def _html(report: Report) -> str:
    from spectrum_pipelines.render.page.html import html_report  # noqa: PLC0415 - jinja2

    return html_report(report)


def _markdown(report: Report) -> str:
    from spectrum_pipelines.render.report.markdown import markdown  # noqa: PLC0415

    return markdown(report)


FORMATS: Mapping[str, Format] = {
    "json": Format(render=_json),
    "junit": Format(
        render=_junit,
        option="--junit",
        metavar="FILE.xml",
        told="Write the run as JUnit XML here, a test case for each job.",
        names_files=True,  # GitLab links a case to its line of the file
    ),
    "markdown": Format(
        render=_markdown,
        option="--summary",
        metavar="FILE.md",
        told="Write a Markdown summary here; in GitHub Actions it is shown by itself.",
    ),
    "html": Format(
        render=_html, option="--html", metavar="FILE.html", told="Write the run as one self-contained page here."
    ),
}
