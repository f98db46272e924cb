"""`tap recover`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from tapstack.commands import candidates, planning
from tapstack.commands.apply import confirm
from tapstack.commands.options import Common, common, lock_timeout
from tapstack.deployment import recovery, state_lock
from tapstack.deployment.adoption import Adoption, adopt
from tapstack.deployment.apply import apply_sealed, refuse_unless_destroyable
from tapstack.deployment.journalling import describe
from tapstack.deployment.plan import PlanRequest
from tapstack.deployment.prepare import Prepared
from tapstack.deployment.recovery import Situation
from tapstack.errors import ExitCode, InputError, Refused, TerraformFailed
from tapstack.report import plan_text, progress
from tapstack.report.recovery_text import RecoveryReport
from tapstack.seal import store
from tapstack.terraform import running

_HINT = "give --auto-approve, or answer at a terminal"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the options of a recovery say; `agreed` maps addresses to the ids that are to be imported."""

    plan_id: str | None
    agreed: Mapping[str, str]
    orphans: bool
    ask: bool


@click.command("recover")
@click.argument("plan_id", metavar="[ID]", required=False, shell_complete=candidates.seals)
@common
@planning.plan_options
@planning.seal_options
@lock_timeout
@click.option(
    "--import",
    "named",
    multiple=True,
    metavar="ADDRESS=ID",
    help="Adopt this: an orphan that was found, or what carries other tags.",
)
@click.option(
    "--orphans", is_flag=True, help="Ask AWS for what carries the stack's tags and is not in its state."
)
@click.option("--force-unlock", is_flag=True, help="Take the state's lock away first: its owner is gone.")
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
def command(
    common: Common,
    plan_id: str | None,
    variables: tuple[str, ...],
    var_files: tuple[Path, ...],
    targets: tuple[str, ...],
    override: str,
    key: str,
    lock_timeout: float,
    named: tuple[str, ...],
    orphans: bool,
    force_unlock: bool,
    auto_approve: bool,
) -> int:
    """Bring back what an interrupted apply or destroy has left, and complete it.

    A state that could not be saved is saved; what exists but is not in the state is imported, by a plan that is
    judged, sealed, shown and asked about like any other; what no name leads to is named.

    \b
    Examples:
      tap recover --env prod
      tap recover --env prod --import 'aws_kms_key.main=1234abcd-12ab-34cd-56ef-1234567890ab'
    """
    agreed = _agreed(named)
    with planning.prepared(common, "recover", lock_timeout=lock_timeout) as (stack, display):
        running.wait(stack.data_dir, lock_timeout, common.screen.note)
        stack.ensure_initialised()
        if force_unlock:
            _unlock(common, stack, display, ask=not auto_approve)
        situation = recovery.look(stack, plan_id)
        request = planning.request(
            variables,
            var_files,
            targets,
            destroy=situation.operation == "destroy",
            override=override,
            key=key,
        )
        asked = _Asked(plan_id, agreed, orphans, ask=not auto_approve)
        return _recover(common, stack, display, situation, request, asked)


