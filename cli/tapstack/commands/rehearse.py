"""`tap rehearse`."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click
import orjson

from tapstack.commands import planning, reporting
from tapstack.commands.options import Common, common
from tapstack.deployment import rehearsal_directory
from tapstack.deployment.plan import PlanRequest
from tapstack.deployment.rehearsal import Rehearsal
from tapstack.errors import ExitCode, InputError
from tapstack.report import files, progress, rehearsal_json, rehearsal_junit, rehearsal_text
from tapstack.report.rehearsal_step import Report


@click.command("rehearse")
@click.argument("path", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@common
@planning.variable_options
@click.option(
    "--junit", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="JUnit XML too."
)
@click.option("--clean", is_flag=True, help="Only end and remove the rehearsals that failed and were kept.")
def command(
    common: Common,
    path: Path | None,
    variables: tuple[str, ...],
    var_files: tuple[Path, ...],
    junit: Path | None,
    clean: bool,
) -> int:
    """Live through the stack's whole life on a fresh embedded AWS, apart from everything that runs.

    Package, plan, judge, apply; a second plan must be empty, the policies must hold on the real state, the smoke
    test must pass; destroy, and nothing may be left. DIR may be any Terraform directory: what it does not have is
    said to be none. With --env the variables and policies are that environment's, and AWS is still the embedded
    one. The exit code is that of the step that failed; everything is then kept to be looked at.

    \b
    Examples:
      tap rehearse terraform
      tap rehearse --env prod --junit rehearsal.xml
      tap rehearse --clean
    """
    if path is not None:
        common = common.of(path)
    if clean:
        return _clean(common)
    if junit is not None and not junit.absolute().parent.is_dir():
        raise InputError(f"--junit {junit}: there is no directory {junit.parent}.")
    if common.settings.path is None:
        common.screen.note(f"No tap.toml in {common.settings.directory}: defaults hold.")
    left = len(rehearsal_directory.kept(common.settings))
    if left:
        common.screen.note(
            f"Kept from before: {left}; `tap rehearse --clean` removes what failed rehearsals keep."
        )
    report = _carry_out(common, planning.request(variables, var_files, ()))
    if common.as_json:
        common.screen.result(rehearsal_json.render(report))
    else:
        common.screen.result(rehearsal_text.end(report, common.screen))
    data = rehearsal_junit.render(report) if junit else b""
    if junit and not reporting.attempt(common, lambda: files.write(junit, data)):
        return int(report.exit_code or ExitCode.FAILED)
    return int(report.exit_code)


def _carry_out(common: Common, request: PlanRequest) -> Report:
    """Go through the rehearsal, and say how each step ended as it ends."""
    screen, began, steps = common.screen, time.monotonic(), []
    display = progress.make(screen)
    try:
        with Rehearsal(common.settings, request, display) as rehearsal:
            for step in rehearsal.steps():
                steps.append(step)
                display.clear()
                line = rehearsal_text.step(step, screen, verbose=bool(common.verbose))
                (screen.note if common.as_json else screen.result)(line)
    finally:
        display.close()
    return Report(
        id=rehearsal.directory.path.name,
        stack=common.settings.name,
        environment=common.settings.environment,
        steps=steps,
        seconds=time.monotonic() - began,
        limits=rehearsal.limits(),
        kept=rehearsal.kept,
    )


def _clean(common: Common) -> int:
    removed = [os.path.relpath(one.path) for one in rehearsal_directory.clean(common.settings)]
    if common.as_json:
        common.screen.result(orjson.dumps({"removed": removed}).decode())
    else:
        common.screen.result("\n".join(f"Removed {one}" for one in removed) or "There was nothing to remove.")
    return int(ExitCode.DONE)
