"""The faults of a workspace that a JSON Schema cannot find: names used twice, names of nothing, SQL that does not parse.

A document may have any shape, also one that the schema refuses. A value of the wrong shape is passed over here.
"""

from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Final

from .catalog import path_key
from .fault import Fault, Place, Suggest, suggestions
from .inside import OutsideError, is_free, is_regular, place_inside
from .model import Format
from .seen import Entry, Numbered, action, are_complete, entries, ids, text, texts, whole

_FORMATS: Final = {
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".json": Format.JSON,
    ".jsonl": Format.JSON,
    ".ndjson": Format.JSON,
    ".parquet": Format.PARQUET,
}
_FEEDS: Final = ("data_driven", "sources")


def check_workspace(data: object, folder: Path) -> list[Fault]:
    """List the faults that a schema cannot find. `folder` is the folder of the workspace file."""
    users, files = entries(data, "users"), entries(data, "files")
    names = [name for _, one in users if (name := text(one, "name")) is not None]
    similar = suggestions()
    return [
        *_repeated(_texts(users, "users", "name"), "user name"),
        *_repeated(_file_ids(files), "file id"),
        *_repeated(_texts(files, "files", "uuid"), "uuid"),
        *_repeated(((place, path_key(path)) for place, path in _texts(files, "files", "path")), "path"),
        *_repeated(_configuration_ids(files), "configuration id"),
        *_repeated(_tables(files), "table"),
        *_repeated(_targets(files, folder), "export target"),
        *_circles(files),
        *_source_faults(files, are_complete=are_complete(data, "files", "id")),
        *(_user_faults(files, names, similar) if are_complete(data, "users", "name") else ()),
        *_action_faults(files, folder),
        *_query_faults(files, similar),
    ]


def configuration_id_of(file: Entry) -> int:
    """Return a file's job configuration id. By default it differs from the file id, so that a mix-up of the two shows."""
    return int(file.get("configuration_id", file["id"] + 1000))


def format_of(action: Entry, name: str) -> Format:
    """Return the format of a data file, by `format` or by the ending of its name. Raises ValueError if neither tells the format."""
    if "format" in action:
        return Format(action["format"])
    ending = Path(name).suffix.lower()
    if ending not in _FORMATS:
        raise ValueError(f"the ending {ending!r} does not tell the format")
    return _FORMATS[ending]


def _repeated(named: Iterable[tuple[Place, object]], noun: str) -> Iterator[Fault]:
    first: dict[object, Place] = {}
    for place, value in named:
        if value in first:
            owner = f"{first[value][0]}[{first[value][1]}]"
            yield Fault(path=place, message=f"{noun} {value!r} is already taken by {owner}", hint="choose another")
        first.setdefault(value, place)


def _texts(items: Numbered, section: str, key: str) -> Iterator[tuple[Place, str]]:
    return (((section, n, key), value) for n, one in items if (value := text(one, key)) is not None)


def _file_ids(files: Numbered) -> Iterator[tuple[Place, int]]:
    return ((("files", n, "id"), number) for n, one in files if (number := whole(one.get("id"))) is not None)


def _configuration_ids(files: Numbered) -> Iterator[tuple[Place, int]]:
    seen: set[int] = set()
    for n, one in files:
        number, own = whole(one.get("id")), whole(one.get("configuration_id"))
        if own is not None:
            yield ("files", n, "configuration_id"), own
        elif number is not None and "configuration_id" not in one and number not in seen:
            # A file id that is there twice is one fault, not two.
            yield ("files", n, "id"), number + 1000
        seen.update(() if number is None else (number,))


def _tables(files: Numbered) -> Iterator[tuple[Place, str]]:
    # DuckDB's names ignore case: two tables that differ by case alone would replace each other.
    for n, one in files:
        for key in ("import", "workbook"):
            table = text(action(one, key) or {}, "table")
            if table is not None:
                yield ("files", n, key, "table"), table.lower()


def _targets(files: Numbered, folder: Path) -> Iterator[tuple[Place, object]]:
    for n, one in files:
        to = text(action(one, "export") or {}, "to")
        if to is not None:
            yield ("files", n, "export", "to"), _same_name(to, folder)


