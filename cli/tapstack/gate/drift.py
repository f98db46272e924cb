"""What drift breaks: the findings that are new, each with its resource, the worst first."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from tapstack.errors import ExitCode
from tapstack.gate.engine import Locate
from tapstack.gate.ledger import ErrorKind, Finding, GateError, Ledger
from tapstack.gate.policy import Verdict
from tapstack.model.drift import AttributeChange, Drifted

Action = Literal["update", "delete", "none"]
_Statement = tuple[Any, ...]

_BROKEN: Final = {Verdict.FAIL, Verdict.UNKNOWN}
_ACTIONS: Final[tuple[Action, ...]] = ("delete", "update", "none")


@dataclass(frozen=True, slots=True)
class DriftedResource:
    """A resource that drifted, or (action "none") that a change elsewhere makes break a policy.

    `findings` are those that the drift brought, waived ones among them, worst first. `file` and `line` are those of
    its block, None where the code has none.
    """

    address: str
    action: Action
    changes: tuple[AttributeChange, ...] = ()
    findings: tuple[Finding, ...] = ()
    file: str | None = None
    line: int | None = None

    @property
    def broken(self) -> tuple[Finding, ...]:
        """The findings that nobody has waived, worst first."""
        return tuple(finding for finding in self.findings if finding.verdict in _BROKEN)


@dataclass(frozen=True, slots=True)
class Drift:
    """What changed outside Terraform, worst first.

    `compared` counts the resources that were read again, `earlier` the findings that were there before. `errors` say
    why the gate could not decide what the drift breaks; there are no findings then.
    """

    resources: tuple[DriftedResource, ...]
    compared: int
    earlier: int
    errors: tuple[GateError, ...] = ()

    @property
    def drifted(self) -> tuple[DriftedResource, ...]:
        """The resources that were themselves changed or deleted."""
        return tuple(one for one in self.resources if one.action != "none")

    def exit_code(self, *, detailed: bool) -> ExitCode:
        """4 where the gate could not decide; else 0, or with `detailed` 2 where there is drift."""
        if self.errors:
            return ExitCode.GATE_ERROR
        return ExitCode.CHANGES if detailed and self.drifted else ExitCode.DONE


def assess(drifted: Iterable[Drifted], before: Ledger, after: Ledger, locate: Locate, compared: int) -> Drift:
    """Rank drift by what it breaks; `before` and `after` judge the state as Terraform knew it and as it is."""
    errors = (*before.errors, *_new_errors(before, after))
    # Without a judgement of what was before, everything would look new.
    new = [] if errors else list(new_findings(before, after))
    by_address: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in sorted(new, key=_badness):
        by_address[finding.address].append(finding)
    resources = [
        _resource(one, tuple(by_address.pop(one.resource.address, ())), locate) for one in drifted
    ] + [
        DriftedResource(address, "none", (), tuple(findings), findings[0].file, findings[0].line)
        for address, findings in by_address.items()
    ]
    return Drift(
        tuple(sorted(resources, key=_rank)),
        compared,
        0 if errors else _count(after.findings) - _count(new),
        errors,
    )


def new_findings(before: Ledger, after: Ledger) -> Iterator[Finding]:
    """The findings that the first ledger does not have, or has as UNKNOWN where it is FAIL now.

    A finding is known by its fingerprint, and before that by what it says: the rules of a security group change
    places, and with them the attributes that fingerprints are made from.
    """
    said_before = Counter(map(_statement, before.findings))
    said_after = Counter(map(_statement, after.findings))
    gone = {one.fingerprint: one.verdict for one in _beyond(before.findings, said_after)}
    for finding in _beyond(after.findings, said_before):
        previous = gone.get(finding.fingerprint)
        if previous is None or (previous is Verdict.UNKNOWN and finding.verdict is Verdict.FAIL):
            yield finding


def _count(findings: Iterable[Finding]) -> int:
    return sum(finding.verdict in _BROKEN for finding in findings)


def _beyond(findings: Iterable[Finding], said: Counter[_Statement]) -> Iterator[Finding]:
    """The findings that are not said elsewhere, as often as they are said here."""
    left = said.copy()
    for finding in findings:
        statement = _statement(finding)
        if left[statement]:
            left[statement] -= 1
        else:
            yield finding


def _statement(finding: Finding) -> _Statement:
    # The last part of a path tells what is wrong, the rest where.
    attribute = (finding.attribute or "").rpartition(".")[2]
    actual = orjson.dumps(finding.actual, default=str, option=orjson.OPT_SORT_KEYS)
    return finding.policy, finding.address, finding.verdict, attribute, finding.message, actual


def _new_errors(before: Ledger, after: Ledger) -> Iterator[GateError]:
    """A waiver of a resource that somebody deleted has nothing left to waive: that is drift, and no error."""
    for error in after.errors:
        if error not in before.errors and error.kind is not ErrorKind.WAIVER:
            yield error


def _resource(one: Drifted, findings: tuple[Finding, ...], locate: Locate) -> DriftedResource:
    position = locate(one.resource, None)
    return DriftedResource(
        one.resource.address,
        one.action,
        one.changes,
        findings,
        position.file if position else None,
        position.line if position else None,
    )


def _badness(finding: Finding) -> tuple[Any, ...]:
    broken = finding.verdict in _BROKEN
    return not broken, -finding.severity.rank, finding.policy, finding.attribute or ""


def _rank(one: DriftedResource) -> tuple[Any, ...]:
    worst = _badness(one.broken[0])[:3] if one.broken else (True, 0, "")
    return (*worst, _ACTIONS.index(one.action), one.address)
