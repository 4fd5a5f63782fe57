"""Commands and groups of commands: how their help is laid out, and what is said of a command that there is not."""

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import click

from spectrum_pipelines.errors import SpectrumPipelinesError, UserError

_HYPHEN, _SPACE = "\N{NON-BREAKING HYPHEN}", "\N{NO-BREAK SPACE}"
#: An option, a path, a code with its meaning: no line of a help ends in the middle of one.
_KEPT = re.compile(r"(?<=env) (?=var:)|(?<=(?:var|ult):) |(?<=\d) (?=[a-z])")
_NARROW = 3  # the names of options take at most so large a part of the width


class HelpFormatter(click.HelpFormatter):
    """Breaks lines at spaces only, and leaves most of a narrow screen to the texts."""

    def write_text(self, text: str) -> None:
        """A paragraph."""
        super().write_text(_KEPT.sub(_SPACE, text).replace("-", _HYPHEN))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Terms and what they mean."""
        kept = [(term, _KEPT.sub(_SPACE, told).replace("-", _HYPHEN)) for term, told in rows]
        super().write_dl(kept, min(col_max, self.width // _NARROW), col_spacing)

    def getvalue(self) -> str:
        """The whole help."""
        return super().getvalue().replace(_HYPHEN, "-").replace(_SPACE, " ")


class HelpContext(click.Context):
    """A context whose help is laid out by our formatter."""

    formatter_class = HelpFormatter


def has_folder() -> bool:
    """The working directory exists."""
    try:
        os.getcwd()  # noqa: PTH109 - nothing is made of it
    except OSError:
        return False
    return True


def folder_gone() -> UserError:
    """A clean-up has removed the working directory: no name of a file leads anywhere from there."""
    return UserError("the working directory is gone", hint="change into a folder that exists, then do it again")


class TellingCommand(click.Command):
    """Shows its own options first, then those that many commands share, by what they are about."""

    context_class = HelpContext

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. What it raises tells of commands with the options of this one, which nobody knows any more above."""
        is_gone = not has_folder()
        try:
            return super().invoke(ctx)
        except FileNotFoundError as error:
            if is_gone:
                raise folder_gone() from error
            raise
        except SpectrumPipelinesError as error:
            from spectrum_pipelines.cli.given import with_given  # noqa: PLC0415 - only a failure needs it

            error.message = with_given(error.message)
            error.hint = None if error.hint is None else with_given(error.hint)
            raise

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options in sections."""
        sections: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                sections[getattr(parameter, "section", None) or "Options"].append(record)
        for title in sorted(sections, key=lambda title: title != "Options"):
            with formatter.section(title):
                formatter.write_dl(sections[title])


class TellingGroup(click.Group):
    """Lists its commands in the order in which they are given, and names the one that was probably meant."""

    context_class = HelpContext
    command_class = TellingCommand

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In order of use, not of the alphabet."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Refuse an unknown command in our own words."""
        names = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in names:
            from spectrum_pipelines.document.suggest import closest  # noqa: PLC0415 - only a mistake needs it

            near = closest(args[0], names)
            hint = f" Did you mean `{near}`?" if near else ""
            raise click.UsageError(f"There is no command `{args[0]}`.{hint}", ctx)
        return super().resolve_command(ctx, args)
