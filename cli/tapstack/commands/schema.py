"""`tap schema`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import click
import orjson

from tapstack.errors import ExitCode
from tapstack.report.screen import Screen


def _settings() -> dict[str, Any]:
    from tapstack.settings import schema

    return schema()


def _seal() -> dict[str, Any]:
    from tapstack.seal.statement import schema

    return schema()


def _ledger() -> dict[str, Any]:
    from tapstack.report.ledger_schema import schema

    return schema()


def _findings() -> dict[str, Any]:
    from tapstack.report.ledger_schema import findings

    return findings()


_SCHEMAS: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "settings": _settings,
    "ledger": _ledger,
    "findings": _findings,
    "seal": _seal,
}


@click.command("schema")
@click.argument("name", type=click.Choice(list(_SCHEMAS)))
def command(name: str) -> int:
    """Print the JSON Schema of tap.toml (settings), of a ledger, of its findings, or of a seal.

    \b
    Examples:
      tap schema settings > tap.schema.json
      tap check --json | check-jsonschema --schemafile <(tap schema ledger) -
    """
    Screen().result(orjson.dumps(_SCHEMAS[name](), option=orjson.OPT_INDENT_2).decode())
    return int(ExitCode.DONE)
