"""How many files are tried: `--fuzz 5000` in this folder for long, `--fuzz-first 120000` to go on elsewhere."""

import pytest

_FUZZ = 160
_CHUNKS = 4


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fuzz", type=int, default=_FUZZ, help="how many seeds to draw files, addresses and values from")
    parser.addoption("--fuzz-first", type=int, default=0, help="the first of these seeds")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seeds" not in metafunc.fixturenames:
        return
    # Unknown where pytest was not started in this folder: then the defaults hold.
    runs = metafunc.config.getoption("fuzz", _FUZZ)
    begin = metafunc.config.getoption("fuzz_first", 0)
    size = -(-runs // _CHUNKS)
    chunks = [range(first, min(first + size, begin + runs)) for first in range(begin, begin + runs, size)]
    metafunc.parametrize("seeds", chunks, ids=[f"seeds {one.start} to {one.stop - 1}" for one in chunks])
