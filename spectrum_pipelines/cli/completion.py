"""What a shell may complete beside commands, options and file names: ids of jobs from the file on the line, and ids of runs."""

import os
from collections.abc import Iterator

import click

from spectrum_pipelines.errors import SpectrumPipelinesError

#: So many runs are looked at: a shell waits for the answer.
_LISTED = 100


def job_ids(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's signature
    """Selections of `--only` that begin with what is typed: `sal` -> `sales`, `a,+sal` -> `a,+sales`."""
    head, comma, last = incomplete.rpartition(",")
    plus = "+" if last.startswith("+") else ""
    # While `--only` waits for its value, click leaves all other words unsorted in `args`.
    words = [ctx.params.get("file"), *ctx.args]
    names = _jobs_of(next((word for word in words if word), None))
    return [f"{head}{comma}{plus}{name}" for name in names if name.startswith(last.removeprefix("+"))]


def run_ids(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's signature
    """The newest runs in the store that begin with what is typed."""
    from spectrum_pipelines.cli.options import DEFAULT_STATE  # noqa: PLC0415 - only while a line is typed
    from spectrum_pipelines.cli.state import store_of  # noqa: PLC0415

    try:
        with store_of(ctx.params.get("state") or os.environ.get("SPECTRUM_STATE") or DEFAULT_STATE) as store:
            return [head.run_id for head in store.newest(limit=_LISTED) if head.run_id.startswith(incomplete)]
    except SpectrumPipelinesError:
        return []


def _jobs_of(file: object) -> Iterator[str]:
    """Whatever can be read; a completion that complains would spoil the line that is being typed."""
    from spectrum_pipelines.document.parse import parse  # noqa: PLC0415 - PyYAML
    from spectrum_pipelines.document.source import read_source  # noqa: PLC0415

    if not isinstance(file, str):
        return
    try:
        document, _ = parse(read_source(file))
    except SpectrumPipelinesError:
        return
    if document is None or not isinstance(document.data, dict):
        return
    for section in ("jobs", "finally"):
        jobs = document.data.get(section)
        if isinstance(jobs, dict):
            # A name with a line break or a tab would be several answers to the shell.
            yield from (name for name in jobs if isinstance(name, str) and name.isprintable())
