"""What `run` and `resume` are asked for, and what both make of it: the pipeline, its digest, its group."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
from msgspec import Struct
from msgspec.structs import replace

from spectrum_pipelines.app.connection import Connection, connect
from spectrum_pipelines.app.loading import Loaded, given_values, load_pipeline
from spectrum_pipelines.app.session import Shown
from spectrum_pipelines.cli.options import (
    ConnectionOptions,
    F,
    ValueOptions,
    option,
)
from spectrum_pipelines.cli.signals import Signals
from spectrum_pipelines.cli.terminal import say
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.errors import ConflictError, StateError
from spectrum_pipelines.pipeline.graph.selection import select
from spectrum_pipelines.pipeline.model.pipeline import Concurrency, Pipeline
from spectrum_pipelines.pipeline.secrets import secret_texts
from spectrum_pipelines.store.folder.group_lock import GroupLock
from spectrum_pipelines.store.folder.journal import JournalFile, Recorded
from spectrum_pipelines.store.folder.locks import Holder, Process
from spectrum_pipelines.store.folder.run_directory import RunDirectory
from spectrum_pipelines.store.folder.state_directory import StateDirectory

SECRET = "***"  # noqa: S105 - what stands in place of one


class RunOptions(Struct, frozen=True, kw_only=True):
    """The command line of `run`."""

    connection: ConnectionOptions
    values: ValueOptions
    shown: Shown
    only: tuple[str, ...]
    state_dir: Path
    run_key: str | None
    agreed: Path | None = None


def progress_option(function: F) -> F:
    """Add `--progress`."""
    kinds = click.Choice(["auto", "bar", "plain", "json", "none"])
    told = "How progress is told on stderr."
    return option("--progress", type=kinds, default="auto", show_default=True, help=told)(function)


def report_option(function: F) -> F:
    """Add `--report`."""
    return option(
        "--report",
        metavar="FILE.json",
        type=click.Path(path_type=Path),
        help="Write the run report here too, and keep it current; - for stdout.",
    )(function)


def build_for(
    source: Source,
    options: RunOptions,
    *,
    run_id: str,
    recorded: Mapping[str, Any] = MappingProxyType({}),
    quiet: bool = False,
    now: datetime | None = None,
    run_date: str | None = None,
) -> Loaded:
    """The pipeline as this run will carry it out. Raises InvalidFile and UserError."""
    given = given_values(
        options.values, os.environ, server=options.connection.server, recorded=recorded, now=now, run_date=run_date
    )
    loaded = load_pipeline(source, given, run_id=run_id, quiet=quiet)
    if options.only:
        loaded = replace(loaded, pipeline=select(loaded.pipeline, options.only))
    return loaded


def may_name_its_run(source: Source) -> bool:
    """Whether anything of the file may depend on the run id. An escape could spell anything."""
    return "run.id" in source.text or "\\" in source.text


def connect_for(pipeline: Pipeline, options: RunOptions, signals: Signals, stack: ExitStack) -> Connection:
    """A connection to the pipeline's server, whose texts lose the pipeline's secrets as they come in. Raises UserError."""
    return connect(
        options.connection,
        server=pipeline.server,
        http=pipeline.http,
        clock=SystemClock(),
        stack=stack,
        redact=without_secrets(pipeline),
        stopping=signals.came,
        on_retry=options.shown.on_retry(),
    )


def without_secrets(pipeline: Pipeline) -> Callable[[str], str]:
    """Masks secret variables in what a server says: it may echo a request, and spells the values in it as JSON, HTML or URIs do."""
    from spectrum_pipelines.client.redaction import redactor  # noqa: PLC0415 - with the rest of the client

    return redactor(*(("", text) for text in secret_texts(pipeline.variables.values())))


def plan_digest(data: Mapping[str, Any]) -> str:
    """Name what would be done: the plan without the server's address, which a restarted test server changes."""
    kept = {key: value for key, value in data.items() if key != "server"}
    return "sha256:" + hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def take_group(
    concurrency: Concurrency,
    state_directory: StateDirectory,
    run: RunDirectory,
    signals: Signals,
    stack: ExitStack,
    *,
    process: Process,
) -> None:
    """Be the only run of the group. Raises ConflictError, and Interruption if a signal ends the wait."""
    if concurrency.group is None:
        return

    def on_wait(holder: Holder | None, waited: float) -> None:
        say(
            "note",
            f"waiting for concurrency group `{concurrency.group}`, {waited:.0f} s, held by {holder or 'another run'}",
        )

    held = GroupLock(state_directory.locks, concurrency.group).acquire(
        concurrency.behavior,
        run_id=run.run_id,
        process=process,
        clock=SystemClock(),
        timeout=None,
        on_wait=on_wait,
        stopping=signals.came,
    )
    if held is None:
        raise ConflictError(f"stopped waiting for concurrency group `{concurrency.group}`")
    stack.enter_context(held)


def open_journal(run: RunDirectory, recorded: Recorded | None = None) -> JournalFile:
    """Begin a journal, or go on behind what it has `recorded`. Raises StateError."""
    try:
        return JournalFile.create(run.journal) if recorded is None else JournalFile.reopen(run.journal, recorded)
    except OSError as error:
        hint = "make room there, or choose another directory with --state-dir"
        raise StateError(f"{run.journal} cannot be written: {error.strerror}", hint=hint) from error
