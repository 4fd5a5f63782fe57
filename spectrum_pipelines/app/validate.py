"""Every fault of a pipeline or workspace file; a server is asked only where the caller brings a way to ask it."""

import os
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from spectrum_pipelines.app.fragments import Fragments
from spectrum_pipelines.app.includers import Includers
from spectrum_pipelines.app.kinds import has_keys_of_a_workspace
from spectrum_pipelines.document.diagnostic import Diagnostic, Severity, in_order, unquoted
from spectrum_pipelines.document.parse import Document
from spectrum_pipelines.document.source import Source, read_source
from spectrum_pipelines.errors import UnreadableFile
from spectrum_pipelines.pipeline.form.overlay import mapping
from spectrum_pipelines.pipeline.include import fragment_of, parse_with_fragments

_SCHEMA_LINE = "yaml-language-server: $schema="

#: What a server says of a pipeline, as findings.
Asked = Callable[[Document], tuple[Diagnostic, ...]]


class Checked(Struct, frozen=True, kw_only=True):
    """A file and what is wrong with it. `shown` are its text and those of its fragments as they may be quoted."""

    shown: tuple[Source, ...]
    found: tuple[Diagnostic, ...]


def ask_nobody(document: Document) -> tuple[Diagnostic, ...]:  # noqa: ARG001 - of a signature
    """No server is asked."""
    return ()


def check_file(
    name: str,
    asked: Asked = ask_nobody,
    *,
    fragments: Fragments | None = None,
    allowed: AbstractSet[str] | None = None,
    includers: Includers | None = None,
    beside: AbstractSet[str] = frozenset(),
) -> Checked:
    """Check one file for what it is; `asked` adds what a server says of a pipeline. Raises UnreadableFile.

    A fragment is checked by its own form, and in each pipeline of its repository that includes it, but for those that are checked
    `beside` it. `fragments` reads what pipelines include and `includers` finds who includes a fragment: each once for many files.
    `allowed` are the environment variables that a pipeline may name; None: all.
    """
    if Path(name).is_dir():
        raise UnreadableFile(f"{name} is a directory, not a file", hint=f"name its files: {Path(name) / '*.yaml'}")
    source = read_source(name)
    fragments = fragments or Fragments()
    checked = _checked(source, asked, fragments=fragments, allowed=allowed)
    if checked is None:
        named = (includers or Includers()).of(name)
        others = [it for it in named if os.path.realpath(it) not in beside]
        checked = _checked_in(source, others, fragments, allowed, is_included=bool(named))
    return Checked(shown=(), found=unquoted(checked.found)) if source.is_foreign else checked


def _checked(source: Source, asked: Asked, *, fragments: Fragments, allowed: AbstractSet[str] | None) -> Checked | None:
    """None: the file is a fragment, or what looks like one."""
    document, found = parse_with_fragments(source, fragments.of(source.name))
    if document is None:
        return Checked(shown=(source,), found=found)
    if is_workspace(document):
        return Checked(shown=(source,), found=in_order([*found, *_workspace_faults(document)]))
    if is_fragment(document):
        return None
    return _checked_whole(document, found, asked, allowed)


def _checked_whole(
    document: Document, found: tuple[Diagnostic, ...], asked: Asked, allowed: AbstractSet[str] | None
) -> Checked:
    from spectrum_pipelines.pipeline.check import check  # noqa: PLC0415 - not for workspaces
    from spectrum_pipelines.pipeline.rules.defaults import check_defaults  # noqa: PLC0415
    from spectrum_pipelines.pipeline.secrets import shown_sources  # noqa: PLC0415

    checked = check(document, allowed=allowed)
    defaults = () if any(it.severity is Severity.ERROR for it in checked) else check_defaults(document)
    found = in_order([*found, *checked, *defaults, *asked(document)])
    return Checked(shown=shown_sources(document), found=found)


def _checked_in(
    source: Source,
    others: Sequence[str],
    fragments: Fragments,
    allowed: AbstractSet[str] | None,
    *,
    is_included: bool,
) -> Checked:
    """A fragment by its own form, and what it does to the pipelines that include it.

    Of those, errors count wherever they stand, and warnings where they stand in the fragment.
    """
    document, found = parse_with_fragments(source, fragments.of(source.name))
    assert document is not None
    if not is_included and mapping(document.data).keys() & {"version", "jobs", "finally"}:
        return _checked_whole(
            document, found, ask_nobody, allowed
        )  # nobody includes it: a pipeline that lacks its head
    alone = fragment_of(source)
    told = dict.fromkeys((*found, *alone.findings))
    shown = {source.name: source}
    for name in others:
        try:
            checked = _checked(read_source(name), ask_nobody, fragments=fragments, allowed=allowed)
        except UnreadableFile:
            continue  # it says so itself when it is checked
        if checked is not None:
            here = os.path.realpath(source.name)
            is_there = {it.file: os.path.realpath(it.file) == here for it in checked.found}
            told |= dict.fromkeys(
                replace(it, file=source.name) if is_there[it.file] else it
                for it in checked.found
                if is_there[it.file] or it.severity is Severity.ERROR
            )
            shown |= {it.name: it for it in checked.shown if it.name not in shown}
    return Checked(shown=tuple(shown.values()), found=in_order(told))


def is_workspace(document: Document) -> bool:
    """Told by the schema line of its editor, else by keys that no pipeline has."""
    for line in document.source.text.splitlines()[:20]:
        if line.startswith("#") and _SCHEMA_LINE in line:
            return "workspace" in line.rpartition("/")[2]
    return has_keys_of_a_workspace(document)


def is_fragment(document: Document) -> bool:
    """Told by what it lacks: a file without a name is meant for others to include."""
    data = document.data
    return isinstance(data, dict) and bool(data) and "name" not in data


def _workspace_faults(document: Document) -> tuple[Diagnostic, ...]:
    from spectrum_pipelines.app.embedded import check_workspace_file  # noqa: PLC0415 - the extra `local`

    return check_workspace_file(document)
