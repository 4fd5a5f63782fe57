"""The step from a checked document to the model. Defaults are applied here, once."""

from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

from .check import check_workspace, configuration_id_of, format_of
from .duration import seconds_of
from .fault import Fault
from .inside import place_inside
from .model import (
    Action,
    ConfigurationId,
    Export,
    File,
    FileId,
    Import,
    Kind,
    Repeat,
    Simulate,
    User,
    Workbook,
    Workspace,
)

__all__ = ["Fault", "Workspace", "build_workspace", "check_workspace"]

# Names every workspace path, so that a file keeps its uuid on every machine without anybody writing it down.
_NAMESPACE: Final = UUID("6f0a3d0e-52c6-5d0b-9c55-0b7e3f6c1a4d")
_KIND_OF_ENDING: Final = {".imp": Kind.IMPORT, ".exp": Kind.EXPORT}


def build_workspace(data: dict[str, Any], folder: Path) -> Workspace:
    """Build the model of a document that the schema and `check_workspace` accept. `folder` is the folder of its file."""
    return Workspace(
        users=tuple(User(name=one["name"], password=one["password"]) for one in data["users"]),
        slots=int(data.get("slots", 2)),
        failure_code=data.get("failure_code", 404),
        hosts=frozenset(data.get("hosts", ())),
        files=tuple(_file(one, folder) for one in data["files"]),
    )


def _file(data: dict[str, Any], folder: Path) -> File:
    path = data["path"]
    return File(
        id=FileId(int(data["id"])),
        configuration_id=ConfigurationId(configuration_id_of(data)),
        uuid=data.get("uuid", str(uuid5(_NAMESPACE, path))),
        path=path,
        action=_action(data, folder),
        data_driven=tuple(FileId(int(one)) for one in data.get("data_driven", ())),
        sources=tuple(FileId(int(one)) for one in data.get("sources", ())),
        variables=data.get("variables", {}),
        users=frozenset(data["users"]) if "users" in data else None,
    )


def _action(data: dict[str, Any], folder: Path) -> Action:
    match data:
        case {"import": action}:
            source = place_inside(folder, action["source"])
            return Import(
                source=source,
                format=format_of(action, source.name),
                table=action["table"],
                columns=action.get("columns", {}),
            )
        case {"workbook": action}:
            return Workbook(sql=action["sql"], table=action["table"])
        case {"export": action}:
            to = place_inside(folder, action["to"])
            return Export(sql=action["sql"], to=to, format=format_of(action, to.name))
        case _:
            return _simulate(data["simulate"], data["path"])


def _simulate(data: dict[str, Any], path: str) -> Simulate:
    duration = seconds_of(data.get("duration", "0s"))
    ending = path[path.rfind(".") :].lower() if "." in path else ""
    return Simulate(
        kind=Kind(data["kind"]) if "kind" in data else _KIND_OF_ENDING.get(ending, Kind.WORKBOOK),
        duration=duration,
        queue=seconds_of(data.get("queue", "0s")),
        estimate=seconds_of(data["estimate"]) if "estimate" in data else duration,
        outcomes=tuple(data.get("outcomes", ("COMPLETED",))),
        repeat=Repeat(data.get("repeat", Repeat.LAST)),
        records=int(data.get("records", 0)),
        dropped=int(data.get("dropped", 1)),
        counters={name: int(count) for name, count in data["counters"].items()} if "counters" in data else None,
    )
