"""Servers, projects and short waits for the tests of faults."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from tests.faults.embedded import embedded
from tests.faults.processes import Zygote, warm
from tests.faults.project import Project, environment
from tests.faults.spectrum_server import File, SpectrumServer
from tests.patience import be_impatient

Serve = Callable[..., SpectrumServer]
Begin = Callable[[SpectrumServer], Project]


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look-ups after a lost answer begin at a quarter of a second; what they do is the same when they come faster."""
    be_impatient(monkeypatch, lookup_first_rest=0.02)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server with these files; by default one, `/Data/orders.imp` with the id 48."""
    opened: list[SpectrumServer] = []

    def start(*files: File, failure_code: int = 404) -> SpectrumServer:
        opened.append(SpectrumServer(*(files or (File(id=48, path="/Data/orders.imp"),)), failure_code=failure_code))
        return opened[-1]

    yield start
    for server in opened:
        server.close()


@pytest.fixture
def server(serve: Serve) -> SpectrumServer:
    """A server with the one file."""
    return serve()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder, with the environment of a CI job that has its secrets."""
    place = tmp_path / "project"
    place.mkdir()
    monkeypatch.chdir(place)
    wanted = environment()
    for name in set(os.environ) - set(wanted):
        monkeypatch.delenv(name)
    for name, value in wanted.items():
        monkeypatch.setenv(name, value)
    return place


@pytest.fixture
def begin(folder: Path, capsys: pytest.CaptureFixture[str]) -> Begin:
    """A project against a server, with the pipeline `load: {trigger: 48}`."""

    def build(server: SpectrumServer) -> Project:
        project = Project(folder, capsys, url=server.url, judge=server)
        project.jobs(load={"trigger": 48})
        return project

    return build


@pytest.fixture
def project(server: SpectrumServer, begin: Begin) -> Project:
    """A project against the server with the one file."""
    return begin(server)


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """Forks CLI processes."""
    with warm() as process:
        yield process


@pytest.fixture
def beside(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], Project]]:
    """Projects, each in a new folder with an embedded server of its own."""
    with ExitStack() as stack:
        numbers = count(1)

        def build() -> Project:
            place = tmp_path / f"project-{next(numbers)}" / "project"
            place.mkdir(parents=True)
            judge = stack.enter_context(embedded(place))
            return Project(place, capsys, url=judge.url, judge=judge)

        yield build


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--spoilt", type=int, default=20, help="how many wrong fields to try over real sockets")
