"""The pipeline that a run is gone on with, where its file or its values are not those of the process before.

A value that is not given again stays that of the run's first start, where the variable is declared as it was; a date stays always.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from spectrum_pipelines.app.fragments import Fragments, kept
from spectrum_pipelines.app.loading import Loaded, load_source
from spectrum_pipelines.app.recall import Again, History, as_begun, gives_values, has_values
from spectrum_pipelines.app.refusals import source_of
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.document.parse import Document
from spectrum_pipelines.engine.facts import Changed, Resumed, Retried, RunStarted, Stamped
from spectrum_pipelines.errors import UserError
from spectrum_pipelines.pipeline.form.matrix import as_text
from spectrum_pipelines.pipeline.form.overlay import mapping
from spectrum_pipelines.pipeline.include import parse_with_fragments
from spectrum_pipelines.pipeline.model.action import Scalar
from spectrum_pipelines.plan.agreed import plan_digest
from spectrum_pipelines.plan.data import plan_data, stored_json
from spectrum_pipelines.render.plan.changes import policy_changes
from spectrum_pipelines.store.codec import MAX_LINE, encode
from spectrum_pipelines.store.texts import Texts

#: What the stamp of a line may take more than here.
_STAMP = 100


class Redefined(Struct, frozen=True, kw_only=True):
    """Another pipeline than that of the process before. `told` is what the journal takes of it.

    `values` are the values that are new, and `policy` the policy, each as a line for people.
    """

    loaded: Loaded
    told: Changed
    values: tuple[str, ...]
    policy: tuple[str, ...]


def redefined(history: History, again: Again) -> Redefined | None:
    """The pipeline as its file and the values given stand now; None if that is what the run was gone on with last.

    Raises InvalidFile and UserError.
    """
    _same_environment(history, again)
    last = history.loaded
    source, read = again.source or source_of(last.source.name), None
    if source is None:  # the file is gone: new values go into the text that the run kept
        source, read = last.source, kept(last.document.fragments, last.source.name)
    read = read or Fragments().of(source.name)
    document: Document | None = last.document
    if source.text != last.texts.pipeline or last.texts.fragments:
        document, _ = parse_with_fragments(source, read)
    is_same = document is not None and Texts(pipeline=source.text, fragments=document.fragments) == last.texts
    as_before = {
        name: value
        for name, value in history.known.items()
        if document is not None and _is_declared_alike(name, last.document, document, history.started)
    }
    given = as_begun(history.facts[0], again.given, as_before)
    gives = gives_values(again.given, history.variables)
    if is_same and (not gives or has_values(last, given, history.known, history.run.run_id)):
        return None
    loaded = load_source(source, given, read=read, only=history.started.only, run_id=history.run.run_id)
    told = _told(loaded, again.git_commit)
    if is_same and told.variables == dict(history.variables):
        return None
    return Redefined(
        loaded=loaded,
        told=told,
        values=tuple(_values(history.variables, told.variables or {})),
        policy=tuple(policy_changes(history.state.pipeline, loaded.pipeline)),
    )


def hold_to_line(fact: Resumed | Retried, file: str) -> None:
    """Refuse a pipeline that the journal could not hold: nothing that stands there already is touched. Raises UserError."""
    size = len(encode(Stamped(at=0.0, time=SystemClock().now(), event=fact), 1)) + _STAMP
    if size > MAX_LINE:
        raise UserError(
            f"{file} is too large for a run that goes on: its texts and its plan take {size:,} bytes of the journal, "
            f"which has {MAX_LINE:,} for a line",
            hint="start a new run with it, or write it shorter: a matrix instead of many jobs, less text",
        )


def _same_environment(history: History, again: Again) -> None:
    asked, began = again.given.environment, history.started.environment
    if asked is not None and asked != began:
        raise UserError(
            f"run {history.run.run_id} began {f'in the environment {began}' if began else 'without an environment'}, "
            f"not in {asked}",
            hint="start a new run for another environment",
        )


def _is_declared_alike(name: str, old: Document, new: Document, started: RunStarted) -> bool:
    return _declared(name, old, started) == _declared(name, new, started) != (None, None)


def _declared(name: str, document: Document, started: RunStarted) -> tuple[Any, Any]:
    """How a file declares a variable, by itself and in the environment of the run."""
    environment = mapping(mapping(document.data.get("environments")).get(started.environment or ""))
    return mapping(document.data.get("variables")).get(name), mapping(environment.get("variables")).get(name)


def _told(loaded: Loaded, git_commit: str | None) -> Changed:
    planned = loaded.planned()
    data = plan_data(planned)
    return Changed(
        file=loaded.source.name,
        digest=loaded.texts.digest,
        plan_digest=plan_digest(data),
        git_commit=git_commit,
        variables=planned.variables(),
        text=loaded.texts.pipeline,
        fragments=loaded.texts.fragments,
        plan=stored_json(data),
    )


def _values(before: Mapping[str, Scalar], now: Mapping[str, Scalar]) -> Iterator[str]:
    """Each value that is another one, or new; secrets stand as `***` on both sides and are never among them."""
    for name, value in now.items():
        if name not in before:
            yield f"{name} is `{as_text(value)}`, and new"
        elif before[name] != value:
            yield f"{name} is `{as_text(value)}`, it was `{as_text(before[name])}`"
