"""What the command line and the environment give to a pipeline."""

import os

from spectrum_pipelines.app.loading import Loaded, given_values, load_source, quotable, vars_file
from spectrum_pipelines.app.notices import Notices
from spectrum_pipelines.cli.options import ValueOptions, assignments
from spectrum_pipelines.document.source import read_source
from spectrum_pipelines.pipeline.build import Given


def given_of(values: ValueOptions, *, server: str | None = None) -> Given:
    """The values of a command. Raises UserError."""
    return given_values(
        environment=values.environment,
        variables=assignments(values.var),
        vars_file=vars_file(values.vars_file),
        environ=os.environ,
        server=server,
    )


def load_file(
    file: str, values: ValueOptions, *, server: str | None, only: tuple[str, ...], notices: Notices
) -> Loaded:
    """The pipeline that a command is about; its warnings are told. Raises InvalidFile and UserError."""
    loaded = load_source(read_source(file), given_of(values, server=server), only=only)
    if loaded.warnings:
        notices.findings(loaded.warnings, quotable(loaded.source, loaded.document))
    return loaded
