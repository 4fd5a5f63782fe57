"""A run goes on only as what it began as: the same file, values, environment, selection and server. Everything else is refused."""

import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from spectrum_pipelines.app.fragments import Fragments
from spectrum_pipelines.app.loading import Loaded, quotable
from spectrum_pipelines.document.schema.wording import flow
from spectrum_pipelines.document.source import Source, read_source
from spectrum_pipelines.engine.facts import RunStarted
from spectrum_pipelines.engine.outcome import RunStatus
from spectrum_pipelines.engine.run.retry import RetryPlan, plan_retry
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.errors import UserError
from spectrum_pipelines.pipeline.include import parse_with_fragments
from spectrum_pipelines.pipeline.model.action import Scalar
from spectrum_pipelines.pipeline.model.pipeline import Pipeline
from spectrum_pipelines.report.build import command_about
from spectrum_pipelines.report.commands import about_run
from spectrum_pipelines.store.interface import RunStore
from spectrum_pipelines.store.texts import Texts
from spectrum_pipelines.words.wording import few

_SHOWN_LINES = 12


class Wish(Struct, frozen=True, kw_only=True):
    """What is asked of the run that a run key stands for. `server` is None where any will do."""

    environment: str | None
    only: tuple[str, ...]
    server: str | None


def same_wish(run: RunStore, started: RunStarted, wish: Wish) -> None:
    """A run key stands for one run: it must not answer for another environment, server or selection."""
    asked = {
        "environment": (started.environment, wish.environment),
        "--only": (", ".join(started.only) or None, ", ".join(wish.only) or None),
    }
    if wish.server is not None:
        asked["server"] = (started.server, wish.server)
    for what, (was, is_now) in asked.items():
        if was != is_now:
            raise UserError(
                f"the run key stands for run {run.run_id} with {what} {was or 'not given'}, not {is_now or 'without it'}",
                hint="use another run key, for instance with the environment's name in it",
            )


def what_differs(variables: Mapping[str, Scalar], pipeline: Pipeline) -> str:
    """Why the plan is another one, though the file is the same."""
    names = [
        name
        for name, variable in pipeline.variables.items()
        if not variable.secret and variables.get(name) != variable.recorded
    ]
    return f"{', '.join(names)} had another value" if names else "a variable of the environment had another value"


def other_values(state: RunState, before: Mapping[str, Scalar], now: Pipeline) -> UserError:
    """Values of variables with which a run was never gone on with."""
    assert state.facts is not None
    hint = "give the values that it had, or start a new run (with another run key)"
    if isinstance(plan_retry(state), RetryPlan):
        changed = {name: it for name, it in now.variables.items() if not it.secret and before.get(name) != it.recorded}
        texts = {
            name: it.recorded if isinstance(it.recorded, str) else flow(it.recorded) for name, it in changed.items()
        }
        words = [word for name, text in texts.items() for word in ("--var", f"{name}={text}")]
        retry = about_run(state.facts, "retry", *words)
        hint = f"the run failed: `{retry}` goes on from what failed (`run` does with --retry-failed)"
    return UserError(f"this is not what run {state.run_id} began with: {what_differs(before, now)}", hint=hint)


def unchanged(state: RunState, every: Sequence[Loaded], source: Source | None) -> None:
    """Refuse a pipeline file, or a fragment of it, with which the run was never gone on with, and say what differs from the last.

    `every` are those that the run has had: it goes on with the last of them, and whoever has an older one may ask for that.
    """
    last = every[-1]
    name = last.source.name if source is None else source.name
    source = source or source_of(name)
    if source is None:
        return
    found = _difference(last.texts, source)
    if found is None or any(_difference(it.texts, source) is None for it in every[:-1]):
        return
    what, of, changes = found
    assert state.facts is not None
    raise UserError(
        f"{of} is not the {what} that run {state.run_id} ({state.facts.pipeline}) began with",
        details=changes,
        hint=_with_a_changed_file(state, name),
    )


