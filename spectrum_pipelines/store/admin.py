"""Setting up the place where runs are kept: making it, bringing it up to date, saying what is missing."""

from typing import TYPE_CHECKING

from spectrum_pipelines.errors import StateError
from spectrum_pipelines.store.finding import Finding
from spectrum_pipelines.store.interface import Store

if TYPE_CHECKING:
    from spectrum_pipelines.store.postgres.store import PostgresStore


def init(store: Store) -> bool:
    """Make what is missing; False if everything is there. Raises StateError."""
    shared = _shared(store)
    if shared is None:
        store.probe()
        return False
    from spectrum_pipelines.store.postgres import schema  # noqa: PLC0415 - psycopg, an extra

    return schema.init(shared.database)


def upgrade(store: Store) -> bool:
    """Bring it up to date; False if it is. Raises StateError."""
    shared = _shared(store)
    if shared is None:
        store.probe()
        return False
    from spectrum_pipelines.store.postgres import schema  # noqa: PLC0415 - psycopg, an extra

    return schema.upgrade(shared.database)


def look(store: Store) -> list[Finding]:
    """What a run needs, one by one. Raises StateError where nothing can be said: the store is away or refuses the login."""
    shared = _shared(store)
    if shared is None:
        return [_writable(store)]
    from spectrum_pipelines.store.postgres import schema  # noqa: PLC0415 - psycopg, an extra

    return schema.look(shared.database)


def grants(store: Store, role: str) -> tuple[str, ...]:
    """The SQL that lets a role run pipelines, a statement each; none for a folder."""
    shared = _shared(store)
    if shared is None:
        return ()
    from spectrum_pipelines.store.postgres import schema  # noqa: PLC0415 - psycopg, an extra

    return schema.grants(role, shared.database.target.schema)


def _writable(store: Store) -> Finding:
    try:
        store.probe()
    except StateError as error:
        return Finding(what=error.message, is_good=False, hint=error.hint)
    return Finding(what=f"the folder {store.name} can be written", is_good=True)


def _shared(store: Store) -> "PostgresStore | None":
    """The store as the database that it is; None for a folder."""
    if not store.is_shared:
        return None
    from spectrum_pipelines.store.postgres.store import PostgresStore  # noqa: PLC0415 - psycopg, an extra

    return store if isinstance(store, PostgresStore) else None
