"""A run goes on only as what it began as: the same file, values, environment, selection and server. Everything else is refused."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from spectrum_pipelines.app.fragments import Fragments
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.engine.facts import RunStarted
from spectrum_pipelines.errors import UserError
from spectrum_pipelines.pipeline.include import parse_with_fragments
from spectrum_pipelines.pipeline.model.pipeline import Pipeline
from spectrum_pipelines.store.interface import RunStore
from spectrum_pipelines.store.texts import Texts

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


def what_differs(started: RunStarted, pipeline: Pipeline) -> str:
    """Why the plan is another one, though the file is the same."""
    names = [
        name
        for name, variable in pipeline.variables.items()
        if not variable.secret and started.variables.get(name) != variable.recorded
    ]
    return f"{', '.join(names)} had another value" if names else "a variable of the environment had another value"


def unchanged(run: RunStore, started: RunStarted, texts: Texts, source: Source | None) -> None:
    """Refuse a pipeline file, or a fragment of it, that is not the one of the journal, and say what differs."""
    if source is None:
        path = Path(started.file)
        if not path.is_file():
            return
        source = Source(name=started.file, text=path.read_text(encoding="utf-8-sig", errors="replace"))
    if source.text != texts.pipeline:
        raise _changed(run, started, source.name, what="the pipeline", texts=(texts.pipeline, source.text))
    document, _ = parse_with_fragments(source, Fragments().of(source.name))
    now: Mapping[str, str] = {} if document is None else document.fragments
    for key in sorted({*texts.fragments, *now}):
        if (before := texts.fragments.get(key, "")) != (after := now.get(key, "")):
            name = os.path.normpath(Path(source.name).parent / key)
            raise _changed(run, started, name, what="the fragment", texts=(before, after))


def _changed(run: RunStore, started: RunStarted, name: str, *, what: str, texts: tuple[str, str]) -> UserError:
    changes = [
        line
        for line in difflib.unified_diff(texts[0].splitlines(), texts[1].splitlines(), "run", name, "", "", 0, "")
        if not line.startswith(("---", "+++"))
    ]
    more = (f"... and {len(changes) - _SHOWN_LINES} more lines",) if len(changes) > _SHOWN_LINES else ()
    return UserError(
        f"{name} is not {what} that run {run.run_id} ({started.pipeline}) began with",
        details=(*changes[:_SHOWN_LINES], *more),
        hint="put the file back to go on with that run, or start a new run (with another run key)",
    )


def same_server(started: RunStarted, url: str) -> None:
    """Execution ids mean something on one server only."""
    if started.server != url:
        hint = f"give --server {started.server}"
        raise UserError(f"the run's executions are on {started.server}, not on {url}", hint=hint)
