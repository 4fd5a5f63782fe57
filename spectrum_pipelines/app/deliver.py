"""What others get of a run beside its report: the files of `--junit`, `--html` and `--summary`, and what GitHub Actions looks for.

All are made from the report at the end of the run. None may change what the run did: one that fails is said, and costs the green.
"""

import functools
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import click
from msgspec import Struct

from spectrum_pipelines.app.checkout import named_from, root
from spectrum_pipelines.cli.options import F, option
from spectrum_pipelines.cli.terminal import say
from spectrum_pipelines.errors import UserError
from spectrum_pipelines.report.file import ReportFile

Report = Mapping[str, Any]

#: The formats of `report --format` that a file can hold; each is imported only where it is asked for.
FORMATS = ("junit", "markdown", "html")
_FORMAT_OF = {"--junit": "junit", "--html": "html", "--summary": "markdown"}


class Renderings(Struct, frozen=True, kw_only=True):
    """The files that were asked for."""

    junit: Path | None = None
    html: Path | None = None
    summary: Path | None = None

    def probe(self, *taken: Path | None) -> None:
        """Find out before the first trigger whether each can be written. Raises UserError, and StateError for what a disk says."""
        seen = {path.resolve(): "--report" for path in taken if path is not None}
        for name, path in self._wanted():
            if str(path) == "-":
                hint = f"name a file; `spectrum-pipelines report RUN_ID --format {_FORMAT_OF[name]}` writes to stdout"
                raise UserError(f"{name} cannot go to stdout while the run is told", hint=hint)
            if (other := seen.setdefault(path.resolve(), name)) != name:
                raise UserError(f"{name} and {other} name the same file: {path}", hint="name two files")
            ReportFile(path).probe()

    def write(self, report: Report) -> bool:
        """Write all of them, and say what cannot be. True if nothing was lost."""
        written = [_write(name, path, report) for name, path in self._wanted()]
        return all(written)

    def _wanted(self) -> Iterator[tuple[str, Path]]:
        paths = {"--junit": self.junit, "--html": self.html, "--summary": self.summary}
        return ((name, path) for name, path in paths.items() if path is not None)


def rendering_options(function: F) -> F:
    """Add `--junit`, `--html` and `--summary`; the command takes them as `renderings`."""

    @functools.wraps(function)
    def bundled(*args: Any, junit: Path | None, html: Path | None, summary: Path | None, **others: Any) -> Any:
        return function(*args, renderings=Renderings(junit=junit, html=html, summary=summary), **others)

    added: Callable[..., Any] = bundled
    for name, metavar, told in reversed(_OPTIONS):
        added = option(name, metavar=metavar, type=click.Path(path_type=Path), help=told)(added)
    return cast("F", added)


_OPTIONS = (
    ("--junit", "FILE.xml", "Write the run as JUnit XML here, a test case for each job."),
    ("--html", "FILE.html", "Write the run as one self-contained page here."),
    ("--summary", "FILE.md", "Write a Markdown summary here; in GitHub Actions it is shown by itself."),
)


def rendered(report: Report, form: str, *, environ: Mapping[str, str] = os.environ) -> str:
    """A valid report in one of FORMATS."""
    match form:
        case "junit":
            from spectrum_pipelines.render.report.junit import junit_xml  # noqa: PLC0415 - one of several

            # GitLab links a case to its line of the file, by the name that the file has in the repository.
            pipeline = report["pipeline"]
            file = named_from(root(environ), pipeline["file"])
            return junit_xml({**report, "pipeline": {**pipeline, "file": file}})
        case "html":
            from spectrum_pipelines.render.page.html import html_report  # noqa: PLC0415 - jinja2

            return html_report(report)
        case _:
            from spectrum_pipelines.render.report.markdown import markdown  # noqa: PLC0415 - one of several

            return markdown(report)


def _write(name: str, path: Path, report: Report) -> bool:
    try:
        ReportFile(path).put(rendered(report, _FORMAT_OF[name]).encode())
    except Exception as error:  # noqa: BLE001 - a rendering must not take the run's outcome away
        say("error", f"{name} could not be written: {error}")
        return False
    return True


def tell_github(report: Report, *, report_path: Path, annotate: bool, environ: Mapping[str, str] = os.environ) -> None:
    """In a GitHub Actions step: the summary, the step's outputs, and annotations in the log. What fails is said, and no more."""
    if environ.get("GITHUB_ACTIONS") != "true":
        return
    from spectrum_pipelines.render.report.annotations import annotations, workflow_commands  # noqa: PLC0415 - on GitHub only
    from spectrum_pipelines.render.report.github import step_outputs  # noqa: PLC0415
    from spectrum_pipelines.render.report.markdown import LIMIT, markdown  # noqa: PLC0415

    if annotate:
        sys.stderr.write(workflow_commands(annotations(report), file=_in_repository(report, environ)))
        sys.stderr.flush()
    delimiter = f"spectrum-{secrets.token_hex(16)}"
    # Later steps begin in the root of the repository, whatever the working directory of this one.
    path = named_from(root(environ), str(report_path))
    _append(environ.get("GITHUB_OUTPUT"), lambda _: step_outputs(report, report_path=path, delimiter=delimiter))
    _append(environ.get("GITHUB_STEP_SUMMARY"), lambda size: markdown(report, limit=LIMIT - size - 2))


def _append(name: str | None, text: Callable[[int], str]) -> None:
    """Add to a file of GitHub's, whose size `text` is given: earlier commands of the step may have written to it."""
    if not name:
        return
    try:
        with Path(name).open("a", encoding="utf-8", newline="\n") as file:
            size = file.tell()
            added = text(size)
            file.write(f"\n{added}" if size and added.startswith("#") else added)
    except OSError as error:
        say("warning", f"{name} could not be written: {error.strerror or error}")


def _in_repository(report: Report, environ: Mapping[str, str]) -> str | None:
    """The pipeline file as GitHub names it, from the repository's root; None if it is not in there."""
    root = Path(environ.get("GITHUB_WORKSPACE") or ".").resolve()
    try:
        return Path(report["pipeline"]["file"]).resolve().relative_to(root).as_posix()
    except ValueError:
        return None
