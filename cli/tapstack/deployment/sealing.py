"""Binds a plan, its judgement and all they rest on into a seal."""

from __future__ import annotations

import hashlib
import secrets
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson

from tapstack.deployment import surroundings
from tapstack.deployment.account import live_account
from tapstack.deployment.guards import Change, Refusal
from tapstack.deployment.judge import policies_of
from tapstack.deployment.lock import user
from tapstack.deployment.prepare import Prepared
from tapstack.deployment.verify import Now, require_account
from tapstack.errors import EnvironmentFailure
from tapstack.gate.ledger import Ledger
from tapstack.masking import MASK
from tapstack.report import ledger_json
from tapstack.seal import store
from tapstack.seal.signature import sign
from tapstack.seal.statement import (
    PLAN_NAME,
    Judgement,
    Override,
    Predicate,
    Variables,
    digest,
    encode,
    statement,
)

# What Terraform puts the state into, whose lineage and serial the plan goes on from.
_STATE_MEMBER: Final = "tfstate"
_AWS: Final = "/hashicorp/aws"


@dataclass(frozen=True, slots=True)
class Judged:
    """A plan before it is sealed: `document` is `terraform show -json` of it; `ledger` is None for a destroy plan."""

    document: Mapping[str, Any]
    changes: Sequence[Change]
    ledger: Ledger | None
    regions: Sequence[str | None]
    refusals: Sequence[Refusal]


def seal(
    prepared: Prepared, directory: Path, operation: str, judged: Judged, *, override: str, key: str
) -> store.Sealed:
    """Seal the plan in `directory`; `override` is the reason for going past what may be gone past, `key` a PEM text
    or path. Either may be "".
    """
    plan = directory / PLAN_NAME
    plan.chmod(0o600)
    now = datetime.now(UTC)
    rendered = ledger_json.render(judged.ledger) if judged.ledger else b"{}\n"
    live = account(prepared)
    require_account(prepared.settings, live)
    named = surroundings.uploaded(judged.document, prepared.settings.directory)
    present = look(prepared, _state_of(plan, prepared), live, _known(judged.regions), named)
    predicate = Predicate.model_validate(
        {
            "operation": operation,
            "configuration": present.configuration,
            "variables": variables(judged.document, secrets.token_hex(16)),
            "where": present.where,
            "tools": present.tools,
            "judgement": _judgement(prepared, judged, present, digest(rendered), override),
            "created": now,
            "valid_until": now + timedelta(hours=prepared.settings.where.seal_valid_hours),
        }
    )
    sealed = statement(digest(plan.read_bytes()), predicate)
    envelope = sign(encode(sealed), key) if key else None
    return store.finish(directory, sealed, rendered, envelope)


def look(
    prepared: Prepared,
    state: Mapping[str, Any],
    account_id: str | None,
    regions: tuple[str, ...],
    named: Iterable[str],
) -> Now:
    """Everything a seal names, as it is now; `named` are files that only the plan, or its seal, knows of."""
    parameters, waivers = surroundings.settings_digests(prepared.settings)
    return Now(
        configuration=surroundings.configuration(prepared, named),
        tools=surroundings.tools(prepared),
        where=surroundings.where(prepared, regions, state, account_id),
        parameters=parameters,
        waivers=waivers,
    )


def account(prepared: Prepared) -> str | None:
    """Whose credentials Terraform uses; None in the sandbox.

    Where no guard names an account, a stack without AWS is not asked, an AWS that does not say is no obstacle, and the
    seal says None.
    """
    guarded = prepared.settings.where.account_id is not None
    if prepared.settings.is_sandbox or not (guarded or _uses_aws(prepared)):
        return None
    try:
        return live_account(prepared.driver.env)
    except EnvironmentFailure:
        if guarded:
            raise
        return None


def current_state(prepared: Prepared) -> Mapping[str, Any]:
    """Lineage and serial of the state as it is now; empty where there is none."""
    state = prepared.driver.state_pull()
    document: dict[str, Any] = orjson.loads(state) if state.strip() else {}
    return document


def _uses_aws(prepared: Prepared) -> bool:
    return any(name.endswith(_AWS) for name in surroundings.tools(prepared).providers)


def _state_of(plan: Path, prepared: Prepared) -> Mapping[str, Any]:
    """The state that a plan file was made from; an encrypted one (OpenTofu's) does not show it."""
    try:
        with zipfile.ZipFile(plan) as archive:
            document: dict[str, Any] = orjson.loads(archive.read(_STATE_MEMBER))
    except (zipfile.BadZipFile, KeyError, orjson.JSONDecodeError):
        return current_state(prepared)
    return document


def _known(regions: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(sorted({region or "unknown" for region in regions}))


def variables(document: Mapping[str, Any], salt: str) -> Variables:
    """The variables of a plan (`terraform show -json`), each as a digest with `salt`."""
    values = document.get("variables") or {}
    return Variables(
        salt=salt,
        digests={
            name: hashlib.sha256(
                salt.encode() + orjson.dumps(one.get("value"), option=orjson.OPT_SORT_KEYS)
            ).hexdigest()
            for name, one in values.items()
        },
    )


def _judgement(
    prepared: Prepared, judged: Judged, present: Now, ledger_digest: str, override: str
) -> Judgement:
    ledger = judged.ledger
    soft = [refusal.sentence for refusal in judged.refusals if refusal.soft]
    overridden = [*(ledger.overridden if ledger else ()), *(soft if override else ())]
    return Judgement(
        decision=ledger.decision if ledger else "open",
        exit_code=int(ledger.exit_code) if ledger else 0,
        ledger=ledger_digest,
        policies=surroundings.policy_digests(policies_of(prepared.settings)) if ledger else {},
        parameters=present.parameters,
        waivers=present.waivers,
        waivers_expire=_earliest_end(ledger) if ledger else None,
        counts=dict(ledger.counts) if ledger else {},
        obligations=len(ledger.obligations) if ledger else 0,
        changes=dict(Counter(change.action for change in judged.changes)),
        refusals=tuple(MASK.text(one.sentence) for one in judged.refusals if not (one.soft and override)),
        override=Override(by=user(), reason=MASK.text(override), of=tuple(overridden))
        if overridden
        else None,
    )


def _earliest_end(ledger: Ledger) -> date | None:
    ends = [
        finding.waiver["until"] for finding in ledger.findings if finding.waiver and finding.waiver["until"]
    ]
    return date.fromisoformat(min(ends)) if ends else None
