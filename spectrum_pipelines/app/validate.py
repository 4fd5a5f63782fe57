"""Every fault of a pipeline or workspace file; a server is asked only where the caller brings a way to ask it."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from pathlib import Path

from msgspec import Struct

from spectrum_pipelines.app.fragments import Fragments
from spectrum_pipelines.document.diagnostic import Diagnostic, in_order, unquoted
from spectrum_pipelines.document.parse import Document
from spectrum_pipelines.document.source import Source, read_source
from spectrum_pipelines.errors import UnreadableFile
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
) -> Checked:
    """Check one file for what it is; `asked` adds what a server says of a pipeline. Raises UnreadableFile.

    `fragments` reads what pipelines include: each once for many files. `allowed` are the environment variables that a pipeline may
    name; None: all.
    """
    if Path(name).is_dir():
        raise UnreadableFile(f"{name} is a directory, not a file", hint=f"name its files: {Path(name) / '*.yaml'}")
    source = read_source(name)
    checked = _checked(source, asked, fragments=fragments, allowed=allowed)
    return Checked(shown=(), found=unquoted(checked.found)) if source.is_foreign else checked


def _checked(source: Source, asked: Asked, *, fragments: Fragments | None, allowed: AbstractSet[str] | None) -> Checked:
    name = source.name
    document, found = parse_with_fragments(source, (fragments or Fragments()).of(name))
    if document is None:
        return Checked(shown=(source,), found=found)
    if is_workspace(document):
        return Checked(shown=(source,), found=in_order([*found, *_workspace_faults(document)]))
    if is_fragment(document):
        alone = fragment_of(source)
        return Checked(shown=(source,), found=in_order([*found, *alone.findings]))
    from spectrum_pipelines.pipeline.check import check  # noqa: PLC0415 - not for workspaces
    from spectrum_pipelines.pipeline.secrets import shown_sources  # noqa: PLC0415

    found = in_order([*found, *check(document, allowed=allowed), *asked(document)])
    return Checked(shown=shown_sources(document), found=found)


def is_workspace(document: Document) -> bool:
    """Told by the schema line of its editor, else by keys that no pipeline has."""
    for line in document.source.text.splitlines()[:20]:
        if line.startswith("#") and _SCHEMA_LINE in line:
            return "workspace" in line.rpartition("/")[2]
    data = document.data
    return isinstance(data, dict) and {"users", "files"} <= data.keys() and "jobs" not in data


def is_fragment(document: Document) -> bool:
    """Told by what it lacks: a file without version, name and jobs is meant for others to include."""
    data = document.data
    return isinstance(data, dict) and bool(data) and not {"version", "name", "jobs"} & data.keys()


def _workspace_faults(document: Document) -> tuple[Diagnostic, ...]:
    from spectrum_pipelines.app.embedded import check_workspace_file  # noqa: PLC0415 - the extra `local`

    return check_workspace_file(document)
