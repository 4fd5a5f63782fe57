"""What a shell may complete beside commands, options and file names: names from the pipeline file on the line, and from the store.

A key is pressed and the answer is waited for, on a line that somebody is typing. So nothing here says what is wrong (there is just
nothing to offer), no server and no database is asked, large files are left alone, and no value is shown but those that a file lists
for everybody (`enum`). What is offered is inserted as it is: a name from a file or a store that a shell would not take as one plain
word is left out.
"""

import io
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class, shell_complete

from spectrum_pipelines.errors import SpectrumPipelinesError

if TYPE_CHECKING:
    from spectrum_pipelines.pipeline.form.view import View
    from spectrum_pipelines.store.interface import Store

#: So many runs are looked at, and so many bytes of a file.
_LISTED = 100
_MAX_BYTES = 1_000_000
_PLAIN = re.compile(r"[\w.@+][\w.@+:/,=-]*")
_YAML = frozenset({".yaml", ".yml", ".json"})
_ADDED = "COMPREPLY+=($value)"  # in the script of click


def job_ids(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's signature
    """Selections of `--only` that begin with what is typed: `sal` -> `sales`, `a,+sal` -> `a,+sales`."""
    head, comma, last = incomplete.rpartition(",")
    plus = "+" if last.startswith("+") else ""
    names = _jobs_of(_view(ctx))
    return [f"{head}{comma}{plus}{name}" for name in _beginning(names, last.removeprefix("+"))]


def environment_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    """The environments of the file on the line."""
    from spectrum_pipelines.pipeline.form.overlay import environments  # noqa: PLC0415 - only while a line is typed

    view = _view(ctx)
    return [] if view is None else list(_beginning(environments(view.document), incomplete))


def variables(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's signature
    """`region=` for `reg`, then what `enum` lists; of a run without a file on the line, the names that its plan has."""
    from spectrum_pipelines.pipeline.fill.variables import VariableType, declarations  # noqa: PLC0415

    view = _view(ctx)
    name, equals, value = incomplete.partition("=")
    if view is None:
        plan = {} if equals else _plan_of_run(ctx)
        return [f"{one}=" for one in _beginning(_keys(plan.get("variables")), name)]
    declared = declarations(view)
    if not equals:
        return [f"{one}=" for one in _beginning(declared, name)]
    if name not in declared or declared[name].secret:
        return []
    truths = ("true", "false") if declared[name].type is VariableType.BOOLEAN else ()
    return [f"{name}={one}" for one in _beginning((*map(str, declared[name].enum), *truths), value)]


def run_ids(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's signature
    """The newest runs in the store that begin with what is typed."""
    return list(_beginning((head.run_id for head in _heads(ctx)), incomplete))


def run_ids_and_files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Runs of the store; where none begins with what is typed, the shell completes the name of a file."""
    found = [CompletionItem(name) for name in run_ids(ctx, param, incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


def run_keys(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's signature
    """The keys of the newest runs in the store."""
    keys = (head.run_key for head in _heads(ctx) if head.run_key is not None)
    return list(_beginning(dict.fromkeys(keys), incomplete))


def jobs_of_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's signature
    """The jobs of the run on the line that are `unknown`; while its report names none, all that its plan has."""
    report = _json_of_run(ctx, "report")
    unknown = [one["id"] for one in _entries(report.get("jobs")) if one.get("status") == "unknown"]
    every = [one["id"] for one in _entries(_plan_of_run(ctx).get("jobs"))]
    return list(_beginning(unknown or every, incomplete))


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:  # noqa: ARG001
    """Left to the shell."""
    return [CompletionItem(incomplete, type="file")]


def folders(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:  # noqa: ARG001
    """Left to the shell."""
    return [CompletionItem(incomplete, type="dir")]


class Bash(BashComplete):
    """Bash takes `=` for a word of its own, and puts a space behind what it has completed."""

    source_template = BashComplete.source_template.replace(
        _ADDED, f"{_ADDED}\n            [[ $value == *= ]] && compopt -o nospace"
    )

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words, with `--var region = em` put together again: `--var`, `region=em`."""
        args, typed = super().get_completion_args()
        words: list[str] = []
        is_open = False  # the next word belongs to the last one
        for word in (*args, typed):
            if is_open:
                words[-1] += word
                is_open = False
            elif word != "=" or not words:
                words.append(word)
            elif not words[-1].startswith("-"):  # `--var=region` is `--var region`
                words[-1] += word
                is_open = True
        if typed == "=" and words[-1].startswith("-"):
            words.append("")
        whole = words.pop() if words else ""
        self._cut = len(whole.partition("=")[0]) + 1 if "=" in whole and "=" not in typed.rstrip("=") else 0
        return words, whole

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """Bash replaces what stands behind the `=` only."""
        return f"{item.type},{str(item.value)[self._cut :]}"


def answer(program: click.Command, *, name: str, asked_by: str) -> int:
    """Answer a shell, which asks by this variable: it wants its script, or what may stand where the cursor is.

    Whatever goes wrong with the second, there is nothing to offer, and no message on a line that is being typed.
    """
    add_completion_class(Bash)
    asked = os.environ[asked_by]
    if not asked.endswith("_complete"):
        return shell_complete(program, {}, name, asked_by, asked)
    with redirect_stderr(io.StringIO()), suppress(Exception):  # a line, a file and a store of any shape
        return shell_complete(program, {}, name, asked_by, asked)
    return 0


def _beginning(names: Iterable[str], typed: str) -> Iterator[str]:
    """The names that begin with what is typed, and that a shell takes as one plain word."""
    return (name for name in names if name.startswith(typed) and _PLAIN.fullmatch(name))


def _words(ctx: click.Context) -> list[str]:
    """The arguments on the line. While an option waits for its value, click leaves all words unsorted in `args`."""
    known = [ctx.params.get("file"), ctx.params.get("run_id"), *ctx.args]
    return [word for word in known if isinstance(word, str) and not word.startswith("-")]


def _view(ctx: click.Context) -> "View | None":
    """The pipeline file on the line, with its fragments, as far as it can be read."""
    from spectrum_pipelines.app.fragments import Fragments  # noqa: PLC0415 - PyYAML
    from spectrum_pipelines.document.source import read_source  # noqa: PLC0415
    from spectrum_pipelines.pipeline.form.view import View  # noqa: PLC0415
    from spectrum_pipelines.pipeline.include import parse_with_fragments  # noqa: PLC0415

    for word in _words(ctx):
        if Path(word).suffix in _YAML:
            with suppress(SpectrumPipelinesError):
                source = read_source(word, max_bytes=_MAX_BYTES)
                document = None if source.is_foreign else parse_with_fragments(source, Fragments().of(word))[0]
                if document is not None and isinstance(document.data, dict):
                    return View(document)
    return None


def _jobs_of(view: "View | None") -> Iterator[str]:
    if view is not None:
        for section in ("jobs", "finally"):
            yield from _keys(view.data.get(section))


def _keys(value: object) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, dict) else []


def _store(ctx: click.Context) -> "Store | None":
    """The store, if it is a folder: a database would be asked over the network."""
    from spectrum_pipelines.cli.options import DEFAULT_STATE  # noqa: PLC0415 - only while a line is typed
    from spectrum_pipelines.cli.state import store_of  # noqa: PLC0415

    named = (os.environ.get(name) for name in ("SPECTRUM_STATE", "SPECTRUM_STATE_DIR"))
    state = ctx.params.get("state") or next(filter(None, named), None) or DEFAULT_STATE
    return None if "://" in state or not Path(state).is_dir() else store_of(state)


def _heads(ctx: click.Context) -> list[Any]:
    with suppress(SpectrumPipelinesError):
        store = _store(ctx)
        if store is not None:
            with store:
                return list(store.newest(limit=_LISTED))
    return []


def _plan_of_run(ctx: click.Context) -> dict[str, Any]:
    return _json_of_run(ctx, "plan")


def _json_of_run(ctx: click.Context, what: str) -> dict[str, Any]:
    """The `plan` or the `report` of the run on the line; empty if there is none."""
    from spectrum_pipelines.store.heads import is_run_id  # noqa: PLC0415 - only while a line is typed

    run_id = next((word for word in _words(ctx) if is_run_id(word)), None)
    with suppress(SpectrumPipelinesError, ValueError):
        store = _store(ctx)
        if store is not None and run_id is not None:
            with store:
                run = store.find(run_id)
                text = None if run is None else run.plan() if what == "plan" else run.report()
                found = json.loads(text or b"{}")
                return found if isinstance(found, dict) else {}
    return {}


def _entries(value: object) -> list[dict[str, Any]]:
    found = value if isinstance(value, list) else []
    return [one for one in found if isinstance(one, dict) and isinstance(one.get("id"), str)]
