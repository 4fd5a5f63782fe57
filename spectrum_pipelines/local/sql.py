"""Looking at queries without running them."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import duckdb

from .fault import Fault, Place, similar


def query_faults(queries: Iterable[tuple[Place, str, Iterable[str]]], tables: frozenset[str]) -> Iterator[Fault]:
    """Find queries (place, SQL, variables) that do not parse, read an unknown table or ask an unknown variable.

    `tables` are in lower case, as DuckDB compares them.
    """
    with duckdb.connect(":memory:") as connection:
        for place, sql, variables in queries:
            for message, hint in _faults(connection, sql, set(variables), tables):
                yield Fault(path=place, message=message, hint=hint)


def _faults(
    connection: duckdb.DuckDBPyConnection, sql: str, variables: set[str], tables: frozenset[str]
) -> Iterator[tuple[str, str | None]]:
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        yield " ".join(str(error).partition("\n\nLINE")[0].split()), None
        return
    if len(statements) != 1 or statements[0].type is not duckdb.StatementType.SELECT:
        yield "this is not one SELECT query", "write a single SELECT; the job stores its result"
        return
    for name in sorted(statements[0].named_parameters - variables):
        yield f"the query asks for the variable ${name}, which the file does not declare", similar(name, variables)
    for name in sorted(_tables_of(connection, sql) - tables):
        yield f"no file of the workspace makes the table {name!r}", similar(name, tables)


def _tables_of(connection: duckdb.DuckDBPyConnection, sql: str) -> set[str]:
    # get_table_names() binds the query, which fails on every table that is not there yet: read the syntax tree.
    row = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    assert row is not None
    try:
        nodes = list(_nodes(json.loads(row[0])))
    except RecursionError:
        return set()  # an endless sum nests too deep for the parser; the run itself will tell
    own = {one["key"].lower() for node in nodes for one in node.get("cte_map", {}).get("map", ())}
    plain = (one for one in nodes if one.get("type") == "BASE_TABLE" and not one.get("schema_name"))
    return {one["table_name"].lower() for one in plain} - own


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    open_ends = [tree]
    while open_ends:
        node = open_ends.pop()
        if isinstance(node, dict):
            yield node
            open_ends.extend(node.values())
        elif isinstance(node, list):
            open_ends.extend(node)
