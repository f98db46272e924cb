"""Apply exactly what was judged."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tapstack.deployment.plan import present
from tapstack.deployment.prepare import Prepared
from tapstack.errors import GateClosed, GateFailed, InputError, Refused
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
    """Verify a seal against what is there now, and apply the very bytes that were verified.

    Raises GateClosed or GateFailed for a plan that was not judged open, SealBroken for one that is not what was
    judged.
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


def refuse_unless_destroyable(settings: Settings) -> None:
    """Raise Refused where the environment's settings forbid a destroy."""
    if not settings.where.destroyable:
        raise Refused(
            f"Environment {settings.environment} is not destroyable: {settings.path} says destroyable = false.",
            hint="change the setting in a reviewed commit if it must go",
        )
