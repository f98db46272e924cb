"""`tap verify`."""

from __future__ import annotations

from typing import Final

import click
import orjson

from tapstack.commands import candidates, planning
from tapstack.commands.options import Common, common, lock_timeout
from tapstack.deployment.verification import Check, verify
from tapstack.errors import ExitCode
from tapstack.seal import store

_SAID: Final = {
    ExitCode.DONE: "The seal holds.",
    ExitCode.SEAL_BROKEN: "The seal does not hold; `tap apply` would refuse it.",
}


@click.command("verify")
@click.argument("plan_id", metavar="ID", shell_complete=candidates.seals)
@common
@lock_timeout
def command(common: Common, plan_id: str, lock_timeout: float) -> int:
    """Check a seal without a network: each field it names against what is here now, and its signature.

    What only AWS and the backend can tell (credentials, state) is looked at by `tap apply`. Exit 5 if the seal does not
    hold; 3, 4 or 6 if it does and `tap apply` would refuse the plan all the same.

    \b
    Examples:
      tap verify 20261121T101500.042Z-1f3a9c0d2b4e6f81
      tap verify --env prod 20261121T101500.042Z-1f3a9c0d2b4e6f81 --json
    """
    with planning.prepared(common, "verify", lock_timeout=lock_timeout, cloud=False) as (stack, _):
        found = store.read(common.settings.work / "plans", plan_id)
        checks, code = verify(stack, found)
    if common.as_json:
        document = {
            "schema": "tap.verification/1",
            "id": found.id,
            "exit_code": int(code),
            "checks": [{"name": one.name, "ok": one.ok, "said": one.said} for one in checks],
            "seal": orjson.Fragment(found.seal),
        }
        common.screen.result(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return int(code)
    for check in checks:
        common.screen.result(_line(common, check))
    common.screen.result(_SAID.get(code, "The seal holds, but `tap apply` would refuse the plan."))
    return int(code)


def _line(common: Common, check: Check) -> str:
    mark = common.screen.style("ok  ", "green") if check.ok else common.screen.style("FAIL", "red")
    return f"{mark}  {check.name}: {check.said}"
