"""Every command there is, for the tests that hold of all of them."""

from __future__ import annotations

from collections.abc import Iterator

import click

from tapstack.app import tap


def every_command() -> Iterator[tuple[str, click.Context]]:
    """A command's path, such as `tap policies list`, and a context in which it can be asked for its help."""
    yield from _below("tap", click.Context(tap, info_name="tap", **tap.context_settings))


def _below(path: str, context: click.Context) -> Iterator[tuple[str, click.Context]]:
    yield path, context
    command = context.command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _below(f"{path} {name}", click.Context(below, context, name))
