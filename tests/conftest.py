"""What holds for every test: hypothesis looks at a fixed set of examples, so that a red run is red again.

`HYPOTHESIS_PROFILE=thorough` looks at many more, at other ones each time. `--thorough` runs every step of the sweeps over kills and
faults, where the ordinary run takes every third one.
"""

import atexit
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Before anything large is imported: without bytecode, each worker would rewrite every assertion of the suite anew, on every run.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

from tests.databases import DatabaseServer, database_server, why_not  # noqa: E402

# Thousands of small files that are synced one by one: in memory if there is such a place and it has room. What is promised of a
# disk is tested with calls that are counted or that fail, on whatever disk. `--basetemp` and pytest's own variable say otherwise.
_MEMORY = Path("/dev/shm")
if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > 2 * 2**30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))

# The locks of concurrency groups stand in one place for each user: not in that of whoever runs the tests.
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="spectrum-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)

# A tenth and more of the suite was the collector, which went again and again through all that pytest has collected.
gc.set_threshold(20_000, 20, 50)

settings.register_profile("ordinary", max_examples=30, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=1_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ordinary"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="every step of the sweeps, not every third one")


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def stride(request: pytest.FixtureRequest) -> int:
    """How many steps a sweep goes at a time."""
    return 1 if request.config.getoption("--thorough") else 3


@pytest.fixture(scope="session")
def databases() -> Iterator[DatabaseServer]:
    """PostgreSQL and PgBouncer, started once; who asks for them is skipped where they are not to be had."""
    missing = why_not()
    if missing is not None:
        pytest.skip(missing)
    with database_server() as server:
        yield server
