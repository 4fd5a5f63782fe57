"""Whether a state folder may be believed: a run key that "has succeeded" there is green without a single request.

Whoever can put a state folder in place can forge a green run, so a folder is refused that came by a way on which others send files:

- git tracks something of it: then it came with the checkout, and a pull request can have written it. Where nothing can
  tell, as with a damaged index, it may have come so;
- it is a symbolic link that leads out of the checkout: then writing there alters files of somebody else;
- another user made it: a neighbour on the same machine.

A cache of CI restores the folder on another machine, untracked and as the user of the job: that goes on to work. Root accepts the
folder of whoever owns the place in which it stands: in a container the checkout belongs to the user outside. A checkout without a
`.git` folder, unpacked from an archive say, cannot be told apart from a cache; where that matters, a shared store is the answer.
"""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from spectrum_pipelines.errors import StateError
from spectrum_pipelines.files import in_words
from spectrum_pipelines.words.shell import shell_word

_ROOT = 0
_SECONDS = 10
_ELSEWHERE = "give another folder with --state"
#: The checkout may belong to another user than the job's, and its settings must start no program.
_OPTIONS = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false", "--literal-pathspecs")
#: Nothing of ours: `GIT_DIR`, `GIT_INDEX_FILE`, `GIT_WORK_TREE` and their like, which git sets for its hooks, lead elsewhere.
_ENVIRONMENT = {
    "PATH": os.defpath,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_OPTIONAL_LOCKS": "0",
}
_LEGIBLE_INDEX = (2, 3)  # versions in which the names of files stand as they are, one after another
_TIMES_AND_MODES = 40  # bytes of an entry before its digest
_IS_EXTENDED = 0x4000  # among the flags of an entry: two more bytes of them follow


class _UntoldError(Exception):
    """Nothing can tell which files git tracks. The text says why."""


def hold_own(path: Path) -> None:
    """Refuse a state folder that is not ours to believe. One that does not exist is. Raises StateError."""
    named = _named(path)
    if named.is_symlink():
        _hold_inside(path, named)
    try:
        owner, beside = named.stat().st_uid, named.parent.stat().st_uid
    except FileNotFoundError:
        return
    except OSError as error:
        raise StateError(f"the state folder {path} cannot be looked at: {in_words(error)}", hint=_ELSEWHERE) from error
    me = os.geteuid()
    if owner not in {me, _ROOT} and not (me == _ROOT and owner == beside):
        message = f"the state folder {path} belongs to another user (uid {owner}): its runs may be made up"
        raise StateError(message, hint=f"{_ELSEWHERE}; if it is yours, change its owner")
    for place in dict.fromkeys((named, Path(os.path.realpath(named)))):
        _hold_untracked(path, place)


def _named(path: Path) -> Path:
    """Where a folder stands, without following the folder itself: `nothere/../state` is what it will be once `nothere` is there."""
    real = Path(os.path.realpath(path.parent)) / path.name
    return real if path.name not in {"", ".."} else Path(os.path.realpath(path))


def _hold_inside(path: Path, named: Path) -> None:
    target = Path(os.path.realpath(named))
    home = _checkout(named) or named.parent
    if home not in target.parents:
        message = f"the state folder {path} is a symbolic link that leads to {target}, out of {home}"
        raise StateError(message, hint=how_to_keep_it(str(target)))


def how_to_keep_it(target: str) -> str:
    """The hint where a link leads to the state."""
    return f"to keep the state there, give that folder itself: --state {shell_word(target)}"


def _hold_untracked(path: Path, place: Path) -> None:
    top = place if (place / ".git").exists() else _checkout(place)
    if top is None:
        return
    # A checkout that is its own state folder tracks other files in it.
    inside = [str(place.relative_to(top))] if place != top else ["runs", "keys"]
    try:
        tracked = _tracked(top, inside)
    except _UntoldError as error:
        message = f"whether git tracks the state folder {path} cannot be told ({error}): its runs may be made up"
        raise StateError(message, hint=f"mend the checkout {top} (`git status` there), or {_ELSEWHERE}") from error
    if tracked is not None:
        message = (
            f"the state folder {path} came with the checkout: git tracks {tracked} in it, so its runs may be made up"
        )
        untrack = f"git --literal-pathspecs rm -r --cached -- {shell_word(str(path))}"
        raise StateError(message, hint=f"take it out of git (`{untrack}`), or {_ELSEWHERE}")


