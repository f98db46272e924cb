"""What plan, apply and destroy share: options, the way to a plan, and how it is shown."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson

from tapstack.commands import candidates, reporting
from tapstack.commands.options import Common
from tapstack.deployment import lock
from tapstack.deployment.journalling import interrupted
from tapstack.deployment.judge import shown
from tapstack.deployment.plan import Planned, PlanRequest
from tapstack.deployment.prepare import Prepared, prepare, require_configuration, work_directory
from tapstack.deployment.state_trouble import explained
from tapstack.errors import TerraformFailed
from tapstack.gate.ledger import Input, Ledger, empty_counts
from tapstack.report import ledger_json, progress
from tapstack.report.report import Page, Plan, Report, Timeline
from tapstack.terraform import rescue

_F = TypeVar("_F", bound=Callable[..., Any])

# These start from a state that an interrupted apply may have left incomplete.
_APPLYING = frozenset({"apply", "destroy"})
_CHANGING = _APPLYING | {"plan"}


def plan_options(function: _F) -> _F:
    """--var, --var-file and --target, as in Terraform."""
    target = click.option(
        "--target",
        "targets",
        multiple=True,
        metavar="ADDRESS",
        shell_complete=candidates.addresses,
        help="Only this resource and what it needs.",
    )
    return variable_options(target(function))


def variable_options(function: _F) -> _F:
    """--var and --var-file, as in Terraform."""
    for option in (
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


def seal_options(function: _F) -> _F:
    """--override and --sign: what a seal says beside the judgement."""
    override = click.option(
        "--override",
        default="",
        metavar="REASON",
        help="Go past soft-mandatory findings and limits where the environment allows it; sealed with the reason.",
    )
    sign = click.option(
        "--sign",
        "key",
        envvar="TAP_SIGNING_KEY",
        default="",
        metavar="KEY",
        shell_complete=candidates.keys,
        help="Sign the seal with this ed25519 key: a PEM file, or its text (TAP_SIGNING_KEY).",
    )
    return override(sign(function))


@contextlib.contextmanager
def prepared(
    common: Common, operation: str, *, lock_timeout: float, package: bool = True, cloud: bool = True
) -> Iterator[tuple[Prepared, progress.Progress]]:
    """A prepared stack under this environment's lock, and the display that watches it.

    Meanwhile this user alone can read what is written, states and plans above all. The lock file of the providers,
    which is everybody's, has the mode 0644 that Terraform gives it under any umask.
    """
    settings = common.settings
    if settings.path is None:
        common.screen.note(f"No tap.toml in {settings.directory}: defaults hold.")
    require_configuration(settings.directory)
    if operation in _APPLYING:
        rescue.require_none(settings.directory, settings.env_option)
    callers = os.umask(0o077)
    try:
        work = work_directory(settings)
        with lock.held(work / "operation.lock", operation, timeout=lock_timeout, on_wait=common.screen.note):
            display = progress.make(common.screen)
            try:
                stack = prepare(settings, display, lock_timeout=lock_timeout, package=package, cloud=cloud)
                if operation in _CHANGING and (open_ := interrupted(stack)):
                    common.screen.note(open_)
                yield stack, display
            except TerraformFailed as failure:
                raise explained(failure, settings) from None
            finally:
                display.close()
    finally:
        os.umask(callers)


def request(
    variables: tuple[str, ...],
    var_files: tuple[Path, ...],
    targets: tuple[str, ...],
    *,
    destroy: bool = False,
    refresh_only: bool = False,
    override: str = "",
    key: str = "",
) -> PlanRequest:
    """The request that the options describe."""
    return PlanRequest(
        variables,
        var_files,
        targets,
        destroy=destroy,
        refresh_only=refresh_only,
        override=override,
        key=key,
    )


def report_of(
    common: Common,
    planned: Planned,
    *,
    full: bool = False,
    sealed: bool = True,
    timeline: Timeline | None = None,
) -> Report:
    """A plan and its judgement as reports have it; `sealed` adds how to apply it later, `timeline` how that went."""
    predicate, judgement = planned.sealed.statement.predicate, planned.judgement
    plan = Plan(
        predicate.operation,
        planned.changes,
        planned.outputs_changed,
        judgement.refusals,
        judgement.override,
        planned.sealed.id if sealed else "",
        signed=planned.sealed.envelope is not None,
    )
    stack = shown(common.settings.directory)
    return Report(
        planned.ledger or Ledger(judgement.decision, Input("plan", stack), empty_counts()),
        stack,
        predicate.where.environment,
        "" if common.settings.is_sandbox else f" --env {predicate.where.environment}",
        plan,
        Page(full=full),
        model=planned.stack,
        timeline=timeline,
    )


def show(common: Common, planned: Planned) -> None:
    """A plan and its judgement, before it is carried out: on one screen, or as one JSON document."""
    if common.as_json:
        common.screen.result(document(planned))
    else:
        reporting.to_screen(common, report_of(common, planned, sealed=False))


def document(planned: Planned) -> str:
    """A plan and its judgement as JSON, schema tap.plan/1."""
    predicate, judgement = planned.sealed.statement.predicate, planned.judgement
    document = {
        "schema": "tap.plan/1",
        "id": planned.sealed.id,
        "environment": predicate.where.environment,
        "operation": predicate.operation,
        "decision": judgement.decision,
        "exit_code": int(planned.exit_code),
        "refusals": list(judgement.refusals),
        "override": judgement.override.model_dump() if judgement.override else None,
        "signed": planned.sealed.envelope is not None,
        "counts": dict(judgement.changes),
        "changes": [{"address": change.address, "action": change.action} for change in planned.changes],
        "outputs_changed": planned.outputs_changed,
        "ledger": orjson.Fragment(ledger_json.render(planned.ledger)) if planned.ledger else None,
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
