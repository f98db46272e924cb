"""`tap backend create | migrate | check`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

import click
import orjson

from tapstack.commands import planning
from tapstack.commands.apply import confirm
from tapstack.commands.group import CommandGroup
from tapstack.commands.options import Common, common, lock_timeout
from tapstack.deployment import create_backend, migrate_state, state_history
from tapstack.deployment.backend import require_backend
from tapstack.deployment.diagnose import Diagnosis
from tapstack.errors import ExitCode
from tapstack.report import ledger_text, plan_text

_SHOWN_VERSIONS = 5


@click.group("backend", cls=CommandGroup)
def command() -> None:
    """Where an environment keeps its state: a bucket on S3, named in tap.toml.

    \b
    Examples:
      tap backend create --env prod
      tap backend migrate --to s3 --env prod
    """


@command.command("create")
@common
@lock_timeout
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
def create(common: Common, lock_timeout: float, auto_approve: bool) -> int:
    """Make the bucket and its key: versioned, encrypted, public access blocked, TLS only.

    The policies judge the plan first. Does nothing where all of it is there already.

    \b
    Examples:
      tap backend create --env prod
      tap backend create --env prod --auto-approve
    """
    settings = common.settings
    require_backend(settings)
    screen = common.screen
    with planning.prepared(common, "backend create", lock_timeout=lock_timeout, package=False) as (
        stack,
        display,
    ):
        offered = create_backend.offer(stack)
        if not offered.is_done:
            changes = [(change.address, change.action) for change in offered.changes]
            screen.note(plan_text.render(changes, 0, style=screen.style, full=True))
            screen.note("")
            screen.note(
                ledger_text.render(offered.ledger, width=screen.width, colour=screen.colour()).rstrip("\n")
            )
        if offered.ledger.exit_code is not ExitCode.DONE:
            return int(offered.ledger.exit_code)
        if not auto_approve and not offered.is_done:
            confirm(display, "Make exactly this?")
        display.expect(len(offered.changes))
        key = create_backend.carry_out(stack, offered)
    name = require_backend(settings).bucket
    missing = create_backend.lines(settings, key)
    if common.as_json:
        document = {
            "schema": "tap.backend-create/1",
            "bucket": name,
            "kms_key_id": key,
            "changes": [{"address": one.address, "action": one.action} for one in offered.changes],
            "tap_toml": missing,
        }
        screen.result(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return int(ExitCode.DONE)
    screen.result(
        f"The bucket {name} is there: nothing to do."
        if offered.is_done
        else f"Made the bucket {name} and its key; its own state is in it, as {create_backend.KEY}."
    )
    if missing:
        screen.result(f"In {settings.path}:\n\n{missing}")
    return int(ExitCode.DONE)


@command.command("migrate")
@common
@lock_timeout
@click.option("--to", type=click.Choice(["s3", "local"]), required=True, help="Where the state goes.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def migrate(common: Common, lock_timeout: float, to: Literal["s3", "local"], yes: bool) -> int:
    """Move the state to the backend of tap.toml, or from it to a local file.

    Terraform moves it under both locks; then what arrived is compared with what was there. A copy is kept below .tap.
    Refused (exit 6) where the target holds another state, or a later one.

    \b
    Examples:
      tap backend migrate --to s3 --env prod
      tap backend migrate --to local --env prod --yes
    """
    settings = common.settings
    screen = common.screen
    if to == "s3" or settings.is_sandbox:
        require_backend(settings)
    with planning.prepared(common, "backend migrate", lock_timeout=lock_timeout, package=False) as (
        stack,
        display,
    ):
        move = migrate_state.planned(stack, to)
        if move is None:
            screen.result(f"The state is kept by the {to} backend already: nothing to do.")
            return int(ExitCode.DONE)
        for name, state in move.states.items():
            screen.note(f"workspace {name}: {state}, from {move.source} to {move.target}")
        if not yes:
            confirm(display, "Move it?", hint="give --yes")
        copies = migrate_state.carry_out(stack, move)
        unversioned = to == "s3" and state_history.look(stack).versioning is False
    screen.result(
        f"Moved the state from {move.source} to {move.target}; as it was: {', '.join(map(str, copies))}"
    )
    if to == "local":
        screen.result(_afterwards(common))
    if unversioned:
        screen.note(
            "The bucket keeps no earlier versions of the state: `tap backend check` says what to do about it."
        )
    return int(ExitCode.DONE)


def _afterwards(common: Common) -> str:
    settings = common.settings
    named = (
        f"Remove `backend` from [environments.{settings.environment}] of {settings.path} now, or the bucket is used "
        "again. "
        if settings.backend
        else ""
    )
    return f"{named}The copy in the bucket is as it was: whoever still uses it goes on with another state."


@command.command("check")
@common
@lock_timeout
def check(common: Common, lock_timeout: float) -> int:
    """Show what the bucket does with the state, and the state's versions; exit 1 if it lacks something.

    \b
    Examples:
      tap backend check --env prod
      tap backend check --env prod --json
    """
    require_backend(common.settings)
    with planning.prepared(common, "backend check", lock_timeout=lock_timeout, package=False) as (stack, _):
        found = state_history.look(stack)
        checks = list(state_history.diagnose(stack, found))
    healthy = all(one.ok for one in checks)
    screen = common.screen
    if common.as_json:
        document = {
            "schema": "tap.backend-check/1",
            "ok": healthy,
            "checks": [asdict(one) for one in checks],
            "versions": [asdict(one) for one in found.versions],
        }
        screen.result(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return int(ExitCode.DONE if healthy else ExitCode.FAILED)
    for one in checks:
        screen.result(_line(common, one))
    for version in found.versions[:_SHOWN_VERSIONS]:
        size = "deleted" if version.bytes is None else f"{version.bytes} bytes"
        screen.result(f"{'':9}{'':14}{version.modified}  {version.id}  {size}")
    return int(ExitCode.DONE if healthy else ExitCode.FAILED)


def _line(common: Common, one: Diagnosis) -> str:
    mark = common.screen.style("ok     ", "green") if one.ok else common.screen.style("LACKING", "red")
    mend = f"\n{'':23}-> {one.mend}" if one.mend and not one.ok else ""
    return f"{mark}  {one.what:<12}  {one.found}{mend}"
