"""A run as its journal tells it, and the pipeline that belongs to it, built again from the texts and values that it kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from spectrum_pipelines.app.fragments import kept
from spectrum_pipelines.app.loading import Loaded, load_source, recorded_values
from spectrum_pipelines.app.prepare import SECRET
from spectrum_pipelines.app.refusals import Wish, other_values, same_wish, unchanged, what_differs
from spectrum_pipelines.app.session import Until
from spectrum_pipelines.document.diagnostic import Severity
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.engine.facts import RunStarted, Stamped
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.errors import StateError, UserError
from spectrum_pipelines.pipeline.build import Given
from spectrum_pipelines.pipeline.fill.values import PREFIX, resolve
from spectrum_pipelines.pipeline.form.view import View
from spectrum_pipelines.pipeline.model.action import Scalar
from spectrum_pipelines.pipeline.model.pipeline import UTC, Pipeline, Variable
from spectrum_pipelines.plan.agreed import plan_digest
from spectrum_pipelines.plan.data import plan_data
from spectrum_pipelines.report.build import started_at
from spectrum_pipelines.store.history import Recorded, changes, replay
from spectrum_pipelines.store.interface import RunStore
from spectrum_pipelines.store.texts import Texts


class Again(Struct, frozen=True, kw_only=True):
    """With what a run is gone on with.

    `given` are the values of now, under which those of the journal lie. `source` is the file as the user has it now; None looks for
    it where it was. `wish` is what a run key is asked for. `workspace` is that of an embedded server, whose address changes.
    `origin` says what began this process, and `git_commit` from which commit the file comes. `retries`: a run that failed goes on
    from what failed. With `until` the run is left as soon as it says so (see `Session`).
    """

    given: Given = field(default_factory=Given)
    source: Source | None = None
    wish: Wish | None = None
    workspace: str | None = None
    origin: dict[str, str] = field(default_factory=dict)
    git_commit: str | None = None
    retries: bool = False
    until: Until | None = None

    @property
    def takes_changes(self) -> bool:
        """Another file or other values are asked for, or would be taken. A run key alone stands for what it began with."""
        return self.retries or (self.source is not None and self.wish is None)


class History(Struct, frozen=True, kw_only=True):
    """A run as its journal tells it, and the pipeline and the variables with which it was gone on with last."""

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

    @property
    def began(self) -> datetime:
        """When the run first started."""
        return started_at(self.facts[0])

    @property
    def known(self) -> dict[str, Scalar]:
        """The values that the journal holds: those of all variables but the secret ones."""
        return _known(self.variables)


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
    first = _built(run, facts[0], again, texts=texts, file=started.file, variables=started.variables)
    _hold_to(first, started.plan_digest, run, started.variables)
    every, variables, later = [first], started.variables, dict[str, Pipeline]()
    for one in changes(facts):
        texts, variables = Texts(pipeline=one.text or "", fragments=one.fragments or {}), one.variables or {}
        every.append(_built(run, facts[0], again, texts=texts, file=one.file or started.file, variables=variables))
        _hold_to(every[-1], one.plan_digest, run, variables)
        later[one.plan_digest or ""] = every[-1].pipeline
    state = replay(first.pipeline, run.run_id, facts, later=later)
    if not again.takes_changes:
        if gives_values(again.given, variables):
            _hold_to_values(run, facts[0], again.given, every=every, state=state)
        unchanged(state, every, again.source)
    return History(run=run, recorded=recorded, started=started, loaded=every[-1], state=state, variables=variables)


def _built(
    run: RunStore, first: Stamped, again: Again, *, texts: Texts, file: str, variables: Mapping[str, Scalar]
) -> Loaded:
    """A pipeline as the run was begun or gone on with."""
    source = Source(name=file, text=texts.pipeline)
    return _made(
        run, first, without_changes(again.given, variables), source=source, texts=texts, known=_known(variables)
    )


def _made(
    run: RunStore, first: Stamped, given: Given, *, source: Source, texts: Texts, known: Mapping[str, Scalar]
) -> Loaded:
    """The pipeline that these values, over those of the journal, make of the texts."""
    started = first.event
    assert isinstance(started, RunStarted)
    given = as_begun(first, given, known)
    return load_source(source, given, read=kept(texts.fragments, source.name), only=started.only, run_id=run.run_id)


def as_begun(first: Stamped, given: Given, known: Mapping[str, Scalar]) -> Given:
    """These values over the known ones, on the day and in the environment with which the run began. `first` is its first fact."""
    started = first.event
    assert isinstance(started, RunStarted)
    return recorded_values(given, known, environment=started.environment, now=started_at(first), run_date=started.date)


def _known(variables: Mapping[str, Scalar]) -> dict[str, Scalar]:
    return {name: value for name, value in variables.items() if value != SECRET}


def without_changes(given: Given, variables: Mapping[str, Scalar]) -> Given:
    """What is given now for the secrets among these variables, which no journal holds; the other values may be new ones."""
    secret = {name for name, value in variables.items() if value == SECRET}
    environment = given.process_environment
    return replace(
        given,
        vars_file={name: value for name, value in given.vars_file.items() if name in secret},
        command_line={name: value for name, value in given.command_line.items() if name in secret},
        process_environment={
            name: value
            for name, value in environment.items()
            if not name.startswith(PREFIX) or name.removeprefix(PREFIX) in secret
        },
    )


def gives_values(given: Given, variables: Mapping[str, Scalar]) -> bool:
    """Values are given beside those for the secrets among these variables."""
    rest = without_changes(given, variables)
    return (
        given.vars_file != rest.vars_file
        or given.command_line != rest.command_line
        or any(name.startswith(PREFIX) for name in given.process_environment.keys() - rest.process_environment.keys())
    )


def has_values(loaded: Loaded, given: Given, known: Mapping[str, Scalar], run_id: str) -> bool:
    """These values make the known ones of a pipeline; nothing is built to see that."""
    view = View(loaded.document, given.environment)
    resolved = resolve(view, given, run_id, given.today(str(view.data.get("timezone", UTC))))
    return not any(it.severity is Severity.ERROR for it in resolved.faults) and _plain(resolved.variables) == known


def _plain(variables: Mapping[str, Variable]) -> dict[str, Scalar]:
    """The values of all variables but the secret ones."""
    return {name: it.recorded for name, it in variables.items() if not it.secret}


def _hold_to_values(run: RunStore, first: Stamped, given: Given, *, every: Sequence[Loaded], state: RunState) -> None:
    """Refuse values with which the run was never gone on with; whoever gives those of an older round may ask for that."""
    for loaded in every:
        known = _plain(loaded.pipeline.variables)
        if has_values(loaded, as_begun(first, given, known), known, run.run_id):
            return
    last = every[-1]
    known = _plain(last.pipeline.variables)
    now = _made(run, first, given, source=last.source, texts=last.texts, known=known)
    raise other_values(state, known, now.pipeline)


def _hold_to(loaded: Loaded, expected: str | None, run: RunStore, variables: Mapping[str, Scalar]) -> None:
    if plan_digest(plan_data(loaded.planned())) != expected:
        told = f"this is not what run {run.run_id} began with: {what_differs(variables, loaded.pipeline)}"
        raise UserError(
            told, hint=f"give the values that it had (its plan in {run.place} shows them), or start a new run"
        )
