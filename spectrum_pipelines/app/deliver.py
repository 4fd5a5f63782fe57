"""What others get of a run beside its report: the files of `--junit`, `--html` and `--summary`, and what GitHub Actions looks for.

All are made from the report at the end of the run. None may change what the run did: one that fails costs that file and a warning.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from spectrum_pipelines.app.checkout import named_from
from spectrum_pipelines.app.notices import Notices
from spectrum_pipelines.errors import StateError, UserError
from spectrum_pipelines.files import is_same_file
from spectrum_pipelines.render.report.formats import FORMATS
from spectrum_pipelines.report.file import ReportFile

Report = Mapping[str, Any]


class Renderings(Struct, frozen=True, kw_only=True):
    """The files that were asked for: a path for the name of a format (`junit`, `html`, `markdown`)."""

    paths: Mapping[str, Path] = {}

    def probe(self, *taken: Path | None) -> None:
        """Find out before the first trigger whether each can be written. Raises UserError, and StateError for what a disk says."""
        seen = [("--report", path) for path in taken if path is not None]
        for option, form, path in self.wanted():
            if str(path) == "-":
                hint = f"name a file; `spectrum-pipelines report RUN_ID --format {form}` writes to stdout"
                raise UserError(f"{option} cannot be written to stdout", hint=hint)
            if (other := next((it for it, its in seen if is_same_file(path, its)), None)) is not None:
                raise UserError(f"{option} and {other} name the same file: {path}", hint="name two files")
            seen.append((option, path))
            ReportFile(path).probe()

    def write(self, report: Report, notices: Notices, *, checkout: Path) -> None:
        """Write all of them, and say what cannot be. `checkout` is the root of the repository."""
        for option, form, path in self.wanted():
            try:
                ReportFile(path).put(rendered(report, form, checkout=checkout).encode())
            except Exception as error:  # noqa: BLE001 - a rendering must not take the run's outcome away
                if not is_why(report, error):
                    notices.warning(
                        f"{option} could not be written: {type(error).__name__ if not str(error) else error}"
                    )

    def wanted(self) -> Iterator[tuple[str, str, Path]]:
        """Option, format and path."""
        return ((FORMATS[form].option or form, form, path) for form, path in self.paths.items())


def is_why(report: Report, error: Exception) -> bool:
    """The error is what ended the command, which is told apart from this."""
    return isinstance(error, StateError) and error.message in (report["reason"] or "")


def rendered(report: Report, form: str, *, checkout: Path) -> str:
    """A valid report in one of FORMATS."""
    row = FORMATS[form]
    if row.names_files:
        report = _from_checkout(report, checkout)
    return row.render(report)


def _from_checkout(report: Report, checkout: Path) -> Report:
    """The report with its pipeline file, and the fragments of it, as they are named from the root of the repository."""
    pipeline = report["pipeline"]
    jobs = [
        {**job, "fragment": named_from(checkout, job["fragment"])} if "fragment" in job else job
        for job in report["jobs"]
    ]
    return {**report, "pipeline": {**pipeline, "file": named_from(checkout, pipeline["file"])}, "jobs": jobs}


class GitHubStep(Struct, frozen=True, kw_only=True):
    """A step of GitHub Actions: the files for its outputs and its summary."""

    output: str | None
    summary: str | None
    workspace: Path

    def write(self, report: Report, *, report_path: str, notices: Notices) -> None:
        """The step's outputs and its summary. What fails is said, and no more."""
        from spectrum_pipelines.render.report.github import step_outputs  # noqa: PLC0415 - on GitHub only
        from spectrum_pipelines.render.report.markdown import LIMIT, markdown  # noqa: PLC0415

        delimiter = f"spectrum-{secrets.token_hex(16)}"
        outputs = lambda _: step_outputs(report, report_path=report_path, delimiter=delimiter)  # noqa: E731
        _append(self.output, outputs, notices)
        _append(self.summary, lambda size: markdown(report, limit=LIMIT - size - 2), notices)

    def annotations(self, report: Report) -> str:
        """Lines for the log of the step, which GitHub shows beside the file."""
        from spectrum_pipelines.render.report.annotations import annotations, workflow_commands  # noqa: PLC0415

        return workflow_commands(annotations(report), file=in_repository(report, self.workspace))


def _append(name: str | None, text: Callable[[int], str], notices: Notices) -> None:
    """Add to a file of GitHub's, whose size `text` is given: earlier commands of the step may have written to it."""
    if not name:
        return
    try:
        with Path(name).open("a", encoding="utf-8", newline="\n") as file:
            size = file.tell()
            added = text(size)
            file.write(f"\n{added}" if size and added.startswith("#") else added)
    except OSError as error:
        notices.warning(f"{name} could not be written: {error.strerror or error}")


def in_repository(report: Report, root: Path) -> str | None:
    """The pipeline file as it is named from the repository's root; None if it is not in there."""
    try:
        return Path(report["pipeline"]["file"]).resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return None
