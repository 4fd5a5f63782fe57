"""Commands as they are printed for the person who sits here: with the options of the connection that stood on the command line."""

import sys
from collections.abc import Iterable, Iterator
from typing import IO

import click
from click.core import ParameterSource
from msgspec.structs import replace

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.words.shell import shown_command, with_commands

_LOGIN = ("username", "ca_bundle", "client_cert", "client_key", "insecure")
#: The commands that ask a server.
_ASKING = frozenset({"adopt", "job", "resume", "retry", "run"})


def pasted(command: str, stream: IO[str] | None = None) -> str:
    """A command that works where it is pasted, in characters that the stream can show (stderr, if none is named)."""
    program, _, rest = command.partition(" ")
    asks = program == "spectrum-pipelines" and (rest.partition(" ")[0] in _ASKING or " --online" in rest)
    return shown_command(command, _encoding_of(stream or sys.stderr), _given(*_LOGIN) if asks else ())


def with_given(text: str, stream: IO[str] | None = None) -> str:
    """A message with its commands, in backquotes, as they may be pasted."""
    return with_commands(text, lambda command: pasted(command, stream)) if "`" in text else text


def pasted_hints(found: Iterable[Diagnostic], stream: IO[str]) -> list[Diagnostic]:
    """Findings whose hints name commands as they may be pasted."""
    return [
        it if it.hint is None or "`" not in it.hint else replace(it, hint=with_given(it.hint, stream)) for it in found
    ]


def server_given() -> dict[str, str]:
    """`--server` or `--local`, if the command line names one: where nothing else says which server a command asks."""
    return {name: value for name, value in _given("server", "local") if value is not None}


def _encoding_of(stream: IO[str]) -> str:
    return getattr(stream, "encoding", None) or "utf-8"


def _given(*names: str) -> Iterator[tuple[str, str | None]]:
    """Which of these options stood on the command line; a flag has no value."""
    context = click.get_current_context(silent=True)
    for name in names:
        if context is not None and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            value = context.params[name]
            yield f"--{name.replace('_', '-')}", None if value is True else str(value)
