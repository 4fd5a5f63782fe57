"""The embedded server as the judge of runs that are killed, cut off or starved: what it counts is what happened."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spectrum_pipelines.local.serving import RunningServer
from spectrum_pipelines.local.workspace import build_workspace
from tests.faults.spectrum_server import PASSWORD, USER

#: An import that fails at first, a workbook that is fed by it, and an export.
FILES: list[dict[str, Any]] = [
    {
        "id": 20,
        "path": "/Data/orders.imp",
        "simulate": {"kind": "import", "duration": "10ms", "outcomes": ["ERROR", "COMPLETED"]},
    },
    {
        "id": 21,
        "path": "/Workbooks/sales.wbk",
        "variables": {"key": "none"},
        "simulate": {"kind": "workbook", "duration": "10ms"},
    },
    {"id": 22, "path": "/Exports/sales.exp", "data_driven": [21], "simulate": {"kind": "export", "duration": "10ms"}},
    {"id": 24, "path": "/Workbooks/alone.wbk", "simulate": {"kind": "workbook", "duration": "10ms"}},
    {"id": 23, "path": "/Slow/long.wbk", "simulate": {"kind": "workbook", "duration": "20s"}},
]


class Embedded:
    """A `Judge` over a server in this process."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.url = server.url

    def started(self) -> dict[int, int]:
        return Counter(int(one.file_id) for one in self.server.executions() if one.user == USER)

    def posts(self) -> dict[int, int]:
        return {}

    def word_of(self, execution_id: int) -> str:
        return next(str(one.status) for one in self.server.executions() if one.id == execution_id)

    def file_id_of(self, name: str) -> int | None:
        return next((file["id"] for file in FILES if name in {str(file["id"]), file["path"]}), None)

    def downstream_of(self, file_id: int) -> list[int]:
        return [file["id"] for file in FILES if file_id in file.get("data_driven", [])]

    def until_quiet(self) -> bool:
        """Nothing runs any more."""
        return not any(one.is_active for one in self.server.executions())


@contextmanager
def embedded(folder: Path) -> Iterator[Embedded]:
    """A server with `FILES`, all in memory."""
    data = {"version": 1, "users": [{"name": USER, "password": PASSWORD}], "slots": 8, "files": FILES}
    with RunningServer.start(build_workspace(data, folder), state=None) as server:
        yield Embedded(server)
