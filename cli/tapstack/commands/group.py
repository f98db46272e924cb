"""A group of commands: what each is for, whole and in order, and which one was meant."""

from __future__ import annotations

from typing import Final

import click

from tapstack.suggestion import nearest

# click cuts at what fits into the line; help is read by people who need the end as well.
_NOT_CUT: Final = 1000


class CommandGroup(click.Group):
    """A group whose refusal of an unknown command names the nearest."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the code, which is that of use; click sorts them."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each with the first sentence of its help."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, one.get_short_help_str(_NOT_CUT)) for name, one in self.commands.items()]
            )

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it; raises UsageError for a command that there is not."""
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-") and not ctx.resilient_parsing:
            above = ctx.command_path.split()[1:]
            near = nearest(args[0], known)
            meant = f" Did you mean {' '.join([*above, near])!r}?" if near else ""
            raise click.UsageError(f"There is no command {' '.join([*above, args[0]])!r}.{meant}", ctx)
        return super().resolve_command(ctx, args)
