"""`tap config`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import click
import orjson

from tapstack.commands.options import Common, common
from tapstack.deployment import known_secrets
from tapstack.errors import ExitCode
from tapstack.settings import Value

_VARIABLES = ("TAP_TERRAFORM", "TAP_PROVIDER_MIRROR")


@click.command("config")
@common
@click.pass_context
def command(context: click.Context, common: Common) -> int:
    """Show each setting, its value, and where it came from.

    \b
    Examples:
      tap config
      tap config --env prod --json
    """
    values = [*_options(context), *map(partial(_hidden, common), common.settings.values())]
    if common.as_json:
        rows = [{"key": value.key, "value": value.value, "source": value.source} for value in values]
        common.screen.result(orjson.dumps(rows, option=orjson.OPT_INDENT_2, default=str).decode())
        return int(ExitCode.DONE)
    width = max(len(value.key) for value in values)
    for value in values:
        shown = orjson.dumps(value.value, default=str).decode()
        common.screen.result(f"{value.key:<{width}}  {shown}  ({value.source})")
    return int(ExitCode.DONE)


def _hidden(common: Common, value: Value) -> Value:
    if value.key.endswith(".variables"):
        return replace(value, value=known_secrets.hidden(common.directory, value.value))
    return value


def _options(context: click.Context) -> Iterator[Value]:
    for name, option in (("directory", "--chdir"), ("environment", "--env")):
        source = context.get_parameter_source(name)
        origin = {
            click.core.ParameterSource.COMMANDLINE: f"option {option}",
            click.core.ParameterSource.ENVIRONMENT: f"variable TAP_{option[2:].upper()}",
        }.get(source or click.core.ParameterSource.DEFAULT, "default")
        yield Value(name, context.params[name], origin)
    for variable in _VARIABLES:
        if variable in os.environ:
            yield Value(variable, os.environ[variable], "environment")