def _checkout(place: Path) -> Path | None:
    """The git checkout in which a folder stands."""
    return next((folder for folder in place.parents if (folder / ".git").exists()), None)


def _tracked(top: Path, inside: list[str]) -> str | None:
    """A file of these places that git tracks, if there is one. Raises _UntoldError."""
    git = shutil.which("git")
    if git is None:
        return _in_index(top, inside)
    try:
        asked = subprocess.run(  # noqa: S603 - a fixed command, no shell
            [git, *_OPTIONS, "-C", str(top), "ls-files", "-z", "--", *inside],
            capture_output=True,
            timeout=_SECONDS,
            check=True,
            # A `.git` that is no repository must not lead to one further up.
            env={**_ENVIRONMENT, "GIT_CEILING_DIRECTORIES": str(top.parent)},
        )
    except (OSError, subprocess.SubprocessError):
        return _in_index(top, inside)
    first = asked.stdout.partition(b"\0")[0]
    return os.fsdecode(first) if first else None


def _in_index(top: Path, inside: list[str]) -> str | None:
    """A place in which git tracks a file, without git: by the list that git keeps. Raises _UntoldError if that is illegible."""
    try:
        folder = _repository(top)
        if not (folder / "index").exists():
            return None
        data = (folder / "index").read_bytes()
    except OSError as error:
        raise _UntoldError(f"git's index: {in_words(error)}") from error
    if not _is_whole(data):
        raise _UntoldError("git's index is damaged")
    names = _names(data)
    if names is None:
        raise _UntoldError("git is not installed or does not answer, and its index is of a kind that only git can read")
    # What is tracked in the very place is a link or a submodule.
    places = {place: os.fsencode(place) for place in inside}
    return next(
        (it for it, place in places.items() if any(name == place or name.startswith(place + b"/") for name in names)),
        None,
    )


def _repository(top: Path) -> Path:
    """The folder in which git keeps its index; `.git` is a file in a worktree and in a submodule. Raises OSError, _UntoldError."""
    named = top / ".git"
    if named.is_dir():
        return named
    word, _, there = named.read_text("utf-8", "surrogateescape").partition(":")
    folder = top / there.strip()
    if word != "gitdir" or not folder.is_dir():
        raise _UntoldError(f"{named} leads to no repository")
    return folder


def _names(data: bytes) -> list[bytes] | None:
    """The names in a whole index; None if they do not all stand in it as they are. Raises _UntoldError."""
    version, entries = int.from_bytes(data[4:8], "big"), int.from_bytes(data[8:12], "big")
    if version not in _LEGIBLE_INDEX:
        return None
    digest = 32 if data.endswith((hashlib.sha256(data[:-32]).digest(), bytes(32))) else 20
    names, at, end = [], 12, len(data) - digest
    for _ in range(entries):
        flags = at + _TIMES_AND_MODES + digest
        start = flags + (4 if int.from_bytes(data[flags : flags + 2], "big") & _IS_EXTENDED else 2)
        stop = data.find(b"\0", start, end)
        if stop < 0:
            raise _UntoldError("git's index is damaged")
        names.append(data[start:stop])
        at += (stop - at) // 8 * 8 + 8  # NULs fill an entry up, one at least
    while at < end:
        # In small letters is the name of an extension without which the entries mean something else: `link`, `sdir`.
        if not data[at : at + 1].isupper():
            return None
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "big")
    if at != end:
        raise _UntoldError("git's index is damaged")
    return names


def _is_whole(data: bytes) -> bool:
    """An index ends with a digest of all that stands before; zeros there are a user's wish to go without."""
    ends = (hashlib.sha1(data[:-20]).digest(), hashlib.sha256(data[:-32]).digest(), bytes(20))  # noqa: S324 - git's own choice
    return data[:4] == b"DIRC" and data.endswith(ends)
