"""Virtual environments with an Airflow in them, one for each version, made once and kept in a cache folder.

    python -m tests.airflow.environments             prints those that are there, as the value of AIRFLOW_VENVS
    python -m tests.airflow.environments --install   makes those that are missing first: minutes, and a gigabyte in all
    python -m tests.airflow.environments --freeze    makes them from what the index has today, and writes `constraints/` again

The folder is `AIRFLOW_CACHE`, else `~/.cache/spectrum-pipelines/airflow`. Airflow's makers publish lists of dependencies that fit
each release, on a web server that is no package index. `constraints/` holds lists of the same form that need none: each was frozen
from an environment in which the tests of this folder passed. A Python that has no list gets what the index resolves.

The project itself is not part of an environment, so that all checkouts of a machine share them: `project()` is on PYTHONPATH.
"""

import argparse
import atexit
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.ci.release import build

ROOT = Path(__file__).parents[2]
#: The newest of each major that the provider is tested with.
VERSIONS = ("2.11.2", "3.3.2")
_PYTHON = f"python-{sys.version_info.major}.{sys.version_info.minor}"
#: Extras of the project that its tasks may need, and what Airflow needs to keep its own tables in PostgreSQL.
_EXTRAS = ("airflow", "postgres")
_FOR_AIRFLOW = ("asyncpg", "psycopg2-binary")
_COMPLETE = ".complete"


def wanted(version: str) -> list[str]:
    """What an environment holds, as pip is told."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    extras = [line for name in _EXTRAS for line in project["optional-dependencies"][name]]
    return [f"apache-airflow=={version}", *project["dependencies"], *extras, *_FOR_AIRFLOW]


def constraints(version: str) -> Path:
    """The list for this Airflow under this Python; it may be missing."""
    return Path(__file__).parent / "constraints" / f"{version}-{_PYTHON}.txt"


def place(version: str) -> Path:
    """The folder of an environment. Other dependencies make another one."""
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(os.environ.get("AIRFLOW_CACHE") or cache_home / "spectrum-pipelines" / "airflow")
    listed = constraints(version).read_text(encoding="utf-8") if constraints(version).exists() else ""
    digest = hashlib.sha256("\n".join([*wanted(version), listed]).encode()).hexdigest()[:8]
    return folder / f"{version}-{_PYTHON}-{digest}"


def ready(version: str) -> Path | None:
    """The environment, if it is complete."""
    return place(version) if (place(version) / _COMPLETE).exists() else None


def install(version: str) -> Path:
    """The environment, made if it is missing. Raises CalledProcessError for what pip says."""
    folder = place(version)
    with _alone(folder):
        if ready(version) is None:
            sys.stderr.write(f"Airflow {version}: installed in {folder}\n")
            listed = constraints(version)
            if not listed.exists():
                sys.stderr.write(f"there is no {listed.relative_to(ROOT)}: what the index resolves is taken\n")
            _make(folder, [*wanted(version), *(["-c", str(listed)] if listed.exists() else [])])
            (folder / _COMPLETE).touch()
    return folder


def freeze(version: str) -> None:
    """Make an environment from what the index has today, and write down what came."""
    with tempfile.TemporaryDirectory(prefix="freeze-") as folder:
        _make(Path(folder) / "venv", wanted(version))
        listed = subprocess.run(
            [str(Path(folder) / "venv" / "bin" / "pip"), "freeze"], check=True, capture_output=True, text=True
        ).stdout
    constraints(version).write_text(listed, encoding="utf-8")


def _make(folder: Path, words: list[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "pip"), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", *words], check=True, stdout=sys.stderr)
    subprocess.run([*pip, "check"], check=True, stdout=sys.stderr)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two checkouts make one environment after the other."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@cache
def project() -> Path:
    """The project as it would be published, in a folder for PYTHONPATH, for as long as this process lives."""
    folder = Path(tempfile.mkdtemp(prefix="spectrum-project-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    wheel = next(path for path in build(folder / "built") if path.suffix == ".whl")
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--target", str(folder / "project"), str(wheel)], check=True)
    return folder / "project"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--install", action="store_true", help="make what is missing")
    parser.add_argument("--freeze", action="store_true", help="write `constraints/` again")
    given = parser.parse_args()
    if given.freeze:
        for version in VERSIONS:
            freeze(version)
    found = [install(version) if given.install else ready(version) for version in VERSIONS]
    sys.stdout.write(":".join(str(it) for it in found if it is not None) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
