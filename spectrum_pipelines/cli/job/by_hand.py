"""What the commands of `job` share: a connection without a pipeline, and their options."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click
from msgspec.structs import fields

from spectrum_pipelines.app.connection import open_line
from spectrum_pipelines.cli.options import ConnectionOptions, connection_options, option
from spectrum_pipelines.cli.reach import reach, server_of
from spectrum_pipelines.cli.secrets import of_environment
from spectrum_pipelines.cli.terminal import say
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.errors import Refused
from spectrum_pipelines.pipeline.model.pipeline import Http, Server
from spectrum_pipelines.spectrum import JobDetails

if TYPE_CHECKING:
    from spectrum_pipelines.client.api import SpectrumApi

F = TypeVar("F", bound=Callable[..., Any])

#: Somebody sits and waits: a question that got lost is asked again for seconds, not for half a minute.
_HTTP = Http(retry_limit=3, retry_interval=0.5)


def by_hand(function: F) -> F:
    """Add the options of a connection, and `--format`."""
    shown = option("--format", "form", of="JOB", type=click.Choice(["text", "json"]), default="text", show_default=True)
    return shown(connection_options(function))


@contextmanager
def spectrum(connection: Mapping[str, Any], *, server: Server | None = None) -> Iterator["SpectrumApi"]:
    """The API of the server that the options name."""
    with server_of(ConnectionOptions(**connection)) as options, ExitStack() as stack:
        server = server or Server()
        line = open_line(
            reach(options)(server),
            server=server,
            http=_HTTP,
            clock=SystemClock(),
            stack=stack,
            redact=of_environment(os.environ),
            on_retry=lambda told: say("note", told),
        )
        yield line.api


def pasted(*words: str | int) -> str:
    """A command of ours that works where it is pasted: with the options of the connection that stood on the command line."""
    from spectrum_pipelines.cli.given import pasted as as_given  # noqa: PLC0415 - said in few cases
    from spectrum_pipelines.cli.given import server_given  # noqa: PLC0415
    from spectrum_pipelines.report.commands import command  # noqa: PLC0415

    return as_given(command(*words, options=server_given()))


@contextmanager
def about(what: object, hint: str | None = None) -> Iterator[None]:
    """Say which file or id a refusal is about: Spectrum's own text names none. `hint` is for a refusal that has none."""
    try:
        yield
    except Refused as refusal:
        told = f"{what}: {refusal.message}"
        raise type(refusal)(told, hint=refusal.hint or hint, http_status=refusal.http_status) from refusal


def details_data(answer: JobDetails) -> dict[str, Any]:
    """Details as JSON shows them: without what only gates derive from the server's dates."""
    return {it.name: getattr(answer, it.name) for it in fields(answer) if it.name not in {"run_seconds", "stop_age"}}
