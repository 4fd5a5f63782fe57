"""What a JSON Schema cannot say about a workspace: names that clash, names that lead nowhere, SQL that does not parse.

The document passed the schema before, so that its shape is taken for granted here.
"""

from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Final

from .catalog import path_key
from .fault import Fault, Place, similar
from .model import Format

_FORMATS: Final = {
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".json": Format.JSON,
    ".jsonl": Format.JSON,
    ".ndjson": Format.JSON,
    ".parquet": Format.PARQUET,
}


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
        *_source_faults(files),
        *_user_faults(files, [one["name"] for one in data["users"]]),
        *_action_faults(files, folder),
        *_query_faults(files),
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
    seen: set[int] = set()
    for n, one in enumerate(files):
        if "configuration_id" in one:
            yield ("files", n, "configuration_id"), one["configuration_id"]
        elif one["id"] not in seen:  # a file id that is there twice is one fault, not two
            yield ("files", n, "id"), configuration_id_of(one)
        seen.add(one["id"])


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


def _source_faults(files: list[dict[str, Any]]) -> Iterator[Fault]:
    ids = {one["id"]: None for one in files}
    for n, file in enumerate(files):
        for key in ("data_driven", "sources"):
            for m, source in enumerate(file.get(key, ())):
                if source not in ids:
                    known = ", ".join(map(str, list(ids)[:8])) + (", ..." if len(ids) > 8 else "")
                    yield Fault(
                        path=("files", n, key, m), message=f"no file has the id {source}", hint=f"ids are {known}"
                    )
            if "import" in file and key in file:
                message = "an import reads a data file, no other job"
                yield Fault(path=("files", n, key), message=message, hint=f"take {key} out")


def _user_faults(files: list[dict[str, Any]], names: list[str]) -> Iterator[Fault]:
    for n, file in enumerate(files):
        for m, name in enumerate(file.get("users", ())):
            if name not in names:
                message = f"no user is called {name!r}"
                yield Fault(path=("files", n, "users", m), message=message, hint=similar(name, names))


def _action_faults(files: list[dict[str, Any]], folder: Path) -> Iterator[Fault]:
    for n, file in enumerate(files):
        match file:
            case {"import": action}:
                yield from _format_faults(action, ("files", n, "import", "source"))
                if not (folder / action["source"]).is_file():
                    message = f"there is no data file {action['source']!r}"
                    yield Fault(path=("files", n, "import", "source"), message=message, hint=f"paths start at {folder}")
            case {"export": action}:
                yield from _format_faults(action, ("files", n, "export", "to"))
        if "variables" in file and not {"workbook", "simulate"} & file.keys():
            yield Fault(path=("files", n, "variables"), message="only a workbook takes variables", hint="take them out")


def _format_faults(action: dict[str, Any], place: tuple[str, int, str, str]) -> Iterator[Fault]:
    try:
        format_of(action, action[place[-1]])
    except ValueError as error:
        yield Fault(path=place, message=str(error), hint="add format: csv, json or parquet")


def _query_faults(files: list[dict[str, Any]]) -> Iterator[Fault]:
    queries = [
        (("files", n, key, "sql"), one[key]["sql"], one.get("variables", {}) if key == "workbook" else {})
        for n, one in enumerate(files)
        for key in ("workbook", "export")
        if key in one
    ]
    if queries:
        from .sql import query_faults  # noqa: PLC0415 - DuckDB takes its time to load

        yield from query_faults(queries, frozenset(name for _, name in _tables(files)))
