"""`tap apply`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import orjson

from tapstack.commands import candidates, planning, reporting
from tapstack.commands.options import Common, common, lock_timeout
from tapstack.deployment import apply_timeline
from tapstack.deployment.apply import apply_sealed, choose
from tapstack.deployment.plan import Planned, PlanRequest, make_plan, reopened
from tapstack.deployment.prepare import Prepared
from tapstack.errors import ExitCode, InputError
from tapstack.report import plan_text, progress
from tapstack.seal import store
from tapstack.seal.store import Sealed

_HINT = "give --auto-approve, or `tap plan` first and then `tap apply ID`"


@click.command("apply")
@click.argument("plan_id", metavar="[ID]", required=False, shell_complete=candidates.seals)
@common
@planning.plan_options
@planning.seal_options
@lock_timeout
@reporting.file_options
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
    formats: reporting.Wanted,
    auto_approve: bool,
) -> int:
    """Apply a sealed plan: the one named, or the newest of the environment.

    Without a sealed plan, plan and judge first, and ask. Options that change the plan (--var, --var-file,
    --target, --override) always make a new one.

    \b
    Examples:
      tap apply -C terraform
      tap apply --env prod 20261121T101500.042Z-1f3a9c0d2b4e6f81
      tap apply --format html=apply.html
    """
    changed = bool(variables or var_files or targets or override)
    if plan_id and changed:
        raise InputError(
            "--var, --var-file, --target and --override belong to a plan; a sealed plan can't be changed."
        )
    reports = reporting.Afterwards(common, formats)
    with reports, planning.prepared(common, "apply", lock_timeout=lock_timeout) as (stack, display):
        seal = None if changed else choose(stack, plan_id)
        if seal is not None:
            code = carry_out(common, stack, display, seal, reports)
        else:
            request = planning.request(variables, var_files, targets, override=override, key=key)
            question = None if auto_approve else "Apply exactly this?"
            code = plan_and_carry_out(common, stack, display, request, question, reports)
    return reports.code(code)


def plan_and_carry_out(
    common: Common,
    stack: Prepared,
    display: progress.Progress,
    request: PlanRequest,
    question: str | None,
    reports: reporting.Afterwards,
) -> ExitCode:
    """Plan, show, ask `question` unless it is None, and carry out; the plan does not outlive a "no"."""
    planned = make_plan(stack, request)
    approved = False
    try:
        if not common.as_json or planned.exit_code is not ExitCode.DONE:
            planning.show(common, planned)
        if planned.exit_code is not ExitCode.DONE or planned.is_empty:
            reports.report = planning.report_of(common, planned, sealed=False)
            return planned.exit_code
        if question:
            confirm(display, question)
        approved = True
    finally:
        if not approved:
            store.discard(planned.sealed)
    return carry_out(common, stack, display, planned.sealed, reports, planned)


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


def carry_out(
    common: Common,
    stack: Prepared,
    display: progress.Progress,
    sealed: Sealed,
    reports: reporting.Afterwards,
    planned: Planned | None = None,
) -> ExitCode:
    """Apply a seal and say so; there is a report however that ends, once the plan is known to be the sealed one.

    `planned` is the seal's plan, where it was made just now.
    """
    operation = sealed.statement.predicate.operation
    changes = sealed.statement.predicate.judgement.changes
    display.expect(plan_text.steps(changes))
    known = [planned] if planned else []

    def witness(document: Mapping[str, Any]) -> None:
        known.append(reopened(stack, sealed, document))

    try:
        apply_sealed(stack, sealed, witness=witness if reports.wanted.files and not planned else None)
    finally:
        display.close()
        for one in known:
            timeline = apply_timeline.read(sealed.journal)
            reports.report = planning.report_of(common, one, sealed=False, timeline=timeline)
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
    return ExitCode.DONE
