"""Reads the plan or the state that a command was given, and the configuration beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tapstack.commands.options import Common
from tapstack.deployment.judge import is_plan_file, is_raw_state, read_document, read_source, shown
from tapstack.errors import InputError, TapError
from tapstack.gate.ledger import Input
from tapstack.model import shared_json
from tapstack.terraform.source import Configuration


def read_plan_or_state(common: Common, path: Path, operation: str, lock_timeout: float) -> tuple[Any, Input]:
    """What `terraform show -json` says, and what to call it; a saved plan or raw state is shown by Terraform."""
    if is_plan_file(path):
        return shared_json.read(_shown_by_terraform(common, path, operation, lock_timeout)), Input(
            "plan", shown(path)
        )
    document, where = read_document(path)
    if is_raw_state(document):
        document = shared_json.read(_shown_by_terraform(common, path, operation, lock_timeout))
    return document, where


def configuration_beside(common: Common) -> Configuration | TapError | None:
    """The configuration beside a plan or state; None where there is none: a document can be judged alone."""
    try:
        return read_source(common.settings.directory)
    except InputError:
        return None
    except TapError as failure:
        return failure


def _shown_by_terraform(common: Common, path: Path, operation: str, lock_timeout: float) -> bytes:
    # Only here: what drives Terraform and the sandbox is half of what there is to load.
    from tapstack.commands import planning

    with planning.prepared(common, operation, lock_timeout=lock_timeout) as (stack, _):
        stack.ensure_initialised()
        return stack.driver.show(path.resolve())
