"""`tap destroy`."""

from __future__ import annotations

from pathlib import Path

import click

from tapstack.commands import planning, reporting
from tapstack.commands.apply import plan_and_carry_out
from tapstack.commands.options import Common, common, lock_timeout
from tapstack.deployment.apply import refuse_unless_destroyable


@click.command("destroy")
@common
@planning.plan_options
@planning.seal_options
@lock_timeout
@reporting.file_options
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
def command(
    common: Common,
    variables: tuple[str, ...],
    var_files: tuple[Path, ...],
    targets: tuple[str, ...],
    override: str,
    key: str,
    lock_timeout: float,
    formats: reporting.Wanted,
    auto_approve: bool,
) -> int:
    """Plan to destroy everything, ask, and carry out exactly that plan.

    \b
    Examples:
      tap destroy -C terraform
      tap destroy --auto-approve
    """
    refuse_unless_destroyable(common.settings)
    reports = reporting.Afterwards(common, formats)
    with reports, planning.prepared(common, "destroy", lock_timeout=lock_timeout) as (stack, display):
        request = planning.request(variables, var_files, targets, destroy=True, override=override, key=key)
        question = None if auto_approve else "Destroy all of this?"
        code = plan_and_carry_out(common, stack, display, request, question, reports)
    return reports.code(code)
