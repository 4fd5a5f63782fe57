"""Going on with a run that was interrupted, killed or left, or that failed; of a run whose history is closed, its report."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from spectrum_pipelines import __version__
from spectrum_pipelines.app.connection import Reach
from spectrum_pipelines.app.fragments import Fragments, kept
from spectrum_pipelines.app.front import Front
from spectrum_pipelines.app.loading import Loaded, load_source, recorded_values
from spectrum_pipelines.app.outcome import Report, Waiting
from spectrum_pipelines.app.prepare import SECRET, await_server, join_group, line_to, take_lease
from spectrum_pipelines.app.refusals import Wish, same_server, same_wish, unchanged, what_differs
from spectrum_pipelines.app.session import Session, Until, hand_out
from spectrum_pipelines.document.parse import Document
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.engine.facts import Resumed, Retried, RunStarted, Stamped
from spectrum_pipelines.engine.run.reopen import is_resumable
from spectrum_pipelines.engine.run.retry import Changed, RetryPlan, plan_retry, retried
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.errors import StateError, UnreadableFile, UserError
from spectrum_pipelines.pipeline.build import Given
from spectrum_pipelines.pipeline.form.overlay import mapping
from spectrum_pipelines.pipeline.include import parse_with_fragments
from spectrum_pipelines.pipeline.model.action import Scalar
from spectrum_pipelines.pipeline.model.pipeline import Pipeline
from spectrum_pipelines.pipeline.secrets import masked, secrets_of
from spectrum_pipelines.plan.agreed import plan_digest
from spectrum_pipelines.plan.data import plan_data, stored_json
from spectrum_pipelines.report.build import HttpCounts, build_report, started_at
from spectrum_pipelines.report.json_text import report_json
from spectrum_pipelines.report.read import parse_report
from spectrum_pipelines.runner.loop import RunClock, resume_at
from spectrum_pipelines.store.guarding import under_group
from spectrum_pipelines.store.history import Recorded, replay
from spectrum_pipelines.store.interface import Lease, RunStore, Store
from spectrum_pipelines.store.texts import Texts


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
    """A run as its journal tells it, and the pipeline and the variables of its last round."""

    run: RunStore
    recorded: Recorded
    started: RunStarted
    loaded: Loaded
    state: RunState
    variables: Mapping[str, Scalar]

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
    if not again.retries:
        return None
    changed = changed_file(history, again)
    plan = plan_retry(history.state, None if changed is None else changed.pipeline)
    if not isinstance(plan, RetryPlan):
        return None
    if changed is not None:
        history.state.later = {**history.state.later, _plan_of(changed): changed.pipeline}
    told = None if changed is None else _told(changed)
    return replace(retried(plan, tool_version=__version__, changed=told), origin=again.origin)


def changed_file(history: History, again: Again) -> Loaded | None:
    """The pipeline as its file stands now, if that is not what the last round ran. Raises InvalidFile and UserError.

    Dates stay those of the first start, and so do the values of variables whose declaration is as it was.
    """
    last = history.loaded
    source = again.source or source_of(last.source.name)
    if source is None:
        return None
    known = {name: value for name, value in history.variables.items() if value != SECRET}
    facts, started = history.facts, history.started
    document, _ = parse_with_fragments(source, Fragments().of(source.name))
    if document is None or Texts(pipeline=source.text, fragments=document.fragments) != last.texts:
        as_before = {
            name: value for name, value in known.items() if _is_declared_alike(name, last.document, document, started)
        }
        given = recorded_values(
            again.given, as_before, environment=started.environment, now=started_at(facts[0]), run_date=started.date
        )
        return load_source(source, given, only=started.only, run_id=history.run.run_id)
    return None


def source_of(name: str) -> Source | None:
    """The pipeline file where it was; None if it is not there any more."""
    path = Path(name)
    return Source(name=name, text=path.read_text(encoding="utf-8-sig", errors="replace")) if path.is_file() else None


def _is_declared_alike(name: str, old: Document, new: Document | None, started: RunStarted) -> bool:
    return new is not None and _declared(name, old, started) == _declared(name, new, started) != (None, None)


def _declared(name: str, document: Document, started: RunStarted) -> tuple[Any, Any]:
    """How a file declares a variable, by itself and in the environment of the run."""
    environment = mapping(mapping(document.data.get("environments")).get(started.environment or ""))
    return mapping(document.data.get("variables")).get(name), mapping(environment.get("variables")).get(name)


def _plan_of(loaded: Loaded) -> str:
    return plan_digest(plan_data(loaded.planned()))


def _told(loaded: Loaded) -> Changed:
    pipeline = loaded.pipeline
    return Changed(
        file=loaded.source.name,
        digest=loaded.texts.digest,
        plan_digest=_plan_of(loaded),
        variables={name: SECRET if it.secret else it.recorded for name, it in pipeline.variables.items()},
        text=loaded.texts.pipeline,
        fragments=loaded.texts.fragments,
        plan=stored_json(plan_data(loaded.planned())),
    )


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
    first = _recorded(run, facts[0], again, texts=texts, file=started.file, variables=started.variables)
    _hold_to(first, started.plan_digest, run, started)
    last, variables, later = first, started.variables, dict[str, Pipeline]()
    for one in changed_rounds(facts):
        texts, variables = Texts(pipeline=one.text or "", fragments=one.fragments or {}), one.variables or {}
        last = _recorded(run, facts[0], again, texts=texts, file=one.file or started.file, variables=variables)
        _hold_to(last, one.plan_digest, run, started)
        later[one.plan_digest or ""] = last.pipeline
    if not again.retries:
        unchanged(run, started, last.texts, again.source)
    state = replay(first.pipeline, run.run_id, facts, later=later)
    return History(run=run, recorded=recorded, started=started, loaded=last, state=state, variables=variables)


def changed_rounds(facts: Sequence[Stamped]) -> list[Retried]:
    """The retries that ran another pipeline than the round before."""
    return [it.event for it in facts if isinstance(it.event, Retried) and it.event.plan_digest is not None]


def _recorded(
    run: RunStore,
    first: Stamped,
    again: Again,
    *,
    texts: Texts,
    file: str,
    variables: Mapping[str, Scalar],
) -> Loaded:
    """A pipeline as a round of the run has run it."""
    started = first.event
    assert isinstance(started, RunStarted)
    known = {name: value for name, value in variables.items() if value != SECRET}
    given = recorded_values(
        again.given, known, environment=started.environment, now=started_at(first), run_date=started.date
    )
    source, read = Source(name=file, text=texts.pipeline), kept(texts.fragments, file)
    return load_source(source, given, read=read, only=started.only, run_id=run.run_id)


def _hold_to(loaded: Loaded, expected: str | None, run: RunStore, started: RunStarted) -> None:
    if _plan_of(loaded) != expected:
        told = f"this is not what run {run.run_id} began with: {what_differs(started, loaded.pipeline)}"
        raise UserError(
            told, hint=f"give the values that it had (its plan in {run.place} shows them), or start a new run"
        )
