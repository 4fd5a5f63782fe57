"""What the command line and the environment give to a pipeline."""

import os
from collections.abc import Mapping
from types import MappingProxyType

from msgspec.structs import replace

from spectrum_pipelines.app.loading import Loaded, given_values, load_source, quotable, vars_file
from spectrum_pipelines.app.notices import Notices
from spectrum_pipelines.cli.credentials import secret_of
from spectrum_pipelines.cli.options import ValueOptions, assignments
from spectrum_pipelines.document.source import read_source
from spectrum_pipelines.pipeline.build import Given
from spectrum_pipelines.pipeline.fill.values import PREFIX
from spectrum_pipelines.words.wording import few

_FILE = "_FILE"
_SHOWN = 5
#: Stands for an address that nobody has given; the name can never be one.
_NO_ADDRESS = "https://spectrum.invalid"


def given_of(values: ValueOptions, *, server: str | None = None) -> Given:
    """The values of a command. Raises UserError."""
    return given_values(
        environment=values.environment,
        variables=assignments(values.var),
        vars_file=vars_file(values.vars_file),
        environ=variables_from_files(os.environ),
        server=server,
    )


def variables_from_files(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment with SPECTRUM_VAR_x read from the file that SPECTRUM_VAR_x_FILE names. Raises UserError."""
    found = dict(environ)
    for name in environ:
        bare = name.removesuffix(_FILE)
        if name.startswith(PREFIX) and bare not in {name, PREFIX}:
            del found[name]
            value = secret_of(bare, environ)
            if value is not None:
                found[bare] = value
    return found


def load_unaddressed(
    file: str, values: ValueOptions, *, server: str | None, only: tuple[str, ...], notices: Notices
) -> Loaded:
    """`load_file` for who asks no server: an address that stands in SPECTRUM_URL, which is not set, is left out."""
    if server is not None or os.environ.get("SPECTRUM_URL"):
        return load_file(file, values, server=server, only=only, notices=notices)
    loaded = load_file(file, values, server=None, only=only, notices=notices, more={"SPECTRUM_URL": _NO_ADDRESS})
    address = loaded.pipeline.server.url
    if address is None or not address.startswith(_NO_ADDRESS):
        return loaded
    return replace(loaded, pipeline=replace(loaded.pipeline, server=replace(loaded.pipeline.server, url=None)))


def load_file(
    file: str,
    values: ValueOptions,
    *,
    server: str | None,
    only: tuple[str, ...],
    notices: Notices,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Loaded:
    """The pipeline that a command is about; its warnings are told. `more` comes to the environment.

    Raises InvalidFile and UserError.
    """
    given = given_of(values, server=server)
    given = replace(given, process_environment={**given.process_environment, **more}) if more else given
    loaded = load_source(read_source(file), given, only=only)
    strays = [it for it in loaded.warnings if it.code == "unknown-variable"]
    if strays:  # of an environment that several pipelines share: a line is enough
        notices.warning("; ".join(it.message for it in strays), hint=strays[0].hint)
    if rest := [it for it in loaded.warnings if it not in strays]:
        notices.findings(rest, quotable(loaded.source, loaded.document))
    if loaded.left_out:
        names = few(loaded.left_out, _SHOWN)
        notices.note(f"`finally` does not run: --only leaves out {names}", hint="name them, too, where they are wanted")
    return loaded
