"""Going on with a run that was interrupted, killed or left, or that failed; of a run whose history is closed, its report."""

from contextlib import ExitStack, suppress
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from spectrum_pipelines import __version__
from spectrum_pipelines.app.connection import Reach
from spectrum_pipelines.app.front import Front
from spectrum_pipelines.app.outcome import Report, Waiting
from spectrum_pipelines.app.prepare import await_server, join_group, line_to, take_lease
from spectrum_pipelines.app.recall import Again, History, recall
from spectrum_pipelines.app.redefined import Redefined, hold_to_line, redefined
from spectrum_pipelines.app.refusals import has_ended, more_than_policy, same_server
from spectrum_pipelines.app.session import Session, hand_out
from spectrum_pipelines.engine.facts import Resumed, Retried
from spectrum_pipelines.engine.run.redefine import beyond_policy
from spectrum_pipelines.engine.run.reopen import is_resumable
from spectrum_pipelines.engine.run.retry import Refusal, RetryPlan, plan_retry, retried
from spectrum_pipelines.errors import StateError, UnreadableFile
from spectrum_pipelines.pipeline.model.pipeline import Pipeline
from spectrum_pipelines.pipeline.secrets import masked, secrets_of
from spectrum_pipelines.report.build import HttpCounts, build_report
from spectrum_pipelines.report.json_text import report_json
from spectrum_pipelines.report.read import parse_report
from spectrum_pipelines.runner.loop import RunClock, resume_at
from spectrum_pipelines.store.guarding import under_group
from spectrum_pipelines.store.interface import Lease, RunStore, Store
from spectrum_pipelines.words.wording import few


class _Onward(Struct, frozen=True, kw_only=True):
    """The fact with which a run goes on, the pipeline from then on, and what a person should know of the two.

    `files` are those of which another pipeline than before is made.
    """

    first: Resumed | Retried
    pipeline: Pipeline
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


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
        onward = _next(history, again)
        if onward is None:
            return closed_report(history, front)
        for note in onward.notes:
            front.notices.note(note)
        store.probe()
        session = _session(history, onward, reach, store=store, lease=lease, again=again, front=front, stack=stack)
        return session.carry_out([onward.first], until=again.until)


def _next(history: History, again: Again) -> _Onward | None:
    """The fact with which the run goes on; None: its history is closed. Raises InvalidFile and UserError."""
    changed = redefined(history, again) if again.takes_changes else None
    if is_resumable(history.state):
        onward = _resumed(history, again, changed)
    elif again.retries:
        plan = plan_retry(history.state, None if changed is None else changed.loaded.pipeline)
        if not isinstance(plan, RetryPlan):
            if changed is not None and plan.why is Refusal.SUCCEEDED and again.wish is not None:
                # Nothing is left for a retry to take the change: the key stands for what has succeeded, and for nothing else.
                recall(history.run, history.recorded, replace(again, retries=False))
            return None
        told = None if changed is None else changed.told
        first = replace(retried(plan, tool_version=__version__, changed=told), origin=again.origin)
        pipeline = history.state.pipeline if changed is None else changed.loaded.pipeline
        onward = _Onward(
            first=first, pipeline=pipeline, notes=() if changed is None else (*changed.values, *changed.policy)
        )
    elif changed is not None:
        raise has_ended(history.state, changed.loaded.source.name)
    else:
        return None
    if changed is not None:
        onward = replace(onward, files=changed.loaded.files)
    if changed is not None and onward.first.changed is not None:
        hold_to_line(onward.first, changed.loaded.source.name)
        history.state.later = {**history.state.later, changed.told.plan_digest or "": changed.loaded.pipeline}
    return onward


def _resumed(history: History, again: Again, changed: Redefined | None) -> _Onward:
    """Go on with what was interrupted, under a changed policy where it is one. Raises UserError for a change that is more."""
    pipeline = history.state.pipeline
    first = Resumed(tool_version=__version__, waited=again.until is not None, origin=again.origin)
    if changed is None:
        return _Onward(first=first, pipeline=pipeline)
    more = tuple(beyond_policy(pipeline, changed.loaded.pipeline))
    if not more:
        first = replace(first, changed=changed.told)
        return _Onward(first=first, pipeline=changed.loaded.pipeline, notes=(*changed.values, *changed.policy))
    if again.retries:  # of a run key: what was interrupted comes to its end first, and the next retry takes the file
        name = changed.loaded.source.name
        note = (
            f"{name} changes more than the policy: the run goes on as it was, and a retry takes the file ({few(more)})"
        )
        return _Onward(first=first, pipeline=pipeline, notes=(note,))
    raise more_than_policy(history.state, changed.loaded, before=history.loaded, more=more)


def _session(
    history: History,
    onward: _Onward,
    reach: Reach,
    *,
    store: Store,
    lease: Lease,
    again: Again,
    front: Front,
    stack: ExitStack,
) -> Session:
    run, recorded, pipeline = history.run, history.recorded, onward.pipeline
    files = front.delivery.files((*history.loaded.files, *onward.files))
    # A pipeline without an address, which was given at the start, is gone on with where it was.
    server = replace(pipeline.server, url=pipeline.server.url or history.started.server)
    line = line_to(pipeline, reach, front, stack, server=server, lease=lease)
    if again.workspace is None:
        same_server(history.started, masked(line.url, secrets_of(pipeline)))
    if front.patience:
        await_server(line, front.patience, front)
    group = join_group(pipeline, store, run.run_id, front, stack)
    front.abort.check()
    if (
        store.is_shared
    ):  # the process before may be alive, and what it sent under its lease, and its policy, may still arrive
        before = history.state.pipeline.http
        history.state.calls_left = before.connect_timeout + before.read_timeout
    return Session(
        state=history.state,
        pipeline=pipeline,
        store=store,
        run=run,
        journal=under_group(stack.enter_context(run.journal(lease, recorded)), group),
        group=group,
        line=line,
        lease=lease,
        front=front,
        files=files,
        run_clock=RunClock(front.clock, start_at=resume_at(recorded.facts[-1], front.clock.now())),
        started=history.began,
        recorded=len(recorded.facts),
    )


def closed_report(history: History, front: Front) -> Report:
    """The report of a run that has ended, handed out again."""
    state = history.state
    assert state.ended is not None
    report = _mended(history.run, build_report(state, started_at=history.began, now_at=state.at, http=HttpCounts()))
    for file in front.delivery.files(history.loaded.files):
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
