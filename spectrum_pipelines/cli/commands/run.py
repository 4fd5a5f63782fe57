"""`run FILE`: the main job."""

import os
import secrets
import socket
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from spectrum_pipelines import __version__
from spectrum_pipelines.app.connection import server_of
from spectrum_pipelines.app.deliver import Renderings, rendering_options
from spectrum_pipelines.app.loading import Loaded
from spectrum_pipelines.app.prepare import (
    SECRET,
    RunOptions,
    build_for,
    connect_for,
    may_name_its_run,
    open_journal,
    plan_digest,
    progress_option,
    report_option,
    take_group,
)
from spectrum_pipelines.app.session import Session, Shown, outlive_readers
from spectrum_pipelines.app.trace import trace_id
from spectrum_pipelines.cli.completion import job_ids
from spectrum_pipelines.cli.options import (
    DEFAULT_STATE,
    ConnectionOptions,
    ValueOptions,
    connection_options,
    option,
    state_option,
    value_options,
)
from spectrum_pipelines.cli.signals import Signals
from spectrum_pipelines.cli.terminal import say
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.document.source import Source, read_source
from spectrum_pipelines.engine.facts import RunStarted
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.pipeline.build import digest
from spectrum_pipelines.plan.data import plan_data, stored_json
from spectrum_pipelines.plan.facts import PlanFacts
from spectrum_pipelines.plan.waves import plan
from spectrum_pipelines.runner.loop import RunClock
from spectrum_pipelines.store.folder.locks import Process
from spectrum_pipelines.store.folder.run_directory import RunDirectory
from spectrum_pipelines.store.folder.run_keys import Existing, claim
from spectrum_pipelines.store.folder.run_lock import lock_run
from spectrum_pipelines.store.folder.state_directory import StateDirectory


@click.command("run")
@click.argument("file", metavar="FILE", type=click.Path())
@connection_options
@value_options
@option(
    "--only",
    metavar="SELECTION",
    multiple=True,
    shell_complete=job_ids,
    help="Run these jobs: a, +b (and its needs), c+ (and what needs it).",
)
@report_option
@rendering_options
@progress_option
@state_option
@option(
    "--plan",
    "agreed",
    metavar="FILE.json",
    type=click.Path(path_type=Path),
    help="Run only what `plan --format json` has written there.",
)
@option("--run-key", metavar="KEY", help="The same key again adopts or resumes that run, and never triggers anew.")
def command(
    file: str,
    *,
    environment: str | None,
    var: tuple[str, ...],
    vars_file: str | None,
    only: tuple[str, ...],
    report: Path | None,
    renderings: Renderings,
    progress: str,
    state_dir: Path,
    run_key: str | None,
    agreed: Path | None,
    **connection: Any,
) -> int:
    """Run the pipeline in FILE and write its report.

    \b
    Examples:
      spectrum-pipelines run pipelines/quickstart.yaml --local pipelines/workspace/workspace.yaml
      spectrum-pipelines run nightly.yaml -e prod --var business_date=2026-11-22 --report report.json
      spectrum-pipelines run deploy.yaml --run-key "$GITHUB_SHA"
      spectrum-pipelines run nightly.yaml --plan plan.json

    Exit codes: 0 succeeded, 1 failed, 2 invalid, 3 unreachable, 4 timed out, 5 unknown, 6 busy,
    7 login refused, 130/143 interrupted.
    """
    options = RunOptions(
        connection=ConnectionOptions(**connection),
        values=ValueOptions(environment=environment, var=var, vars_file=vars_file),
        shown=Shown(report=report, progress=progress, renderings=renderings),
        only=only,
        state_dir=state_dir,
        run_key=run_key,
        agreed=agreed,
    )
    outlive_readers()
    source = read_source(file)
    with Signals(SystemClock()) as signals, server_of(options.connection) as reached, ExitStack() as stack:
        return start(source, replace(options, connection=reached), signals, stack)


