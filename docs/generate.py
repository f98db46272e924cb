"""Writes docs/commands.md from the program itself; `make docs` runs it and a test sees that it is current."""

from __future__ import annotations

from pathlib import Path

import click

from tapstack.app import tap
from tapstack.errors import ExitCode

TARGET = Path(__file__).parent / "commands.md"


def commands(command: click.Command, context: click.Context, path: str) -> list[str]:
    """A section with the help text of a command, and of those below it."""
    lines = [f"## {path}", "", "```text", command.get_help(context), "```", ""]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None  # noqa: S101  # it was listed
            lines += commands(
                below, click.Context(below, context, name, max_content_width=100), f"{path} {name}"
            )
    return lines


def page() -> str:
    """The whole page."""
    lines = ["# Commands", "", "Generated from the program by `make docs`.", ""]
    lines += commands(
        tap, click.Context(tap, info_name="tap", max_content_width=100, terminal_width=100), "tap"
    )
    lines += ["## Exit codes", "", "| code | meaning |", "|---|---|"]
    lines += [f"| {code.value} | {code.meaning} |" for code in ExitCode]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(page())
