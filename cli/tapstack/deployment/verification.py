"""A seal as `tap verify` tells it: one check for each thing it binds, all of them, whatever fails first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from tapstack.deployment.judge import shown
from tapstack.deployment.prepare import Prepared
from tapstack.deployment.sealing import look
from tapstack.deployment.surroundings import LOCK_FILE
from tapstack.deployment.verify import (
    Now,
    differences,
    of_files,
    require_judgement,
    require_signature,
    require_time,
)
from tapstack.errors import ExitCode, TapError
from tapstack.seal.statement import Predicate
from tapstack.seal.store import Sealed
from tapstack.settings import Settings


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; `said` is a sentence either way."""

    name: str
    ok: bool
    said: str
    code: ExitCode = ExitCode.DONE


def verify(prepared: Prepared, found: Sealed) -> tuple[list[Check], ExitCode]:
    """Every check, and the exit code of the first that fails; nothing here asks AWS or the backend."""
    checks = [*_checks(prepared, found)]
    return checks, next((check.code for check in checks if not check.ok), ExitCode.DONE)


def _checks(prepared: Prepared, found: Sealed) -> Iterator[Check]:
    sealed = found.statement.predicate
    yield Check("id", True, f"names exactly this seal, {found.id}")
    yield _attempt("signature", lambda: _signature(prepared.settings, found))
    applied = not found.plan.is_file()
    plan = b"" if applied else found.plan.read_bytes()
    broken = [str(one) for one in of_files(found, plan) if not (applied and one.field == "plan file")]
    said = (
        "the plan was applied, the ledger is the sealed one"
        if applied
        else "plan and ledger are the sealed ones"
    )
    yield _check("files", broken, said)
    same = {"lineage": sealed.where.lineage, "serial": sealed.where.serial}
    now = look(prepared, same, sealed.where.account_id, sealed.where.regions, sealed.configuration.files)
    told = not prepared.init.needed()
    now = now if told else _uninitialised(now, sealed)
    rest = "" if told else "; backend, modules and lock file are looked at after init only"
    yield _check("now", [str(one) for one in differences(sealed, now)], _bound(found) + rest)
    yield _attempt("judgement", lambda: _judged(found))
    yield _attempt("time", lambda: _time(found))


def _uninitialised(now: Now, sealed: Predicate) -> Now:
    """Before init nobody knows the backend, and what init brings is not there: what is missing counts as sealed."""
    brought = {LOCK_FILE, *(name for name in sealed.configuration.files if "/terraform/modules/" in name)}
    kept = {name: sha for name, sha in sealed.configuration.files.items() if name in brought}
    files = {**kept, **now.configuration.files}
    has_lock = LOCK_FILE in now.configuration.files
    return replace(
        now,
        configuration=now.configuration.model_copy(update={"files": files}),
        tools=now.tools if has_lock else now.tools.model_copy(update={"providers": sealed.tools.providers}),
        where=now.where.model_copy(update={"backend": sealed.where.backend}),
    )


def _check(name: str, broken: list[str], said: str) -> Check:
    return Check(name, not broken, "; ".join(broken) or said, ExitCode.SEAL_BROKEN)


def _attempt(name: str, look_at: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look_at())
    except TapError as failure:
        return Check(name, False, failure.message, failure.exit_code)


def _signature(settings: Settings, found: Sealed) -> str:
    signer = require_signature(found, settings)
    if signer is not None:
        return f"by {shown(signer)}"
    if found.envelope is None:
        return f"none, and environment {settings.environment} demands none"
    whose = (
        "by none of the trusted keys" if settings.where.trusted_keys else "not compared: no key is trusted"
    )
    return f"{whose}, and environment {settings.environment} demands none"


def _bound(found: Sealed) -> str:
    sealed = found.statement.predicate
    files, git = len(sealed.configuration.files), sealed.configuration.git
    commit = f" of commit {git.commit[:12]}{' with changes' if git.dirty else ''}" if git else ""
    where = sealed.where
    account = f"account {where.account_id}" if where.account_id else "no account asked"
    return (
        f"{files} files{commit}, {sealed.tools.terraform}, tap {sealed.tools.tap}, environment {where.environment}, "
        f"workspace {where.workspace}, {account}, state serial {where.serial}"
    )


def _judged(found: Sealed) -> str:
    require_judgement(found)
    judged = found.statement.predicate.judgement
    counts = judged.counts
    verdicts = ", ".join(
        f"{counts[word]} {word}" for word in ("pass", "fail", "unknown", "waived") if counts.get(word)
    )
    override = f"; overridden by {judged.override.by}: {judged.override.reason}" if judged.override else ""
    return f"{judged.decision}: {verdicts or 'no policies'} by {len(judged.policies)} policies{override}"


def _time(found: Sealed) -> str:
    require_time(found)
    sealed = found.statement.predicate
    return f"made {sealed.created:%Y-%m-%d %H:%M} UTC, valid until {sealed.valid_until:%Y-%m-%d %H:%M}"