def _same_name(name: str, folder: Path) -> str:
    """Return the one name of a place below the folder, whatever dots and links the given name has."""
    try:
        place = place_inside(folder, name)
    except OutsideError:
        return name
    return str(place.relative_to(place_inside(folder, ".")))


def _circles(files: Numbered) -> Iterator[Fault]:
    known = {n: number for (_, n, _), number in _file_ids(files)}
    graph = {known[n]: [source for key in _FEEDS for _, source in ids(one, key)] for n, one in files if n in known}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        index = next(n for n, number in known.items() if number == circle[0])
        message = f"files feed each other in a circle: {' -> '.join(map(str, circle))}"
        yield Fault(path=("files", index), message=message, hint="take one of them out of data_driven or sources")


def _source_faults(files: Numbered, *, are_complete: bool) -> Iterator[Fault]:
    known = {number: None for _, number in _file_ids(files)}
    shown = ", ".join(map(str, list(known)[:8])) + (", ..." if len(known) > 8 else "")
    for n, file in files:
        for key in _FEEDS:
            for m, source in ids(file, key):
                if source not in known and are_complete:
                    yield Fault(
                        path=("files", n, key, m), message=f"no file has the id {source}", hint=f"ids are {shown}"
                    )
            if "import" in file and key in file:
                message = "an import reads a data file, no other job"
                yield Fault(path=("files", n, key), message=message, hint=f"take {key} out")


def _user_faults(files: Numbered, names: list[str], similar: Suggest) -> Iterator[Fault]:
    known = frozenset(names)
    for n, file in files:
        for m, name in texts(file, "users"):
            if name not in known:
                message = f"no user is called {name!r}"
                yield Fault(path=("files", n, "users", m), message=message, hint=similar(name, names))


def _action_faults(files: Numbered, folder: Path) -> Iterator[Fault]:
    for n, file in files:
        if load := action(file, "import"):
            yield from _place_faults(load, ("files", n, "import", "source"), folder)
        if write := action(file, "export"):
            yield from _place_faults(write, ("files", n, "export", "to"), folder)
        if "variables" in file and not {"workbook", "simulate"} & file.keys():
            yield Fault(path=("files", n, "variables"), message="only a workbook takes variables", hint="take them out")


def _place_faults(action: Entry, place: tuple[str, int, str, str], folder: Path) -> Iterator[Fault]:
    name = text(action, place[-1])
    if not name:
        return
    try:
        format_of(action, name)
    except (ValueError, TypeError) as error:  # a wrong word under `format` is the schema's affair
        if "format" not in action:
            yield Fault(path=place, message=str(error), hint="add format: csv, json or parquet")
    try:
        file = place_inside(folder, name)
    except OutsideError as error:
        yield Fault(path=place, message=f"{name!r} {error}", hint=f"data files lie below {folder}, without links out")
        return
    if place[-1] == "source" and not is_regular(file):
        yield Fault(path=place, message=f"there is no data file {name!r}", hint=f"paths start at {folder}")
    if place[-1] == "to" and not is_free(file):
        yield Fault(path=place, message=f"{name!r} is there and is no regular file", hint="choose another name")


def _query_faults(files: Numbered, similar: Suggest) -> Iterator[Fault]:
    queries = [
        (("files", n, kind, "sql"), sql, _variables(one) if kind == "workbook" else ())
        for n, one in files
        for kind in ("workbook", "export")
        if (sql := text(action(one, kind) or {}, "sql"))
    ]
    if queries:
        from .sql import query_faults  # noqa: PLC0415 - DuckDB takes its time to load

        # The name of a table that cannot be read is not known: then no table is called unknown.
        tables = frozenset(name for _, name in _tables(files)) if _are_tables_known(files) else None
        yield from query_faults(queries, tables, similar)


def _variables(file: Entry) -> tuple[str, ...]:
    value: Any = file.get("variables")
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, dict) else ()


def _are_tables_known(files: Numbered) -> bool:
    return all(
        text(action(one, kind) or {}, "table") is not None
        for _, one in files
        for kind in ("import", "workbook")
        if kind in one
    )
