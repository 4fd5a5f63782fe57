"""The store that `--state` names, with what the environment says of it."""

import os
from collections.abc import Mapping
from pathlib import Path

from spectrum_pipelines.cli.credentials import secret_of
from spectrum_pipelines.cli.options import DEFAULT_STATE
from spectrum_pipelines.store.interface import Store
from spectrum_pipelines.store.where import open_store

_PASSWORD = "SPECTRUM_STATE_PASSWORD"  # noqa: S105 - the name of a variable


def store_of(state: str, environ: Mapping[str, str] = os.environ) -> Store:
    """Open it. Raises UserError."""
    return open_store(state, password=secret_of(_PASSWORD, environ), groups=group_locks(environ))


def recorded_state(state: str) -> str | None:
    """The place as a command about a run must name it; None for the usual one."""
    return None if state == DEFAULT_STATE else state


def group_locks(environ: Mapping[str, str]) -> Path | None:
    """One place for each user: two runs of a concurrency group on this machine meet there, whatever their working directories.

    None, which is the state directory's own place, for a user without a home.
    """
    home = environ.get("XDG_STATE_HOME") or (f"{environ['HOME']}/.local/state" if environ.get("HOME") else None)
    if home is None or not Path(home).is_absolute():
        return None
    return Path(home) / "spectrum-pipelines" / "locks"
