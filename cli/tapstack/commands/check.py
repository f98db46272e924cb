"""`tap check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from tapstack.commands import planning
from tapstack.commands.options import Common, common, lock_timeout
from tapstack.deployment.judge import (
    is_plan_file,
    is_raw_state,
    judge_directory,
    judge_document,
    read_document,
    read_source,
    shown,
)
from tapstack.deployment.plan import given_variables
from tapstack.errors import InputError, TapError
from tapstack.gate.ledger import Input, Ledger
from tapstack.report import ledger_json, ledger_text
from tapstack.terraform.source import Configuration

if TYPE_CHECKING:
    # Loaded where it is asked for only: it costs every other start a tenth of a second.
    from tapstack.gate.checkov_run import Checkov


@click.command("check")
@click.argument("path", metavar="[PATH]", required=False, type=click.Path(path_type=Path))
@common
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="A variable, for a directory.")
@lock_timeout
@click.option("--policy", "policies", multiple=True, metavar="NAME", help="Only this policy, by name or id.")
@click.option("--all", "everything", is_flag=True, help="Also what passed and what does not apply.")
@planning.with_checkov
def command(
    common: Common,
    path: Path | None,
    variables: tuple[str, ...],
    lock_timeout: float,
    policies: tuple[str, ...],
    everything: bool,
    with_checkov: bool,
) -> int:
    """Judge without applying: a directory, a saved plan, or the JSON of a plan or a state.

    PATH is the stack's directory unless given; a directory is judged by its own tap.toml. A saved plan or a
    raw state file is read by Terraform; everything else needs neither Terraform nor AWS.

    \b
    Examples:
      tap check terraform
      tap check plan.json --policy log_group_retention --json
      tap check terraform --with-checkov
    """
    if path and path.is_dir():
        # The stack that is judged is the one whose tap.toml holds.
        common = common.of(path)
    target = path or common.settings.directory
    if not target.exists():
        raise InputError(f"{target} does not exist; a directory, a plan or a state was expected.")
    with planning.checkov_if(with_checkov) as checkov:
        if target.is_dir():
            given = given_variables(common.settings, variables)
            ledger = judge_directory(target, common.settings, given, policies, checkov)
        else:
            ledger = _judge_file(common, target, policies, lock_timeout, checkov)
    if common.as_json:
        common.screen.result(ledger_json.render(ledger, everything=everything).decode())
    else:
        text = ledger_text.render(ledger, width=common.screen.width, colour=common.screen.colour())
        common.screen.result(text.rstrip("\n"))
    return int(ledger.exit_code)


def _judge_file(
    common: Common, path: Path, policies: tuple[str, ...], lock_timeout: float, checkov: Checkov | None
) -> Ledger:
    if is_plan_file(path):
        document = orjson.loads(_shown_by_terraform(common, path, lock_timeout))
        where = Input("plan", shown(path))
    else:
        document, where = read_document(path)
        if is_raw_state(document):
            document = orjson.loads(_shown_by_terraform(common, path, lock_timeout))
    return judge_document(document, common.settings, _source(common), where, policies, checkov)


def _source(common: Common) -> Configuration | TapError | None:
    """The configuration beside a plan or state; None where there is none: a document can be judged alone."""
    try:
        return read_source(common.settings.directory)
    except InputError:
        return None
    except TapError as failure:
        return failure


def _shown_by_terraform(common: Common, path: Path, lock_timeout: float) -> bytes:
    with planning.prepared(common, "check", lock_timeout=lock_timeout) as (stack, _):
        stack.ensure_initialised()
        return stack.driver.show(path.resolve())
