"""What plan, apply and destroy share: options, the way to a plan, and how it is shown."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import orjson

from tapstack.commands.options import Common
from tapstack.deployment import lock
from tapstack.deployment.plan import Planned, PlanRequest
from tapstack.deployment.prepare import Prepared, prepare, require_configuration, work_directory
from tapstack.errors import ExitCode
from tapstack.report import ledger_json, ledger_text, plan_text, progress

if TYPE_CHECKING:
    # Loaded where it is asked for only: it costs every other start a tenth of a second.
    from tapstack.gate.checkov_run import Checkov

_F = TypeVar("_F", bound=Callable[..., Any])


def plan_options(function: _F) -> _F:
    """--var, --var-file and --target, as in Terraform."""
    for option in (
        click.option(
            "--target",
            "targets",
            multiple=True,
            metavar="ADDRESS",
            help="Only this resource and what it needs.",
        ),
        click.option(
            "--var-file",
            "var_files",
            multiple=True,
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Variables from a .tfvars file.",
        ),
        click.option(
            "--var",
            "variables",
            multiple=True,
            metavar="NAME=VALUE",
            help="A variable; wins over files and tap.toml.",
        ),
    ):
        function = option(function)
    return function


with_checkov = click.option(
    "--with-checkov", is_flag=True, help="Ask checkov's own checks as well, in a process of their own."
)


def checkov_if(wanted: bool) -> contextlib.AbstractContextManager[Checkov | None]:
    """Checkov, which begins to load at once, where it is wanted."""
    if not wanted:
        return contextlib.nullcontext()
    from tapstack.gate.checkov_run import warmed_up

    return warmed_up()


@contextlib.contextmanager
def prepared(
    common: Common, operation: str, *, lock_timeout: float, package: bool = True
) -> Iterator[tuple[Prepared, progress.Progress]]:
    """A prepared stack under this environment's lock, and the display that watches it."""
    settings = common.settings
    if settings.path is None:
        common.screen.note(f"No tap.toml in {settings.directory}: defaults hold.")
    require_configuration(settings.directory)
    work = work_directory(settings)
    with lock.held(work / "operation.lock", operation, timeout=lock_timeout, on_wait=common.screen.note):
        display = progress.make(common.screen)
        try:
            yield prepare(settings, display, lock_timeout=lock_timeout, package=package), display
        finally:
            display.close()


def request(
    variables: tuple[str, ...],
    var_files: tuple[Path, ...],
    targets: tuple[str, ...],
    *,
    destroy: bool = False,
    refresh_only: bool = False,
) -> PlanRequest:
    """The request that the options describe."""
    return PlanRequest(variables, var_files, targets, destroy=destroy, refresh_only=refresh_only)


def show(common: Common, planned: Planned, *, full: bool = False, sealed: bool = False) -> None:
    """A plan and its judgement: on one screen, or as one JSON document; `sealed` adds how to apply it later."""
    if common.as_json:
        common.screen.result(_json(planned))
        return
    screen = common.screen
    screen.result(
        plan_text.render(
            [(change.address, change.action) for change in planned.changes],
            planned.outputs_changed,
            style=screen.style,
            full=full,
        )
    )
    if planned.ledger is not None:
        screen.result("")
        screen.result(
            ledger_text.render(planned.ledger, width=screen.width, colour=screen.colour()).rstrip("\n")
        )
    if sealed and planned.exit_code is ExitCode.DONE and not planned.is_empty:
        verb = "destroy" if planned.seal.operation == "destroy" else "apply"
        environment = f" --env {planned.seal.environment}" if not common.settings.is_sandbox else ""
        screen.result(
            f"\nSealed as {planned.seal.id}. To {verb} exactly this: tap apply{environment} {planned.seal.id}"
        )


def _json(planned: Planned) -> str:
    document = {
        "schema": "tap.plan/1",
        "id": planned.seal.id,
        "environment": planned.seal.environment,
        "operation": planned.seal.operation,
        "decision": planned.seal.decision,
        "exit_code": planned.seal.exit_code,
        "counts": dict(planned.seal.changes),
        "changes": [{"address": change.address, "action": change.action} for change in planned.changes],
        "outputs_changed": planned.outputs_changed,
        "ledger": orjson.Fragment(ledger_json.render(planned.ledger)) if planned.ledger else None,
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
