"""The pipelines of a repository that include a fragment: only they can say whether it is what they need."""

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from spectrum_pipelines.app.fragments import tree_around
from spectrum_pipelines.document.parse import parse
from spectrum_pipelines.document.source import read_source
from spectrum_pipelines.errors import UnreadableFile
from spectrum_pipelines.pipeline.form.overlay import mapping

#: Of one file: what is larger is data of somebody else.
_MAX_BYTES = 1_000_000
_SUFFIXES = frozenset({".yaml", ".yml"})
#: Folders that hold copies of other people's files, beside those whose names begin with a dot.
_FOREIGN = frozenset({"node_modules", "site-packages", "__pycache__"})


class Includers:
    """Looks through the repositories around fragments: through each once, and only if there is a fragment to ask for."""

    def __init__(self) -> None:
        self._trees: dict[Path, _Tree] = {}

    def of(self, fragment: str) -> tuple[str, ...]:
        """The pipelines that include this file, directly or through others, named from the working directory where they can be."""
        real = Path(os.path.realpath(fragment))
        folder = _around(real.parent)
        tree = self._trees.setdefault(folder, _Tree(folder))
        found, waiting = dict[Path, None](), [real]
        for one in waiting:  # grows as it goes
            for includer in tree.including.get(one, ()):
                if includer not in found:
                    found[includer] = None
                    waiting.append(includer)
        return tuple(_shown(it) for it in found if it in tree.pipelines)


class _Tree:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.pipelines: set[Path] = set()

    @cached_property
    def including(self) -> dict[Path, list[Path]]:
        """Of each file that is included, who names it."""
        found: dict[Path, list[Path]] = {}
        for path in sorted(self._files()):
            for named in self._named_in(path):
                found.setdefault(named, []).append(path)
        return found

    def _files(self) -> Iterator[Path]:
        for place, folders, names in os.walk(self._folder):
            folders[:] = [it for it in folders if not it.startswith(".") and it not in _FOREIGN]
            if "pyvenv.cfg" in names:
                folders.clear()
                continue
            yield from (Path(place, name) for name in names if Path(name).suffix in _SUFFIXES)

    def _named_in(self, path: Path) -> Iterator[Path]:
        try:
            source = read_source(str(path), max_bytes=_MAX_BYTES)
        except UnreadableFile:
            return
        if "include" not in source.text or source.is_foreign:
            return
        document, _ = parse(source)
        data = mapping(None if document is None else document.data)
        listed = data.get("include")
        if "name" in data:
            self.pipelines.add(path)
        for item in listed if isinstance(listed, list) else ():
            if isinstance(item, str) and "\0" not in item:
                yield Path(os.path.realpath(path.parent / item))


def _around(folder: Path) -> Path:
    """The repository; without one the working directory, if the folder lies in it and it is not `/`; else the folder."""
    tree, here = tree_around(folder), Path.cwd()
    # A working directory at the root of the disk is nobody's checkout, and holds the files of everybody.
    is_ours = here != here.parent and folder.is_relative_to(here)
    return here if tree == folder and is_ours and not (tree / ".git").exists() else tree


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
