"""The seal of a plan: what was judged, and the proof that it is what gets applied."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from tapstack.errors import InputError, SealBroken

SCHEMA = "tap.seal/1"
_PLAN = "tfplan"
_SEAL = "seal.json"
_LEDGER = "ledger.json"


@dataclass(frozen=True, slots=True)
class Seal:
    """What binds a plan file to its judgement.

    `files` maps each file Terraform reads (relative to the stack) to its sha256; `decision` is "open",
    "closed" or "error"; `created` is UTC ISO; `operation` is "apply" or "destroy"; `where` identifies the
    embedded AWS the plan was made against, "" elsewhere.
    """

    id: str
    created: str
    environment: str
    operation: str
    decision: str
    exit_code: int
    plan_sha256: str
    ledger_sha256: str
    files: Mapping[str, str]
    terraform: str
    tap: str
    where: str
    changes: Mapping[str, int]
    schema: str = SCHEMA


def new_id() -> str:
    """An id that sorts by time, to the millisecond: 20261121T101500.042Z-1f3a."""
    now = datetime.now(UTC)
    return f"{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03}Z-{secrets.token_hex(2)}"


def digest(data: bytes) -> str:
    """sha256, as hexadecimal text."""
    return hashlib.sha256(data).hexdigest()


def file_digests(directory: Path, extra: Iterable[Path]) -> dict[str, str]:
    """sha256 of every configuration file under `directory`, and of `extra`, by relative path.

    Hidden directories are left out, as Terraform leaves them; modules below the stack are covered.
    """
    paths = {path for path in extra if path.is_file()}
    for folder, folders, files in os.walk(directory):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths |= {Path(folder, name) for name in files if _is_configuration(name)}
    return {os.path.relpath(path, directory): digest(path.read_bytes()) for path in sorted(paths)}


def _is_configuration(name: str) -> bool:
    return name.endswith((".tf", ".tf.json", ".tfvars", ".tfvars.json")) or name in (
        ".terraform.lock.hcl",
        "tap.toml",
    )


def write(directory: Path, seal: Seal, ledger: bytes) -> None:
    """Write ledger and seal beside the plan, readable by this user only."""
    for name, data in ((_LEDGER, ledger), (_SEAL, orjson.dumps(asdict(seal), option=orjson.OPT_INDENT_2))):
        path = directory / name
        path.touch(mode=0o600)
        path.write_bytes(data)


def obligations(directory: Path) -> list[dict[str, Any]]:
    """What the sealed ledger wants to be looked at after apply: policy, address, attribute, references."""
    ledger = orjson.loads((directory / _LEDGER).read_bytes())
    found: list[dict[str, Any]] = ledger.get("obligations", [])
    return found


def plan_path(directory: Path) -> Path:
    """Where a sealed directory keeps Terraform's plan file."""
    return directory / _PLAN


def newest(plans: Path, environment: str) -> Seal | None:
    """The newest seal of an environment; None where there is none, or its plan was applied.

    Older plans are never offered: what was applied since has made them stale.
    """
    for directory in sorted(plans.glob("*/"), reverse=True):
        if (directory / _SEAL).is_file():
            seal = read(plans, directory.name)
            if seal.environment == environment:
                return seal if plan_path(directory).is_file() else None
    return None


def discard(plans: Path, plan_id: str) -> None:
    """Remove a plan that nobody approved: the next apply must not find it."""
    shutil.rmtree(plans / plan_id, ignore_errors=True)


def read(plans: Path, plan_id: str) -> Seal:
    """The seal of one plan. Raises InputError where there is none, SealBroken where it can't be read."""
    path = plans / plan_id / _SEAL
    if "/" in plan_id or not path.is_file():
        raise InputError(f"There is no plan {plan_id!r} under {plans}.", hint="`tap plan` makes one")
    try:
        raw: dict[str, Any] = orjson.loads(path.read_bytes())
        seal = Seal(**raw)
    except (orjson.JSONDecodeError, TypeError) as failure:
        raise SealBroken(f"{path} is not a seal that this tap can read: {failure}.") from failure
    if seal.schema != SCHEMA or seal.id != plan_id:
        raise SealBroken(
            f"{path} calls itself {seal.schema} of {seal.id}; {SCHEMA} of {plan_id} was expected."
        )
    return seal


def verified_plan(directory: Path, seal: Seal, now: Seal) -> bytes:
    """The plan file's bytes, after they and everything the seal names were compared with `now`.

    The caller applies these very bytes. Raises SealBroken naming each difference, InputError for a plan that
    was applied before.
    """
    try:
        plan = plan_path(directory).read_bytes()
    except FileNotFoundError:
        raise InputError(
            f"Plan {seal.id} has been applied already.", hint="`tap plan` makes a new one"
        ) from None
    ledger = (directory / _LEDGER).read_bytes() if (directory / _LEDGER).is_file() else b""
    differences = [
        f"{name}: sealed {sealed}, now {found}"
        for name, sealed, found in (
            ("plan file", seal.plan_sha256, digest(plan)),
            ("ledger", seal.ledger_sha256, digest(ledger)),
            ("environment", seal.environment, now.environment),
            ("Terraform", seal.terraform, now.terraform),
            ("tap", seal.tap, now.tap),
            ("embedded AWS", seal.where or "none", now.where or "none"),
        )
        if sealed != found
    ]
    for name in sorted({*seal.files, *now.files}):
        sealed, found = seal.files.get(name, "absent"), now.files.get(name, "absent")
        if sealed != found:
            differences.append(f"{name}: sealed {sealed[:12]}, now {found[:12]}")
    if differences:
        raise SealBroken(
            f"Plan {seal.id} is not what was judged; nothing was applied:\n  " + "\n  ".join(differences),
            hint="`tap plan` judges what is there now",
        )
    return plan
