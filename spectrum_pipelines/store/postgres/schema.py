"""The tables of a shared store: making them, bringing them up to date, and saying what is missing.

`{s}` stands for the schema. A change of the tables is a further entry of `_MIGRATIONS`; what stands there is never altered.
"""

from collections.abc import Iterator

import psycopg

from spectrum_pipelines.errors import StateError
from spectrum_pipelines.store.finding import Finding
from spectrum_pipelines.store.postgres.database import Database, Row

#: The tables that a runner reads and writes; it reads `meta`, too.
TABLES = ("run", "fact", "lease", "run_key")
_OLDEST_SERVER = 120_000
_SERVER = 12

_MIGRATIONS = (
    # Version 1. A fact is a line of the journal as a file would have it. `since` and `until` of a lease are by the clock of the
    # database; `queue` names the lease that the holder of this one waits for. Keys and names are made safe before they come here.
    """
    CREATE TABLE IF NOT EXISTS {s}.run (
        run_id text PRIMARY KEY,
        created timestamptz NOT NULL DEFAULT clock_timestamp(),
        pipeline text,
        last_seq integer NOT NULL DEFAULT 0,
        texts bytea,
        plan bytea,
        report bytea,
        forgotten boolean NOT NULL DEFAULT false
    );
    CREATE INDEX IF NOT EXISTS run_of_pipeline ON {s}.run (pipeline, run_id);
    CREATE TABLE IF NOT EXISTS {s}.fact (
        run_id text NOT NULL,
        seq integer NOT NULL,
        fence bigint NOT NULL,
        line text NOT NULL,
        PRIMARY KEY (run_id, seq)
    );
    CREATE TABLE IF NOT EXISTS {s}.lease (
        name text PRIMARY KEY,
        fence bigint NOT NULL,
        owner text NOT NULL,
        run_id text NOT NULL,
        pid bigint NOT NULL,
        host text NOT NULL,
        since timestamptz NOT NULL,
        until timestamptz NOT NULL,
        queue text
    );
    CREATE INDEX IF NOT EXISTS lease_queue ON {s}.lease (queue) WHERE queue IS NOT NULL;
    CREATE TABLE IF NOT EXISTS {s}.run_key (
        key text PRIMARY KEY,
        run_id text NOT NULL
    );
    """,
)
#: The version of the tables that this version of the product reads and writes.
VERSION = len(_MIGRATIONS)


def init(database: Database) -> bool:
    """Make the schema and its tables; False if they are there and up to date already. Raises StateError."""
    return database.carry_out(lambda connection: _migrate(database, connection, make=True))


def upgrade(database: Database) -> bool:
    """Bring the tables up to date; False if they are. Raises StateError, also if there are none."""
    return database.carry_out(lambda connection: _migrate(database, connection, make=False))


def _migrate(database: Database, connection: psycopg.Connection[Row], *, make: bool) -> bool:
    """In one transaction, and under a lock that ends with it: two that do it at once do it once."""
    spelled = database.spelled
    with connection.transaction():
        connection.execute(
            "SELECT pg_advisory_xact_lock(hashtext(%s))", [f"spectrum-pipelines {database.target.schema}"]
        )
        there = _version(database, connection)
        if there is None and not make:
            raise StateError(f"{database.target.name} has no tables for runs", hint=_init(database))
        if there is not None and there > VERSION:
            raise _newer(database, there)
        if there is None:
            connection.execute(spelled("CREATE SCHEMA IF NOT EXISTS {s}"))
            connection.execute(spelled("CREATE TABLE {s}.meta (version integer NOT NULL)"))
            connection.execute(spelled("INSERT INTO {s}.meta (version) VALUES (0)"))
        for migration in _MIGRATIONS[there or 0 :]:
            connection.execute(spelled(migration))
        connection.execute(spelled("UPDATE {s}.meta SET version = %s"), [VERSION])
        return there != VERSION


def _init(database: Database) -> str:
    return f"make them with `{database.target.command('init')}`"


def _version(database: Database, connection: psycopg.Connection[Row]) -> int | None:
    found = connection.execute("SELECT to_regclass(%s)", [f"{database.target.schema}.meta"]).fetchone()
    if found is None or found[0] is None:
        return None
    row = connection.execute(database.spelled("SELECT max(version) FROM {s}.meta")).fetchone()
    return 0 if row is None or row[0] is None else int(row[0])


def _newer(database: Database, there: int) -> StateError:
    message = (
        f"{database.target.name} has tables of version {there}; this version of spectrum-pipelines knows {VERSION}"
    )
    return StateError(message, hint="use the version of spectrum-pipelines that made them, or a newer one")


