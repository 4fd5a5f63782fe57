"""How many simulations to run, or which one to tell; and at the end how many seeds a second of CPU was enough for."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_RUNS = 500
_ANSWERS = 300
_CHUNKS = 20
_LARGEST_CHUNK = 2_500
_BEGAN = pytest.StashKey[float]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_BEGAN] = time.monotonic()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Each test that runs seeds says how many, and what they took; here they are added up over all workers."""
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.stats.get(kind, ())]
    told = [dict(one.user_properties) for one in reports if one.when == "call"]
    seeds = sum(one.get("seeds", 0) for one in told)
    if seeds:
        cpu = sum(one.get("cpu_seconds", 0.0) for one in told)
        rate = f"{seeds / cpu:.0f} seeds per CPU second" if cpu else "too fast to be measured"
        wall = time.monotonic() - config.stash[_BEGAN]
        terminalreporter.write_line(f"simulated: {seeds:,} seeds in {wall:.0f} seconds ({cpu:.0f} of CPU), {rate}")


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


@pytest.fixture
def counted(record_property: Callable[[str, object], None]) -> Callable[[range], Iterator[int]]:
    """The seeds one by one, with a note for the last lines of how many there were and what they took."""

    def count(seeds: range) -> Iterator[int]:
        began, number = time.process_time(), 0
        try:
            for seed in seeds:
                number += 1
                yield seed
        finally:
            record_property("seeds", number)
            record_property("cpu_seconds", time.process_time() - began)

    return count
