"""`tap sandbox start | stop | status | env | coverage`: the embedded AWS, for use with any AWS tool."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import asdict

import click
import orjson

from tapstack.commands.group import CommandGroup
from tapstack.commands.options import Common, common
from tapstack.deployment.prepare import recorded, set_state_aside, work_directory
from tapstack.errors import ExitCode, InputError, SandboxFailed
from tapstack.sandbox import daemon, environment
from tapstack.sandbox.daemon import Sandbox


@click.group("sandbox", cls=CommandGroup)
def command() -> None:
    """The embedded AWS: one server per stack, on loopback, in memory.

    \b
    Examples:
      tap sandbox start -C terraform
      eval "$(tap sandbox env -C terraform)"; aws dynamodb list-tables
    """


def _require_sandbox(common: Common) -> None:
    if not common.settings.is_sandbox:
        raise InputError(
            f"The embedded AWS belongs to environment sandbox, not to {common.settings.environment}."
        )


@command.command("start")
@common
@click.option(
    "--port",
    envvar="TAP_SANDBOX_PORT",
    type=click.IntRange(0, 65535),
    default=0,
    help="A fixed port; 0 is any free one.",
)
def start(common: Common, port: int) -> int:
    """Start it; `plan` and `apply` do so by themselves.

    \b
    Examples:
      tap sandbox start
      tap sandbox start --port 4566
    """
    _require_sandbox(common)
    work = work_directory(common.settings)
    held = recorded(work)
    if held and daemon.find(work) is None:
        state, number = next(iter(held.items()))
        raise SandboxFailed(
            f"{state} records {number} resources of an embedded AWS that is gone.",
            hint="`tap sandbox stop` sets the state aside (nothing is deleted); then start",
        )
    _show(common, daemon.start(work, port=port), "started")
    return int(ExitCode.DONE)


@command.command("stop")
@common
def stop(common: Common) -> int:
    """Stop it, and set aside the state that describes what it held.

    \b
    Examples:
      tap sandbox stop
      tap sandbox stop -C terraform --json
    """
    _require_sandbox(common)
    work = work_directory(common.settings)
    stopped = daemon.stop(work)
    kept = set_state_aside(work)
    if common.as_json:
        document = {"stopped": stopped is not None, "state_kept": str(kept) if kept else None}
        common.screen.result(orjson.dumps(document).decode())
        return int(ExitCode.DONE)
    common.screen.result(
        f"Stopped the embedded AWS, process {stopped.pid}." if stopped else "It was not running."
    )
    if kept:
        common.screen.result(f"What it held is gone; the state that described it is kept in {kept}.")
    return int(ExitCode.DONE)


@command.command("status")
@common
@click.option("--expect-empty", is_flag=True, help="Exit 1 unless it holds nothing.")
def status(common: Common, expect_empty: bool) -> int:
    """Show whether it runs, and what it holds: "nothing" after a complete destroy. Exit 1 if it does not run.

    \b
    Examples:
      tap sandbox status
      tap sandbox status --json
    """
    _require_sandbox(common)
    running = _running(common)
    holds = daemon.inventory(running)
    if common.as_json:
        document = {**_fields(running), "holds": holds}
        common.screen.result(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        _show(common, running, "runs")
        common.screen.result("It holds:" if holds else "It holds nothing.")
        for service, kinds in sorted(holds.items()):
            counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
            common.screen.result(f"  {service}: {counted}")
    return int(ExitCode.FAILED if expect_empty and holds else ExitCode.DONE)


@command.command("env")
@common
def env(common: Common) -> int:
    """Print shell commands that point AWS tools at it, and away from any real account.

    \b
    Examples:
      eval "$(tap sandbox env)"
      tap sandbox env --json
    """
    _require_sandbox(common)
    variables = environment.exports(_running(common), region=common.settings.region or "us-east-1")
    # A service's own endpoint (AWS_ENDPOINT_URL_S3) in the caller's shell would lead past it.
    stray = {name for name in os.environ if name.startswith("AWS_") and name not in variables}
    variables |= dict.fromkeys(stray, "")
    if common.as_json:
        common.screen.result(orjson.dumps(variables, option=orjson.OPT_INDENT_2).decode())
        return int(ExitCode.DONE)
    common.screen.result(environment.script(variables).rstrip())
    return int(ExitCode.DONE)


@command.command("coverage")
@common
@click.option("--strict", is_flag=True, help="Exit 1 if a type is unsupported or unknown.")
def coverage(common: Common, strict: bool) -> int:
    """Tell which of the stack's resource types it can show: exact, approximate, unsupported. Starts nothing.

    \b
    Examples:
      tap sandbox coverage -C terraform
      tap sandbox coverage --strict --json
    """
    # Loaded here only: the other commands need neither moto nor the stack's code.
    from tapstack.report import coverage_text
    from tapstack.sandbox.coverage import Standing, cover, moto_version

    covered = cover(_types(common))
    if common.as_json:
        document = {
            "schema": "tap.coverage/1",
            "moto": moto_version(),
            "types": [asdict(one) for one in covered],
        }
        common.screen.result(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        text = coverage_text.render(
            covered, moto=moto_version(), width=min(common.screen.width, 80), style=common.screen.style
        )
        common.screen.result(text)
    missing = {Standing.UNSUPPORTED, Standing.UNKNOWN} & {one.standing for one in covered}
    return int(ExitCode.FAILED if strict and missing else ExitCode.DONE)


def _types(common: Common) -> Counter[str]:
    """How many resources of each type the stack's code makes; a data source has "data." before its type."""
    from tapstack.deployment.judge import read_source
    from tapstack.deployment.variables import given_variables
    from tapstack.deployment.workspace import selected
    from tapstack.model.hcl import from_hcl

    settings = common.settings
    workspace = selected(settings.directory, os.environ).name
    stack = from_hcl(read_source(settings.directory), given_variables(settings, ()), workspace)
    return Counter(
        f"data.{resource.type}" if resource.mode == "data" else resource.type
        for resource in stack.resources.values()
    )


def _running(common: Common) -> Sandbox:
    running = daemon.find(work_directory(common.settings))
    if running is None:
        raise SandboxFailed("The embedded AWS is not running.", hint="`tap sandbox start`")
    return running


def _fields(sandbox: Sandbox) -> dict[str, object]:
    return {**asdict(sandbox), "log": str(sandbox.log)}


def _show(common: Common, sandbox: Sandbox, verb: str) -> None:
    if common.as_json:
        common.screen.result(orjson.dumps(_fields(sandbox), option=orjson.OPT_INDENT_2).decode())
    else:
        common.screen.result(
            f"The embedded AWS {verb}: {sandbox.url}, process {sandbox.pid}, log {sandbox.log}"
        )
