"""Apply exactly what was judged."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from tapstack.deployment.judge import judge_document, read_source
from tapstack.deployment.plan import present
from tapstack.deployment.prepare import Prepared
from tapstack.errors import GateClosed, GateFailed, InputError, Refused
from tapstack.gate.ledger import Input
from tapstack.gate.policy import Verdict
from tapstack.seal import manifest
from tapstack.settings import Settings


def choose(prepared: Prepared, plan_id: str | None) -> manifest.Seal | None:
    """The seal to apply: the one named, or the newest of this environment that was not applied; None without one.

    Raises InputError for an id that does not exist or belongs to another environment.
    """
    settings = prepared.settings
    plans = settings.work / "plans"
    if plan_id is None:
        newest = manifest.newest(plans, settings.environment)
        if newest is not None and newest.operation == "destroy":
            raise InputError(
                f"The newest plan, {newest.id}, destroys everything; it is applied only when it is named.",
                hint=f"tap apply {newest.id}, or `tap plan` for another",
            )
        return newest
    seal = manifest.read(plans, plan_id)
    if seal.environment != settings.environment:
        raise InputError(
            f"Plan {plan_id} was made for environment {seal.environment}, not {settings.environment}.",
            hint=f"tap apply --env {seal.environment} {plan_id}",
        )
    return seal


def apply_sealed(prepared: Prepared, seal: manifest.Seal) -> None:
    """Verify a seal against what is there now, apply the very bytes that were verified, and judge the outcome.

    Raises GateClosed or GateFailed for a plan that was not judged open, SealBroken for one that is not what was
    judged, and GateClosed, after the apply, where an obligation is not met.
    """
    directory = prepared.settings.work / "plans" / seal.id
    if seal.decision == "error":
        raise GateFailed(f"The gate could not decide about plan {seal.id}; it is not applied.")
    if seal.decision != "open":
        raise GateClosed(
            f"The gate is closed for plan {seal.id}; it is not applied.", hint="`tap plan` shows why"
        )
    if seal.operation == "destroy":
        refuse_unless_destroyable(prepared.settings)
    plan = manifest.verified_plan(directory, seal, present(prepared, seal.id, seal.operation))
    prepared.ensure_initialised()
    prepared.observer.phase("destroying" if seal.operation == "destroy" else "applying")
    with tempfile.TemporaryDirectory(prefix="tap-plan-") as private:  # mode 0700
        copy = Path(private, "tfplan")
        copy.touch(mode=0o600)
        copy.write_bytes(plan)
        try:
            prepared.driver.apply(copy)
        finally:
            # Begun or done, Terraform would call it stale now; what is left of it are its secrets.
            manifest.plan_path(directory).unlink(missing_ok=True)
    _discharge(prepared, manifest.obligations(directory))


def _discharge(prepared: Prepared, obligations: Sequence[Mapping[str, Any]]) -> None:
    """Ask again, of the state, what was said of values that nobody knew before the apply."""
    if not obligations:
        return
    prepared.observer.phase("judging what came of it")
    settings = prepared.settings
    document = orjson.loads(prepared.driver.show())
    policies = tuple(sorted({str(one["policy"]) for one in obligations}))
    ledger = judge_document(document, settings, read_source(settings.directory), Input("state"), policies)
    if ledger.errors:
        raise GateFailed(f"Applied, but the state could not be judged: {ledger.errors[0].message}")
    said = {(finding.policy, finding.address): finding for finding in (*ledger.others, *ledger.findings)}
    unmet = [
        f"{one['policy']} of {one['address']}: {found.message if found else 'it is not in the state'}"
        for one in obligations
        if (found := said.get((one["policy"], one["address"]))) is None or found.verdict is not Verdict.PASS
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