def _agreed(named: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for one in named:
        # A key of for_each may hold a "=": the id begins behind the address.
        address, separator, id_ = one.partition("]=") if "]=" in one else one.partition("=")
        if not separator or not address or not id_:
            raise InputError(f"--import {one!r}: ADDRESS=ID was expected.")
        found[address + separator[:-1]] = id_
    return found


def _unlock(common: Common, stack: Prepared, display: progress.Progress, *, ask: bool) -> None:
    lock = state_lock.current(stack)
    if lock is None:
        common.screen.note("Nobody holds the state's lock.")
        return
    common.screen.result(f"The state is locked by {lock.said()}.")
    if ask:
        confirm(display, "Take the lock away? Two at work on one state lose it.", _HINT)
    state_lock.release(stack, lock.id)
    common.screen.result("The lock is released.")


def _recover(
    common: Common,
    stack: Prepared,
    display: progress.Progress,
    situation: Situation,
    request: PlanRequest,
    asked: _Asked,
) -> int:
    report = RecoveryReport(common.screen, as_json=common.as_json, option=common.settings.env_option)
    display.clear()
    _tell(report, situation)
    more: dict[str, str] = {}
    if situation.errored:
        if asked.ask:
            confirm(display, "Make this the state?", _HINT)
        said, more = recovery.bring_back(stack, situation)
        report.all(said)
        situation = recovery.look(stack, asked.plan_id)
    _tell_rest(report, situation)
    candidates = {**situation.candidates, **more}
    adoption = None
    if situation.operation or candidates or asked.agreed:
        adoption = adopt(stack, request, candidates, asked.agreed)
    if asked.orphans or situation.orphans:
        _ask_for_tags(report, stack, request, situation, adoption)
    display.clear()
    code, applied = ExitCode.DONE, ""
    if adoption is None:
        report.all(recovery.settle(stack, situation, ""))
    else:
        code, applied = _complete(common, stack, display, situation, adoption, report, ask=asked.ask)
    report.end(applied=applied, exit_code=int(code))
    return int(code)


def _ask_for_tags(
    report: RecoveryReport,
    stack: Prepared,
    request: PlanRequest,
    situation: Situation,
    adoption: Adoption | None,
) -> None:
    try:
        tags, arns = recovery.unrecorded(stack, request, situation, adoption.adopted if adoption else {})
    except TerraformFailed as failure:
        # It is a help, and may be forbidden to these credentials.
        report.say(f"AWS does not tell what carries the stack's tags: {failure.message}")
    else:
        report.unrecorded(tags, arns)


def _tell(report: RecoveryReport, situation: Situation) -> None:
    for attempt in situation.attempts:
        report.interrupted(attempt.id, describe(attempt))
    if situation.is_settled:
        report.say(
            "Nothing to recover: no apply of this environment was interrupted, and no state is left over."
        )
    report.all(situation.left)
    for errored in situation.errored:
        report.errored(str(errored.path), str(errored.state))


def _tell_rest(report: RecoveryReport, situation: Situation) -> None:
    """What only a state that is complete tells."""
    report.tainted(situation.tainted)
    for one in situation.orphans:
        report.possible_orphan(one.intent.address, one.intent.type, one.at, one.intent.known, one.intent.tags)


def _complete(
    common: Common,
    stack: Prepared,
    display: progress.Progress,
    situation: Situation,
    adoption: Adoption,
    report: RecoveryReport,
    *,
    ask: bool,
) -> tuple[ExitCode, str]:
    """Show the plan, ask, apply it, and note that all is settled; the exit code, and the id of what was applied.

    The plan does not outlive a "no".
    """
    planned = adoption.planned
    destroys = planned.sealed.statement.predicate.operation == "destroy"
    approved = False
    try:
        report.adoption(adoption.adopted, adoption.absent, adoption.unclear)
        others = recovery.other_variables(situation.attempts[0], planned) if situation.attempts else []
        if others:
            report.say(f"Other values than in the plan that was interrupted have: {', '.join(others)}.")
        if not common.as_json:
            planning.show(common, planned)
        if planned.exit_code is not ExitCode.DONE:
            return planned.exit_code, ""
        if planned.is_empty:
            report.all(recovery.settle(stack, situation, ""))
            report.say("Nothing is left to do: what exists, the state and the configuration agree.")
            return ExitCode.DONE, ""
        if destroys:
            refuse_unless_destroyable(common.settings)
        if ask:
            confirm(display, "Destroy the rest?" if destroys else "Apply exactly this?", _HINT)
        elif others:
            raise Refused(
                f"--auto-approve would apply other values of {', '.join(others)} than were approved.",
                hint="give the same values by --var or --var-file, or decide without --auto-approve",
            )
        approved = True
    finally:
        if not approved:
            store.discard(planned.sealed)
    display.expect(plan_text.steps(planned.judgement.changes))
    apply_sealed(stack, planned.sealed)
    display.close()
    report.all(recovery.settle(stack, situation, planned.sealed.id))
    done = plan_text.summary(planned.judgement.changes, done=True)
    report.say(f"Recovered by {planned.sealed.id}: {done}. The state is complete.")
    return ExitCode.DONE, planned.sealed.id
