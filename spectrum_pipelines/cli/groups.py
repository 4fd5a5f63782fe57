"""Commands that have commands."""

import click


class TellingGroup(click.Group):
    """Lists its commands in the order in which they are given, and names the one that was probably meant."""

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
