"""Puts what checkov's own checks said into a ledger, with the lines and the skip comments of the code."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from tapstack.gate.checkov_run import FailedCheck, Scan
from tapstack.gate.engine import fingerprint
from tapstack.gate.ledger import Decision, ErrorKind, Finding, GateError, Ledger
from tapstack.gate.parameters import GateSettings
from tapstack.gate.policy import Enforcement, Severity, Verdict
from tapstack.gate.skips import SkipComments
from tapstack.gate.waivers import Waivers, checkov_waivers, described
from tapstack.model.stack import Kind, Resource, Stack, module_path
from tapstack.terraform.source import Configuration, Position, position

_INSTANCE: Final = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|\d+)\]')
_NAMED: Final = 3


def add(
    ledger: Ledger, scan: Scan, stack: Stack, source: Configuration | None, settings: GateSettings
) -> Ledger:
    """The ledger with checkov's failed checks as findings, its errors, and its counts beside the policies'.

    The counts "checkov_pass", "checkov_fail" and "checkov_skipped" are a sum of their own; those of the verdicts
    still add up to policies x resources. A check that a comment in the code skips is counted and no finding;
    so is one that the settings disable. Waivers hold for checkov's findings as for the policies', and those that
    are not needed close the gate.
    """
    waivers = checkov_waivers(settings.waivers, settings.waiver_rules)
    code = _Code(stack, source)
    failed = [check for check in scan.failed if check.id not in settings.disabled and not code.skips(check)]
    findings = sorted(
        (
            *ledger.findings,
            *(_finding(check, code.position(check), waivers, settings.override) for check in failed),
        ),
        key=_order,
    )
    if stack.complete:
        for _, waiver in waivers.unused():
            waivers.refuse(waiver, "matches nothing that checkov found; remove it")
    errors = (*scan.errors, *_not_looked_at(scan, stack), *waivers.errors)
    counts = dict(ledger.counts) | {
        "checkov_pass": scan.passed,
        "checkov_fail": len(failed),
        "checkov_skipped": scan.skipped + len(scan.failed) - len(failed),
    }
    return replace(
        ledger,
        decision=_decide(ledger, errors, findings),
        counts=counts,
        findings=tuple(findings),
        errors=(*ledger.errors, *errors),
    )


def _decide(ledger: Ledger, errors: Iterable[GateError], findings: Iterable[Finding]) -> Decision:
    if ledger.decision == "error" or any(True for _ in errors):
        return "error"
    return "closed" if any(finding.blocks for finding in findings) else ledger.decision


def _not_looked_at(scan: Scan, stack: Stack) -> Iterator[GateError]:
    """Resources that are there and that checkov has not seen: it says nothing about those, and no more."""
    if scan.errors:
        return
    # Checkov works out `count` and `for_each` of HCL in its own way: blocks are compared there.
    by_block = stack.kind is Kind.HCL
    seen = {_block(address) if by_block else address for address in scan.resources}
    unseen = sorted(
        {
            address
            for resource in stack.of_types(("*",))
            if (address := _block(resource.address) if by_block else resource.address) not in seen
        }
    )
    if unseen:
        names = ", ".join(unseen[:_NAMED]) + (
            f" and {len(unseen) - _NAMED} more" if len(unseen) > _NAMED else ""
        )
        yield GateError(ErrorKind.NOTHING_EVALUATED, f"checkov did not look at {names}.")
    elif seen and not (scan.passed or scan.skipped or scan.failed):
        yield GateError(ErrorKind.NOTHING_EVALUATED, "checkov has no check for any resource.")


def _block(address: str) -> str:
    return _INSTANCE.sub("", address)


@dataclass(frozen=True, slots=True)
class _Code:
    """Where the resources of a stack stand."""

    stack: Stack
    source: Configuration | None
    _comments: SkipComments = field(default_factory=SkipComments)

    def position(self, check: FailedCheck) -> Position | None:
        """Where a check's resource stands; in HCL, checkov knows."""
        if self.stack.kind is Kind.HCL:
            return Position(os.path.relpath(check.file), check.line, check.end_line)
        resource = self.stack.resources.get(check.address)
        return self._block(resource) if resource else None

    def skips(self, check: FailedCheck) -> bool:
        """Whether a comment in the resource's block, or in a call of its modules, skips the check.

        In HCL, checkov has applied the comments itself; in a plan it sees none.
        """
        resource = self.stack.resources.get(check.address) if self.stack.kind is not Kind.HCL else None
        if resource is None or self.source is None:
            return False
        places = (self._block(resource), *self._calls(resource.module))
        return any(
            check.id in skip.checks for place in places if place for skip in self._comments.within(place)
        )

    def _block(self, resource: Resource) -> Position | None:
        if self.source is None:
            return None
        return position(self.source, resource.module_path, resource.type, resource.name, mode=resource.mode)

    def _calls(self, module: str) -> Iterator[Position]:
        path = module_path(module)
        for depth, name in enumerate(path):
            caller = self.source.module(path[:depth]) if self.source else None
            block = caller.find("module", name) if caller else None
            if block:
                yield block.position


def _finding(check: FailedCheck, place: Position | None, waivers: Waivers, override: bool = False) -> Finding:
    waiver = waivers.covering(check.id, check.address)
    looked_at = f" It looked at {', '.join(check.attributes)}." if check.attributes else ""
    more = f" {check.guideline}" if check.guideline else ""
    return Finding(
        policy=check.id,
        name=check.name,
        address=check.address,
        verdict=Verdict.WAIVED if waiver else Verdict.FAIL,
        severity=Severity(check.severity) if check.severity in set(Severity) else Severity.MEDIUM,
        enforcement=Enforcement.SOFT_MANDATORY,
        message=f"Checkov's own check does not pass.{looked_at}{more}",
        fingerprint=fingerprint(check.id, check.address, None),
        blocks=waiver is None and not override,
        overridden=waiver is None and override,
        waiver=described(waiver, Verdict.FAIL, waivers.rules.today) if waiver else None,
        file=place.file if place else None,
        line=place.line if place else None,
        end_line=place.end_line if place else None,
    )


def _order(finding: Finding) -> tuple[bool, bool, int, str, str]:
    worst = (finding.verdict is not Verdict.ERROR, finding.verdict is not Verdict.FAIL)
    return (*worst, -finding.severity.rank, finding.policy, finding.address)
