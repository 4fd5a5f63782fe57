"""The check of queries, without running them."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import duckdb

from .fault import Fault, Place, Suggest

#: DuckDB's functions that open files or list folders. They fail when a query runs; here they are told at their line.
_OPENS_FILES: Final = re.compile(r"(read|parquet)_.*|.*_scan|glob|sniff_csv")
_BATCH: Final = 100_000  # characters
_OFF: Final = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}

Query = tuple[Place, str, Iterable[str]]


def query_faults(queries: Iterable[Query], tables: frozenset[str] | None, similar: Suggest) -> Iterator[Fault]:
    """Find queries (place, SQL, variables) that do not parse, open files, read an unknown table or variable.

    `tables` are in lower case, as DuckDB compares them; None when not all of them are known.
    """
    with duckdb.connect(":memory:", config=dict(_OFF)) as connection:
        connection.execute("SET enable_external_access = false")
        for batch in _batches(queries):
            trees = _trees_of(connection, [sql for _, sql, _ in batch])
            for (place, sql, variables), tree in zip(batch, trees, strict=True):
                for message, hint in _faults(connection, sql, tree, set(variables), tables=tables, similar=similar):
                    yield Fault(path=place, message=message, hint=hint)


def _batches(queries: Iterable[Query]) -> Iterator[list[Query]]:
    # A statement of DuckDB takes twenty times as long as the parsing of a short query, so one statement parses many.
    batch: list[Query] = []
    size = 0
    for query in queries:
        batch.append(query)
        size += len(query[1])
        if size > _BATCH:
            yield batch
            batch, size = [], 0
    yield batch


def _faults(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    tree: str,
    variables: set[str],
    *,
    tables: frozenset[str] | None,
    similar: Suggest,
) -> Iterator[tuple[str, str | None]]:
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        yield " ".join(str(error).partition("\n\nLINE")[0].split()), None
        return
    except TypeError:  # half of a surrogate pair
        yield "the query holds half of a character", None
        return
    if len(statements) != 1 or statements[0].type is not duckdb.StatementType.SELECT:
        yield "this is not one SELECT query", "write a single SELECT; the job stores its result"
        return
    for name in sorted(statements[0].named_parameters - variables):
        yield f"the query asks for the variable ${name}, which the file does not declare", similar(name, variables)
    nodes = _nodes_of(tree)
    for name in sorted(_functions_of(nodes)):
        yield f"the query opens files by {name}()", "load the file by an import, and select from its table"
    for name in sorted(_tables_of(nodes) - tables if tables is not None else ()):
        yield f"no file of the workspace makes the table {name!r}", similar(name, tables or ())


def _trees_of(connection: duckdb.DuckDBPyConnection, queries: list[str]) -> list[str]:
    """Return the syntax tree of each query as JSON.

    get_table_names() of DuckDB binds the query, which fails for every table that does not exist yet.
    """
    try:
        rows = connection.execute("SELECT json_serialize_sql(s) FROM unnest(?) AS t(s)", [queries]).fetchall()
    except (duckdb.Error, TypeError, ValueError):
        # One odd query, e.g. with half of a surrogate pair, fails all of its batch. Alone it has no tree.
        return [tree for one in queries for tree in _trees_of(connection, [one])] if len(queries) > 1 else [""]
    return [tree for (tree,) in rows]


def _nodes_of(tree: str) -> list[dict[str, Any]]:
    try:
        return list(_nodes(json.loads(tree)))
    except (ValueError, RecursionError):
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
