"""`resume RUN_ID`: go on with a run that was interrupted or killed."""

import os
import socket
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import click
from msgspec import Struct
from msgspec.structs import replace

from spectrum_pipelines.app.connection import server_of
from spectrum_pipelines.app.deliver import Renderings, rendering_options
from spectrum_pipelines.app.loading import Loaded
from spectrum_pipelines.app.prepare import (
    SECRET,
    RunOptions,
    build_for,
    connect_for,
    open_journal,
    plan_digest,
    progress_option,
    report_option,
    take_group,
)
from spectrum_pipelines.app.refusals import same_server, same_wish, unchanged, what_differs
from spectrum_pipelines.app.session import Session, Shown, deliver, outlive_readers
from spectrum_pipelines.cli.options import ConnectionOptions, ValueOptions, connection_options, option, state_option
from spectrum_pipelines.cli.signals import Signals
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.engine.facts import Resumed, RunStarted, Stamped
from spectrum_pipelines.engine.run.reopen import is_resumable
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.errors import ExitCode, StateError, UnreadableFile, UserError
from spectrum_pipelines.plan.data import plan_data
from spectrum_pipelines.plan.facts import PlanFacts
from spectrum_pipelines.plan.waves import plan
from spectrum_pipelines.report.build import HttpCounts, build_report, started_at
from spectrum_pipelines.report.file import ReportFile
from spectrum_pipelines.report.read import read_report
from spectrum_pipelines.runner.loop import RunClock, resume_at
from spectrum_pipelines.store.folder.journal import replay, scan
from spectrum_pipelines.store.folder.locks import Process
from spectrum_pipelines.store.folder.run_directory import RunDirectory
from spectrum_pipelines.store.folder.run_lock import lock_run
from spectrum_pipelines.store.folder.state_directory import StateDirectory


class History(Struct, frozen=True, kw_only=True):
    """A run as its journal tells it, and the pipeline that it began with."""

    run: RunDirectory
    facts: Sequence[Stamped]
    started: RunStarted
    loaded: Loaded
    state: RunState


@click.command("resume")
@click.argument("run_id", metavar="RUN_ID")
@connection_options
@option(
    "--var", metavar="NAME=VALUE", multiple=True, envvar=None, help="A secret variable: no journal holds its value."
)
@report_option
@rendering_options
@progress_option
@state_option
def command(
    run_id: str,
    *,
    var: tuple[str, ...],
    report: Path | None,
    renderings: Renderings,
    progress: str,
    state_dir: Path,
    **connection: Any,
) -> int:
    """Go on with a run that was interrupted or killed.

    What runs is followed again under its execution id, what may have been triggered is looked for, and only what never was is
    triggered. The pipeline must be the one that the run began with. Secret variables are given again.

    \b
    Examples:
      spectrum-pipelines runs
      spectrum-pipelines resume 20261123T150405Z-7f3a --report report.json
    """
    options = RunOptions(
        connection=ConnectionOptions(**connection),
        values=ValueOptions(environment=None, var=var, vars_file=None),
        shown=Shown(report=report, progress=progress, renderings=renderings),
        only=(),
        state_dir=state_dir,
        run_key=None,
    )
    outlive_readers()
    run = StateDirectory(state_dir).run(run_id)
    with Signals(SystemClock()) as signals, server_of(options.connection) as reached, ExitStack() as stack:
        return go_on(run, replace(options, connection=reached), signals, stack)


def go_on(
    run: RunDirectory,
    options: RunOptions,
    signals: Signals,
    stack: ExitStack,
    *,
    source: Source | None = None,
) -> int:
    """Take a run up. `source` is the file as the user has it now; None looks for it where it was."""
    clock = SystemClock()
    directory = StateDirectory(options.state_dir)
    process = Process(pid=os.getpid(), host=socket.gethostname())
    before = recall(run, scan(run.journal).facts, options, source=source)
    if not is_resumable(before.state):
        # Its history is closed: whoever asks may have the report, and needs no lock for it.
        return _old_report(before, options)
    stack.enter_context(lock_run(directory.locks, run.run_id, process=process, clock=clock))
    recorded = scan(run.journal)  # again: the process that held the lock may have gone on
    history = recall(run, recorded.facts, options, source=source)
    state = history.state
    if not is_resumable(state):
        return _old_report(history, options)
    directory.probe()
    reports = options.shown.files(run.report)
    pipeline = state.pipeline
    if options.connection.server is None and pipeline.server.url is None:
        options = replace(options, connection=replace(options.connection, server=history.started.server))
    connection = connect_for(pipeline, options, signals, stack)
    same_server(history.started, connection.url, options)
    take_group(pipeline.concurrency, directory, run, signals, stack, process=process)
    session = Session(
        state=state,
        directory=directory,
        journal=stack.enter_context(open_journal(run, recorded)),
        connection=connection,
        signals=signals,
        shown=options.shown,
        reports=reports,
        clock=clock,
        run_clock=RunClock(clock, start_at=resume_at(recorded.facts[-1], clock.now())),
        started=started_at(recorded.facts[0]),
        stack=stack,
        recorded=len(recorded.facts),
    )
    return session.carry_out([Resumed()])


def _old_report(history: History, options: RunOptions) -> int:
    state = history.state
    assert state.ended is not None
    start = started_at(history.facts[0])
    report = _mended(history.run, build_report(state, started_at=start, now_at=state.at, http=HttpCounts()))
    whole = deliver(report, options.shown, kept=history.run.report)
    return int(state.ended.exit_code) if whole else int(state.ended.exit_code) or ExitCode.FAILED


def _mended(run: RunDirectory, report: dict[str, Any]) -> dict[str, Any]:
    """The report of a closed history, put in place if the process died between its last fact and its last report."""
    kept: dict[str, Any] = {}
    with suppress(UnreadableFile):
        kept = read_report(run.report)
        report["http"] = kept["http"]  # counted by the process alone: no journal knows
    if kept != report:
        with suppress(StateError):  # it is told all the same
            ReportFile(run.report).write(report)
    return report


def recall(run: RunDirectory, facts: Sequence[Stamped], options: RunOptions, *, source: Source | None) -> History:
    """Fold a journal over the pipeline that it belongs to. Raises StateError and UserError."""
    if not facts or not isinstance(facts[0].event, RunStarted):
        hint = "nothing was triggered: start a new run"
        raise StateError(f"run {run.run_id} has no journal that begins with its start", hint=hint)
    started = facts[0].event
    if source is not None:
        same_wish(run, started, options)
    text = run.pipeline_text(started.digest)
    unchanged(run, started, text, source)
    wanted = replace(options, values=replace(options.values, environment=started.environment), only=started.only)
    known = {name: value for name, value in started.variables.items() if value != SECRET}
    loaded = build_for(
        Source(name=started.file, text=text),
        wanted,
        run_id=run.run_id,
        recorded=known,
        quiet=True,
        now=started_at(facts[0]),
        run_date=started.date,
    )
    pipeline = loaded.pipeline
    if plan_digest(plan_data(PlanFacts(pipeline, plan(pipeline), loaded.document))) != started.plan_digest:
        told = f"this is not what run {run.run_id} began with: {what_differs(started, pipeline)}"
        raise UserError(told, hint=f"give the values that it had ({run.plan} shows them), or start a new run")
    return History(run=run, facts=facts, started=started, loaded=loaded, state=replay(pipeline, run.run_id, facts))
