"""Asks every policy about every resource it is for, and decides. Whatever goes wrong closes the gate."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from tapstack.gate.address import matches
from tapstack.gate.ledger import (
    Decision,
    ErrorKind,
    Finding,
    GateError,
    Input,
    Ledger,
    Obligation,
    empty_counts,
)
from tapstack.gate.parameters import GateSettings, select
from tapstack.gate.policy import Enforcement, Evidence, Policy, Verdict, not_applicable
from tapstack.gate.printing import on_stderr
from tapstack.gate.registry import Registry
from tapstack.gate.waiver_account import WaiverAccount
from tapstack.gate.waivers import Waiver, admitted, described
from tapstack.masking import MASKED, Mask
from tapstack.model.stack import Kind, Resource, Stack
from tapstack.model.values import MISSING, Unknown
from tapstack.sensitive import leaves
from tapstack.terraform.source import Position

BACKEND: Final = "terraform_backend"
BACKEND_ADDRESS: Final = "terraform.backend"
Locate = Callable[[Resource, str | None], Position | None]

# The worst of several statements about one resource is its verdict.
_RANK: Final = {
    Verdict.NOT_APPLICABLE: 0,
    Verdict.PASS: 1,
    Verdict.WAIVED: 2,
    Verdict.UNKNOWN: 3,
    Verdict.FAIL: 4,
    Verdict.ERROR: 5,
}
_POLICY_MAY_SAY: Final = {Verdict.NOT_APPLICABLE, Verdict.PASS, Verdict.UNKNOWN, Verdict.FAIL}
_QUIET: Final = {Verdict.PASS, Verdict.NOT_APPLICABLE}
_WAIVABLE: Final = {Verdict.FAIL, Verdict.UNKNOWN}


def judge(
    stack: Stack,
    registry: Registry,
    settings: GateSettings,
    locate: Locate,
    only: tuple[str, ...] = (),
    *,
    source: Input | None = None,
) -> Ledger:
    """Every verdict about a stack, and the decision. Never raises for what a policy does.

    `locate` says where a resource's attribute stands in the code. `only` limits the policies, by name or id.
    """
    selection = select(registry, settings, only)
    waivers = admitted(
        settings.waivers, settings.waiver_rules, registry, only=only, disabled=settings.disabled
    )
    court = _Court(stack, settings, locate, _backend(stack), WaiverAccount(stack, waivers, locate))
    with on_stderr():
        for policy in selection.policies:
            court.ask(policy)
    court.waivers.close(selection.policies)
    errors = (*registry.errors, *selection.errors, *court.errors, *waivers.errors)
    asked = len(selection.policies) + len(selection.broken)
    resources = [*stack.of_types(("*",))]
    types = [policy.resource_types for policy in selection.policies]
    types += [policy.resource_types for policy in selection.broken]
    if any(BACKEND in asked_of for asked_of in types):
        resources.append(court.backend)
    counts = empty_counts() | {"resources": len(resources), "policies": asked}
    counts |= {verdict.lower(): number for verdict, number in court.counts.items()}
    # A policy whose parameters are wrong was to be asked and could not be.
    counts["error"] += len(selection.broken) * len(resources)
    counts["not_applicable"] += asked * len(resources) - sum(counts[verdict.lower()] for verdict in Verdict)
    errors += tuple(_nothing_evaluated(stack, asked, settings))
    return Ledger(
        decision=_decide(errors, court),
        input=source or Input(str(stack.kind)),
        counts=counts,
        findings=tuple(sorted(court.findings, key=_order)),
        others=tuple(sorted(court.others, key=_order)),
        errors=errors,
        disabled=settings.disabled,
        policies=selection.policies,
        obligations=tuple(court.obligations),
    )


def _backend(stack: Stack) -> Resource:
    """Where the stack keeps its state, in the form of a resource, so that a policy can be asked about it.

    A configuration that declares none keeps it in a local file; a plan or a state alone does not say.
    """
    known: dict[str, Any] | None = {"type": "local"} if stack.kind is Kind.HCL else None
    values = dict(stack.backend) if stack.backend is not None else known
    unknown: Any = False if values else {"type": True}
    return Resource(BACKEND_ADDRESS, BACKEND, "backend", values=values or {}, unknown=unknown)


def _nothing_evaluated(stack: Stack, policies: int, settings: GateSettings) -> Iterable[GateError]:
    if not policies:
        off = f" ({', '.join(settings.disabled)} disabled)" if settings.disabled else ""
        yield GateError(ErrorKind.NOTHING_EVALUATED, f"No policy was evaluated{off}.")
    if stack.declared and not stack.of_types(("*",)) and not stack.deletions:
        yield GateError(
            ErrorKind.NOTHING_EVALUATED,
            f"No resource was evaluated, although the configuration declares {stack.declared}.",
        )


def _decide(errors: tuple[GateError, ...], court: _Court) -> Decision:
    if errors or court.counts[Verdict.ERROR]:
        return "error"
    return "closed" if any(finding.blocks for finding in court.findings) else "open"


def _order(finding: Finding) -> tuple[Any, ...]:
    return (
        -_RANK[finding.verdict],
        -finding.severity.rank,
        finding.policy,
        finding.address,
        finding.attribute or "",
    )


@dataclass(slots=True)
class _Court:
    """One judgement under way."""

    stack: Stack
    settings: GateSettings
    locate: Locate
    backend: Resource
    waivers: WaiverAccount
    fingerprints: Counter[str] = field(default_factory=Counter)
    counts: Counter[Verdict] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    others: list[Finding] = field(default_factory=list)
    errors: list[GateError] = field(default_factory=list)
    obligations: list[Obligation] = field(default_factory=list)

    def ask(self, policy: Policy) -> None:
        """Ask one policy about every resource it is for."""
        about_the_stack = [self.backend] if BACKEND in policy.resource_types else []
        for resource in (*self.stack.of_types(policy.resource_types), *about_the_stack):
            evidence = self._evidence(policy, resource)
            verdict = max((one.verdict for one in evidence), key=_RANK.__getitem__)
            waiver = self.waivers.covering(policy, resource) if verdict in _WAIVABLE else None
            self.counts[Verdict.WAIVED if waiver else verdict] += 1
            if verdict is Verdict.PASS and self.stack.kind is Kind.PLAN:
                self._oblige(policy, resource, evidence)
            for one in evidence:
                # Beside a FAIL, what passed is no finding; what could not be known is.
                if one.verdict is verdict or one.verdict not in _QUIET:
                    kept = self.others if one.verdict in _QUIET else self.findings
                    kept.append(self._finding(policy, resource, one, waiver))

    def _oblige(self, policy: Policy, resource: Resource, evidence: list[Evidence]) -> None:
        """Note what was said of values that nobody knows yet."""
        for attribute in dict.fromkeys(one.attribute for one in evidence if one.attribute):
            value = resource.get(attribute)
            if isinstance(value, Unknown) and not value.computed:
                self.obligations.append(Obligation(policy.id, resource.address, attribute, value.references))

    def _evidence(self, policy: Policy, resource: Resource) -> list[Evidence]:
        for ignored in policy.parameters.ignore:
            if matches(ignored.address, resource.address):
                return [not_applicable(f"ignored by [policies.{policy.name}]: {ignored.reason}")]
        try:
            evidence = list(policy.evaluate(resource, self.stack))
            _check(evidence)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            # SystemExit as well: it would end the process with the policy's own status.
            message = (
                f"{policy.id} ({policy.name}) on {resource.address} raised {type(error).__name__}: {error}"
            )
            self.errors.append(GateError(ErrorKind.POLICY_RAISED, message, self._file(resource)))
            return [Evidence(Verdict.ERROR, message)]
        return evidence

    def _file(self, resource: Resource) -> str | None:
        position = self.locate(resource, None)
        return position.file if position else None

    def _finding(
        self, policy: Policy, resource: Resource, evidence: Evidence, waiver: Waiver | None
    ) -> Finding:
        quiet = evidence.verdict in _QUIET
        waiver = waiver if evidence.verdict in _WAIVABLE else None
        would_block = not waiver and not evidence.advisory and self._blocks(policy, evidence.verdict)
        soft = policy.effective_enforcement is Enforcement.SOFT_MANDATORY and evidence.verdict in _WAIVABLE
        overridden = would_block and soft and self.settings.override
        # Looking up the lines of what passed would be most of the time of a large plan.
        position = None if quiet else self.locate(resource, evidence.attribute)
        hides = bool(evidence.attribute) and resource.is_sensitive(evidence.attribute or "")
        return Finding(
            policy=policy.id,
            name=policy.name,
            address=resource.address,
            verdict=Verdict.WAIVED if waiver else evidence.verdict,
            severity=policy.effective_severity,
            enforcement=Enforcement.ADVISORY if evidence.advisory else policy.effective_enforcement,
            message=_without(resource, evidence) if hides else evidence.message,
            fingerprint=self._fingerprint(policy, resource, evidence),
            blocks=would_block and not overridden,
            overridden=overridden,
            attribute=evidence.attribute,
            actual=MASKED if hides and not _is_absent(evidence.actual) else _plain(evidence.actual),
            expected=_plain(evidence.expected),
            file=position.file if position else None,
            line=position.line if position else None,
            end_line=position.end_line if position else None,
            waiver=described(waiver, evidence.verdict, self.settings.waiver_rules.today) if waiver else None,
        )

    def _fingerprint(self, policy: Policy, resource: Resource, evidence: Evidence) -> str:
        """Findings about one attribute, such as a key policy's several, are told apart by their order."""
        first = fingerprint(policy.id, resource.address, evidence.attribute)
        if evidence.verdict in _QUIET:
            return first
        self.fingerprints[first] += 1
        number = self.fingerprints[first]
        if number == 1:
            return first
        return fingerprint(policy.id, resource.address, f"{evidence.attribute or ''}#{number}")

    def _blocks(self, policy: Policy, verdict: Verdict) -> bool:
        if verdict is Verdict.ERROR:
            return True
        if policy.effective_enforcement is Enforcement.ADVISORY:
            return False
        return verdict is Verdict.FAIL or (verdict is Verdict.UNKNOWN and self.settings.unknown == "block")


