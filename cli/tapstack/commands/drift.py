"""`tap drift`."""

from __future__ import annotations

from pathlib import Path

import click

from tapstack.commands import planning
from tapstack.commands.options import Common, common, lock_timeout, only_policies
from tapstack.deployment.drift import find_drift
from tapstack.report import drift_json, drift_text


@click.command("drift")
@common
@planning.plan_options
@lock_timeout
@only_policies
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 where there is drift.")
def command(
    common: Common,
    variables: tuple[str, ...],
    var_files: tuple[Path, ...],
    targets: tuple[str, ...],
    lock_timeout: float,
    policies: tuple[str, ...],
    detailed_exitcode: bool,
) -> int:
    """Show what changed outside Terraform, ranked by the policies it breaks.

    Reads every resource again and changes nothing: no state, no plan, no seal. Drift alone is no failure, not even
    where it breaks a mandatory policy; exit 4 where the gate could not decide what it breaks.

    \b
    Examples:
      tap drift -C terraform
      tap drift --env prod --detailed-exitcode --json
    """
    request = planning.request(variables, var_files, targets, refresh_only=True)
    with planning.prepared(common, "drift", lock_timeout=lock_timeout) as (stack, _):
        drift = find_drift(stack, request, policies)
    code = drift.exit_code(detailed=detailed_exitcode)
    screen, settings = common.screen, common.settings
    if common.as_json:
        screen.result(drift_json.render(drift, settings.environment, code))
    else:
        text = drift_text.render(
            drift,
            width=screen.width,
            style=screen.style,
            where="the embedded AWS" if settings.is_sandbox else "AWS",
            options=settings.env_option,
        )
        screen.result(text)
    return int(code)
