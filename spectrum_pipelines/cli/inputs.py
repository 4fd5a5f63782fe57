"""What a command reads, so that it writes over none of it: a report in the place of the pipeline file is the end of that file."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

from spectrum_pipelines.errors import UserError
from spectrum_pipelines.files import is_same_file
from spectrum_pipelines.store.heads import is_run_id

#: Parameters of commands that name a file to read, and what people call each.
_OPTIONS = {
    "file": "FILE",
    "vars_file": "--vars-file",
    "local": "--local",
    "agreed": "--plan",
    "ca_bundle": "--ca-bundle",
    "client_cert": "--client-cert",
    "client_key": "--client-key",
}
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class Named(Struct, frozen=True, kw_only=True):
    """A file, and the option, the variable or the words that name it."""

    by: str
    path: Path


def inputs(parameters: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[Named, ...]:
    """The files that a command reads by its parameters and its environment."""
    options = [(told, parameters.get(name)) for name, told in _OPTIONS.items()]
    # The files of secrets: SPECTRUM_PASSWORD_FILE, SPECTRUM_VAR_x_FILE.
    secrets = [(it, value) for it, value in environ.items() if it.startswith("SPECTRUM_") and it.endswith("_FILE")]
    bundles = [(it, environ.get(it)) for it in _BUNDLES]
    named = (*options, *secrets, *bundles, *_of_run(parameters))
    return tuple(Named(by=by, path=Path(path)) for by, path in named if path)


def _of_run(parameters: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    """What the state folder has of a run that goes on: its journal, its plan, its texts. A report of it may be written anew."""
    state, run_id = parameters.get("state"), parameters.get("run_id")
    if state and run_id and is_run_id(run_id) and "://" not in state:
        with suppress(OSError):  # a folder that is not there is told by who opens it
            kept = (it for it in (Path(state) / "runs" / run_id).iterdir() if it.name != "report.json" and it.is_file())
            yield from (("--state", it) for it in kept)


def pipeline_files(names: Iterable[str]) -> tuple[Named, ...]:
    """The files of a pipeline, the outermost last."""
    *fragments, last = (Path(name) for name in names)
    return (
        Named(by="the pipeline", path=last),
        *(Named(by="a fragment of the pipeline", path=path) for path in fragments),
    )


def pipeline_on_disk(name: str) -> tuple[Named, ...]:
    """A pipeline file and its fragments, as far as they can be read. Never raises."""
    from spectrum_pipelines.app.fragments import Fragments  # noqa: PLC0415 - after a failure only
    from spectrum_pipelines.document.source import read_source  # noqa: PLC0415
    from spectrum_pipelines.pipeline.include import parse_with_fragments  # noqa: PLC0415

    with suppress(Exception):  # a report is on its way that tells what is wrong with the file
        document, _ = parse_with_fragments(read_source(name), Fragments().of(name))
        if document is not None:
            return pipeline_files(part.source.name for part in document.parts)
    return (Named(by="the pipeline", path=Path(name)),)


def hold_apart(outputs: Iterable[Named], read: Iterable[Named]) -> None:
    """Refuse an output that is a file to read. Raises UserError."""
    for output, its in _clashes(outputs, tuple(read)):
        raise UserError(
            f"{output.by} and {its.by} name the same file: {output.path}",
            hint=f"name another file for {output.by}: that one is read",
        )


def are_apart(output: Path, read: Iterable[Named]) -> bool:
    """Whether an output is none of the files to read."""
    return not any(is_same_file(output, its.path) for its in read)


def _clashes(outputs: Iterable[Named], read: tuple[Named, ...]) -> Iterator[tuple[Named, Named]]:
    return ((output, its) for output in outputs for its in read if is_same_file(output.path, its.path))
