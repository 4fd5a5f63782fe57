"""Whether a state folder may be believed: a run key that "has succeeded" there is green without a single request.

Whoever can put a state folder in place can forge a green run, so a folder is refused that came by a way on which others send files:

- git tracks something of it: then it came with the checkout, and a pull request can have written it;
- it is a symbolic link that leads out of the checkout: then writing there alters files of somebody else;
- another user made it: a neighbour on the same machine.

A cache of CI restores the folder on another machine, untracked and as the user of the job: that goes on to work. Root accepts the
folder of whoever owns the place in which it stands: in a container the checkout belongs to the user outside. A checkout without a
`.git` folder, unpacked from an archive say, cannot be told apart from a cache; where that matters, a shared store is the answer.
"""

import os
import subprocess
from pathlib import Path

from spectrum_pipelines.errors import StateError
from spectrum_pipelines.files import in_words

_ROOT = 0
_SECONDS = 10
_ELSEWHERE = "give another folder with --state"
#: The checkout may belong to another user than the job's, and its settings must start no program.
_GIT = ("git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false")


def hold_own(path: Path) -> None:
    """Refuse a state folder that is not ours to believe. One that does not exist is. Raises StateError."""
    if path.is_symlink():
        _hold_inside(path)
    try:
        owner, beside = path.stat().st_uid, path.parent.stat().st_uid
    except FileNotFoundError:
        return
    except OSError as error:
        raise StateError(f"the state folder {path} cannot be looked at: {in_words(error)}", hint=_ELSEWHERE) from error
    me = os.geteuid()
    if owner not in {me, _ROOT} and not (me == _ROOT and owner == beside):
        message = f"the state folder {path} belongs to another user (uid {owner}): its runs may be made up"
        raise StateError(message, hint=f"{_ELSEWHERE}; if it is yours, change its owner")
    tracked = _tracked(path)
    if tracked is not None:
        message = (
            f"the state folder {path} came with the checkout: git tracks {tracked} in it, so its runs may be made up"
        )
        raise StateError(message, hint=f"take it out of git (`git rm -r --cached {path.name}`), or {_ELSEWHERE}")


def _hold_inside(path: Path) -> None:
    target = Path(os.path.realpath(path))
    home = _checkout(path) or Path(os.path.realpath(path.parent))
    if home not in target.parents:
        message = f"the state folder {path} is a symbolic link that leads to {target}, out of {home}"
        raise StateError(message, hint=f"to keep the state there, give that folder itself: --state {target}")


def _checkout(path: Path) -> Path | None:
    """The git checkout in which a folder stands."""
    above = Path(os.path.realpath(path.parent))
    return next((folder for folder in (above, *above.parents) if (folder / ".git").exists()), None)


def _tracked(path: Path) -> str | None:
    """A file of the folder that git tracks, if there is one."""
    top = _checkout(path)
    if top is None:
        return None
    place = Path(os.path.realpath(path.parent)) / path.name
    inside = place.relative_to(top) if top in place.parents else None
    if inside is None:
        return None
    try:
        asked = subprocess.run(  # noqa: S603 - a fixed command, no shell
            [*_GIT, "-C", str(top), "--literal-pathspecs", "ls-files", "-z", "--", str(inside)],
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return _in_index(top, inside)
    first = asked.stdout.partition(b"\0")[0]
    return os.fsdecode(first) if first else None


def _in_index(top: Path, inside: Path) -> str | None:
    """Whether git tracks a file, without git: the index holds the names of files as they are, one after another."""
    index = top / ".git" / "index"
    if not index.is_file():
        return None
    name = os.fsencode(inside) + b"/"
    at = index.read_bytes().find(name)
    return str(inside) if at >= 0 else None
