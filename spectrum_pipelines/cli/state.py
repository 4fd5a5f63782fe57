"""The store that `--state` names, with what the environment says of it."""

import os
from collections.abc import Mapping
from pathlib import Path

from spectrum_pipelines.cli.credentials import secret_of
from spectrum_pipelines.cli.options import DEFAULT_STATE
from spectrum_pipelines.document.source import leaves_its_checkout
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.store.folder.places import LOCKS, home_of_user
from spectrum_pipelines.store.folder.provenance import how_to_keep_it
from spectrum_pipelines.store.interface import Store
from spectrum_pipelines.store.where import open_store

_GROUP_LOCKS = "SPECTRUM_GROUP_LOCKS"
_PASSWORD = "SPECTRUM_STATE_PASSWORD"  # noqa: S105 - the name of a variable


def store_of(state: str, environ: Mapping[str, str] = os.environ) -> Store:
    """Open it. Raises UserError, and StateError for a folder that is elsewhere in truth."""
    if "://" not in state:
        _hold_inside(Path(state))
    return open_store(state, password=secret_of(_PASSWORD, environ), groups=group_locks(environ))


def _hold_inside(path: Path) -> None:
    """Refuse a folder that a linked folder above it leads out of the checkout; a link of its own is refused by the store."""
    if not path.is_symlink() and leaves_its_checkout(str(path)):
        target = os.path.realpath(path)
        message = f"the state folder {path} leads out of the checkout by a link, to {target}"
        raise StateError(message, hint=how_to_keep_it(target))


def recorded_state(state: str, store: Store) -> str | None:
    """The place as a command about a run must name it; None for the usual one."""
    return None if state == DEFAULT_STATE else store.name


def named_state(state: str) -> str | None:
    """The value of `--state` for messages before the store is open: a URL, which may turn out to hold a login, is not repeated."""
    return None if state == DEFAULT_STATE or "://" in state else state


def group_locks(environ: Mapping[str, str]) -> Path | None:
    """One place for each user: two runs of a concurrency group on this machine meet there, whatever their working directories.

    SPECTRUM_GROUP_LOCKS names another one. None, which is the state directory's own place, for a user without a home.
    """
    named = environ.get(_GROUP_LOCKS)
    if named:
        return Path(named).absolute()
    home = environ.get("XDG_STATE_HOME") or ""
    if not Path(home).is_absolute():
        above = environ.get("HOME") or home_of_user()
        home = f"{above}/.local/state" if above else ""
    return Path(home) / LOCKS if Path(home).is_absolute() else None
