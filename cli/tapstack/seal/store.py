"""Where sealed plans are kept: one directory each, named by its time and by the digest of its seal."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tapstack.errors import InputError, SealBroken, TapError
from tapstack.seal.statement import PLAN_NAME, Statement, decode, digest, encode
from tapstack.suggestion import nearest

SEAL: Final = "seal.json"
ENVELOPE: Final = "seal.dsse.json"
LEDGER: Final = "ledger.json"
JOURNAL: Final = "apply.jsonl"
# Enough of the digest that nobody finds a second seal with the same id.
_ID_DIGITS: Final = 16
_LONGEST_NAME: Final = 255
# No plan takes that long: what is half-made then was left by a process that was killed.
_LEFT_SECONDS: Final = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Sealed:
    """A plan's directory as it was read once: later looks at the disk could find something else."""

    id: str
    directory: Path
    statement: Statement
    seal: bytes
    ledger: bytes
    envelope: bytes | None

    @property
    def plan(self) -> Path:
        """Where the plan file is, as long as it was not applied."""
        return self.directory / PLAN_NAME

    @property
    def journal(self) -> Path:
        """Where an apply of it writes what it has done."""
        return self.directory / JOURNAL


def begin(plans: Path) -> Path:
    """A private directory for a plan that has no seal yet; hidden, so that nobody takes it for one."""
    directory = plans / f".{secrets.token_hex(8)}"
    plans.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.mkdir(mode=0o700)
    return directory


def finish(directory: Path, sealed: Statement, ledger: bytes, envelope: bytes | None) -> Sealed:
    """Write ledger and seal beside the plan, and give the directory its name."""
    seal = encode(sealed)
    for name, data in ((LEDGER, ledger), (SEAL, seal), (ENVELOPE, envelope)):
        if data is not None:
            write_private(directory / name, data)
    name = identity(sealed, seal)
    named = directory.rename(directory.parent / name)
    return Sealed(name, named, sealed, seal, ledger, envelope)


def identity(sealed: Statement, seal: bytes) -> str:
    """An id that sorts by time to the millisecond and names exactly this seal."""
    created = sealed.predicate.created.astimezone(UTC)
    return f"{stamp(created)}-{digest(seal)[:_ID_DIGITS]}"


def stamp(moment: datetime) -> str:
    """20261121T101500.042Z."""
    return f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03}Z"


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only this user can read, whatever the umask."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def ids(plans: Path) -> list[str]:
    """The ids of the sealed plans, oldest first; nothing is read or verified."""
    return sorted(directory.name for directory in plans.glob("[!.]*/") if (directory / SEAL).is_file())


def read(plans: Path, plan_id: str) -> Sealed:
    """One sealed plan. Raises InputError where there is none, SealBroken where it is not what its id names."""
    directory = plans / plan_id
    is_name = "/" not in plan_id and not plan_id.startswith(".") and len(plan_id) <= _LONGEST_NAME
    if not is_name or not (directory / SEAL).is_file():
        near = nearest(plan_id, ids(plans))
        meant = f" Did you mean {near}?" if near else ""
        raise InputError(f"There is no plan {plan_id!r} under {plans}.{meant}", hint="`tap plan` makes one")
    seal = (directory / SEAL).read_bytes()
    sealed = decode(seal, str(directory / SEAL))
    expected = identity(sealed, seal)
    if expected != plan_id:
        raise SealBroken(
            f"{directory / SEAL} has been changed: its digest makes it {expected}, not {plan_id}.",
            hint="`tap plan` makes a new one",
        )
    return Sealed(
        plan_id, directory, sealed, seal, _bytes(directory / LEDGER) or b"", _bytes(directory / ENVELOPE)
    )


def newest(plans: Path, environment: str) -> Sealed | None:
    """The newest sealed plan of an environment; None where there is none, or it was applied.

    Older plans are never offered: what was applied since has made them stale.
    """
    for directory in sorted(plans.glob("[!.]*/"), reverse=True):
        if (directory / SEAL).is_file():
            found = read(plans, directory.name)
            if found.statement.predicate.where.environment == environment:
                return found if found.plan.is_file() else None
    return None


def discard(found: Sealed) -> None:
    """Remove a plan that nobody approved: the next apply must not find it."""
    shutil.rmtree(found.directory, ignore_errors=True)


def prune(
    plans: Path, environment: str, keep: int, *, spare: Callable[[Path], bool] = lambda _directory: False
) -> None:
    """Plan files hold secrets: keep the latest few of an environment, and nothing that was left half-made.

    Directories that `spare` speaks for are kept, for as long as it does.
    """
    mine = [found for found in _readable(plans) if found.statement.predicate.where.environment == environment]
    for found in mine[:-keep]:
        if not spare(found.directory):
            shutil.rmtree(found.directory, ignore_errors=True)
    for directory in plans.glob(".*/"):
        with contextlib.suppress(FileNotFoundError):  # another tap has finished or removed it
            if time.time() - directory.stat().st_mtime > _LEFT_SECONDS:
                shutil.rmtree(directory, ignore_errors=True)


def _readable(plans: Path) -> Iterator[Sealed]:
    for directory in sorted(plans.glob("[!.]*/")):
        try:
            yield read(plans, directory.name)
        except TapError:
            continue


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