def hold_fit(database: Database) -> None:
    """Refuse a database where a run could not be kept. Raises StateError with what is missing."""
    for finding in look(database):
        if not finding.is_good:
            raise StateError(f"{database.target.name}: {finding.what}", hint=finding.hint)


def look(database: Database) -> list[Finding]:
    """What a run needs, one by one: the server, durability, the tables and the rights. Raises StateError if it does not answer."""
    return database.carry_out(lambda connection: list(_look(database, connection)))


def _look(database: Database, connection: psycopg.Connection[Row]) -> Iterator[Finding]:
    asked = connection.execute(
        "SELECT current_setting('server_version'), current_setting('server_version_num')::int, pg_is_in_recovery()"
        " OR current_setting('transaction_read_only')::bool, current_setting('synchronous_commit'),"
        " current_setting('fsync'), current_user"
    ).fetchone()
    assert asked is not None
    version, number, is_read_only, commit, fsync, role = asked
    yield Finding(
        what=f"PostgreSQL {version}",
        is_good=number >= _OLDEST_SERVER,
        hint=f"PostgreSQL {_SERVER} or newer is needed",
    )
    yield Finding(
        what="the database is read-only" if is_read_only else "the database can be written",
        is_good=not is_read_only,
        hint="name the primary server, or add target_session_attrs=read-write to the URL",
    )
    yield from _durability(commit, fsync)
    there = _version_or_none(database, connection)
    yield _of_tables(database, there, role)
    if there is not None:
        yield _of_rights(database, connection, role)


def _durability(commit: str, fsync: str) -> Iterator[Finding]:
    yield Finding(
        what=f"synchronous_commit is {commit}",
        is_good=commit != "off",
        hint="a commit must mean disk: ALTER ROLE .. SET synchronous_commit = on, or remove the setting",
    )
    yield Finding(what=f"fsync is {fsync}", is_good=fsync == "on", hint="a commit must mean disk: set fsync = on")


def _version_or_none(database: Database, connection: psycopg.Connection[Row]) -> int | None:
    """A role that may not look into the schema sees no tables either."""
    allowed = connection.execute(
        "SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = %s", [database.target.schema]
    ).fetchone()
    if allowed is None:
        return None
    if not allowed[0] or not _may(database, connection, "meta", "SELECT"):
        return -1
    return _version(database, connection)


def _of_tables(database: Database, there: int | None, role: str) -> Finding:
    schema = database.target.schema
    match there:
        case None:
            return Finding(what=f"there are no tables for runs in schema {schema}", is_good=False, hint=_init(database))
        case -1:
            return Finding(
                what=f"this role may not use schema {schema}",
                is_good=False,
                hint=_GRANT.format(sql=" ".join(grants(role, schema))),
            )
        case int(version) if version > VERSION:
            return Finding(what=_newer(database, version).message, is_good=False, hint=_newer(database, version).hint)
        case int(version) if version < VERSION:
            told = f"the tables have version {version}, which is older than {VERSION}"
            hint = f"bring them up to date with `{database.target.command('upgrade')}`"
            return Finding(what=told, is_good=False, hint=hint)
        case _:
            return Finding(what=f"the tables in schema {schema} have version {VERSION}", is_good=True)


def _of_rights(database: Database, connection: psycopg.Connection[Row], role: str) -> Finding:
    missing = [
        f"{right} on {table}"
        for table in TABLES
        for right in ("SELECT", "INSERT", "UPDATE")
        if not _may(database, connection, table, right)
    ]
    if not missing:
        return Finding(what="this role may do what a run needs", is_good=True)
    told = f"this role has no right to {', '.join(missing)}"
    return Finding(what=told, is_good=False, hint=_GRANT.format(sql=" ".join(grants(role, database.target.schema))))


_GRANT = "let the owner of the tables do this: {sql}"


def _may(database: Database, connection: psycopg.Connection[Row], table: str, right: str) -> bool:
    row = connection.execute(
        "SELECT bool_and(has_table_privilege(c.oid, %s)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s",
        [right, database.target.schema, table],
    ).fetchone()
    return row is not None and bool(row[0])


def grants(role: str, schema: str) -> tuple[str, ...]:
    """The SQL that lets a role run pipelines, and nothing else: no tables are made, no history is deleted."""
    quoted = '"' + role.replace('"', '""') + '"'
    tables = ", ".join(f"{schema}.{table}" for table in TABLES)
    return (
        f"GRANT USAGE ON SCHEMA {schema} TO {quoted};",
        f"GRANT SELECT ON {schema}.meta TO {quoted};",
        f"GRANT SELECT, INSERT, UPDATE ON {tables} TO {quoted};",
    )
