"""The places that a workspace may name: data files and export targets below its folder."""

import os
import stat
from pathlib import Path
from typing import Final

STATE_FOLDER: Final = ".spectrum-local"  # of the server itself, beside the workspace file
#: Folders inside a workspace that are not the workspace's: git keeps commands and logins in `.git`.
_CLOSED: Final = frozenset({".git", STATE_FOLDER})


class OutsideError(ValueError):
    """A place that a workspace may not name. The text is the rest of a sentence that begins with the name."""


def place_inside(folder: Path, name: str) -> Path:
    """Resolve a file name of a workspace, links included, to a path below `folder`. Raises OutsideError."""
    root = os.path.realpath(folder)
    try:
        plain = Path(os.path.normpath(Path(root, name)))
        real = Path(os.path.realpath(Path(root, name)))
    except (ValueError, OSError) as error:  # a NUL, half of a surrogate pair, a name that is too long
        raise OutsideError("is no name of a file") from error
    if not real.is_relative_to(root):
        by_link = " by a link" if plain.is_relative_to(root) else ""
        raise OutsideError(f"leads out of the workspace's folder{by_link}")
    for part in real.relative_to(root).parts:
        if part.lower() in _CLOSED:
            raise OutsideError(f"lies in {part}, which is not the workspace's own")
    return real


def has_no_link(place: Path) -> bool:
    """Tell whether a resolved path has no link in it now either."""
    return os.path.realpath(place) == str(place)


def is_regular(place: Path) -> bool:
    """Tell whether the path is a regular file, and no folder, link or pipe."""
    try:
        return stat.S_ISREG(os.lstat(place).st_mode)
    except (OSError, ValueError):
        return False


def is_free(place: Path) -> bool:
    """Tell whether the path is free for a file: nothing is there, or a regular file."""
    return is_regular(place) or not os.path.lexists(place)
