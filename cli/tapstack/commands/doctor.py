"""`tap doctor`."""

from __future__ import annotations

from dataclasses import asdict

import click
import orjson

from tapstack.commands.options import Common, common
from tapstack.deployment.diagnose import diagnose
from tapstack.errors import ExitCode


@click.command("doctor")
@common
def command(common: Common) -> int:
    """Show what the main job needs of this machine; exit 0 only if it would run.

    \b
    Examples:
      tap doctor -C terraform
      tap doctor --json
    """
    found = list(diagnose(common.settings))
    healthy = all(diagnosis.ok for diagnosis in found)
    if common.as_json:
        document = {
            "schema": "tap.doctor/1",
            "ok": healthy,
            "checks": [asdict(diagnosis) for diagnosis in found],
        }
        common.screen.result(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return int(ExitCode.DONE if healthy else ExitCode.FAILED)
    screen = common.screen
    for diagnosis in found:
        mark = screen.style("ok     ", "green") if diagnosis.ok else screen.style("MISSING", "red")
        screen.result(f"{mark}  {diagnosis.what:<13}  {diagnosis.found}")
        if not diagnosis.ok and diagnosis.mend:
            screen.result(f"{'':24}-> {diagnosis.mend}")
    screen.result("" if healthy else "The main job would not run here.")
    return int(ExitCode.DONE if healthy else ExitCode.FAILED)
