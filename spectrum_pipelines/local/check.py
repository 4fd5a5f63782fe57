"""What a JSON Schema cannot say about a workspace: names that clash, names that lead nowhere, SQL that does not parse.

The document passed the schema before, so that its shape is taken for granted here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from pathlib import Path
from typing import Any, Final

from .catalog import path_key
from .model import Format

Place = tuple[str | int, ...]
_FORMATS: Final = {
    ".csv": Format.CSV, ".tsv": Format.CSV, ".json": Format.JSON, ".jsonl": Format.JSON, ".ndjson": Format.JSON,
    ".parquet": Format.PARQUET,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong. `path` leads through the parsed document to the value that is at fault."""

    path: Place
    message: str
    hint: str | None = None


def check_workspace(data: dict[str, Any], folder: Path) -> list[Fault]:
    """List all faults of a document that passed the schema; `folder` is where its file lies."""
    files = data["files"]
    return [
        *_repeated(_named(data["users"], "users", "name"), "user name"),
        *_repeated(_named(files, "files", "id"), "file id"),
        *_repeated(_named(files, "files", "uuid"), "uuid"),
        *_repeated(((("files", n, "path"), path_key(one["path"])) for n, one in enumerate(files)), "path"),
        *_repeated(_configuration_ids(files), "configuration id"),
        *_repeated(_tables(files), "table"),
        *_repeated(_targets(files), "export target"),
        *_circles(files),
        *chain.from_iterable(_file_faults(("files", n), one, data, folder) for n, one in enumerate(files)),
    ]


def configuration_id_of(file: dict[str, Any]) -> int:
    """Tell a file's job configuration id: a number of its own kind, so that a mix-up with the file id shows."""
    number: int = file.get("configuration_id", file["id"] + 1000)
    return number


def format_of(action: dict[str, Any], name: str) -> Format:
    """Tell a data file's format by `format` or by its ending; ValueError when neither says."""
    if "format" in action:
        return Format(action["format"])
    ending = Path(name).suffix.lower()
    if ending not in _FORMATS:
        raise ValueError(f"the ending {ending!r} does not tell the format")
    return _FORMATS[ending]


def similar(name: object, known: Iterable[object]) -> str | None:
    """Guess what was meant."""
    close = get_close_matches(str(name), [str(one) for one in known], n=1)
    return f"did you mean {close[0]!r}?" if close else None


def _repeated(entries: Iterable[tuple[Place, object]], noun: str) -> Iterator[Fault]:
    first: dict[object, Place] = {}
    for place, value in entries:
        if value in first:
            owner = f"{first[value][0]}[{first[value][1]}]"
            yield Fault(path=place, message=f"{noun} {value!r} is already taken by {owner}", hint="choose another")
        first.setdefault(value, place)


def _named(items: list[dict[str, Any]], section: str, key: str) -> Iterator[tuple[Place, object]]:
    return (((section, n, key), one[key]) for n, one in enumerate(items) if key in one)


def _configuration_ids(files: list[dict[str, Any]]) -> Iterator[tuple[Place, object]]:
    for n, one in enumerate(files):
        key = "configuration_id" if "configuration_id" in one else "id"
        yield ("files", n, key), configuration_id_of(one)


def _tables(files: list[dict[str, Any]]) -> Iterator[tuple[Place, str]]:
    # DuckDB's names ignore case: two tables that differ by case alone would replace each other.
    for n, one in enumerate(files):
        for key in ("import", "workbook"):
            if key in one:
                yield ("files", n, key, "table"), one[key]["table"].lower()


def _targets(files: list[dict[str, Any]]) -> Iterator[tuple[Place, object]]:
    return ((("files", n, "export", "to"), one["export"]["to"]) for n, one in enumerate(files) if "export" in one)


def _circles(files: list[dict[str, Any]]) -> Iterator[Fault]:
    graph = {one["id"]: [*one.get("data_driven", ()), *one.get("sources", ())] for one in files}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        index = next(place for place, one in enumerate(files) if one["id"] == circle[0])
        message = f"files feed each other in a circle: {' -> '.join(map(str, circle))}"
        yield Fault(path=("files", index), message=message, hint="take one of them out of data_driven or sources")


def _file_faults(place: Place, file: dict[str, Any], data: dict[str, Any], folder: Path) -> Iterator[Fault]:
    for fault in (*_reference_faults(file, data), *_action_faults(file, data, folder)):
        yield replace(fault, path=(*place, *fault.path))


def _reference_faults(file: dict[str, Any], data: dict[str, Any]) -> Iterator[Fault]:
    ids = [one["id"] for one in data["files"]]
    for key in ("data_driven", "sources"):
        for n, source in enumerate(file.get(key, ())):
            if source not in ids:
                yield Fault(path=(key, n), message=f"no file has the id {source}", hint=similar(source, ids))
        if "import" in file and file.get(key):
            yield Fault(path=(key,), message="an import reads a data file, no other job", hint=f"take {key} out")
    names = [one["name"] for one in data["users"]]
    for n, name in enumerate(file.get("users", ())):
        if name not in names:
            yield Fault(path=("users", n), message=f"no user is called {name!r}", hint=similar(name, names))


def _action_faults(file: dict[str, Any], data: dict[str, Any], folder: Path) -> Iterator[Fault]:
    match file:
        case {"import": action}:
            yield from _format_faults(action, ("import", "source"))
            if not (folder / action["source"]).is_file():
                message = f"there is no data file {action['source']!r}"
                yield Fault(path=("import", "source"), message=message, hint=f"paths start at {folder}")
        case {"workbook": action}:
            yield from _query_faults(action["sql"], "workbook", data, file.get("variables", {}))
        case {"export": action}:
            yield from _format_faults(action, ("export", "to"))
            yield from _query_faults(action["sql"], "export", data, {})
    if "variables" in file and not {"workbook", "simulate"} & file.keys():
        yield Fault(path=("variables",), message="only a workbook takes variables", hint="take them out")


def _query_faults(sql: str, key: str, data: dict[str, Any], variables: Iterable[str]) -> Iterator[Fault]:
    from .sql import query_faults  # noqa: PLC0415 - DuckDB takes its time to load

    tables = [name for _, name in _tables(data["files"])]
    for message, hint in query_faults(sql, tables, variables):
        yield Fault(path=(key, "sql"), message=message, hint=hint)


def _format_faults(action: dict[str, Any], place: tuple[str, str]) -> Iterator[Fault]:
    try:
        format_of(action, action[place[1]])
    except ValueError as error:
        yield Fault(path=place, message=str(error), hint="add format: csv, json or parquet")
