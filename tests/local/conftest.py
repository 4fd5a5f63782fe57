"""A server of its own for each test, and a caller that shows what went over the wire."""

import base64
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from spectrum_pipelines.local.execution import Execution
from spectrum_pipelines.local.serving import RunningServer
from spectrum_pipelines.local.store import Store
from spectrum_pipelines.local.workspace import build_workspace

_FUZZ = 60
_CHUNKS = 4
PATIENCE = 10.0  # seconds until a test gives up waiting for an event
ANALYST = {"name": "analyst", "password": "analyst"}
ADMIN = {"name": "admin", "password": "secret"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--local-fuzz", type=int, default=_FUZZ, help="how many seeds to draw workspaces and requests from"
    )
    parser.addoption("--local-fuzz-first", type=int, default=0, help="the first of these seeds")
    parser.addoption("--local-fuzz-seed", type=int, default=None, help="draw from this seed alone")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "fuzz_seeds" not in metafunc.fixturenames:
        return
    # Unknown where pytest was not started in this folder: then the defaults hold.
    alone = metafunc.config.getoption("local_fuzz_seed", None)
    if alone is not None:
        metafunc.parametrize("fuzz_seeds", [range(alone, alone + 1)], ids=[f"seed {alone}"])
        return
    runs = metafunc.config.getoption("local_fuzz", _FUZZ)
    begin = metafunc.config.getoption("local_fuzz_first", 0)
    size = -(-runs // _CHUNKS)
    chunks = [range(first, min(first + size, begin + runs)) for first in range(begin, begin + runs, size)]
    metafunc.parametrize("fuzz_seeds", chunks, ids=[f"seeds {one.start} to {one.stop - 1}" for one in chunks])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    code: int
    text: str
    headers: Mapping[str, str]

    @property
    def data(self) -> Any:
        return json.loads(self.text)


class Caller:
    """Calls a server as one user over one connection."""

    def __init__(self, url: str) -> None:
        self.address = url.removeprefix("http://")
        self.line = http.client.HTTPConnection(self.address, timeout=PATIENCE)

    def call(
        self, method: str, target: str, body: str | bytes | None = None, *, user: str = "analyst:analyst", **more: str
    ) -> Answer:
        headers = {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()} if user else {}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        self.line.request(method, target, body, headers)
        response = self.line.getresponse()
        return Answer(code=response.status, text=response.read().decode(), headers=dict(response.getheaders()))

    def status(self, file: object) -> Any:
        return self.call("GET", f"/api/job-execution/{file}/status").data

    def trigger(self, file: object) -> int:
        number: int = self.call("POST", f"/api/job-execution/{file}/trigger").data["job-execution-id"]
        return number

    def stop(self, file: object) -> Answer:
        return self.call("POST", f"/api/job-execution/{file}/stop")

    def sequence(self, *files: int, **variables: object) -> Answer:
        body = json.dumps({"variables": variables, "fileIds": files})
        return self.call("POST", "/api/job-execution/trigger", body)

    def details(self, number: int) -> Any:
        return self.call("GET", f"/rest/job-execution/job-details/{number}").data


class Site(Caller):
    """A running server in this process, called, and looked into."""

    def __init__(self, data: dict[str, Any], folder: Path, state: Path | None) -> None:
        self._changed = threading.Condition()
        self.lines: list[str] = []
        self.server = RunningServer.start(build_workspace(data, folder), state=state, log=self._hear)
        super().__init__(self.server.url)

    def run(self, number: int) -> Execution:
        return next(one for one in self.server.executions() if one.id == number)

    def until(self, number: int, *statuses: str) -> Execution:
        """Wait for a run to get one of the statuses; without any, to end."""
        self.wait(lambda: any(one.id == number and is_in(one, statuses) for one in self.server.executions()))
        return self.run(number)

    def wait(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE), self.server.executions()

    def close(self) -> None:
        self.line.close()
        self.server.close()

    def _hear(self, line: str) -> None:
        with self._changed:
            self.lines.append(line)
            self._changed.notify_all()


def is_in(execution: Execution, statuses: tuple[str, ...]) -> bool:
    return execution.status in statuses if statuses else not execution.is_active


Open = Callable[..., Site]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the key of this user's servers out of the home of whoever runs the tests."""
    monkeypatch.setenv("HOME", str(tmp_path_factory.getbasetemp()))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Open]:
    """Start a server: `site(file, ..., state=..., seed=[...], slots=..., folder=...)`; closed after the test."""
    opened: list[Site] = []

    def start(
        *files: dict[str, Any],
        state: Path | None = None,
        seed: list[Execution] | None = None,
        folder: Path = tmp_path,
        **more: Any,
    ) -> Site:
        data = {"version": 1, "users": [ANALYST, ADMIN], "files": files, **more}
        if seed:
            state = state or tmp_path / "state"
            write_history(state, seed)
        opened.append(Site(data, folder, state))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the server's local time be UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def write_history(state: Path, executions: list[Execution]) -> None:
    state.mkdir(parents=True, exist_ok=True)
    store = Store(state)
    store.save(*executions)
    store.close()
