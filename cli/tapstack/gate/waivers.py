"""Waivers: findings that somebody answers for, until a day. One that says nothing of use closes the gate."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final

from tapstack.gate.address import matches
from tapstack.gate.ledger import ErrorKind, GateError
from tapstack.gate.registry import Registry

_CHECKOVS: Final = re.compile(r"CKV2?_[A-Z]+_\d+")


def utc_day(moment: datetime | None = None) -> date:
    """The day on which waivers are judged: UTC's, wherever the machine stands. `moment` (default now) has a zone."""
    return (moment or datetime.now(UTC)).astimezone(UTC).date()


@dataclass(frozen=True, slots=True)
class Waiver:
    """One waiver as written. `policy` is a name or an id; in `address`, `*` and `?` stand for any text and any one
    character. It holds up to and including the UTC day `until`. `place` is file:line.
    """

    policy: str
    address: str
    owner: str = ""
    reason: str = ""
    until: date | None = None
    ticket: str = ""
    place: str = ""

    def __str__(self) -> str:
        where = f"{self.place}: the" if self.place else "The"
        return f"{where} waiver of {self.policy} for {self.address}"


@dataclass(frozen=True, slots=True)
class WaiverRules:
    """What an environment demands of waivers. `max_days` counts from today, None is no limit; `inline` lets
    checkov's skip comments in the code waive the pack's findings.
    """

    max_days: int | None = None
    inline: bool = False
    today: date = field(default_factory=utc_day)


@dataclass(slots=True)
class Waivers:
    """The waivers that hold in one judgement, and which of them were needed."""

    rules: WaiverRules
    errors: list[GateError] = field(default_factory=list)
    _held: dict[str, list[Waiver]] = field(default_factory=dict)
    _used: set[Waiver] = field(default_factory=set)

    def admit(self, waiver: Waiver, policy: str) -> None:
        """Let a waiver hold for the policy of that id; what is wrong with it becomes an error instead."""
        wrong = list(self._wrong(waiver))
        self.errors += [waiver_error(f"{waiver} {reason}.", waiver) for reason in wrong]
        if not wrong:
            self._held.setdefault(policy, []).append(waiver)

    def refuse(self, waiver: Waiver, reason: str) -> None:
        """Close the gate because of a waiver: `reason` goes on after "the waiver of ... for ..."."""
        self.errors.append(waiver_error(f"{waiver} {reason}.", waiver))

    def covering(self, policy: str, address: str) -> Waiver | None:
        """The first waiver that holds for a finding; each that would is needed."""
        found = [waiver for waiver in self._held.get(policy, ()) if matches(waiver.address, address)]
        self._used.update(found)
        return found[0] if found else None

    def unused(self) -> Iterator[tuple[str, Waiver]]:
        """Waivers that no finding asked for, with their policy's id."""
        for policy, waivers in self._held.items():
            yield from ((policy, waiver) for waiver in waivers if waiver not in self._used)

    def _wrong(self, waiver: Waiver) -> Iterator[str]:
        for name in ("owner", "reason"):
            if not getattr(waiver, name).strip():
                yield f'lacks {"an owner" if name == "owner" else "a reason"}: {name} = "..." was expected'
        if waiver.until is None:
            yield "lacks an end: until = YYYY-MM-DD was expected"
            return
        days = (waiver.until - self.rules.today).days
        if days < 0:
            yield f"expired on {waiver.until} (today is {self.rules.today}, UTC): mend the resource or renew it"
        elif self.rules.max_days is not None and days > self.rules.max_days:
            longest = f"max_waiver_days = {self.rules.max_days}"
            yield f"holds for {days} days, until {waiver.until}; {longest} is the longest here"


def described(waiver: Waiver, verdict: str, today: date) -> Mapping[str, Any]:
    """A waiver as a finding carries it: `verdict` is what the policy said."""
    return {
        "verdict": verdict,
        "owner": waiver.owner,
        "reason": waiver.reason,
        "until": waiver.until.isoformat() if waiver.until else None,
        "days_left": (waiver.until - today).days if waiver.until else None,
        "ticket": waiver.ticket or None,
        "address": waiver.address,
        "place": waiver.place or None,
    }


def waiver_error(message: str, waiver: Waiver | None = None) -> GateError:
    """An error of kind waiver, with the file the waiver stands in."""
    file = waiver.place.rpartition(":")[0] if waiver and waiver.place else None
    return GateError(ErrorKind.WAIVER, message, file)


def admitted(
    waivers: Iterable[Waiver],
    rules: WaiverRules,
    registry: Registry,
    *,
    only: Collection[str] = (),
    disabled: Collection[str] = (),
) -> Waivers:
    """Those of `waivers` that hold for the policies of a judgement (`only` and `disabled` are names or ids).

    A waiver of one of checkov's own checks is for `checkov_waivers`.
    """
    bench = Waivers(rules)
    for waiver in waivers:
        policy = registry.find(waiver.policy)
        if policy is None:
            if not is_checkovs(waiver.policy):
                bench.refuse(waiver, f"names a policy that does not exist{registry.nearest(waiver.policy)}")
        elif not policy.waivable:
            bench.refuse(waiver, "is not possible: this policy may not be waived")
        elif {policy.id, policy.name} & set(disabled):
            bench.refuse(waiver, "is idle: the policy is disabled; remove one of the two")
        elif not only or {policy.id, policy.name} & set(only):
            bench.admit(waiver, policy.id)
    return bench


def checkov_waivers(waivers: Iterable[Waiver], rules: WaiverRules) -> Waivers:
    """Those of checkov's own checks, for a judgement in which checkov takes part."""
    bench = Waivers(rules)
    for waiver in waivers:
        if is_checkovs(waiver.policy):
            bench.admit(waiver, waiver.policy)
    return bench


def is_checkovs(policy: str) -> bool:
    """Whether an id has the form of checkov's own (CKV_AWS_7, CKV2_AWS_16)."""
    return _CHECKOVS.fullmatch(policy) is not None and not policy.startswith("CKV_TAP_")
