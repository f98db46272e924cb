"""`tap apply`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import orjson

from tapstack.commands import planning
from tapstack.commands.options import Common, common, lock_timeout
from tapstack.deployment.apply import apply_sealed, choose
from tapstack.deployment.plan import PlanRequest, make_plan
from tapstack.deployment.prepare import Prepared
from tapstack.errors import ExitCode, InputError
from tapstack.report import plan_text, progress
from tapstack.seal import store
from tapstack.seal.store import Sealed

_HINT = "give --auto-approve, or `tap plan` first and then `tap apply ID`"


@click.command("apply")
@click.argument("plan_id", metavar="[ID]", required=False)
@common
@planning.plan_options
@planning.seal_options
@lock_timeout
@click.option("--auto-approve", is_flag=True, help="Do not ask before applying a plan made just now.")
def command(
    common: Common,
    plan_id: str | None,
    variables: tuple[str, ...],
    var_files: tuple[Path, ...],
    targets: tuple[str, ...],
    override: str,
    key: str,
    lock_timeout: float,
    auto_approve: bool,
) -> int:
    """Apply a sealed plan: the one named, or the newest of the environment.

    Without a sealed plan, plan and judge first, and ask. Options that change the plan (--var, --var-file,
    --target, --override) always make a new one.

    \b
    Examples:
      tap apply -C terraform
      tap apply --env prod 20261121T101500.042Z-1f3a9c0d2b4e6f81
    """
    changed = bool(variables or var_files or targets or override)
    if plan_id and changed:
        raise InputError(
            "--var, --var-file, --target and --override belong to a plan; a sealed plan can't be changed."
        )
    with planning.prepared(common, "apply", lock_timeout=lock_timeout) as (stack, display):
        seal = None if changed else choose(stack, plan_id)
        if seal is not None:
            carry_out(common, stack, display, seal)
            return int(ExitCode.DONE)
        request = planning.request(variables, var_files, targets, override=override, key=key)
        return plan_and_carry_out(
            common, stack, display, request, None if auto_approve else "Apply exactly this?"
        )


def plan_and_carry_out(
    common: Common, stack: Prepared, display: progress.Progress, request: PlanRequest, question: str | None
) -> int:
    """Plan, show, ask `question` unless it is None, and carry out; the plan does not outlive a "no"."""
    planned = make_plan(stack, request)
    approved = False
    try:
        if not common.as_json or planned.exit_code is not ExitCode.DONE:
            planning.show(common, planned)
        if planned.exit_code is not ExitCode.DONE or planned.is_empty:
            return int(planned.exit_code)
        if question:
            confirm(display, question)
        approved = True
    finally:
        if not approved:
            store.discard(planned.sealed)
    carry_out(common, stack, display, planned.sealed)
    return int(ExitCode.DONE)


def confirm(display: progress.Progress, question: str, hint: str = _HINT) -> None:
    """Ask on the terminal; only "yes" counts, as in Terraform. Raises InputError (`hint`) where nobody can answer."""
    display.close()
    # None where it was closed before Python started.
    if sys.stdin is None or not sys.stdin.isatty():
        raise InputError(
            "Nobody can be asked: standard input is not a terminal.",
            hint=hint,
        )
    answer = click.prompt(f"{question} Only 'yes' is taken as yes", default="", show_default=False, err=True)
    if answer != "yes":
        raise click.Abort


def carry_out(common: Common, stack: Prepared, display: progress.Progress, sealed: Sealed) -> None:
    """Apply a seal and say so."""
    operation = sealed.statement.predicate.operation
    changes = sealed.statement.predicate.judgement.changes
    display.expect(sum(changes.values()))
    apply_sealed(stack, sealed)
    display.close()
    if common.as_json:
        document = {
            "schema": "tap.apply/1",
            "id": sealed.id,
            "operation": operation,
            "changes": dict(changes),
        }
        common.screen.result(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        done = "Destroyed" if operation == "destroy" else "Applied"
        common.screen.result(f"{done} {sealed.id}: {plan_text.summary(changes, done=True)}.")
