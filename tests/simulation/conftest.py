"""How many simulations to run, or which one to tell."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_RUNS = 1_000
_CHUNKS = 20
_LARGEST_CHUNK = 2_500


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--simulations", type=int, default=_RUNS, help="how many seeds to simulate")
    parser.addoption("--simulation-first", type=int, default=0, help="the first of these seeds")
    parser.addoption("--simulation-seed", type=int, default=None, help="simulate this seed alone and tell its story")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seeds" not in metafunc.fixturenames:
        return
    # Unknown where pytest was not started in this folder: then the defaults hold.
    alone = metafunc.config.getoption("simulation_seed", None)
    if alone is not None:
        metafunc.parametrize("seeds", [range(alone, alone + 1)], ids=[f"seed {alone}"])
        return
    runs = metafunc.config.getoption("simulations", _RUNS)
    size = min(_LARGEST_CHUNK, -(-runs // _CHUNKS))
    start = metafunc.config.getoption("simulation_first", 0)
    chunks = [range(first, min(first + size, start + runs)) for first in range(start, start + runs, size)]
    metafunc.parametrize("seeds", chunks, ids=[f"seeds {chunk.start} to {chunk.stop - 1}" for chunk in chunks])


@pytest.fixture
def is_alone(request: pytest.FixtureRequest) -> bool:
    return request.config.getoption("simulation_seed", None) is not None


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Where journals are kept: in memory if the machine has such a place, because a disk would be most of the time of a run."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="simulation-", dir=memory if memory.is_dir() else None) as name:
        yield Path(name)
