"""Where in a pipeline references are filled in."""

from collections.abc import Iterator, Mapping
from typing import Any

from spectrum_pipelines.document.position import Path
from spectrum_pipelines.pipeline.fill.reference import single_variable
from spectrum_pipelines.pipeline.form.overlay import mapping
from spectrum_pipelines.pipeline.model.action import ACTION_WORDS

_COUNTS = ("success_count", "failure_count")
_LATE = frozenset((*ACTION_WORDS.values(), "variables"))
_JOBS = ("jobs", "finally")
_FIXED = ("version", "name", "include", "environments")
#: Names and the shape of the graph are the same in every run, so nothing is filled in there; their schema refuses `${` already.
_FIXED_JOB_KEYS = ("needs", "matrix", "run_if")


def is_ignored(key: object) -> bool:
    """Whether a key at the top or in a job is a place for notes and anchors."""
    return isinstance(key, str) and key.startswith("x-")


def takes_outputs(path: Path) -> bool:
    """Whether outputs of other jobs can stand there: in what a job needs only when it starts, or ends."""
    return len(path) > 2 and path[0] in _JOBS and (path[2] in _LATE or _is_bound(path[2:]))


def takes_secrets(path: Path) -> bool:
    """Whether what stands there is masked wherever it is told. Numbers, times and words of a policy are told as they are."""
    if path[0] in _JOBS:
        return len(path) > 2 and (path[2] in _LATE or path[2] == "description")
    return path == ("description",) or (path[0] == "server" and path[1:] in (("url",), ("sequence_path",)))


def _is_bound(path: Path) -> bool:
    """An edge of a gate on a number."""
    inner = path[2:] if path[:2] == ("expect", "total") else path[1:] if path[:1] == ("expect",) else ()
    return (len(inner) == 2 and inner[0] in _COUNTS) or (len(inner) == 3 and inner[0] == "counters")


def list_references(data: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Every key of a matrix whose values a list variable holds, and the name of that variable."""
    for section in _JOBS:
        for job, body in mapping(data.get(section)).items():
            for key, value in mapping(mapping(body).get("matrix")).items():
                if name := single_variable(value):
                    yield (section, job, "matrix", key), name


def phrases(data: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Every scalar that is filled in and holds `${`, in no particular order."""
    left: list[tuple[Path, Any]] = [
        ((key,), value) for key, value in data.items() if key not in _FIXED and not is_ignored(key)
    ]
    while left:
        path, value = left.pop()
        if isinstance(value, str):
            if "${" in value:
                yield path, value
        elif isinstance(value, Mapping):
            left += (((*path, key), it) for key, it in value.items() if _is_filled((*path, key)))
        elif isinstance(value, list):
            left += (((*path, place), it) for place, it in enumerate(value))


def _is_filled(path: Path) -> bool:
    if len(path) != 3:
        return True
    return not (
        (path[0] in _JOBS and (path[2] in _FIXED_JOB_KEYS or is_ignored(path[2])))
        # In a declaration only the default is a value. `${` in a pattern or a description is what it is.
        or (path[0] == "variables" and path[2] != "default" and isinstance(path[2], str))
    )
