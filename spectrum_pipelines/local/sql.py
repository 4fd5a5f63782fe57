"""The check of queries, without running them."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import duckdb

from .fault import Fault, Place, similar

#: DuckDB's functions that open files or list folders. They fail when a query runs; here they are told at their line.
_OPENS_FILES: Final = re.compile(r"(read|parquet)_.*|.*_scan|glob|sniff_csv")
_OFF: Final = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


def query_faults(queries: Iterable[tuple[Place, str, Iterable[str]]], tables: frozenset[str] | None) -> Iterator[Fault]:
    """Find queries (place, SQL, variables) that do not parse, open files, read an unknown table or variable.

    `tables` are in lower case, as DuckDB compares them; None when not all of them are known.
    """
    with duckdb.connect(":memory:", config=dict(_OFF)) as connection:
        connection.execute("SET enable_external_access = false")
        for place, sql, variables in queries:
            for message, hint in _faults(connection, sql, set(variables), tables):
                yield Fault(path=place, message=message, hint=hint)


def _faults(
    connection: duckdb.DuckDBPyConnection, sql: str, variables: set[str], tables: frozenset[str] | None
) -> Iterator[tuple[str, str | None]]:
    try:
        statements = connection.extract_statements(sql)
    except (duckdb.Error, ValueError) as error:  # a ValueError is half of a surrogate pair
        yield " ".join(str(error).partition("\n\nLINE")[0].split()), None
        return
    if len(statements) != 1 or statements[0].type is not duckdb.StatementType.SELECT:
        yield "this is not one SELECT query", "write a single SELECT; the job stores its result"
        return
    for name in sorted(statements[0].named_parameters - variables):
        yield f"the query asks for the variable ${name}, which the file does not declare", similar(name, variables)
    nodes = _nodes_of(connection, sql)
    for name in sorted(_functions_of(nodes)):
        yield f"the query opens files by {name}()", "load the file by an import, and select from its table"
    for name in sorted(_tables_of(nodes) - tables if tables is not None else ()):
        yield f"no file of the workspace makes the table {name!r}", similar(name, tables or ())


def _nodes_of(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    # get_table_names() binds the query, which fails on every table that is not there yet: read the syntax tree.
    row = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    assert row is not None
    try:
        return list(_nodes(json.loads(row[0])))
    except RecursionError:
        return []  # an endless sum nests too deep for the parser; the run itself will tell


def _functions_of(nodes: list[dict[str, Any]]) -> set[str]:
    calls = (one["function"] for one in nodes if one.get("type") == "TABLE_FUNCTION")
    names = (call.get("function_name") for call in calls if isinstance(call, dict))
    return {one.lower() for one in names if isinstance(one, str) and _OPENS_FILES.fullmatch(one.lower())}


def _tables_of(nodes: list[dict[str, Any]]) -> set[str]:
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
