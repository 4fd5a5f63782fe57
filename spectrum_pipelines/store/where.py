"""Which store a text names: a folder, or the URL of a database. Nothing is created or connected here."""

import re
from pathlib import Path

from spectrum_pipelines.errors import UserError
from spectrum_pipelines.store.folder.store import FolderStore
from spectrum_pipelines.store.interface import Store

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/", re.ASCII)
_POSTGRES = {"postgresql", "postgres"}
_FORMS = "give a folder, or postgresql://[user@]host[:port]/db"
_HOW_TO_LOG_IN = "set PGPASSWORD, PGPASSFILE, SPECTRUM_STATE_PASSWORD or SPECTRUM_STATE_PASSWORD_FILE instead"


def open_store(where: str | Path, *, password: str | None = None, groups: Path | None = None) -> Store:
    """The store that `where` names. `groups`: where a folder has the locks of concurrency groups; None for inside of it.

    Raises UserError for what names no store.
    """
    found = _URL.match(where) if isinstance(where, str) else None
    if found is None:
        if isinstance(where, str) and not where.strip():
            raise UserError("the place for the state is empty", hint=_FORMS)
        return FolderStore(Path(where), groups=groups)
    assert isinstance(where, str)
    scheme = found[1].lower()
    if scheme not in _POSTGRES:
        raise UserError(f"state cannot be kept at {scheme}://", hint=_FORMS)
    return _open_postgres(where, password)


def _open_postgres(url: str, password: str | None) -> Store:  # noqa: ARG001 - the next change uses them
    raise UserError("this version keeps state in a folder only", hint="give a folder")
