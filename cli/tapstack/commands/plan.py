"""`tap plan`."""

from __future__ import annotations

from pathlib import Path

import click

from tapstack.commands import planning, reporting
from tapstack.commands.options import Common, checkov_if, common, lock_timeout, with_checkov
from tapstack.deployment.plan import make_plan
from tapstack.errors import ExitCode, InputError


@click.command("plan")
@common
@planning.plan_options
@planning.seal_options
@lock_timeout
@click.option("--destroy", is_flag=True, help="Plan to destroy everything.")
@click.option("--refresh-only", is_flag=True, help="Only bring the state up to date.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 where there are changes, as Terraform does.")
@reporting.report_options
@with_checkov
def command(
    common: Common,
    variables: tuple[str, ...],
    var_files: tuple[Path, ...],
    targets: tuple[str, ...],
    override: str,
    key: str,
    lock_timeout: float,
    destroy: bool,
    refresh_only: bool,
    detailed_exitcode: bool,
    formats: reporting.Wanted,
    full: bool,
    with_checkov: bool,
) -> int:
    """Plan the stack, judge the plan by the policies, and seal both.

    \b
    Examples:
      tap plan -C terraform
      tap plan --env prod --var-file prod.tfvars --detailed-exitcode --sign release.key
      tap plan --format text --format markdown=comment.md
    """
    reporting.refuse_two_documents(common, formats)
    request = planning.request(
        variables,
        var_files,
        targets,
        destroy=destroy,
        refresh_only=refresh_only,
        override=override,
        key=key,
    )
    if with_checkov and destroy:
        raise InputError("--with-checkov has nothing to look at with --destroy.")
    with (
        checkov_if(with_checkov) as checkov,
        planning.prepared(common, "plan", lock_timeout=lock_timeout) as (stack, _),
    ):
        planned = make_plan(stack, request, checkov)
    code = planned.exit_code
    if code is ExitCode.DONE and detailed_exitcode and not planned.is_empty:
        code = ExitCode.CHANGES
    document = planning.document(planned) if common.as_json else None
    return reporting.deliver(
        common, planning.report_of(common, planned, full=full), formats, code, document=document
    )
