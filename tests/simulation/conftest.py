"""How many simulations to run, or which one to tell."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_RUNS = 1_000
_ANSWERS = 500
_CHUNKS = 20
_LARGEST_CHUNK = 2_500


def pytest_addoption(parser: pytest.Parser) -> None:
    for name, option, runs in (("simulations", "simulation", _RUNS), ("answers", "answers", _ANSWERS)):
        parser.addoption(f"--{name}", type=int, default=runs, dest=f"{option}_runs", help="how many seeds to run")
        parser.addoption(f"--{option}-first", type=int, default=0, help="the first of them")
        parser.addoption(f"--{option}-seed", type=int, default=None, help="run this seed alone and tell its story")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for fixture, option, runs in (("seeds", "simulation", _RUNS), ("answers", "answers", _ANSWERS)):
        if fixture in metafunc.fixturenames:
            chunks = _chunks(metafunc.config, option, runs)
            metafunc.parametrize(fixture, chunks, ids=[f"{fixture} {one.start} to {one.stop - 1}" for one in chunks])


def _chunks(config: pytest.Config, option: str, runs: int) -> list[range]:
    # Unknown where pytest was not started in this folder: then the defaults hold.
    alone = config.getoption(f"{option}_seed", None)
    if alone is not None:
        return [range(alone, alone + 1)]
    first = config.getoption(f"{option}_first", 0)
    last = first + config.getoption(f"{option}_runs", runs)
    size = min(_LARGEST_CHUNK, -(-(last - first) // _CHUNKS))
    return [range(start, min(start + size, last)) for start in range(first, last, size)]


@pytest.fixture
def is_alone(request: pytest.FixtureRequest) -> bool:
    named = (request.config.getoption(f"{option}_seed", None) for option in ("simulation", "answers"))
    return any(one is not None for one in named)


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Where journals are kept: in memory if the machine has such a place, because a disk would be most of the time of a run."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="simulation-", dir=memory if memory.is_dir() else None) as name:
        yield Path(name)