def start(source: Source, options: RunOptions, signals: Signals, stack: ExitStack) -> int:
    """Begin a run, or go on with the one that the run key stands for."""
    clock = SystemClock()
    state_directory = StateDirectory(options.state_dir)
    # A bad file is refused before anything is written, so it is built once with a stand-in for the run id.
    loaded = build_for(source, options, run_id="RUN_ID")
    if options.agreed is not None:
        from spectrum_pipelines.plan.agreed import hold_to  # noqa: PLC0415 - with --plan only

        hold_to(options.agreed, plan_data(PlanFacts(loaded.pipeline, plan(loaded.pipeline), loaded.document)))
    state_directory.probe()
    process = Process(pid=os.getpid(), host=socket.gethostname())

    def new_run() -> RunDirectory:
        return state_directory.new_run(clock.now(), lambda: secrets.token_hex(2))

    if options.run_key is None:
        run = new_run()
        stack.enter_context(lock_run(state_directory.locks, run.run_id, process=process, clock=clock))
    else:
        claimed = claim(state_directory, options.run_key, new_run, process=process, clock=clock)
        if isinstance(claimed, Existing):
            from spectrum_pipelines.cli.commands.resume import go_on  # noqa: PLC0415 - a key that is used again only

            say("note", f"the run key {options.run_key} stands for run {claimed.run.run_id}")
            return go_on(claimed.run, options, signals, stack, source=source)
        run = claimed.run
        stack.enter_context(claimed.lock)
    try:
        session, first = _prepare(
            source, loaded, options, signals, stack, run=run, state_directory=state_directory, process=process
        )
        del loaded  # the document of ten thousand jobs is a third of what the run needs in memory
        return session.carry_out([first])
    except BaseException:
        _forget(run)
        raise


def _forget(run: RunDirectory) -> None:
    """A run that never began leaves no folder behind; one with a journal is history and stays."""
    if not run.journal.exists():
        import shutil  # noqa: PLC0415 - only a failed start needs it

        shutil.rmtree(run.path, ignore_errors=True)


def _prepare(
    source: Source,
    loaded: Loaded,
    options: RunOptions,
    signals: Signals,
    stack: ExitStack,
    *,
    run: RunDirectory,
    state_directory: StateDirectory,
    process: Process,
) -> tuple[Session, RunStarted]:
    """Everything that must be in place before the first fact."""
    clock = SystemClock()
    if may_name_its_run(source):
        loaded = build_for(source, options, run_id=run.run_id, quiet=True, run_date=loaded.pipeline.date)
    pipeline = loaded.pipeline
    reports = options.shown.files(run.report)
    connection = connect_for(pipeline, options, signals, stack)
    take_group(pipeline.concurrency, state_directory, run, signals, stack, process=process)
    planned = plan_data(PlanFacts(pipeline, plan(pipeline), loaded.document))
    run.keep(pipeline_text=source.text, plan=stored_json(planned))
    session = Session(
        state=RunState(pipeline, run.run_id),
        directory=state_directory,
        journal=stack.enter_context(open_journal(run)),
        connection=connection,
        signals=signals,
        shown=options.shown,
        reports=reports,
        clock=clock,
        run_clock=RunClock(clock),
        started=None,
        stack=stack,
    )
    return session, _started(loaded, options, run, server=connection.url, digest_of_plan=plan_digest(planned))


def _started(loaded: Loaded, options: RunOptions, run: RunDirectory, *, server: str, digest_of_plan: str) -> RunStarted:
    pipeline, source = loaded.pipeline, loaded.document.source
    return RunStarted(
        run_id=run.run_id,
        run_key=options.run_key,
        pipeline=pipeline.name,
        file=source.name,
        digest=digest(source.text),
        plan_digest=digest_of_plan,
        server=server,
        tool_version=__version__,
        git_commit=git_commit(Path(source.name), os.environ),
        environment=options.values.environment,
        only=options.only,
        state_dir=None if str(options.state_dir) == DEFAULT_STATE else str(options.state_dir),
        workspace=None if options.connection.local is None else str(options.connection.local),
        trace_id=trace_id(os.environ),
        date=pipeline.date,
        variables={name: SECRET if it.secret else it.recorded for name, it in pipeline.variables.items()},
    )


def git_commit(file: Path, environ: Mapping[str, str]) -> str | None:
    """The commit that the file belongs to: from git where it is, else as CI says."""
    for name in ("GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "BUILD_SOURCEVERSION"):
        if environ.get(name):
            return environ[name]
    if not any((folder / ".git").exists() for folder in file.resolve().parents):
        return None
    try:
        asked = subprocess.run(  # noqa: S603 - a fixed command, no shell
            ["git", "-C", str(file.resolve().parent), "rev-parse", "HEAD"],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            timeout=2,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None if asked.returncode == 0 else None
