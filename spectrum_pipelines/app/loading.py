"""From a file name to a pipeline that can run, with every fault on stderr before anything is asked of a server."""

import sys
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from spectrum_pipelines.cli.options import ValueOptions
from spectrum_pipelines.cli.terminal import wants_color
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.document.diagnostic import Diagnostic, Severity, in_order
from spectrum_pipelines.document.parse import Document, parse
from spectrum_pipelines.document.source import Source, read_source
from spectrum_pipelines.errors import InvalidFile, UserError
from spectrum_pipelines.pipeline.build import Given, build
from spectrum_pipelines.pipeline.check import check
from spectrum_pipelines.pipeline.model.pipeline import Pipeline


class Loaded(Struct, frozen=True, kw_only=True):
    """A pipeline, and the document that it was built from."""

    pipeline: Pipeline
    document: Document


def load_pipeline(source: Source, given: Given, *, run_id: str, quiet: bool = False) -> Loaded:
    """Build the pipeline of one run. Raises InvalidFile; the findings, and warnings unless `quiet`, are on stderr then."""
    document, found = parse(source)
    pipeline = None
    if document is not None and any(it.severity is Severity.ERROR for it in found):
        # What could not be read stands in the document as a stand-in: good enough to look for more faults, not to build from.
        found = in_order([*found, *check(document)])
    elif document is not None:
        pipeline, more = build(document, given=given, run_id=run_id)
        found = in_order([*found, *more])
    failed = document is None or any(it.severity is Severity.ERROR for it in found)
    if found and (failed or not quiet):
        show(found, source, document)
    if failed or document is None or pipeline is None:
        raise InvalidFile(f"{source.name} is not a valid pipeline; nothing was triggered")
    return Loaded(pipeline=pipeline, document=document)


def show(found: Iterable[Diagnostic], source: Source, document: Document | None) -> None:
    """Findings for people, without the values of secrets."""
    from spectrum_pipelines.pipeline.secrets import secret_paths  # noqa: PLC0415
    from spectrum_pipelines.render.findings.text import render_text  # noqa: PLC0415 - a good file needs none

    shown = document.masked(secret_paths(document)) if document is not None else source
    sys.stderr.write(render_text(found, {source.name: shown}, color=wants_color(sys.stderr)))


def given_values(
    options: ValueOptions,
    environ: Mapping[str, str],
    *,
    server: str | None = None,
    recorded: Mapping[str, Any] = MappingProxyType({}),
    now: datetime | None = None,
    run_date: str | None = None,
) -> Given:
    """What the command line and the environment give, over what a journal has recorded. Raises UserError.

    `now` is when the run first started (by default, it starts now), `run_date` what its journal says of the day.
    """
    if server is not None and not server.lower().startswith(("http://", "https://")):
        raise UserError(
            f"`{server}` is no address of a server", hint="--server and SPECTRUM_URL want http://... or https://..."
        )
    return Given(
        environment=options.environment,
        vars_file=_vars_file(options.vars_file),
        recorded=recorded,
        process_environment=environ,
        command_line=assignments(options.var),
        server=server,
        now=SystemClock().now() if now is None else now,
        run_date=None if run_date is None else date.fromisoformat(run_date),
    )


def assignments(texts: Iterable[str]) -> dict[str, str]:
    """`NAME=VALUE`, each split at its first `=`. Raises UserError."""
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UserError("--var wants NAME=VALUE", hint="e.g. --var region=emea; quote it if the value has spaces")
        values[name] = value
    return values


def _vars_file(name: str | None) -> Mapping[str, Any]:
    """A vars file is all values, which may be secret: its lines are never quoted."""
    if name is None:
        return {}
    document, found = parse(read_source(name))
    errors = [it for it in found if it.severity is Severity.ERROR]
    if document is None or errors:
        first = errors[0]
        where = f"{name}:{first.span.start.line}:{first.span.start.column}"
        raise InvalidFile(f"{where}: {first.message}", hint=first.hint)
    if not isinstance(document.data, dict):
        raise InvalidFile(f"{name} must map names to values", hint="e.g. a line `region: emea`")
    return document.data
