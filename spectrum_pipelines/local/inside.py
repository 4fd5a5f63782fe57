"""Places below the workspace's folder: where data files may lie and where exports may go."""

import os
import stat
from pathlib import Path
from typing import Final

STATE_FOLDER: Final = ".spectrum-local"  # of the server itself, beside the workspace file
#: Folders inside a workspace that are not the workspace's: git keeps commands and logins in `.git`.
_CLOSED: Final = frozenset({".git", STATE_FOLDER})


class OutsideError(ValueError):
    """A place that a workspace may not touch; the text says why, as the end of a sentence that begins with the place."""


def place_inside(folder: Path, name: str) -> Path:
    """Resolve a file name of a workspace, through all links, to a place below `folder`. Raises OutsideError."""
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
    """Tell whether a resolved place still is what it was: nobody has put a link on the way to it since."""
    return os.path.realpath(place) == str(place)


def is_regular(place: Path) -> bool:
    """Tell whether a regular file is there: no folder, link or pipe, and no name that the system refuses."""
    try:
        return stat.S_ISREG(os.lstat(place).st_mode)
    except (OSError, ValueError):
        return False


def is_free(place: Path) -> bool:
    """Tell whether a file can be written there: nothing is in the way but a regular file."""
    return is_regular(place) or not os.path.lexists(place)
