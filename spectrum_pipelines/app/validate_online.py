"""`validate --online`: besides its form, does what a pipeline names exist on the server? Only questions, one per target."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from spectrum_pipelines.app.connection import Line, Reach
from spectrum_pipelines.app.front import Front
from spectrum_pipelines.app.loading import RUN_ID
from spectrum_pipelines.app.prepare import line_to, without_secrets
from spectrum_pipelines.document.diagnostic import Diagnostic, Severity
from spectrum_pipelines.document.parse import Document
from spectrum_pipelines.engine.targets import targets_of
from spectrum_pipelines.errors import Refused
from spectrum_pipelines.pipeline.build import Given, build
from spectrum_pipelines.pipeline.form.view import View
from spectrum_pipelines.pipeline.model.action import ACTION_WORDS
from spectrum_pipelines.pipeline.model.pipeline import Job, Pipeline
from spectrum_pipelines.report.commands import FILE, URL, command, named, where
from spectrum_pipelines.spectrum import FileReference


def check_online(
    document: Document, given: Given, reach: Reach, front: Front, *, workspace: str | None = None
) -> tuple[Diagnostic, ...]:
    """What `build` finds with these values, and each target that the server does not know. Raises ClientError and UserError.

    `workspace` is that of an embedded server, as a command must name it.
    """
    pipeline, found = build(document, given=given, run_id=RUN_ID)
    if pipeline is None or any(it.severity is Severity.ERROR for it in found):
        return found
    with ExitStack() as stack:
        line = line_to(pipeline, reach, front, stack)
        refusals = _refusals(pipeline, line)
    server = named(without_secrets(pipeline)(line.url), URL)
    on = where(server=server, workspace=workspace)
    return (*found, *_missing(document, pipeline, refusals, on))


def _refusals(pipeline: Pipeline, line: Line) -> Mapping[FileReference, str]:
    wanted = list(dict.fromkeys(it for job in pipeline.jobs.values() for it in targets_of(job.action)))

    def asked(target: FileReference) -> str | None:
        try:
            line.api.status(target)
        except Refused as refusal:
            return refusal.message
        return None

    first = {target: asked(target) for target in wanted[:1]}  # alone: the server may be away
    pool = ThreadPoolExecutor(max_workers=pipeline.http.max_connections)
    try:
        answers = {**first, **dict(zip(wanted[1:], pool.map(asked, wanted[1:]), strict=True))}
    finally:
        pool.shutdown(cancel_futures=True)
    return {target: reason for target, reason in answers.items() if reason is not None}


def _missing(
    document: Document, pipeline: Pipeline, refusals: Mapping[FileReference, str], on: Mapping[str, str | None]
) -> Iterator[Diagnostic]:
    view, hide = View(document, pipeline.environment), without_secrets(pipeline)
    for job in pipeline.jobs.values():
        for target in targets_of(job.action):
            if target in refusals:
                shown = hide(target)
                look = command("job", "status", named(shown, FILE), options=on)
                hint = f"is the path right, and may this user see it? ask again with `{look}`"
                yield view.fault(_place(job), "missing-target", f"{shown}: {refusals[target]}", hint=hint)


def _place(job: Job) -> tuple[str, ...]:
    """Where the file names the target; all combinations of a matrix stand in one place."""
    section = "finally" if job.is_finally else "jobs"
    return (section, job.id.partition("[")[0], ACTION_WORDS[type(job.action)])