def fingerprint(policy: str, address: str, attribute: str | None) -> str:
    """32 hexadecimal digits that stay while a finding does, whatever line it moves to."""
    return hashlib.sha256("\0".join((policy, address, attribute or "")).encode()).hexdigest()[:32]


def _check(evidence: list[Evidence]) -> None:
    if not evidence:
        raise ValueError(
            "evaluate() gave no evidence; say not_applicable() where a policy has nothing to say"
        )
    for one in evidence:
        if not isinstance(one, Evidence):
            raise TypeError(f"evaluate() gave {type(one).__name__} instead of Evidence")
        if one.verdict not in _POLICY_MAY_SAY:
            raise ValueError(f"{one.verdict} is the gate's to say")
        if not isinstance(one.message, str) or not isinstance(one.attribute, (str, type(None))):
            raise TypeError("the message and attribute of an Evidence are texts")


def _without(resource: Resource, evidence: Evidence) -> str:
    """The message without the sensitive value that it is about."""
    value = resource.get(evidence.attribute or "")
    return Mask(leaves([evidence.actual, value])).text(evidence.message)


def _is_absent(value: Any) -> bool:
    return value is None or value is MISSING or isinstance(value, Unknown)


def _plain(value: Any) -> Any:
    """A value as JSON can carry it."""
    if value is None or value is MISSING:
        return None
    if isinstance(value, Unknown):
        return f"({value})"
    if isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return str(value)
