"""Fragments on the disk: what a pipeline may include, and each file read once however many pipelines share it."""

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from spectrum_pipelines.document.source import Source, read_source
from spectrum_pipelines.errors import UnreadableFile
from spectrum_pipelines.files import on_disk
from spectrum_pipelines.pipeline.include import Fragment, Read, fragment_of


class Fragments:
    """Reads fragments for any number of pipelines."""

    def __init__(self) -> None:
        self._known: dict[tuple[Path, str], Fragment] = {}

    def of(self, pipeline: str) -> Read:
        """What reads the fragments of one pipeline file: they stay inside its repository, or its folder."""
        folder = Path(pipeline).parent
        tree = tree_around(folder)

        def read(key: str) -> Fragment:
            shown = os.path.normpath(folder / key)
            path = folder / on_disk(key)
            real = Path(os.path.realpath(path))
            if not real.is_relative_to(tree):
                hint = f"fragments stand in {_in_words(tree)}, and so does what links lead to"
                raise UnreadableFile(f"{shown} leads out of the repository", hint=hint)
            known = self._known.get((real, shown))
            if known is None:
                source = replace(read_source(str(path)), name=shown)
                known = self._known[real, shown] = fragment_of(source)
            return known

        return read


def kept(texts: Mapping[str, str], pipeline: str) -> Read:
    """What reads the fragments that a run began with, whatever stands on the disk by now."""
    folder = Path(pipeline).parent

    def read(key: str) -> Fragment:
        if key not in texts:
            raise UnreadableFile(f"{key} is not among the fragments that the run began with")
        return fragment_of(Source(name=os.path.normpath(folder / key), text=texts[key]))

    return read


def tree_around(folder: Path) -> Path:
    """The repository around a folder, else the folder itself."""
    real = Path(os.path.realpath(folder))
    return next((it for it in (real, *real.parents) if (it / ".git").exists()), real)


def _in_words(tree: Path) -> str:
    return f"{tree} (the repository)" if (tree / ".git").exists() else f"{tree} (the folder of the pipeline)"
