"""The embedded server from a workspace file: the same reading, checking and messages as for a pipeline file."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from spectrum_pipelines.app.kinds import refuse_a_pipeline
from spectrum_pipelines.document.diagnostic import Diagnostic, InvalidFile, Severity, in_order, unquoted
from spectrum_pipelines.document.parse import Document, parse
from spectrum_pipelines.document.schema import validator as schema
from spectrum_pipelines.document.source import read_source
from spectrum_pipelines.errors import UserError

if TYPE_CHECKING:
    from spectrum_pipelines.local.serving import RunningServer
    from spectrum_pipelines.local.workspace import Workspace

_INSTALL = "install it with: pip install 'spectrum-pipelines[local]'"
_IN_USE = "is another server running on this workspace? end it, or choose another --port or workspace folder"
_NO_RIGHT = "make that folder writable for this user, or copy the workspace to a folder that is"


@contextmanager
def _the_extra() -> Iterator[None]:
    """A package of the extra `local` that is missing is named as that. Raises UserError."""
    try:
        yield
    except ImportError as error:
        raise UserError(f"the embedded server is not installed ({error.name} is missing)", hint=_INSTALL) from error


def check_workspace_file(document: Document) -> tuple[Diagnostic, ...]:
    """All faults of a workspace file in one pass: those of the schema, and those that only the server itself can see.

    Raises UserError where the embedded server is not installed: its database judges the SQL.
    """
    found = list(schema.check(document, "workspace"))
    with _the_extra():
        from spectrum_pipelines.local.workspace import check_workspace  # noqa: PLC0415 - the extra `local`

        faults = list(check_workspace(document.data, Path(document.source.name).parent))
    for fault in faults:
        span = document.value_span(fault.path)
        name = document.source.name
        found.append(Diagnostic(file=name, span=span, code="workspace", message=fault.message, hint=fault.hint))
    return in_order(found)


def load_workspace(path: Path) -> "Workspace":
    """Read and check a workspace file. Raises UserError; InvalidFile with its faults."""
    from spectrum_pipelines.local.workspace import build_workspace  # noqa: PLC0415 - only --local and `local serve` need it

    source = read_source(str(path))
    document, found = parse(source)
    if document is not None:
        refuse_a_pipeline(document)
        found = in_order([*found, *check_workspace_file(document)])
    if document is None or any(it.severity is Severity.ERROR for it in found):
        hint = "`spectrum-pipelines schema workspace` shows what it may hold"
        message = f"{path} is no valid workspace"
        if source.is_foreign:
            raise InvalidFile(message, hint=hint, diagnostics=unquoted(found), shown=())
        raise InvalidFile(message, hint=hint, diagnostics=found, shown=(source,))
    return build_workspace(document.data, path.parent)


def start_server(
    path: Path, *, host: str, port: int, log: Callable[[str], None] | None = None
) -> "tuple[RunningServer, Workspace]":
    """Serve a workspace; `log` is told each change of a run. Raises UserError, also for an address that cannot be had."""
    workspace = load_workspace(path)
    with _the_extra():
        from spectrum_pipelines.local.serving import STATE_FOLDER, RunningServer  # noqa: PLC0415 - the extra `local`
    try:
        server = RunningServer.start(workspace, host=host, port=port, state=path.parent / STATE_FOLDER, log=log)
    except OSError as error:
        raise UserError(f"the embedded server cannot start: {_in_words(error)}", hint=_hint(error)) from error
    return server, workspace


def _in_words(error: OSError) -> str:
    about = f"{error.filename}: " if error.filename else ""
    return f"{about}{error.strerror or error}"


def _hint(error: OSError) -> str | None:
    # An error of the state says itself what to do; one of the system has a number, and without a file is about the address.
    if error.errno is None:
        return None
    if error.filename:
        return _NO_RIGHT if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS} else None
    return _IN_USE


@contextmanager
def embedded_server(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Serve a workspace on a free port of this machine; gives the address, and each user's password."""
    server, workspace = start_server(path, host="127.0.0.1", port=0)
    try:
        yield server.url, {user.name: user.password for user in workspace.users}
    finally:
        server.close()
