"""Going on with a run that was interrupted, killed or left, or that failed; of a run whose history is closed, its report."""

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from spectrum_pipelines import __version__
from spectrum_pipelines.app.connection import Reach
from spectrum_pipelines.app.fragments import kept
from spectrum_pipelines.app.front import Front
from spectrum_pipelines.app.loading import Loaded, load_source, recorded_values
from spectrum_pipelines.app.outcome import Report, Waiting
from spectrum_pipelines.app.prepare import SECRET, await_server, join_group, line_to, take_lease
from spectrum_pipelines.app.refusals import Wish, same_server, same_wish, unchanged, what_differs
from spectrum_pipelines.app.session import Session, Until, hand_out
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.engine.facts import Resumed, Retried, RunStarted, Stamped
from spectrum_pipelines.engine.run.reopen import is_resumable
from spectrum_pipelines.engine.run.retry import RetryPlan, plan_retry, retried
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.errors import StateError, UnreadableFile, UserError
from spectrum_pipelines.pipeline.build import Given
from spectrum_pipelines.pipeline.secrets import masked, secrets_of
from spectrum_pipelines.plan.agreed import plan_digest
from spectrum_pipelines.plan.data import plan_data
from spectrum_pipelines.report.build import HttpCounts, build_report, started_at
from spectrum_pipelines.report.json_text import report_json
from spectrum_pipelines.report.read import parse_report
from spectrum_pipelines.runner.loop import RunClock, resume_at
from spectrum_pipelines.store.guarding import under_group
from spectrum_pipelines.store.history import Recorded, replay
from spectrum_pipelines.store.interface import Lease, RunStore, Store


class Again(Struct, frozen=True, kw_only=True):
    """With what a run is gone on with.

    `given` are the values of now, under which those of the journal lie. `source` is the file as the user has it now; None looks for
    it where it was. `wish` is what a run key is asked for. `workspace` is that of an embedded server, whose address changes.
    `origin` says what began this process. `retries`: a run that failed goes on from what failed. With `until` the run is left as
    soon as it says so (see `Session`).
    """

    given: Given = field(default_factory=Given)
    source: Source | None = None
    wish: Wish | None = None
    workspace: str | None = None
    origin: dict[str, str] = field(default_factory=dict)
    retries: bool = False
    until: Until | None = None


class History(Struct, frozen=True, kw_only=True):
    """A run as its journal tells it, and the pipeline that it began with."""

    run: RunStore
    recorded: Recorded
    started: RunStarted
    loaded: Loaded
    state: RunState

    @property
    def facts(self) -> Sequence[Stamped]:
        """What the journal holds."""
        return self.recorded.facts


def go_on(run: RunStore, reach: Reach, *, store: Store, again: Again, front: Front) -> Report:
    """Take a run up where it was left. Raises what `errors` lists."""
    ended = go_on_until(run, reach, store=store, again=again, front=front)
    assert isinstance(ended, Report)
    return ended


def go_on_until(run: RunStore, reach: Reach, *, store: Store, again: Again, front: Front) -> Report | Waiting:
    """`go_on`, but the run is left as soon as `again.until` says so."""
    front.abort.check()
    front.delivery.about(run, store, is_under_way=False)
    before = recall(run, run.facts(), again)
    if _next(before, again) is None:
        # Its history is closed: whoever asks may have the report, and needs no lease for it.
        return closed_report(before, front)
    with ExitStack() as stack:
        lease = stack.enter_context(take_lease(store, run.run_id, front))
        history = recall(run, run.facts(), again)  # again: the process that held the lease may have gone on
        first = _next(history, again)
        if first is None:
            return closed_report(history, front)
        store.probe()
        session = _session(history, reach, store=store, lease=lease, again=again, front=front, stack=stack)
        return session.carry_out([first], until=again.until)


