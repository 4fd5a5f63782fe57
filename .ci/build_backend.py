"""The build backend: setuptools, with a source archive that is the same bytes for the same sources.

setuptools puts the time of the build into the source archive, and adds the tests of the top level without those below it. Here the
archive is packed again: without tests, its members in order, of nobody, from SOURCE_DATE_EPOCH or the beginning of 1980.
"""

import gzip
import io
import os
import tarfile
from pathlib import Path
from typing import Any

from setuptools import build_meta

build_wheel = build_meta.build_wheel
build_editable = build_meta.build_editable
prepare_metadata_for_build_wheel = build_meta.prepare_metadata_for_build_wheel
prepare_metadata_for_build_editable = build_meta.prepare_metadata_for_build_editable
get_requires_for_build_wheel = build_meta.get_requires_for_build_wheel
get_requires_for_build_sdist = build_meta.get_requires_for_build_sdist
get_requires_for_build_editable = build_meta.get_requires_for_build_editable

_FIRST_OF_1980 = 315_532_800  # as in zip files


def build_sdist(sdist_directory: str, config_settings: Any = None) -> str:
    """The hook of PEP 517."""
    name = str(build_meta.build_sdist(sdist_directory, config_settings))
    path = Path(sdist_directory, name)
    path.write_bytes(_again(path.read_bytes(), int(os.environ.get("SOURCE_DATE_EPOCH", _FIRST_OF_1980))))
    return name


def _again(packed: bytes, time: int) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(packed)) as old:
        kept = {one.name: (one, old.extractfile(one)) for one in old if not _is_of_the_tests(one.name)}
        contents = {name: (one, stream.read() if stream else None) for name, (one, stream) in kept.items()}
    # The backend is part of the sources: an archive without it could not be built.
    root = min(contents)
    here = Path(__file__)
    backend = tarfile.TarInfo(f"{root}/.ci/{here.name}")
    contents[backend.name] = (backend, here.read_bytes())
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as new:
        for name in sorted(contents):
            one, content = contents[name]
            one.mtime, one.uid, one.gid, one.uname, one.gname = time, 0, 0, "", ""
            one.mode = 0o755 if one.isdir() else 0o644
            one.size = len(content or b"")
            one.pax_headers = {}
            new.addfile(one, io.BytesIO(content) if content is not None else None)
    gz = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=gz, mode="wb", mtime=time) as stream:
        stream.write(tar.getvalue())
    return gz.getvalue()


def _is_of_the_tests(name: str) -> bool:
    return name.partition("/")[2].split("/")[0] == "tests"
