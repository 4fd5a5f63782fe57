"""Which store a text names: a folder, or the URL of a database. Nothing is created or connected here."""

import re
from pathlib import Path

from spectrum_pipelines.errors import UserError
from spectrum_pipelines.store.folder.store import FolderStore
from spectrum_pipelines.store.interface import Store
from spectrum_pipelines.store.postgres.url import parse_url

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/", re.ASCII)
_POSTGRES = {"postgresql", "postgres"}
_FORMS = "give a folder, or postgresql://[user@]host[:port]/db"


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


def _open_postgres(url: str, password: str | None) -> Store:
    target = parse_url(url)
    try:
        from spectrum_pipelines.store.postgres.store import PostgresStore  # noqa: PLC0415 - psycopg, an extra
    except ImportError as error:
        hint = "pip install 'spectrum-pipelines[postgres]'"
        raise UserError(f"state in PostgreSQL needs the package psycopg: {error}", hint=hint) from error
    return PostgresStore(target, password=password)
