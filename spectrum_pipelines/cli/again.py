"""Commands that go on with a run: what it is gone on with, and the report that comes of it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from spectrum_pipelines.cli.ci import ci_job
from spectrum_pipelines.cli.commit import git_commit
from spectrum_pipelines.cli.console import Shown, ready
from spectrum_pipelines.cli.options import ConnectionOptions, ValueOptions
from spectrum_pipelines.cli.reach import asked_of, reach, server_of, workspace_of
from spectrum_pipelines.cli.state import store_of
from spectrum_pipelines.cli.values import given_of

if TYPE_CHECKING:
    from spectrum_pipelines.app.connection import Reach
    from spectrum_pipelines.app.front import Front
    from spectrum_pipelines.app.outcome import Report
    from spectrum_pipelines.app.recall import Again
    from spectrum_pipelines.store.interface import RunStore, Store


class Onward(Protocol):
    """How a run is gone on with."""

    def __call__(self, run: "RunStore", reach: "Reach", *, store: "Store", again: "Again", front: "Front") -> "Report":
        """Do it."""
        ...


def carry_on(
    onward: Onward,
    run_id: str,
    file: str | None,
    *,
    values: ValueOptions,
    shown: Shown,
    patience: float | None,
    state: str,
    options: ConnectionOptions,
) -> int:
    """Go on with a run, show how, and give the exit code of its report. `file` is its pipeline as it is now, if one is named."""
    from spectrum_pipelines.app.recall import Again  # noqa: PLC0415 - `--help` needs none of the engine
    from spectrum_pipelines.document.source import read_source  # noqa: PLC0415
    from spectrum_pipelines.store.leasing import named_run  # noqa: PLC0415

    with (
        ready(shown, patience=patience, run_id=run_id, file=file or "", **asked_of(options, state)) as front,
        store_of(state) as store,
    ):
        source = None if file is None else read_source(file)
        run = named_run(store, run_id)
        with server_of(options) as reached:
            again = Again(
                given=given_of(values, server=reached.server),
                source=source,
                workspace=workspace_of(options),
                origin=ci_job(os.environ),
                git_commit=git_commit(Path(file or "pipeline.yaml"), os.environ),
            )
            ended = onward(run, reach(reached), store=store, again=again, front=front)
    assert ended.exit_code is not None
    return ended.exit_code
