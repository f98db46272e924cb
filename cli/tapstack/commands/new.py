"""`tap new`."""

from __future__ import annotations

import os
from pathlib import Path

import click
import orjson

from tapstack.commands.options import Common, common
from tapstack.deployment import scaffold_stack
from tapstack.deployment.scaffold_stack import StackDraft
from tapstack.errors import ExitCode


@click.command("new")
@click.argument("path", metavar="DIR", type=click.Path(path_type=Path))
@common
@click.option(
    "--name", metavar="NAME", help="The stack's name and Project tag; default: the directory's name."
)
@click.option(
    "--company",
    default="acme",
    show_default=True,
    metavar="NAME",
    help="The first part of every resource's name.",
)
def command(common: Common, path: Path, name: str | None, company: str) -> int:
    """Write a new stack that works: two functions and a table, tap.toml, smoke test, tests and CI.

    DIR must be new or empty. The stack passes its own `make test` and `tap rehearse` as it is.

    \b
    Examples:
      tap new item-store
      tap new infra --name item-store --company acme
    """
    directory = common.directory / path
    draft = StackDraft(directory, directory.resolve().name if name is None else name, company)
    made = [os.path.relpath(one) for one in scaffold_stack.write(draft)]
    if common.as_json:
        document = {
            "schema": "tap.new/1",
            "directory": str(directory.resolve()),
            "name": draft.name,
            "company": draft.company,
            "made": made,
        }
        common.screen.result(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        common.screen.result("\n".join(f"Made {one}" for one in made))
        common.screen.note(f"Next: cd {os.path.relpath(directory)} && make test && tap rehearse")
    return int(ExitCode.DONE)