def _with_a_changed_file(state: RunState, name: str) -> str:
    """What to do with a run whose file has changed since: one that failed is mended so, and one that is under way is not."""
    assert state.facts is not None
    if isinstance(plan_retry(state), RetryPlan):
        retry = about_run(state.facts, "retry", name)
        return f"the run failed: if the file is mended, `{retry}` goes on from what failed (`run` does with --retry-failed)"
    if state.ended is not None and state.ended.status is RunStatus.SUCCEEDED:
        return "the run succeeded, and its key stands for it: start a new run with another run key"
    again = about_run(state.facts, "resume", name)
    return (
        f"put the file back to go on with that run; if its policy alone has changed (timeouts, retries ...), give it: "
        f"`{again}`; or start a new run (with another run key)"
    )


def more_than_policy(state: RunState, changed: Loaded, *, before: Loaded, more: Sequence[str]) -> UserError:
    """A changed file that a run which has not ended cannot go on with: it wants more of it than another policy."""
    name = changed.source.name
    found = _difference(before.texts, changed.source)
    return UserError(
        f"{name} changes more than the policy of run {state.run_id}: {few(more, of='changes')}",
        details=() if found is None else found[2],
        hint=f"end the run first with the file that it began with (put it back, then `{command_about(state, 'resume')}`); "
        f"what is left then takes the new one: `{command_about(state, 'retry', name)}`",
    )


def has_ended(state: RunState, name: str) -> UserError:
    """A changed file for a run whose history is closed."""
    is_open = isinstance(plan_retry(state), RetryPlan)
    what = "retry" if is_open else "report"
    words = (name,) if is_open else ()
    told = "what failed goes on with the file by" if is_open else "see what it did:"
    return UserError(
        f"run {state.run_id} has ended: no file changes what it did",
        hint=f"{told} `{command_about(state, what, *words)}`",
    )


def source_of(name: str) -> Source | None:
    """The pipeline file where it was; None if it is not there any more. Raises UnreadableFile."""
    return read_source(name) if Path(name).is_file() else None


def _difference(texts: Texts, source: Source) -> tuple[str, str, tuple[str, ...]] | None:
    """What differs (`pipeline`, `fragment`), the name of that file, and the lines; None where nothing does."""
    document, _ = parse_with_fragments(source, Fragments().of(source.name))
    if source.is_foreign:
        shown: Mapping[str, str] = {}
    else:
        shown = {it.name: it.text for it in quotable(source, document)}
    if source.text != texts.pipeline:
        return "pipeline", source.name, _lines(source.name, texts.pipeline, shown)
    now: Mapping[str, str] = {} if document is None else document.fragments
    for key in sorted({*texts.fragments, *now}):
        if (before := texts.fragments.get(key, "")) != now.get(key, ""):
            name = os.path.normpath(Path(source.name).parent / key)
            return "fragment", name, _lines(name, before, shown)
    return None


def _lines(name: str, before: str, shown: Mapping[str, str]) -> tuple[str, ...]:
    """The lines that differ, as far as the file may be quoted: `shown` are the texts of now without the values of secrets."""
    if name not in shown:
        return ("(the file is gone, or leads out of its checkout: nothing of it is shown)",)
    after = shown[name]
    changes = [
        line
        for line in difflib.unified_diff(before.splitlines(), after.splitlines(), "run", name, "", "", 0, "")
        if not line.startswith(("---", "+++"))
    ]
    more = (f"... and {len(changes) - _SHOWN_LINES} more lines",) if len(changes) > _SHOWN_LINES else ()
    return (*changes[:_SHOWN_LINES], *more)


def same_server(started: RunStarted, url: str) -> None:
    """Execution ids mean something on one server only."""
    if started.server != url:
        hint = f"give --server {started.server}"
        raise UserError(f"the run's executions are on {started.server}, not on {url}", hint=hint)
