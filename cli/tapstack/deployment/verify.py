"""Does a seal hold? Every digest again, every field compared, then what only its environment can refuse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from tapstack.errors import GateClosed, GateFailed, Refused, SealBroken
from tapstack.gate.waivers import utc_day
from tapstack.seal.signature import signed_by
from tapstack.seal.statement import Configuration, Predicate, Tools, Where, digest, fields
from tapstack.seal.store import Sealed
from tapstack.settings import Settings

# Two machines' clocks differ a little; more than this is a wrong clock.
_CLOCKS_DIFFER: Final = timedelta(minutes=5)
_DIGEST: Final = 64


@dataclass(frozen=True, slots=True)
class Now:
    """What holds now of all that a seal names; `parameters` and `waivers` are digests of the settings."""

    configuration: Configuration
    tools: Tools
    where: Where
    parameters: str
    waivers: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of a seal that is not what it was."""

    field: str
    sealed: str
    now: str

    def __str__(self) -> str:
        return f"{self.field}: sealed {self.sealed}, now {self.now}"


def verified_plan(found: Sealed, now: Now) -> bytes:
    """The plan file's bytes, after they and everything the seal names were compared with `now`.

    The caller applies these very bytes: reading the file again could give others. Raises SealBroken naming each
    difference.
    """
    plan = found.plan.read_bytes()
    different = [*of_files(found, plan), *differences(found.statement.predicate, now)]
    if different:
        raise SealBroken(
            f"Plan {found.id} is not what was judged; nothing was applied:\n  "
            + "\n  ".join(map(str, different)),
            hint="`tap plan` judges what is there now",
        )
    return plan


def of_files(found: Sealed, plan: bytes) -> Iterator[Difference]:
    """Whether plan and ledger are the sealed ones."""
    for name, sealed, data in (
        ("plan file", found.statement.plan_sha256, plan),
        ("ledger", found.statement.predicate.judgement.ledger, found.ledger),
    ):
        if digest(data) != sealed:
            yield Difference(name, _shown(sealed), _shown(digest(data)))


def differences(sealed: Predicate, now: Now) -> Iterator[Difference]:
    """Every field of the seal that is not as it was.

    The commit is told and not compared: the files are, and a plan made on a branch is applied after the merge.
    Regions follow from the plan. Policies that changed are asked again instead.
    """
    judged = {"parameters": sealed.judgement.parameters, "waivers": sealed.judgement.waivers}
    yield from _compared("", sealed.configuration.files, now.configuration.files)
    yield from _compared("", _fields(sealed.tools), _fields(now.tools))
    yield from _compared(
        "", _fields(sealed.where, without=("regions",)), _fields(now.where, without=("regions",))
    )
    yield from _compared("settings of ", judged, {"parameters": now.parameters, "waivers": now.waivers})


def _fields(part: BaseModel, without: Iterable[str] = ()) -> dict[str, Any]:
    return {name: value for name, value in fields(part) if name not in without}


def _compared(prefix: str, sealed: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    for name in sorted({*sealed, *now}):
        before, after = sealed.get(name, "absent"), now.get(name, "absent")
        if before != after:
            yield Difference(f"{prefix}{name}", _shown(before), _shown(after))


def _shown(value: Any) -> str:
    """A value as a sentence carries it: of a digest, the start; of nothing, a word."""
    text = str(value)
    return text[:12] if len(text) == _DIGEST else text or "none"


def require_approval(found: Sealed, settings: Settings, *, now: datetime | None = None) -> None:
    """What an environment refuses whatever the digests say; raises what the three below raise."""
    require_signature(found, settings)
    require_judgement(found)
    require_time(found, now)


def require_judgement(found: Sealed) -> None:
    """Raises GateFailed and GateClosed for a plan that was not judged open, Refused for one that a guard refused."""
    judged = found.statement.predicate.judgement
    if judged.decision == "error":
        raise GateFailed(f"The gate could not decide about plan {found.id}; it is not applied.")
    if judged.decision != "open":
        raise GateClosed(
            f"The gate is closed for plan {found.id}; it is not applied.", hint="`tap plan` shows why"
        )
    if judged.refusals:
        raise Refused(f"Plan {found.id} is refused:\n  " + "\n  ".join(judged.refusals))


def require_time(found: Sealed, now: datetime | None = None) -> None:
    """Raises Refused for a seal that is too old or from the future, GateFailed where a waiver has ended since."""
    now = now or datetime.now(UTC)
    sealed = found.statement.predicate
    if now > sealed.valid_until:
        raise Refused(
            f"Plan {found.id} was valid until {sealed.valid_until:%Y-%m-%d %H:%M} UTC; it is {now:%Y-%m-%d %H:%M}.",
            hint="`tap plan` makes a new one; seal_valid_hours says for how long",
        )
    if sealed.created > now + _CLOCKS_DIFFER:
        raise Refused(
            f"Plan {found.id} was made at {sealed.created:%Y-%m-%d %H:%M} UTC, in the future: a clock is wrong.",
            hint="set the clock of this machine, or of the one that planned; another plan is applied by its id",
        )
    ends = sealed.judgement.waivers_expire
    if ends is not None and ends < utc_day(now):
        raise GateFailed(f"A waiver that plan {found.id} needs ended on {ends}.", hint="`tap plan` again")


def require_signature(found: Sealed, settings: Settings) -> Path | None:
    """The trusted key that signed the seal; None without a signature where none is demanded.

    Raises Refused where one is demanded and is missing or not by a trusted key, SealBroken for one that is of other
    bytes.
    """
    trusted = [settings.directory / name for name in settings.where.trusted_keys]
    signer = signed_by(found.seal, found.envelope, trusted) if found.envelope is not None else None
    if signer is None and settings.where.require_signature:
        what = "has no signature" if found.envelope is None else "is signed by none of the trusted keys"
        raise Refused(
            f"Plan {found.id} {what}; environment {settings.environment} demands one.",
            hint=f"trusted_keys = {settings.where.trusted_keys}; sign with `tap plan --sign KEY`",
        )
    return signer


def require_account(settings: Settings, live: str | None) -> None:
    """Raise Refused where the environment names an account and these credentials are another's."""
    wanted = settings.where.account_id
    if wanted is not None and live is not None and live != wanted:
        raise Refused(
            f"These credentials are of account {live}; environment {settings.environment} is account {wanted}.",
            hint="switch profiles or roles",
        )
