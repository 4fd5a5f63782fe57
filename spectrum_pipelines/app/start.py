"""Beginning a run, or going on with the one that its run key stands for."""

import secrets
from contextlib import ExitStack
from pathlib import Path
from typing import overload

from spectrum_pipelines import __version__
from spectrum_pipelines.app.connection import Reach
from spectrum_pipelines.app.front import Front
from spectrum_pipelines.app.go_on import go_on_until
from spectrum_pipelines.app.loading import Loaded
from spectrum_pipelines.app.outcome import Report, Waiting
from spectrum_pipelines.app.prepare import (
    SECRET,
    Circumstances,
    WhenEnded,
    await_server,
    join_group,
    line_to,
    ourselves,
    take_lease,
    waits,
)
from spectrum_pipelines.app.recall import Again
from spectrum_pipelines.app.refusals import Wish
from spectrum_pipelines.app.session import Session, Until
from spectrum_pipelines.app.trace import trace_id
from spectrum_pipelines.engine.facts import RunStarted
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.errors import UserError
from spectrum_pipelines.plan.agreed import hold_to, plan_digest
from spectrum_pipelines.plan.data import plan_data, stored_json
from spectrum_pipelines.runner.loop import RunClock
from spectrum_pipelines.store.guarding import under_group
from spectrum_pipelines.store.interface import Existing, NewRun, RunStore, Store
from spectrum_pipelines.store.leasing import claim_key


@overload
def start(
    loaded: Loaded,
    reach: Reach,
    *,
    store: Store,
    run_key: str | None,
    front: Front,
    when_ended: WhenEnded = "report",
    circumstances: Circumstances | None = None,
    agreed: Path | None = None,
    until: None = None,
) -> Report: ...


@overload
def start(
    loaded: Loaded,
    reach: Reach,
    *,
    store: Store,
    run_key: str | None,
    front: Front,
    when_ended: WhenEnded = "report",
    circumstances: Circumstances | None = None,
    agreed: Path | None = None,
    until: Until,
) -> Report | Waiting: ...


def start(
    loaded: Loaded,
    reach: Reach,
    *,
    store: Store,
    run_key: str | None,
    front: Front,
    when_ended: WhenEnded = "report",
    circumstances: Circumstances | None = None,
    agreed: Path | None = None,
    until: Until | None = None,
) -> Report | Waiting:
    """Begin a run, or go on with the one that the run key stands for; with `until` it is left as soon as that says so.

    Raises what `errors` lists; then nothing was triggered.
    """
    circumstances = circumstances or Circumstances()
    if when_ended == "again":
        raise UserError("`again` for a run key is not in this version", hint="use another run key")
    if agreed is not None:
        hold_to(agreed, plan_data(loaded.planned()))
    front.abort.check()
    store.probe()
    claimed = _claimed(store, run_key, front)
    if isinstance(claimed, Existing):
        front.notices.note(f"the run key {run_key} stands for run {claimed.run.run_id}")
        again = _again(loaded, circumstances, retries=when_ended == "retry", until=until)
        del loaded
        return go_on_until(claimed.run, reach, store=store, again=again, front=front)
    front.delivery.about(claimed.run, store, is_under_way=False)
    with claimed.lease, ExitStack() as stack:
        try:
            session, first = _prepared(
                loaded,
                reach,
                store=store,
                claimed=claimed,
                run_key=run_key,
                front=front,
                circumstances=circumstances,
                stack=stack,
            )
            # The document of ten thousand jobs is a third of what the run needs in memory: no frame may hold it any longer.
            del loaded
            return session.carry_out([first], until=until)
        except BaseException:
            claimed.run.forget()
            raise


def _claimed(store: Store, run_key: str | None, front: Front) -> NewRun | Existing:
    """A run of our own, or the one that the key stands for."""

    def new_run() -> RunStore:
        return store.new_run(front.clock.now(), lambda: secrets.token_hex(2))

    if run_key is None:
        run = new_run()
        return NewRun(run=run, lease=take_lease(store, run.run_id, front))
    return claim_key(
        store,
        run_key,
        new_run,
        ourselves(),
        clock=front.clock,
        on_wait=waits(front, f"the run of the key `{run_key}`"),
        stopping=lambda: front.abort.is_requested,
    )


def _again(loaded: Loaded, circumstances: Circumstances, *, retries: bool, until: Until | None) -> Again:
    """What is asked of the run that a key stands for."""
    workspace = circumstances.workspace
    server = loaded.given.server if workspace is None else None
    wish = Wish(environment=loaded.given.environment, only=loaded.only, server=server)
    return Again(
        given=loaded.given,
        source=loaded.source,
        wish=wish,
        workspace=workspace,
        origin=circumstances.origin,
        git_commit=circumstances.git_commit,
        retries=retries,
        until=until,
    )


def _prepared(
    loaded: Loaded,
    reach: Reach,
    *,
    store: Store,
    claimed: NewRun,
    run_key: str | None,
    front: Front,
    circumstances: Circumstances,
    stack: ExitStack,
) -> tuple[Session, RunStarted]:
    """Everything that must be in place before the first fact."""
    run = claimed.run
    loaded = loaded.for_run(run.run_id)
    pipeline = loaded.pipeline
    files = front.delivery.files(loaded.files)
    line = line_to(pipeline, reach, front, stack, lease=claimed.lease)
    if front.patience:
        await_server(line, front.patience, front)
    group = join_group(pipeline, store, run.run_id, front, stack)
    front.abort.check()
    planned = plan_data(loaded.planned())
    run.keep(loaded.texts, plan=stored_json(planned))
    session = Session(
        state=RunState(pipeline, run.run_id),
        pipeline=pipeline,
        store=store,
        run=run,
        journal=under_group(stack.enter_context(run.journal(claimed.lease)), group),
        group=group,
        line=line,
        lease=claimed.lease,
        front=front,
        files=files,
        run_clock=RunClock(front.clock),
        started=None,
    )
    return session, _started(loaded, session, run_key, circumstances, digest_of_plan=plan_digest(planned))


def _started(
    loaded: Loaded, session: Session, run_key: str | None, circumstances: Circumstances, *, digest_of_plan: str
) -> RunStarted:
    """The first fact."""
    pipeline, line = loaded.pipeline, session.line
    return RunStarted(
        run_id=session.run.run_id,
        run_key=run_key,
        pipeline=pipeline.name,
        file=loaded.source.name,
        digest=loaded.texts.digest,
        plan_digest=digest_of_plan,
        server=line.url,
        tool_version=__version__,
        git_commit=circumstances.git_commit,
        environment=loaded.given.environment,
        only=loaded.only,
        state_dir=circumstances.state,
        workspace=circumstances.workspace,
        trace_id=trace_id(line.connection.headers),
        date=pipeline.date,
        origin=circumstances.origin,
        variables={name: SECRET if it.secret else it.recorded for name, it in pipeline.variables.items()},
    )
