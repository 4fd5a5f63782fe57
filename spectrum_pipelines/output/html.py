"""The run report as one page."""

from spectrum_pipelines.output.explanation import Report


def html_report(report: Report) -> str:
    """A valid report as one page."""
    raise NotImplementedError
