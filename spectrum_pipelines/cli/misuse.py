"""Commands that leave a report even when they cannot be understood: yesterday's must not stand beside a run that never began."""

from contextlib import suppress
from typing import Any

import click

from spectrum_pipelines.cli.groups import TellingCommand, folder_gone, has_folder
from spectrum_pipelines.errors import UserError


class Reporting(TellingCommand):
    """A command with `--report` and its kin."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the arguments. Raises click.UsageError, and leaves the report of that end where the others say."""
        given = list(args)
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            with suppress(Exception):  # what is wrong with the command matters more
                lenient = {**extra, "resilient_parsing": True, "ignore_unknown_options": True}
                with super().make_context(info_name, given, parent, **lenient) as read:
                    _leave(read.params, error.format_message())
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, which records where its files are. Raises UserError if nothing can be found from here."""
        if has_folder():
            return super().invoke(ctx)
        error = folder_gone()
        with suppress(Exception):
            _leave(ctx.params, error.message)
        raise error


def _leave(parameters: dict[str, Any], reason: str) -> None:
    from spectrum_pipelines.cli.console import Shown, ready  # noqa: PLC0415 - only a mistake needs it
    from spectrum_pipelines.cli.options import wanted  # noqa: PLC0415

    shown = Shown(report=parameters.get("report"), progress="none", renderings=wanted(parameters))
    asked = {name: parameters.get(name) for name in ("run_id", "run_key", "environment")}
    with (
        suppress(UserError),
        ready(shown, file=parameters.get("file") or "", **{name: it for name, it in asked.items() if it}),
    ):
        raise UserError(reason)