def _next(history: History, again: Again) -> Resumed | Retried | None:
    """The fact with which the run goes on; None: its history is closed."""
    if is_resumable(history.state):
        return Resumed(tool_version=__version__, waited=again.until is not None, origin=again.origin)
    plan = plan_retry(history.state) if again.retries else None
    if isinstance(plan, RetryPlan):
        return replace(retried(plan, tool_version=__version__), origin=again.origin)
    return None


def _session(
    history: History, reach: Reach, *, store: Store, lease: Lease, again: Again, front: Front, stack: ExitStack
) -> Session:
    run, recorded, pipeline = history.run, history.recorded, history.state.pipeline
    files = front.delivery.files()
    # A pipeline without an address, which was given at the start, is gone on with where it was.
    server = replace(pipeline.server, url=pipeline.server.url or history.started.server)
    line = line_to(pipeline, reach, front, stack, server=server, lease=lease)
    if again.workspace is None:
        same_server(history.started, masked(line.url, secrets_of(pipeline)))
    if front.patience:
        await_server(line, front.patience, front)
    group = join_group(pipeline, store, run.run_id, front, stack)
    front.abort.check()
    if store.is_shared:  # the process before may be alive, and what it sent under its lease may still arrive
        history.state.calls_left = pipeline.http.connect_timeout + pipeline.http.read_timeout
    return Session(
        state=history.state,
        store=store,
        run=run,
        journal=under_group(stack.enter_context(run.journal(lease, recorded)), group),
        group=group,
        line=line,
        lease=lease,
        front=front,
        files=files,
        run_clock=RunClock(front.clock, start_at=resume_at(recorded.facts[-1], front.clock.now())),
        started=started_at(recorded.facts[0]),
        recorded=len(recorded.facts),
    )


def closed_report(history: History, front: Front) -> Report:
    """The report of a run that has ended, handed out again."""
    state = history.state
    assert state.ended is not None
    start = started_at(history.facts[0])
    report = _mended(history.run, build_report(state, started_at=start, now_at=state.at, http=HttpCounts()))
    for file in front.delivery.files():
        file.write(report)
    return hand_out(report, front, kept=history.run.report_path)


def _mended(run: RunStore, report: dict[str, Any]) -> dict[str, Any]:
    """The report of a closed history, put in place if the process died between its last fact and its last report."""
    kept: dict[str, Any] = {}
    with suppress(UnreadableFile, StateError):
        kept = parse_report(run.report() or b"", name=run.place)
        report["http"] = kept["http"]  # counted by the process alone: no journal knows
    if kept != report:
        with suppress(StateError):  # it is told all the same
            run.put_report(report_json(report).encode("ascii"))
    return report


def recall(run: RunStore, recorded: Recorded, again: Again) -> History:
    """Fold a journal over the pipeline that it belongs to. Raises StateError and UserError."""
    facts = recorded.facts
    if not facts or not isinstance(facts[0].event, RunStarted):
        hint = "nothing was triggered: start a new run"
        raise StateError(f"run {run.run_id} has no journal that begins with its start", hint=hint)
    started = facts[0].event
    if again.wish is not None:
        same_wish(run, started, again.wish)
    texts = run.texts(started.digest)
    unchanged(run, started, texts, again.source)
    known = {name: value for name, value in started.variables.items() if value != SECRET}
    given = recorded_values(
        again.given, known, environment=started.environment, now=started_at(facts[0]), run_date=started.date
    )
    source, read = Source(name=started.file, text=texts.pipeline), kept(texts.fragments, started.file)
    loaded = load_source(source, given, read=read, only=started.only, run_id=run.run_id)
    if plan_digest(plan_data(loaded.planned())) != started.plan_digest:
        told = f"this is not what run {run.run_id} began with: {what_differs(started, loaded.pipeline)}"
        raise UserError(
            told, hint=f"give the values that it had (its plan in {run.place} shows them), or start a new run"
        )
    return History(
        run=run, recorded=recorded, started=started, loaded=loaded, state=replay(loaded.pipeline, run.run_id, facts)
    )
