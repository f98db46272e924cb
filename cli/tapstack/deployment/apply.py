"""Apply exactly what was judged."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from tapstack.deployment import surroundings
from tapstack.deployment.journalling import journalled
from tapstack.deployment.judge import judge_document, policies_of, read_source
from tapstack.deployment.prepare import Prepared
from tapstack.deployment.sealing import account, current_state, look
from tapstack.deployment.verify import Difference, require_account, require_approval, verified_plan
from tapstack.deployment.withheld import withheld
from tapstack.errors import GateClosed, GateFailed, InputError, Refused, SealBroken, TapError
from tapstack.gate.ledger import Input, Ledger
from tapstack.gate.policy import Verdict
from tapstack.model import shared_json
from tapstack.seal import store
from tapstack.seal.store import Sealed
from tapstack.settings import Settings


def choose(prepared: Prepared, plan_id: str | None) -> Sealed | None:
    """The seal to apply: the one named, or the newest of this environment that was not applied; None without one.

    Raises InputError for an id that does not exist or belongs to another environment.
    """
    settings = prepared.settings
    plans = settings.work / "plans"
    if plan_id is None:
        newest = store.newest(plans, settings.environment)
        if newest is not None and newest.statement.predicate.operation == "destroy":
            raise InputError(
                f"The newest plan, {newest.id}, destroys everything; it is applied only when it is named.",
                hint=f"tap apply {newest.id}, or `tap plan` for another",
            )
        return newest
    found = store.read(plans, plan_id)
    environment = found.statement.predicate.where.environment
    if environment != settings.environment:
        raise InputError(
            f"Plan {plan_id} was made for environment {environment}, not {settings.environment}.",
            hint=f"tap apply --env {environment} {plan_id}",
        )
    return found


def apply_sealed(
    prepared: Prepared, found: Sealed, *, witness: Callable[[Mapping[str, Any]], None] | None = None
) -> None:
    """Verify a seal against what is there now, apply the very bytes that were verified, and judge the outcome.

    `witness` gets the verified plan (`terraform show -json`) before it is carried out. Raises what `require_approval`
    raises, SealBroken for what is not what was judged, and GateClosed, after the apply, where an obligation is not met.
    """
    sealed = found.statement.predicate
    if not found.plan.is_file():
        raise InputError(f"Plan {found.id} has been applied already.", hint="`tap plan` makes a new one")
    require_approval(found, prepared.settings)
    if sealed.operation == "destroy":
        refuse_unless_destroyable(prepared.settings)
    if prepared.init.needed():
        # With another account's credentials init would fail in words of its own.
        require_account(prepared.settings, account(prepared))
    prepared.ensure_initialised()
    live = account(prepared)
    require_account(prepared.settings, live)
    named = sealed.configuration.files
    present = look(prepared, current_state(prepared), live, sealed.where.regions, named)
    plan = verified_plan(found, present)
    with tempfile.TemporaryDirectory(prefix="tap-plan-") as private:  # mode 0700
        copy = Path(private, "tfplan")
        store.write_private(copy, plan)
        if witness is not None:
            witness(shared_json.read(prepared.driver.show(copy)))
        _judge_again(prepared, found, copy)
        prepared.observer.phase("destroying" if sealed.operation == "destroy" else "applying")
        with withheld(prepared.driver, copy), journalled(prepared, found) as work:
            try:
                prepared.driver.apply(copy)
            except BaseException:
                if work.begun:
                    # Terraform would call it stale now; what is left of it are its secrets.
                    found.plan.unlink(missing_ok=True)
                raise
            found.plan.unlink(missing_ok=True)
    _require_same_files(found, surroundings.configuration(prepared, named).files)
    _discharge(prepared, found)


def _judge_again(prepared: Prepared, found: Sealed, plan: Path) -> None:
    """Ask the policies again where they are not the sealed ones: a newer pack may close the gate, never open it."""
    sealed = found.statement.predicate
    if sealed.operation == "destroy":
        return
    registry = policies_of(prepared.settings)
    digests = surroundings.policy_digests(registry)
    if digests == sealed.judgement.policies and not registry.errors:
        return
    prepared.observer.phase("judging again, by the policies that are here now")
    document = shared_json.read(prepared.driver.show(plan))
    source: Any
    try:
        source = read_source(prepared.settings.directory)
    except TapError as failure:
        source = failure
    ledger = judge_document(document, prepared.settings, source, Input("plan", found.id))
    changed = sorted(
        id_
        for id_ in {*digests, *sealed.judgement.policies}
        if digests.get(id_) != sealed.judgement.policies.get(id_)
    )
    which = f" ({', '.join(changed)})" if changed else ""
    if ledger.decision == "error":
        raise GateFailed(f"Policies changed since the plan{which}: {ledger.errors[0].message}")
    if ledger.decision != "open":
        first = next(finding for finding in ledger.findings if finding.blocks)
        raise GateClosed(
            f"Policies changed since the plan{which}, and the gate is closed now: "
            f"{first.policy} of {first.address}: {first.message}",
            hint="`tap plan` shows all findings",
        )


def _require_same_files(found: Sealed, now: Mapping[str, str]) -> None:
    """Providers read packages while they work: what was uploaded is what was sealed only if it is still there."""
    sealed = found.statement.predicate.configuration.files
    changed = [
        str(Difference(name, sealed.get(name, "absent")[:12], now.get(name, "absent")[:12]))
        for name in sorted({*sealed, *now})
        if sealed.get(name) != now.get(name)
    ]
    if changed:
        raise SealBroken(
            f"Plan {found.id} was applied, but files changed meanwhile, which the provider may have read:\n  "
            + "\n  ".join(changed),
            hint="`tap plan` shows what differs now",
        )


def _discharge(prepared: Prepared, found: Sealed) -> None:
    """Ask again, of the state, what was said of values that nobody knew before the apply."""
    owed: list[dict[str, Any]] = orjson.loads(found.ledger).get("obligations", [])
    if not owed:
        return
    prepared.observer.phase("judging what came of it")
    settings = prepared.settings
    document = shared_json.read(prepared.driver.show())
    policies = tuple(sorted({str(one["policy"]) for one in owed}))
    ledger = judge_document(document, settings, read_source(settings.directory), Input("state"), policies)
    if ledger.errors:
        raise GateFailed(f"Applied, but the state could not be judged: {ledger.errors[0].message}")
    require_met([(str(one["policy"]), str(one["address"])) for one in owed], ledger)


def require_met(obligations: Iterable[tuple[str, str]], state: Ledger) -> None:
    """Raise GateClosed unless the state's ledger says PASS for each obligation, a policy and an address."""
    said = {(finding.policy, finding.address): finding for finding in (*state.others, *state.findings)}
    unmet = [
        f"{policy} of {address}: {found.message if found else 'it is not in the state'}"
        for policy, address in obligations
        if (found := said.get((policy, address))) is None or found.verdict is not Verdict.PASS
    ]
    if unmet:
        raise GateClosed(
            "Applied, but what the plan promised does not hold:\n  " + "\n  ".join(unmet),
            hint="`tap check` on the state shows all findings",
        )


def refuse_unless_destroyable(settings: Settings) -> None:
    """Raise Refused where the environment's settings forbid a destroy."""
    if not settings.where.destroyable:
        raise Refused(
            f"Environment {settings.environment} is not destroyable: {settings.path} says destroyable = false.",
            hint="change the setting in a reviewed commit if it must go",
        )
