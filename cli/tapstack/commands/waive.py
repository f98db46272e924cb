"""`tap waive`."""

from __future__ import annotations

from datetime import datetime

import click

from tapstack.commands import candidates
from tapstack.commands.options import Common, common
from tapstack.deployment.waive import write
from tapstack.errors import ExitCode
from tapstack.gate.waivers import Waiver
from tapstack.masking import MASK


@click.command("waive")
@click.argument("address", shell_complete=candidates.addresses)
@click.argument("policy", shell_complete=candidates.policies)
@common
@click.option("--owner", required=True, metavar="NAME", help="Who answers for it: a person or a team.")
@click.option("--reason", required=True, metavar="TEXT", help="Why the finding is accepted.")
@click.option(
    "--until",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="The last day it holds (UTC).",
)
@click.option("--ticket", default="", metavar="ID", help="Where the work is tracked.")
def command(
    common: Common, address: str, policy: str, owner: str, reason: str, until: datetime, ticket: str
) -> int:
    """Accept a policy's finding about ADDRESS until a day: adds a waiver to tap.toml.

    ADDRESS is exact, or a pattern with * and ?. POLICY is a name or an id; checkov's own ids too. The waiver holds in
    every environment unless the file limits it: environments = ["prod"].

    \b
    Examples:
      tap waive aws_lambda_function.legacy CKV_TAP_407 --owner payments \\
        --reason "shared role until the split" --until 2027-01-31 --ticket OPS-1234
      tap waive 'module.edge.aws_sqs_queue.*' sqs_queue_encryption --owner edge \\
        --reason "public test data only" --until 2027-03-31
    """
    settings = common.settings
    # tap.toml is read by everybody who reads the repository; the settings have told the mask what is secret.
    waiver = Waiver(policy, address, owner, MASK.text(reason), until.date(), ticket)
    place = write(settings, waiver)
    common.screen.result(
        f"{place}: {waiver.policy} is waived for {address} up to and including {waiver.until}."
    )
    return int(ExitCode.DONE)
